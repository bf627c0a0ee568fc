/* SPDX-License-Identifier: Apache-2.0 */
/* The thread walks: sum > pass (list > read, open, seal > write, wait) > retire, until nothing is left; then
 * it sleeps until a rotation, or looks again now and then while an old key is still needed. */
#include "fleet/reseal_inner.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BATCH_BYTES (4 * CONTENT_CHUNK)
#define RETRY_MS    500 /* while something still needs an old key */
#define NICENESS    10

/* --- waiting --- */

/* Sleeps for so long (negative: until there is news). True when it shall end; `wanted` ends a sleep only when
 * the caller waits for it. */
static bool reseal_sleep(struct reseal *r, int64_t ms, bool for_news)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    if (ms > 0) {
        until.tv_sec += ms / 1000;
        until.tv_nsec += ms % 1000 * 1000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
    }
    pthread_mutex_lock(&r->lock);
    int waited = 0;
    while (!r->stopping && !(for_news && r->wanted) && waited == 0)
        waited = ms < 0 ? pthread_cond_wait(&r->news, &r->lock)
                        : pthread_cond_timedwait(&r->news, &r->lock, &until);
    if (for_news)
        r->wanted = false;
    bool stopping = r->stopping;
    pthread_mutex_unlock(&r->lock);
    return stopping;
}

static bool reseal_stopping(struct reseal *r)
{
    pthread_mutex_lock(&r->lock);
    bool stopping = r->stopping;
    pthread_mutex_unlock(&r->lock);
    return stopping;
}

/* --- writing --- */

static enum fault_code batch_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct batch *b = CONTAINER_OF(write, struct batch, write);
    enum fault_code code = FAULT_OK;
    /* A content that was removed meanwhile has no rows to be changed. */
    for (size_t i = 0; code == FAULT_OK && i < b->chunks; i++)
        code = db_run(conn, SQL_CHUNK_RESEAL,
                      DB_ARGS(db_blob(b->chunk[i].content, SEAL_CONTENT_ID), db_int(b->chunk[i].number),
                              db_blob(b->chunk[i].sealed, b->chunk[i].n)),
                      NULL, f);
    for (size_t i = 0; code == FAULT_OK && i < b->contents; i++)
        code = db_run(conn, SQL_CONTENT_ADVANCE,
                      DB_ARGS(db_blob(b->whole[i], SEAL_CONTENT_ID), db_int(b->key)), NULL, f);
    return code;
}

static void batch_empty(struct batch *b)
{
    for (size_t i = 0; i < b->chunks; i++)
        free(b->chunk[i].sealed);
    b->chunks = b->contents = b->bytes = 0;
}

/* Writes what is ready, then waits for as long as that many bytes shall take. */
static enum fault_code reseal_flush(struct reseal *r, struct fault *f)
{
    struct batch *b = &r->batch;
    if (b->chunks == 0 && b->contents == 0)
        return FAULT_OK;
    b->write.run = batch_run;
    enum fault_code code = db_write_wait(r->fleet->db, &b->write, f);
    int64_t pause = (int64_t)b->bytes * 1000 / r->fleet->settings->seal_rate;
    batch_empty(b);
    if (code == FAULT_OK && pause > 0)
        reseal_sleep(r, pause, false);
    return code;
}

/* --- one content --- */

/* The sealed bytes of a chunk, in r->sealed. FAULT_ABSENT: there is none (any more). */
static enum fault_code chunk_fetch(struct reseal *r, const struct content *content, int64_t number,
                                   size_t *ret_n, struct fault *f)
{
    struct db_conn *conn;
    struct db_rows rows;
    size_t n = 0;
    enum fault_code code = db_read_begin(r->fleet->db, &conn, f);
    if (code)
        return code;
    db_select(conn, SQL_CHUNK_GET, DB_ARGS(db_blob(content->id, SEAL_CONTENT_ID), db_int(number)), &rows);
    bool found = db_next(&rows);
    if (found) {
        const void *sealed = db_row_blob(&rows, 0, &n);
        if (n >= SEAL_OVERHEAD && n <= sizeof r->sealed)
            memcpy(r->sealed, sealed, n);
    }
    code = db_end(&rows, f);
    db_read_end(r->fleet->db, conn);
    if (code == FAULT_OK && !found)
        code = fault_set(f, FAULT_ABSENT, "it is missing");
    if (code == FAULT_OK && n != content_chunk_size(content->size, number) + SEAL_OVERHEAD)
        code = fault_set(f, FAULT_DAMAGED, "its length is wrong");
    if (code == FAULT_OK)
        *ret_n = n;
    return code;
}

