/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/master.h"

#include "base/mem.h"
#include "base/seal.h"
#include "base/seal_source.h"
#include "base/token.h"
#include "fleet/audit.h"
#include "fleet/state.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

/* How long a rewrap waits for readers whose snapshots hold keys as they were wrapped before. */
#define SETTLE_MS   5000
#define SETTLE_STEP 10

struct place {
    char envelope[STATE_PATH];
    struct seal_source source;
};

static enum fault_code place_of(const struct settings *settings, const char *text, struct place *place,
                                struct fault *f)
{
    place->source = (struct seal_source){ .text = text,
                                          .envelope = place->envelope,
                                          .pin_file = settings->pkcs11_pin_file };
    return state_path(settings, STATE_ENVELOPE, place->envelope, f);
}

enum fault_code master_make(const struct settings *settings, struct secret_key *ret_key, struct fault *f)
{
    struct place place;
    struct secret_key key;
    struct fault why = { 0 };
    enum fault_code code = place_of(settings, settings->master_key, &place, f);
    if (code)
        return code;
    code = seal_source_load(&place.source, SEAL_IN_PLACE, &key, &why);
    if (code == FAULT_ABSENT) {
        seal_source_drop(&place.source);
        secret_random(key.bytes, sizeof key.bytes);
        code = seal_source_stage(&place.source, &key, &why);
        if (code == FAULT_OK)
            code = seal_source_finish(&place.source, &why);
    }
    if (code == FAULT_OK)
        *ret_key = key;
    mem_wipe(&key, sizeof key);
    return code ? fault_set(f, code, "%s", why.text) : FAULT_OK;
}

/* --- opening --- */

static enum fault_code try_one(struct db *db, const struct seal_source *source, enum seal_place_kind which,
                               struct vault **ret_vault, struct fault *f)
{
    struct secret_key key;
    enum fault_code code = seal_source_load(source, which, &key, f);
    if (code == FAULT_OK)
        code = vault_load(db, &key, ret_vault, f);
    mem_wipe(&key, sizeof key);
    return code;
}

enum fault_code master_open(const struct settings *settings, struct db *db, struct vault **ret_vault,
                            struct fault *f)
{
    const char *const texts[] = { settings->master_key, settings->master_key_next };
    struct place places[ARRAY_LENGTH(texts)];
    struct vault *vault = NULL;
    struct fault why = { 0 }, other;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        enum fault_code code = place_of(settings, texts[i], &places[i], f);
        if (code)
            return code;
    }
    for (size_t i = 0; vault == NULL && i < ARRAY_LENGTH(texts) && texts[i][0] != '\0'; i++) {
        const struct seal_source *source = &places[i].source;
        if (try_one(db, source, SEAL_IN_PLACE, &vault, i == 0 ? &why : &other) == FAULT_OK)
            break;
        if (try_one(db, source, SEAL_STAGED, &vault, &other) == FAULT_OK &&
            seal_source_finish(source, f) != FAULT_OK) {
            vault_free(vault);
            return FAULT_IO;
        }
    }
    if (vault == NULL)
        return fault_set(f, why.code, "%s", why.text);
    /* What is staged now opens nothing: a change that did not come as far as its commit. */
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
        if (texts[i][0] != '\0')
            seal_source_drop(&places[i].source);
    *ret_vault = vault;
    return FAULT_OK;
}

static bool is_the_one(const struct seal_source *source, enum seal_place_kind which,
                       const uint8_t fingerprint[ARCHIVE_ID], struct secret_key *ret_key, struct fault *f)
{
    uint8_t found[ARCHIVE_ID];
    if (seal_source_load(source, which, ret_key, f) != FAULT_OK)
        return false;
    archive_fingerprint(ret_key, found);
    if (memcmp(found, fingerprint, sizeof found) == 0)
        return true;
    mem_wipe(ret_key, sizeof *ret_key);
    return false;
}

enum fault_code master_find(const struct settings *settings, const uint8_t fingerprint[ARCHIVE_ID],
                            struct secret_key *ret_key, struct fault *f)
{
    const char *const texts[] = { settings->master_key, settings->master_key_next };
    struct fault why = { 0 }, other;
    for (size_t i = 0; i < ARRAY_LENGTH(texts) && texts[i][0] != '\0'; i++) {
        struct place place;
        enum fault_code code = place_of(settings, texts[i], &place, f);
        if (code)
            return code;
        if (is_the_one(&place.source, SEAL_IN_PLACE, fingerprint, ret_key, i == 0 ? &why : &other) ||
            is_the_one(&place.source, SEAL_STAGED, fingerprint, ret_key, &other))
            return FAULT_OK;
    }
    if (why.code)
        return fault_set(f, why.code, "%s", why.text);
    char wanted[2 * ARCHIVE_ID + 1];
    secret_hex(fingerprint, ARCHIVE_ID, wanted);
    return fault_set(f, FAULT_FORBIDDEN,
                     "this backup was made under another master key (fingerprint %s): set master_key, or "
                     "master_key_next, to a copy of the key of that time",
                     wanted);
}

/* --- changing --- */

struct rewrap_write {
    struct db_write write;
    struct fleet *fleet;
    const struct principal *who;
    const char *shown;
    struct secret_key key;
    /* of the wait */
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool ended;
    struct fault result;
};

