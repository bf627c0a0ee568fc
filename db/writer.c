/* SPDX-License-Identifier: Apache-2.0 */
/* The one writer: takes what is queued, runs it as one transaction, commits, and tells each caller. */
#include "db/inner.h"

#include "base/clock.h"

#include <string.h>
#include <time.h>

#define LAZY_MS  5000
#define EMPTY_MS 500 /* between attempts to empty the write-ahead log */

/* Runs one write of a group. FAULT_OK: its own changes are in, or undone when *result says so. Otherwise the
 * whole transaction is lost, for this reason: the engine rolled it back by itself, or one write could not be
 * undone. */
static enum fault_code run_one(struct db *db, struct db_write *write, bool alone, struct fault *result,
                               struct fault *why)
{
    struct engine_conn *conn = db->writer.engine;
    *result = (struct fault){ .code = FAULT_OK };
    db->writer.trouble.code = FAULT_OK;
    if (!alone && engine->control(conn, ENGINE_SAVE, why) != FAULT_OK)
        return why->code;
    enum fault_code code = write->run(&db->writer, write, result);
    db_end_running(&db->writer);
    if (code != FAULT_OK && result->code == FAULT_OK)
        fault_set(result, code, "%s", fault_word(code));
    result->code = code;
    if (!engine->inside(conn)) {
        /* What run returned is its own view; the others in the group are owed the engine's. */
        *why = db->writer.trouble;
        return why->code ? why->code : fault_set(why, FAULT_IO, "the catalog gave the transaction up");
    }
    return alone ? FAULT_OK : engine->control(conn, code == FAULT_OK ? ENGINE_RELEASE : ENGINE_UNDO, why);
}

void db_scrub(struct db_conn *conn)
{
    struct fault f;
    /* It cannot fail but for memory; then what is deleted is still overwritten wherever a page is written
     * anyway. */
    (void)engine->control(conn->engine, ENGINE_SCRUB, &f);
    conn->scrub = true;
}

bool db_scrubbing(struct db *db)
{
    pthread_mutex_lock(&db->lock);
    bool due = db->scrub_due;
    pthread_mutex_unlock(&db->lock);
    return due;
}

/* After a group: what it destroyed is still in the write-ahead log. */
static void scrub_noted(struct db *db)
{
    if (!db->writer.scrub)
        return;
    db->writer.scrub = false;
    engine->control(db->writer.engine, ENGINE_NO_SCRUB, NULL);
    pthread_mutex_lock(&db->lock);
    db->scrub_due = true;
    pthread_mutex_unlock(&db->lock);
}

static void scrub_try(struct db *db)
{
    int64_t now = clock_steady_ms();
    if (!db_scrubbing(db) || now < db->scrub_at)
        return;
    db_write_begins(db);
    bool done = engine->control(db->writer.engine, ENGINE_EMPTY, NULL) == FAULT_OK;
    db_write_ends(db);
    db->scrub_at = done ? 0 : now + EMPTY_MS; /* each attempt holds the writer up for a moment */
    pthread_mutex_lock(&db->lock);
    db->scrub_due = !done;
    pthread_mutex_unlock(&db->lock);
}

static void fail_all(struct fault *results, size_t n, const struct fault *why)
{
    for (size_t i = 0; i < n; i++)
        if (results[i].code == FAULT_OK)
            results[i] = *why;
}

/* Runs and commits `count` writes as one transaction; gives how many of them have a result: fewer when the
 * engine gave up in the middle, and the rest deserves a transaction of its own. */
static size_t run_group(struct db *db, struct db_write *first, size_t count)
{
    struct engine_conn *conn = db->writer.engine;
    struct fault why = { .code = FAULT_OK };
    size_t ran = 0;
    enum fault_code code = engine->control(conn, ENGINE_BEGIN_WRITE, &why);
    if (code != FAULT_OK) {
        for (; ran < count; ran++)
            db->results[ran] = why;
        return count;
    }
    for (struct db_write *write = first; ran < count && code == FAULT_OK; write = write->next, ran++)
        code = run_one(db, write, count == 1, &db->results[ran], &why);
    if (code == FAULT_OK && (count > 1 || db->results[0].code == FAULT_OK))
        code = engine->control(conn, ENGINE_COMMIT, &why);
    engine->control(conn, ENGINE_ROLLBACK, NULL); /* what is not committed by now */
    if (code != FAULT_OK)
        fail_all(db->results, ran, &why);
    scrub_noted(db);
    return ran;
}

/* Sleeps until there is news or `ms` have passed; under the lock. */
static void sleep_a_while(struct db *db, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&db->work, &db->lock, &until);
}

/* Waits until a group should be taken, or the end has come; false when only the write-ahead log should be
 * looked at. Under the lock. */
