/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/vault.h"

#include "base/clock.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum vault_purpose { PURPOSE_CHUNK, PURPOSE_DIGEST, PURPOSE_PASSWORD, PURPOSE_COUNT, PURPOSE_OWN };
static const char *const purposes[] = { "chunk", "digest", "password" };
static const char purpose_own[] = "own";

struct vault_entry {
    uint32_t id;
    size_t users; /* entered while this was the newest */
    struct secret_key key;
};
struct vault {
    struct secret_key digest, row, password; /* set once */
    bool has[PURPOSE_COUNT];
    pthread_mutex_t lock; /* of what follows */
    struct secret_key master, former;
    bool has_former;
    size_t count;
    struct vault_entry entry[VAULT_KEYS]; /* chunk keys, by rising numbers */
};

/* Pages of its own, so that locking them in and keeping them out of core dumps concerns nothing else. Both
 * are best effort: a small RLIMIT_MEMLOCK must not stop the start. */
static struct vault *vault_pages(void)
{
    void *pages =
        mmap(NULL, sizeof(struct vault), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return NULL;
    (void)mlock(pages, sizeof(struct vault));
    (void)madvise(pages, sizeof(struct vault), MADV_DONTDUMP);
    return pages;
}

void vault_free(struct vault *vault)
{
    if (vault == NULL)
        return;
    pthread_mutex_destroy(&vault->lock);
    mem_wipe(vault, sizeof *vault);
    munmap(vault, sizeof *vault);
}

/* --- rows --- */

/* In a write: a new key and its row. The caller wipes it. */
static enum fault_code key_make(struct db_conn *conn, const struct secret_key *master, const char *purpose,
                                uint32_t *ret_id, struct secret_key *ret_key, struct fault *f)
{
    struct db_rows rows;
    uint8_t wrapped[SEAL_WRAPPED_SIZE];
    int64_t number = 0;
    db_select(conn, SQL_KEY_NEXT, DB_NONE, &rows);
    while (db_next(&rows))
        number = db_row_int(&rows, 0);
    enum fault_code code = db_end(&rows, f);
    if (code == FAULT_OK && (number < 1 || number > UINT32_MAX))
        code = fault_set(f, FAULT_DAMAGED, "the catalog's number of the next data key is damaged");
    if (code)
        return code;
    secret_random(ret_key->bytes, sizeof ret_key->bytes);
    *ret_id = (uint32_t)number;
    code = seal_wrap(master, *ret_id, purpose, ret_key, wrapped, f);
    return code ? code
                : db_run(conn, SQL_KEY_ADD,
                         DB_ARGS(db_int(number), db_text(purpose), db_blob(wrapped, sizeof wrapped),
                                 db_int(clock_wall_ms())),
                         NULL, f);
}

enum fault_code vault_make(struct db_conn *conn, const struct secret_key *master, struct fault *f)
{
    enum fault_code code = FAULT_OK;
    for (size_t i = 0; code == FAULT_OK && i < PURPOSE_COUNT; i++) {
        struct secret_key key;
        uint32_t id;
        code = key_make(conn, master, purposes[i], &id, &key, f);
        mem_wipe(&key, sizeof key);
    }
    return code;
}

static enum fault_code purpose_of(int64_t id, const char *name, enum vault_purpose *ret_purpose,
                                  struct fault *f)
{
    size_t purpose = 0;
    while (purpose < PURPOSE_COUNT && strcmp(purposes[purpose], name) != 0)
        purpose++;
    if (purpose == PURPOSE_COUNT && strcmp(name, purpose_own) == 0)
        purpose = PURPOSE_OWN;
    if (purpose == PURPOSE_COUNT || id < 1 || id > UINT32_MAX)
        return fault_set(f, FAULT_DAMAGED,
                         "the catalog holds a data key that this program does not know (number %lld)",
                         (long long)id);
    *ret_purpose = (enum vault_purpose)purpose;
    return FAULT_OK;
}

static enum fault_code vault_add(struct vault *vault, const struct secret_key *master, struct db_rows *rows,
                                 struct fault *f)
{
    int64_t id = db_row_int(rows, 0);
    const char *name = db_row_text(rows, 1);
    enum vault_purpose purpose = PURPOSE_OWN;
    enum fault_code code = purpose_of(id, name, &purpose, f);
    if (code || purpose == PURPOSE_OWN)
        return code;
    struct secret_key *key = purpose == PURPOSE_DIGEST ? &vault->digest : &vault->password;
    if (purpose == PURPOSE_CHUNK) {
        if (vault->count == VAULT_KEYS)
            return fault_set(f, FAULT_DAMAGED, "the catalog holds more than %d data keys", VAULT_KEYS);
        vault->entry[vault->count].id = (uint32_t)id;
        key = &vault->entry[vault->count].key;
    }
    size_t n = 0;
    const void *wrapped = db_row_blob(rows, 2, &n);
    code = seal_unwrap(master, (uint32_t)id, name, wrapped, n, key, f);
    if (code)
        return fault_prefix(f, "data key %lld does not open; is the master key another catalog's?",
                            (long long)id);
    vault->count += purpose == PURPOSE_CHUNK;
    vault->has[purpose] = true;
    return FAULT_OK;
}

static enum fault_code vault_read(struct vault *vault, struct db_conn *conn, const struct secret_key *master,
                                  struct fault *f)
{
    struct db_rows rows;
    enum fault_code code = FAULT_OK;
    db_select(conn, SQL_KEY_LIST, DB_NONE, &rows);
    while (code == FAULT_OK && db_next(&rows))
        code = vault_add(vault, master, &rows, f);
    enum fault_code ended = db_end(&rows, code == FAULT_OK ? f : NULL);
    return code ? code : ended;
}

enum fault_code vault_load(struct db *db, const struct secret_key *master, struct vault **ret_vault,
                           struct fault *f)
{
    struct vault *vault = vault_pages();
    if (vault == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory for the data keys");
    pthread_mutex_init(&vault->lock, NULL);
    struct db_conn *conn = NULL;
    enum fault_code code = db_read_begin(db, &conn, f);
    if (code == FAULT_OK)
        code = vault_read(vault, conn, master, f);
    db_read_end(db, conn);
    if (code == FAULT_OK &&
        (vault->count == 0 || !vault->has[PURPOSE_DIGEST] || !vault->has[PURPOSE_PASSWORD]))
        code = fault_set(f, FAULT_ABSENT,
                         "the catalog has no data keys: it was never finished; run `cradled init` again");
    if (code) {
        vault_free(vault);
        return code;
    }
    vault->master = *master;
    secret_derive(&vault->digest, "content row", &vault->row);
    *ret_vault = vault;
    return FAULT_OK;
}

bool vault_is_master(struct vault *vault, const struct secret_key *key)
{
    pthread_mutex_lock(&vault->lock);
    bool same = secret_equal(&vault->master, key, sizeof *key);
    pthread_mutex_unlock(&vault->lock);
    return same;
}

void vault_master(struct vault *vault, struct secret_key *ret_key)
{
    pthread_mutex_lock(&vault->lock);
    *ret_key = vault->master;
    pthread_mutex_unlock(&vault->lock);
}

/* --- chunks --- */

/* The entry of a number, NULL when there is none; under the lock. */
static struct vault_entry *vault_entry(struct vault *vault, uint32_t id)
{
    for (size_t i = vault->count; i-- > 0;)
        if (vault->entry[i].id == id)
            return &vault->entry[i];
    return NULL;
}

static struct vault_entry *vault_newest(struct vault *vault)
{
    return &vault->entry[vault->count - 1];
}

enum fault_code vault_seal(struct vault *vault, const struct seal_place *place, const void *plain, size_t n,
                           uint8_t *out, uint32_t *ret_key, struct fault *f)
{
    pthread_mutex_lock(&vault->lock);
    uint32_t id = vault_newest(vault)->id;
    struct secret_key key = vault_newest(vault)->key;
    pthread_mutex_unlock(&vault->lock);
    enum fault_code code = seal_chunk(&key, id, place, plain, n, out, f);
    mem_wipe(&key, sizeof key);
    if (code == FAULT_OK)
        *ret_key = id;
    return code;
}

enum fault_code vault_open(struct vault *vault, const struct seal_place *place, const uint8_t *sealed,
                           size_t n, void *out, struct fault *f)
{
    uint32_t id;
    enum fault_code code = seal_chunk_key(sealed, n, &id, f);
    if (code)
        return code;
    struct secret_key key;
    pthread_mutex_lock(&vault->lock);
    const struct vault_entry *entry = vault_entry(vault, id);
    if (entry)
        key = entry->key;
    pthread_mutex_unlock(&vault->lock);
    if (entry == NULL)
        return fault_set(f, FAULT_DAMAGED, "its data key %lu is not in the catalog", (unsigned long)id);
    code = seal_open_chunk(&key, place, sealed, n, out, f);
    mem_wipe(&key, sizeof key);
    return code;
}

uint32_t vault_current(struct vault *vault)
{
    pthread_mutex_lock(&vault->lock);
    uint32_t id = vault_newest(vault)->id;
    pthread_mutex_unlock(&vault->lock);
    return id;
}

uint32_t vault_enter(struct vault *vault)
{
    pthread_mutex_lock(&vault->lock);
    struct vault_entry *entry = vault_newest(vault);
    uint32_t id = entry->id;
    entry->users++;
    pthread_mutex_unlock(&vault->lock);
    return id;
}

void vault_leave(struct vault *vault, uint32_t key)
{
    pthread_mutex_lock(&vault->lock);
    struct vault_entry *entry = vault_entry(vault, key);
    if (entry && entry->users)
        entry->users--;
    pthread_mutex_unlock(&vault->lock);
}

/* --- changing keys --- */

enum fault_code vault_rotate(struct vault *vault, struct db_conn *conn, struct vault_new *ret_new,
                             struct fault *f)
{
    struct vault_new made = { 0 };
    pthread_mutex_lock(&vault->lock);
    bool room = vault->count < VAULT_KEYS;
    struct secret_key master = vault->master;
    pthread_mutex_unlock(&vault->lock);
    enum fault_code code =
        room
            ? key_make(conn, &master, purposes[PURPOSE_CHUNK], &made.id, &made.key, f)
            : fault_set(f, FAULT_CONFLICT,
                        "there are %d data keys already; wait until re-sealing has retired some", VAULT_KEYS);
    mem_wipe(&master, sizeof master);
    if (code == FAULT_OK)
        *ret_new = made;
    mem_wipe(&made, sizeof made);
    return code;
}

void vault_take(struct vault *vault, struct vault_new *taken)
{
    pthread_mutex_lock(&vault->lock);
    if (vault->count < VAULT_KEYS)
        vault->entry[vault->count++] = (struct vault_entry){ .id = taken->id, .key = taken->key };
    pthread_mutex_unlock(&vault->lock);
    vault_drop(taken);
}

void vault_drop(struct vault_new *dropped)
{
    mem_wipe(dropped, sizeof *dropped);
}

bool vault_oldest(struct vault *vault, uint32_t *ret_key)
{
    pthread_mutex_lock(&vault->lock);
    bool free_to_go = vault->count > 1 && vault->entry[0].users == 0;
    uint32_t id = vault->entry[0].id;
    pthread_mutex_unlock(&vault->lock);
    if (free_to_go)
        *ret_key = id;
    return free_to_go;
}

bool vault_has_older(struct vault *vault)
{
    pthread_mutex_lock(&vault->lock);
    bool older = vault->count > 1;
    pthread_mutex_unlock(&vault->lock);
    return older;
}

void vault_forget(struct vault *vault, uint32_t key)
{
    pthread_mutex_lock(&vault->lock);
    struct vault_entry *entry = vault_entry(vault, key);
    if (entry && entry != vault_newest(vault)) {
        size_t after = (size_t)(vault_newest(vault) - entry);
        memmove(entry, entry + 1, after * sizeof *entry);
        mem_wipe(vault_newest(vault), sizeof *entry);
        vault->count--;
    }
    pthread_mutex_unlock(&vault->lock);
}

/* --- the master key --- */

static enum fault_code key_unwrap(struct vault *vault, uint32_t id, const char *purpose, const void *wrapped,
                                  size_t n, struct secret_key *ret_key, struct fault *f)
{
    pthread_mutex_lock(&vault->lock);
    struct secret_key master[2] = { vault->master, vault->former };
    bool both = vault->has_former;
    pthread_mutex_unlock(&vault->lock);
    enum fault_code code = seal_unwrap(&master[0], id, purpose, wrapped, n, ret_key, f);
    if (code == FAULT_DAMAGED && both)
        code = seal_unwrap(&master[1], id, purpose, wrapped, n, ret_key, f);
    mem_wipe(master, sizeof master);
    return code;
}

/* One statement runs at a time: the rows are read first. */
struct wrapped_row {
    uint32_t id;
    char purpose[16];
    uint8_t wrapped[SEAL_WRAPPED_SIZE];
};

static enum fault_code wrapped_rows(struct db_conn *conn, struct wrapped_row **ret_list, size_t *ret_count,
                                    struct fault *f)
{
    struct wrapped_row *list = NULL;
    size_t count = 0, room = 0, n = 0;
    struct db_rows rows;
    enum fault_code code = FAULT_OK;
    db_select(conn, SQL_KEY_LIST, DB_NONE, &rows);
    while (code == FAULT_OK && db_next(&rows)) {
        if (count == room) {
            room = room ? 2 * room : 16;
            struct wrapped_row *grown = reallocarray(list, room, sizeof *list);
            if (grown == NULL) {
                code = fault_set(f, FAULT_MEMORY, "out of memory for the data keys");
                break;
            }
            list = grown;
        }
        struct wrapped_row *row = &list[count++];
        const void *wrapped = db_row_blob(&rows, 2, &n);
        row->id = (uint32_t)db_row_int(&rows, 0);
        if (n != sizeof row->wrapped ||
            !mem_copy_text(row->purpose, sizeof row->purpose, db_row_text(&rows, 1)))
            code = fault_set(f, FAULT_DAMAGED, "data key %lu is damaged", (unsigned long)row->id);
        else
            memcpy(row->wrapped, wrapped, n);
    }
    enum fault_code ended = db_end(&rows, code ? NULL : f);
    if (code || ended) {
        free(list);
        return code ? code : ended;
    }
    *ret_list = list;
    *ret_count = count;
    return FAULT_OK;
}

enum fault_code vault_rewrap(struct vault *vault, struct db_conn *conn, const struct secret_key *master,
                             struct fault *f)
{
    AUTO_FREE struct wrapped_row *list = NULL;
    size_t count = 0;
    enum fault_code code = wrapped_rows(conn, &list, &count, f);
    for (size_t i = 0; code == FAULT_OK && i < count; i++) {
        struct wrapped_row *row = &list[i];
        struct secret_key key = { { 0 } };
        code = key_unwrap(vault, row->id, row->purpose, row->wrapped, sizeof row->wrapped, &key, f);
        if (code == FAULT_OK)
            code = seal_wrap(master, row->id, row->purpose, &key, row->wrapped, f);
        mem_wipe(&key, sizeof key);
        if (code == FAULT_OK)
            code = db_run(conn, SQL_KEY_REWRAP,
                          DB_ARGS(db_int(row->id), db_blob(row->wrapped, sizeof row->wrapped)), NULL, f);
    }
    if (code)
        return code;
    pthread_mutex_lock(&vault->lock);
    vault->former = vault->master;
    vault->master = *master;
    vault->has_former = true;
    pthread_mutex_unlock(&vault->lock);
    return FAULT_OK;
}

void vault_rewrapped(struct vault *vault, bool committed)
{
    if (committed)
        return;
    pthread_mutex_lock(&vault->lock);
    if (vault->has_former)
        vault->master = vault->former;
    pthread_mutex_unlock(&vault->lock);
    vault_settle(vault);
}

void vault_settle(struct vault *vault)
{
    pthread_mutex_lock(&vault->lock);
    mem_wipe(&vault->former, sizeof vault->former);
    vault->has_former = false;
    pthread_mutex_unlock(&vault->lock);
}

/* --- keys of single contents --- */

enum fault_code vault_own_make(struct vault *vault, struct db_conn *conn, uint32_t *ret_id,
                               struct secret_key *ret_key, struct fault *f)
{
    pthread_mutex_lock(&vault->lock);
    struct secret_key master = vault->master;
    pthread_mutex_unlock(&vault->lock);
    enum fault_code code = key_make(conn, &master, purpose_own, ret_id, ret_key, f);
    mem_wipe(&master, sizeof master);
    return code;
}

enum fault_code vault_own_get(struct vault *vault, struct db_conn *conn, uint32_t id,
                              struct secret_key *ret_key, struct fault *f)
{
    struct db_rows rows;
    db_select(conn, SQL_KEY_GET, DB_ARGS(db_int(id)), &rows);
    enum fault_code code = FAULT_OK;
    if (!db_next(&rows)) {
        code = db_end(&rows, f);
        return code
                   ? code
                   : fault_set(f, FAULT_DAMAGED, "its data key %lu is not in the catalog", (unsigned long)id);
    }
    size_t n = 0;
    const void *wrapped = db_row_blob(&rows, 1, &n);
    if (strcmp(db_row_text(&rows, 0), purpose_own) != 0)
        code = fault_set(f, FAULT_DAMAGED, "its data key %lu is of another purpose", (unsigned long)id);
    else
        code = key_unwrap(vault, id, purpose_own, wrapped, n, ret_key, f);
    db_end(&rows, NULL);
    return code;
}

const struct secret_key *vault_digest_key(const struct vault *vault)
{
    return &vault->digest;
}

const struct secret_key *vault_row_key(const struct vault *vault)
{
    return &vault->row;
}

const struct secret_key *vault_password_key(const struct vault *vault)
{
    return &vault->password;
}
