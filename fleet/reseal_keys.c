/* SPDX-License-Identifier: Apache-2.0 */
/* Re-sealing, the keys: made by a rotation, destroyed when nothing needs them, told of in the status. */
#include "base/log.h"
#include "base/mem.h"
#include "fleet/audit.h"
#include "fleet/reseal_inner.h"

#include <stdio.h>
#include <string.h>

/* --- old keys --- */

struct retire_write {
    struct db_write write;
    struct fleet *fleet;
    uint32_t key;
    bool needed; /* by a content */
};

static enum fault_code retire_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct retire_write *w = CONTAINER_OF(write, struct retire_write, write);
    struct db_rows rows;
    char target[16];
    db_select(conn, SQL_KEY_NEEDED, DB_ARGS(db_int(w->key)), &rows);
    w->needed = db_next(&rows);
    enum fault_code code = db_end(&rows, f);
    if (code || w->needed)
        return code;
    db_scrub(conn);
    code = db_run(conn, SQL_KEY_RETIRE, DB_ARGS(db_int(w->key)), NULL, f);
    snprintf(target, sizeof target, "%lu", (unsigned long)w->key);
    const struct audit_event event = { .kind = AUDIT_KIND_SEAL_RETIRED, .target = target };
    return code ? code : audit_add(w->fleet, conn, &event, f);
}

/* Lets go of a key whose row is gone, once no snapshot is older than that. */
static bool retire_forget(struct reseal *r)
{
    if (r->going && db_read_passed(r->fleet->db, r->mark)) {
        vault_forget(r->fleet->vault, r->going);
        log_event(LOG_SEAL_RETIRED, "key=%lu", (unsigned long)r->going);
        r->going = 0;
    }
    return r->going == 0;
}

enum fault_code reseal_retire(struct reseal *r, enum left *ret_left, struct fault *f)
{
    uint32_t key = 0;
    enum fault_code code = FAULT_OK;
    *ret_left = LEFT_IN_USE;
    while (code == FAULT_OK && retire_forget(r) && vault_oldest(r->fleet->vault, &key)) {
        struct retire_write w = { .write.run = retire_run, .fleet = r->fleet, .key = key };
        code = db_write_wait(r->fleet->db, &w.write, f);
        if (code == FAULT_OK && w.needed)
            *ret_left = LEFT_NEEDED;
        if (code || w.needed)
            return code;
        r->going = key;
        r->mark = db_read_mark(r->fleet->db);
    }
    if (!vault_has_older(r->fleet->vault))
        *ret_left = LEFT_NOTHING;
    return code;
}

/* --- rotating --- */

struct rotate_write {
    struct db_write write;
    struct fleet *fleet;
    const struct principal *who;
    struct vault_new made;
};

static enum fault_code rotate_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct rotate_write *w = CONTAINER_OF(write, struct rotate_write, write);
    char target[16];
    enum fault_code code = vault_rotate(w->fleet->vault, conn, &w->made, f);
    snprintf(target, sizeof target, "%lu", (unsigned long)w->made.id);
    const struct audit_event event = { .kind = AUDIT_KIND_SEAL_ROTATED, .who = w->who, .target = target };
    return code ? code : audit_add(w->fleet, conn, &event, f);
}

enum fault_code reseal_rotate(struct fleet *fleet, const struct principal *who, uint32_t *ret_key,
                              struct fault *f)
{
    /* One at a time: keys reach the vault in their order, and never one more than it has room for. */
    static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
    struct rotate_write w = { .write.run = rotate_run, .fleet = fleet, .who = who };
    pthread_mutex_lock(&turn);
    enum fault_code code = db_write_wait(fleet->db, &w.write, f);
    if (code == FAULT_OK) {
        *ret_key = w.made.id;
        vault_take(fleet->vault, &w.made);
    }
    pthread_mutex_unlock(&turn);
    vault_drop(&w.made);
    if (code)
        return code;
    struct reseal *r = fleet->reseal;
    if (r) {
        pthread_mutex_lock(&r->lock);
        r->wanted = r->running = true;
        r->done = r->total = 0; /* until the pass has summed up */
        pthread_cond_signal(&r->news);
        pthread_mutex_unlock(&r->lock);
    }
    return FAULT_OK;
}

/* --- telling --- */

static enum fault_code status_keys(struct db_conn *conn, struct reseal_status *status, struct fault *f)
{
    struct db_rows rows;
    db_select(conn, SQL_KEY_STATUS, DB_NONE, &rows);
    while (status->count < ARRAY_LENGTH(status->key) && db_next(&rows)) {
        struct reseal_key *key = &status->key[status->count++];
        key->id = (uint32_t)db_row_int(&rows, 0);
        (void)mem_copy_text(key->purpose, sizeof key->purpose, db_row_text(&rows, 1));
        key->created = db_row_int(&rows, 2);
        key->contents = db_row_int(&rows, 3);
        key->bytes = db_row_int(&rows, 4);
    }
    enum fault_code code = db_end(&rows, f);
    if (code)
        return code;
    db_select(conn, SQL_KEY_COUNT_OWN, DB_NONE, &rows);
    if (db_next(&rows))
        status->own = db_row_int(&rows, 0);
    return db_end(&rows, f);
}

enum fault_code reseal_status(struct fleet *fleet, struct reseal_status *ret_status, struct fault *f)
{
    struct reseal_status status = { 0 };
    struct db_conn *conn;
    enum fault_code code = db_read_begin(fleet->db, &conn, f);
    if (code)
        return code;
    code = status_keys(conn, &status, f);
    db_read_end(fleet->db, conn);
    if (code)
        return code;
    uint32_t current = vault_current(fleet->vault);
    for (size_t i = 0; i < status.count; i++)
        status.key[i].current = strcmp(status.key[i].purpose, "chunk") != 0 || status.key[i].id == current;
    struct reseal *r = fleet->reseal;
    if (r) {
        pthread_mutex_lock(&r->lock);
        status.running = r->running;
        status.done = r->done;
        status.total = r->total;
        status.damaged = r->damaged;
        pthread_mutex_unlock(&r->lock);
    }
    status.scrubbing = db_scrubbing(fleet->db);
    *ret_status = status;
    return FAULT_OK;
}