static enum fault_code rewrap_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct rewrap_write *w = CONTAINER_OF(write, struct rewrap_write, write);
    const struct audit_event event = { .kind = AUDIT_KIND_SEAL_REWRAPPED, .who = w->who, .target = w->shown };
    db_scrub(conn); /* the keys as they were wrapped before leave the write-ahead log too */
    enum fault_code code = audit_add(w->fleet, conn, &event, f);
    return code ? code : vault_rewrap(w->fleet->vault, conn, &w->key, f);
}

/* On the writer's thread, as vault_rewrapped demands: so db_write_wait will not do. */
static void rewrap_done(struct db_write *write, const struct fault *result)
{
    struct rewrap_write *w = CONTAINER_OF(write, struct rewrap_write, write);
    vault_rewrapped(w->fleet->vault, result->code == FAULT_OK);
    pthread_mutex_lock(&w->lock);
    w->result = *result;
    w->ended = true;
    pthread_cond_signal(&w->told);
    pthread_mutex_unlock(&w->lock);
}

static enum fault_code rewrap_commit(struct rewrap_write *w, struct fault *f)
{
    w->write.run = rewrap_run;
    w->write.done = rewrap_done;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->told, NULL);
    db_submit(w->fleet->db, &w->write);
    pthread_mutex_lock(&w->lock);
    while (!w->ended)
        pthread_cond_wait(&w->told, &w->lock);
    pthread_mutex_unlock(&w->lock);
    pthread_cond_destroy(&w->told);
    pthread_mutex_destroy(&w->lock);
    return w->result.code ? fault_set(f, w->result.code, "%s", w->result.text) : FAULT_OK;
}

/* The former key leaves memory when no reader needs it; one that takes long keeps it until the next change.
 */
static void settle(struct fleet *fleet)
{
    const struct timespec step = { .tv_nsec = SETTLE_STEP * 1000000L };
    uint64_t mark = db_read_mark(fleet->db);
    int waited = 0;
    for (; waited < SETTLE_MS && !db_read_passed(fleet->db, mark); waited += SETTLE_STEP)
        nanosleep(&step, NULL);
    if (waited < SETTLE_MS)
        vault_settle(fleet->vault);
}

/* Makes room beside the key. What lies there may be all there is of a key that the catalog needs: of the one
 * in use, when its renaming failed; or of a change whose commit failed, which after a crash may still be
 * found whole in the write-ahead log, until another commit has taken its place there. */
static enum fault_code clear_stage(const struct rewrap_write *w, const struct seal_source *source,
                                   struct fault *f)
{
    const struct audit_event failed = {
        .kind = AUDIT_KIND_SEAL_REWRAPPED, .who = w->who, .target = w->shown, .outcome = "failed"
    };
    struct secret_key key;
    enum fault_code code = seal_source_load(source, SEAL_STAGED, &key, f);
    bool in_use = code == FAULT_OK && vault_is_master(w->fleet->vault, &key);
    mem_wipe(&key, sizeof key);
    if (code)
        return code == FAULT_ABSENT ? FAULT_OK : code;
    if (in_use)
        return seal_source_finish(source, f);
    code = audit_record(w->fleet, &failed, f);
    if (code == FAULT_OK)
        seal_source_drop(source);
    return code;
}

/* The key that is to wrap from now on, in *w: *ret_staged says that it was made, and lies beside the old one.
 */
static enum fault_code next_key(struct rewrap_write *w, const struct seal_source *source, bool elsewhere,
                                bool *ret_staged, struct fault *f)
{
    enum fault_code code = FAULT_ABSENT;
    /* What somebody put into another place is used, unless that is in use already. An old envelope is not. */
    if (elsewhere && !token_is_uri(source->text)) {
        code = seal_source_load(source, SEAL_IN_PLACE, &w->key, f);
        if (code == FAULT_OK && !vault_is_master(w->fleet->vault, &w->key))
            return FAULT_OK;
        if (code && code != FAULT_ABSENT)
            return code;
    }
    code = clear_stage(w, source, f);
    if (code)
        return code;
    secret_random(w->key.bytes, sizeof w->key.bytes);
    *ret_staged = true;
    return seal_source_stage(source, &w->key, f);
}

enum fault_code master_rewrap(struct fleet *fleet, const struct principal *who, bool *ret_move,
                              struct fault *f)
{
    static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER; /* at a time */
    const struct settings *settings = fleet->settings;
    bool elsewhere = settings->master_key_next[0] != '\0', staged = false;
    struct place place;
    char shown[200];
    struct rewrap_write w = { .fleet = fleet, .who = who, .shown = shown };
    const char *text = elsewhere ? settings->master_key_next : settings->master_key;
    enum fault_code code = place_of(settings, text, &place, f);
    if (code)
        return code;
    seal_source_shown(text, shown, sizeof shown);
    pthread_mutex_lock(&one);
    code = next_key(&w, &place.source, elsewhere, &staged, f);
    if (code == FAULT_OK)
        code = rewrap_commit(&w, f);
    if (code && staged)
        (void)clear_stage(&w, &place.source, NULL); /* if that fails, the next change or start does it */
    if (code == FAULT_OK && staged)
        code = seal_source_finish(&place.source, f); /* if that fails, the next start does it */
    if (code == FAULT_OK)
        settle(fleet);
    pthread_mutex_unlock(&one);
    mem_wipe(&w.key, sizeof w.key);
    if (code == FAULT_OK)
        *ret_move = elsewhere;
    return code;
}