static bool await_group(struct db *db)
{
    for (;;) {
        bool due = db->eager > 0 || db->flush > db->completed || db->stopping;
        if (db->stopping || (due && db->first))
            return true;
        int64_t left = db->first ? db->lazy_since + LAZY_MS - clock_steady_ms() : EMPTY_MS;
        if (left <= 0)
            return true;
        if (db->scrub_due) {
            sleep_a_while(db, left < EMPTY_MS ? left : EMPTY_MS);
            return false;
        }
        /* Soon after work more of it comes: a lazy write of that time finds a sleeper who wakes in time by
         * himself, and need not wake him. */
        int64_t drowsy = db->awake_until - clock_steady_ms();
        if (db->first)
            sleep_a_while(db, left + 1);
        else if (drowsy > 0)
            sleep_a_while(db, drowsy);
        else {
            db->asleep = true;
            pthread_cond_wait(&db->work, &db->lock);
            db->asleep = false;
        }
    }
}

/* Takes the next group off the queue; *ret_count may be 0. False at the end. */
static bool take_group(struct db *db, struct db_write **ret_first, size_t *ret_count)
{
    size_t count = 0;
    pthread_mutex_lock(&db->lock);
    if (await_group(db)) {
        struct db_write **end = &db->first;
        for (; *end && count < DB_GROUP_MAX; end = &(*end)->next, count++)
            if (!(*end)->lazy)
                db->eager--;
        *ret_first = db->first;
        db->first = *end;
        if (db->first == NULL)
            db->last = &db->first;
        *end = NULL;
    }
    bool ended = db->stopping && count == 0;
    pthread_mutex_unlock(&db->lock);
    *ret_count = count;
    return !ended;
}

void *db_writer(void *user)
{
    struct db *db = user;
    struct db_write *first = NULL;
    size_t count;
    while (take_group(db, &first, &count)) {
        while (count > 0) {
            db_write_begins(db);
            size_t ran = run_group(db, first, count);
            db_write_ends(db);
            for (size_t i = 0; i < ran; i++) {
                struct db_write *write = first;
                first = first->next; /* before done: it may free the write */
                write->done(write, &db->results[i]);
            }
            count -= ran;
            pthread_mutex_lock(&db->lock);
            db->completed += ran;
            db->awake_until = clock_steady_ms() + LAZY_MS;
            pthread_cond_broadcast(&db->settled);
            pthread_mutex_unlock(&db->lock);
        }
        scrub_try(db);
    }
    return NULL;
}

static void submit(struct db *db, struct db_write *write, bool lazy)
{
    write->next = NULL;
    write->lazy = lazy;
    pthread_mutex_lock(&db->lock);
    if (db->first == NULL)
        db->lazy_since = clock_steady_ms();
    *db->last = write;
    db->last = &write->next;
    db->submitted++;
    if (!lazy)
        db->eager++;
    if (!lazy || db->asleep)
        pthread_cond_signal(&db->work);
    pthread_mutex_unlock(&db->lock);
}

void db_submit(struct db *db, struct db_write *write)
{
    submit(db, write, false);
}

void db_submit_lazy(struct db *db, struct db_write *write)
{
    submit(db, write, true);
}

/* A condition of its own: a group of many waiters wakes each of them once. */
struct waiter {
    struct db *db;
    pthread_cond_t told;
    bool ended;
    struct fault result;
};

static void wake_waiter(struct db_write *write, const struct fault *result)
{
    struct waiter *waiter = write->waiter;
    struct db *db = waiter->db; /* the waiter is gone once it may take the lock */
    pthread_mutex_lock(&db->lock);
    waiter->result = *result;
    waiter->ended = true;
    pthread_cond_signal(&waiter->told);
    pthread_mutex_unlock(&db->lock);
}

enum fault_code db_write_wait(struct db *db, struct db_write *write, struct fault *f)
{
    struct waiter waiter = { .db = db, .told = PTHREAD_COND_INITIALIZER };
    write->waiter = &waiter;
    write->done = wake_waiter;
    db_submit(db, write);
    pthread_mutex_lock(&db->lock);
    while (!waiter.ended)
        pthread_cond_wait(&waiter.told, &db->lock);
    pthread_mutex_unlock(&db->lock);
    pthread_cond_destroy(&waiter.told);
    if (waiter.result.code != FAULT_OK && f)
        *f = waiter.result;
    return waiter.result.code;
}

void db_flush(struct db *db)
{
    pthread_mutex_lock(&db->lock);
    uint64_t upto = db->submitted;
    if (db->flush < upto)
        db->flush = upto;
    pthread_cond_signal(&db->work);
    while (db->completed < upto)
        pthread_cond_wait(&db->settled, &db->lock);
    pthread_mutex_unlock(&db->lock);
}