/* Puts one chunk, sealed anew, into the batch; nothing when it is under the newest key already. */
static enum fault_code chunk_again(struct reseal *r, const struct content *content, int64_t number,
                                   struct fault *f)
{
    struct batch *b = &r->batch;
    struct vault *vault = r->fleet->vault;
    uint32_t key = 0;
    size_t n = 0;
    struct seal_place place = { .index = (uint64_t)number,
                                .last = number == content_chunks(content->size) - 1 };
    memcpy(place.content, content->id, SEAL_CONTENT_ID);
    enum fault_code code = chunk_fetch(r, content, number, &n, f);
    if (code == FAULT_OK)
        code = seal_chunk_key(r->sealed, n, &key, f);
    if (code || key >= b->key)
        return code;
    code = vault_open(vault, &place, r->sealed, n, r->plain, f);
    uint8_t *sealed = code ? NULL : malloc(n);
    if (code == FAULT_OK && sealed == NULL)
        code = fault_set(f, FAULT_MEMORY, "out of memory for re-sealing");
    if (code == FAULT_OK)
        code = vault_seal(vault, &place, r->plain, n - SEAL_OVERHEAD, sealed, &key, f);
    mem_wipe(r->plain, sizeof r->plain);
    if (code) {
        free(sealed);
        return code;
    }
    struct resealed *again = &b->chunk[b->chunks++];
    *again = (struct resealed){ .number = number, .n = n, .sealed = sealed };
    memcpy(again->content, content->id, SEAL_CONTENT_ID);
    b->bytes += n;
    return FAULT_OK;
}

/* Is the content still there? Then what is missing of it is damage. */
static bool content_gone(struct reseal *r, const struct content *content)
{
    struct db_conn *conn;
    struct db_rows rows;
    if (db_read_begin(r->fleet->db, &conn, NULL) != FAULT_OK)
        return false;
    db_select(conn, SQL_CONTENT_EXISTS, DB_ARGS(db_blob(content->id, SEAL_CONTENT_ID)), &rows);
    bool there = db_next(&rows);
    bool known = db_end(&rows, NULL) == FAULT_OK;
    db_read_end(r->fleet->db, conn);
    return known && !there;
}

static void content_skipped(struct reseal *r, const struct content *content, const struct fault *why)
{
    char hex[2 * SEAL_CONTENT_ID + 1];
    secret_hex(content->id, SEAL_CONTENT_ID, hex);
    if (!r->again)
        log_event(LOG_CONTENT_DAMAGED, "content=%s at=re-sealing why=%s", hex, LOG_VALUE(why->text));
    r->skipped++;
    pthread_mutex_lock(&r->lock);
    r->damaged++;
    pthread_mutex_unlock(&r->lock);
}

static enum fault_code content_again(struct reseal *r, const struct content *content, struct fault *f)
{
    struct batch *b = &r->batch;
    enum fault_code code = FAULT_OK;
    for (int64_t i = 0; code == FAULT_OK && i < content_chunks(content->size); i++) {
        code = chunk_again(r, content, i, f);
        if (code == FAULT_OK && (b->bytes >= BATCH_BYTES || b->chunks == BATCH_CHUNKS)) {
            code = reseal_flush(r, f);
            if (code == FAULT_OK && reseal_stopping(r))
                return FAULT_OK;
        }
    }
    if (code == FAULT_ABSENT && content_gone(r, content))
        return FAULT_OK;
    if (code == FAULT_ABSENT || code == FAULT_DAMAGED) {
        content_skipped(r, content, f);
        return FAULT_OK;
    }
    if (code)
        return code;
    memcpy(b->whole[b->contents++], content->id, SEAL_CONTENT_ID);
    pthread_mutex_lock(&r->lock);
    r->done += content->size;
    pthread_mutex_unlock(&r->lock);
    return b->contents == BATCH_CONTENTS ? reseal_flush(r, f) : FAULT_OK;
}

/* --- all of them --- */

static enum fault_code older_sum(struct reseal *r, struct fault *f)
{
    struct db_conn *conn;
    struct db_rows rows;
    int64_t count = 0, bytes = 0;
    enum fault_code code = db_read_begin(r->fleet->db, &conn, f);
    if (code)
        return code;
    db_select(conn, SQL_CONTENT_OLDER_SUM, DB_ARGS(db_int(r->batch.key)), &rows);
    if (db_next(&rows)) {
        count = db_row_int(&rows, 0);
        bytes = db_row_int(&rows, 1);
    }
    code = db_end(&rows, f);
    db_read_end(r->fleet->db, conn);
    r->skipped = 0;
    pthread_mutex_lock(&r->lock);
    if (count > r->damaged) {
        r->done = 0;
        r->total = bytes;
    }
    r->damaged = 0;
    pthread_mutex_unlock(&r->lock);
    return code;
}

/* The next contents; one whose row is damaged has the size -1. */
static enum fault_code older_list(struct reseal *r, struct content list[BATCH_CONTENTS], size_t *ret_count,
                                  struct fault *f)
{
    struct db_conn *conn;
    struct db_rows rows;
    size_t count = 0;
    enum fault_code code = db_read_begin(r->fleet->db, &conn, f);
    if (code)
        return code;
    db_select(conn, SQL_CONTENT_OLDER, DB_ARGS(db_int(r->batch.key), db_int(r->skipped)), &rows);
    while (count < BATCH_CONTENTS && db_next(&rows)) {
        size_t n = 0;
        const void *id = db_row_blob(&rows, 0, &n);
        if (content_row(r->fleet->vault, &rows, 0, &list[count], NULL) != FAULT_OK) {
            list[count] = (struct content){ .size = -1 };
            memcpy(list[count].id, id, n < SEAL_CONTENT_ID ? n : SEAL_CONTENT_ID);
        }
        count++;
    }
    code = db_end(&rows, f);
    db_read_end(r->fleet->db, conn);
    if (code == FAULT_OK)
        *ret_count = count;
    return code;
}

static enum fault_code reseal_pass(struct reseal *r, struct fault *f)
{
    struct content list[BATCH_CONTENTS];
    size_t count = 1;
    r->batch.key = vault_current(r->fleet->vault);
    enum fault_code code = older_sum(r, f);
    while (code == FAULT_OK && count > 0 && !reseal_stopping(r)) {
        code = older_list(r, list, &count, f);
        for (size_t i = 0; code == FAULT_OK && i < count && !reseal_stopping(r); i++) {
            const struct fault row = { FAULT_DAMAGED, "its row was changed" };
            if (list[i].size < 0)
                content_skipped(r, &list[i], &row);
            else
                code = content_again(r, &list[i], f);
        }
        if (code == FAULT_OK)
            code = reseal_flush(r, f);
    }
    batch_empty(&r->batch);
    return code;
}

/* --- the thread --- */

static void *reseal_thread(void *user)
{
    struct reseal *r = user;
    enum left left = LEFT_NOTHING;
    bool stopping = false;
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICENESS);
    while (!stopping) {
        struct fault f;
        enum left former = left;
        r->again = former != LEFT_NOTHING;
        enum fault_code code = reseal_pass(r, &f);
        if (code == FAULT_OK && !reseal_stopping(r))
            code = reseal_retire(r, &left, &f);
        if (code)
            log_event(LOG_SEAL_STALLED, "why=%s", LOG_VALUE(f.text));
        pthread_mutex_lock(&r->lock);
        /* What does not open is not waited for; but an upload that began under an old key may have ended as a
         * content under it since the pass began: only the second one in a row knows that nothing else is
         * left. */
        bool stuck = left == LEFT_NEEDED && r->damaged > 0 && former == LEFT_NEEDED;
        r->running = code != FAULT_OK || (left != LEFT_NOTHING && !stuck) || r->wanted;
        bool again = r->running;
        pthread_mutex_unlock(&r->lock);
        if (!again)
            left = LEFT_NOTHING;
        stopping = reseal_sleep(r, again ? RETRY_MS : -1, true);
    }
    return NULL;
}

enum fault_code reseal_start(struct fleet *fleet, struct fault *f)
{
    struct reseal *r = calloc(1, sizeof *r);
    if (r == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory for re-sealing");
    pthread_condattr_t steady;
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->news, &steady);
    pthread_condattr_destroy(&steady);
    r->fleet = fleet;
    r->running = vault_has_older(fleet->vault);
    if (pthread_create(&r->thread, NULL, reseal_thread, r) != 0) {
        free(r);
        return fault_set(f, FAULT_MEMORY, "cannot start the thread that re-seals");
    }
    pthread_setname_np(r->thread, "cradle-reseal");
    fleet->reseal = r;
    return FAULT_OK;
}

void reseal_stop(struct fleet *fleet)
{
    struct reseal *r = fleet->reseal;
    if (r == NULL)
        return;
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_signal(&r->news);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    pthread_cond_destroy(&r->news);
    pthread_mutex_destroy(&r->lock);
    batch_empty(&r->batch);
    mem_wipe_free(r, sizeof *r);
    fleet->reseal = NULL;
}
