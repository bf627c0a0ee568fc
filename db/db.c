/* SPDX-License-Identifier: Apache-2.0 */
/* Statements, the pool of readers, and the one writer that commits in groups. What is SQLite's own stands in
 * sqlite.c. */
#include "db/db.h"

#include "base/clock.h"
#include "db/engine.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GROUP_MAX       256
#define LAZY_MS         5000
#define READERS_DEFAULT 8

static const struct engine *const engine = &engine_sqlite;

struct db_conn {
    struct engine_conn *engine;
    struct db_conn *next;        /* in the list of idle readers */
    bool running[SQL_COUNT + 1]; /* between db_select and db_end */
    struct fault trouble;        /* the engine's latest */
};

struct db {
    struct db_options options;
    char file[512];

    pthread_mutex_t readers_lock;
    pthread_cond_t reader_idle;
    struct db_conn *idle;
    size_t readers; /* made so far */

    pthread_mutex_t lock; /* what follows, but for writer and results, which are the writer thread's */
    pthread_cond_t work, settled;
    struct db_write *first, **last;
    size_t eager;       /* queued writes that somebody waits for */
    int64_t lazy_since; /* steady ms; when the oldest lazy one came */
    uint64_t submitted, completed;
    uint64_t flush; /* commit at least up to this one now */
    bool stopping;

    pthread_t thread;
    struct db_conn writer;
    struct fault results[GROUP_MAX];
};

/* --- arguments ------------------------------------------------------------ */

struct db_arg db_int(int64_t value)
{
    return (struct db_arg){ .type = 'i', .i = value };
}

struct db_arg db_text(const char *text)
{
    return (struct db_arg){ .type = 't', .p = text, .n = text ? strlen(text) : 0 };
}

struct db_arg db_blob(const void *data, size_t n)
{
    return (struct db_arg){ .type = 'b', .p = data, .n = n };
}

struct db_arg db_null(void)
{
    return (struct db_arg){ .type = 'n' };
}

/* Binding by hand is where slips happen: they must not reach the engine. */
static enum fault_code check_args(int statement, struct db_args args, struct fault *f)
{
    const struct sql_statement *sql = &sql_statements[statement];
    if (args.count != strlen(sql->params))
        return fault_set(f, FAULT_INTERNAL, "the SQL statement %s was given %zu parameters", sql->name,
                         args.count);
    for (size_t i = 0; i < args.count; i++)
        if (args.arg[i].type != sql->params[i] && args.arg[i].type != 'n')
            return fault_set(f, FAULT_INTERNAL, "the SQL statement %s was given a wrong type for $%zu",
                             sql->name, i + 1);
    return FAULT_OK;
}

/* --- statements ------------------------------------------------------------ */

static void start(struct db_conn *conn, enum db_statement statement, struct db_args args, bool stay,
                  struct db_rows *rows)
{
    *rows = (struct db_rows){ .conn = conn, .statement = (int)statement };
    if (conn->running[statement]) {
        rows->code = fault_set(&rows->fault, FAULT_INTERNAL, "the SQL statement %s runs already",
                               sql_statements[statement].name);
        rows->conn = NULL;
        return;
    }
    rows->code = check_args((int)statement, args, &rows->fault);
    if (rows->code != FAULT_OK)
        return;
    rows->code = engine->start(conn->engine, (int)statement, args, stay, &rows->fault);
    if (rows->code != FAULT_OK)
        conn->trouble = rows->fault;
    conn->running[statement] = true;
}

void db_select(struct db_conn *conn, enum db_statement statement, struct db_args args, struct db_rows *rows)
{
    start(conn, statement, args, false, rows);
}

bool db_next(struct db_rows *rows)
{
    if (rows->code != FAULT_OK)
        return false;
    int got = engine->step(rows->conn->engine, rows->statement, &rows->fault);
    if (got < 0) {
        rows->code = rows->fault.code;
        rows->conn->trouble = rows->fault;
    }
    return got > 0;
}

enum fault_code db_end(struct db_rows *rows, struct fault *f)
{
    if (rows->conn && rows->conn->running[rows->statement]) {
        engine->finish(rows->conn->engine, rows->statement);
        rows->conn->running[rows->statement] = false;
    }
    rows->conn = NULL;
    if (rows->code != FAULT_OK && f)
        *f = rows->fault;
    return rows->code;
}

/* A column read as what it is not would look like 0 or "": the loop ends instead, and db_end tells. */
static struct db_arg column_value(struct db_rows *rows, int column, const char *types)
{
    struct db_arg value = db_null();
    const struct sql_statement *sql = &sql_statements[rows->statement];
    if (column >= 0 && column < (int)strlen(sql->columns) && strchr(types, sql->columns[column]))
        engine->column(rows->conn->engine, rows->statement, column, &value);
    else
        rows->code =
            fault_set(&rows->fault, FAULT_INTERNAL, "column %d of the SQL statement %s is not of type %s",
                      column, sql->name, types);
    return value;
}

int64_t db_row_int(struct db_rows *rows, int column)
{
    return column_value(rows, column, "i").i;
}

bool db_row_is_null(struct db_rows *rows, int column)
{
    return column_value(rows, column, "itb").type == 'n';
}

const char *db_row_text(struct db_rows *rows, int column)
{
    struct db_arg value = column_value(rows, column, "t");
    return value.p ? value.p : "";
}

const void *db_row_blob(struct db_rows *rows, int column, size_t *ret_n)
{
    struct db_arg value = column_value(rows, column, "b");
    *ret_n = value.n;
    return value.p;
}

enum fault_code db_run(struct db_conn *conn, enum db_statement statement, struct db_args args,
                       int64_t *ret_changes, struct fault *f)
{
    struct db_rows rows;
    start(conn, statement, args, true, &rows);
    while (db_next(&rows))
        continue;
    int64_t changes = rows.code == FAULT_OK ? engine->changes(conn->engine) : 0;
    enum fault_code code = db_end(&rows, f);
    if (code == FAULT_OK && ret_changes)
        *ret_changes = changes;
    return code;
}

static void end_running(struct db_conn *conn)
{
    for (int i = 0; i < SQL_COUNT; i++)
        if (conn->running[i]) {
            engine->finish(conn->engine, i);
            conn->running[i] = false;
        }
}

/* --- readers ------------------------------------------------------------ */

static enum fault_code make_reader(struct db *db, struct db_conn **ret_conn, struct fault *f)
{
    struct db_conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    struct fault why = { 0 };
    enum fault_code code = engine->open(&db->options, false, NULL, &conn->engine, &why);
    if (code == FAULT_OK) {
        *ret_conn = conn;
        return code;
    }
    free(conn);
    /* A catalog that went away under us proves nothing about what is in it. */
    return fault_set(f, code == FAULT_ABSENT ? FAULT_IO : code, "%s", why.text);
}

/* Takes an idle reader, or the right to make one; waits for either. */
static enum fault_code await_reader(struct db *db, struct db_conn **ret_conn, struct fault *f)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += db->options.busy_ms / 1000;
    until.tv_nsec += db->options.busy_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    enum fault_code code = FAULT_OK;
    pthread_mutex_lock(&db->readers_lock);
    int waited = 0;
    while (db->idle == NULL && db->readers == db->options.readers && waited == 0)
        waited = pthread_cond_timedwait(&db->reader_idle, &db->readers_lock, &until);
    if (db->idle == NULL && db->readers == db->options.readers) {
        code = fault_set(f, FAULT_BUSY, "all catalog readers are busy");
    } else {
        *ret_conn = db->idle;
        if (db->idle)
            db->idle = db->idle->next;
        else
            db->readers++;
    }
    pthread_mutex_unlock(&db->readers_lock);
    return code;
}

enum fault_code db_read_begin(struct db *db, struct db_conn **ret_conn, struct fault *f)
{
    struct db_conn *conn = NULL;
    enum fault_code code = await_reader(db, &conn, f);
    if (code != FAULT_OK)
        return code;
    if (conn == NULL && (code = make_reader(db, &conn, f)) != FAULT_OK) {
        pthread_mutex_lock(&db->readers_lock);
        db->readers--;
        pthread_cond_signal(&db->reader_idle);
        pthread_mutex_unlock(&db->readers_lock);
        return code;
    }
    code = engine->control(conn->engine, ENGINE_BEGIN_READ, f);
    if (code == FAULT_OK)
        *ret_conn = conn;
    else
        db_read_end(db, conn);
    return code;
}

void db_read_end(struct db *db, struct db_conn *conn)
{
    if (conn == NULL)
        return;
    end_running(conn);
    engine->control(conn->engine, ENGINE_ROLLBACK, NULL);
    pthread_mutex_lock(&db->readers_lock);
    conn->next = db->idle;
    db->idle = conn;
    pthread_cond_signal(&db->reader_idle);
    pthread_mutex_unlock(&db->readers_lock);
}

/* --- the writer ------------------------------------------------------------ */

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
    end_running(&db->writer);
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
    return ran;
}

/* Takes the next group off the queue, waiting until somebody waits for one; 0 at the end. */
static size_t take_group(struct db *db, struct db_write **ret_first)
{
    pthread_mutex_lock(&db->lock);
    for (;;) {
        bool due = db->eager > 0 || db->flush > db->completed || db->stopping;
        if (due || db->first == NULL) {
            if (db->first || db->stopping)
                break;
            pthread_cond_wait(&db->work, &db->lock);
            continue;
        }
        int64_t left = db->lazy_since + LAZY_MS - clock_steady_ms();
        if (left <= 0)
            break;
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += left / 1000 + 1;
        pthread_cond_timedwait(&db->work, &db->lock, &until);
    }
    size_t count = 0;
    struct db_write **end = &db->first;
    for (; *end && count < GROUP_MAX; end = &(*end)->next, count++)
        if (!(*end)->lazy)
            db->eager--;
    *ret_first = db->first;
    db->first = *end;
    if (db->first == NULL)
        db->last = &db->first;
    *end = NULL;
    pthread_mutex_unlock(&db->lock);
    return count;
}

static void *writer_thread(void *user)
{
    struct db *db = user;
    struct db_write *first = NULL;
    size_t count;
    while ((count = take_group(db, &first)) > 0) {
        while (count > 0) {
            size_t ran = run_group(db, first, count);
            for (size_t i = 0; i < ran; i++) {
                struct db_write *write = first;
                first = first->next; /* before done: it may free the write */
                write->done(write, &db->results[i]);
            }
            count -= ran;
            pthread_mutex_lock(&db->lock);
            db->completed += ran;
            pthread_cond_broadcast(&db->settled);
            pthread_mutex_unlock(&db->lock);
        }
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

/* --- open and close ------------------------------------------------------------ */

static void init_locks(struct db *db)
{
    pthread_condattr_t steady;
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_mutex_init(&db->lock, NULL);
    pthread_mutex_init(&db->readers_lock, NULL);
    pthread_cond_init(&db->work, &steady);
    pthread_cond_init(&db->settled, &steady);
    pthread_cond_init(&db->reader_idle, &steady);
    pthread_condattr_destroy(&steady);
}

static void free_db(struct db *db)
{
    engine->close(db->writer.engine);
    pthread_mutex_destroy(&db->lock);
    pthread_mutex_destroy(&db->readers_lock);
    pthread_cond_destroy(&db->work);
    pthread_cond_destroy(&db->settled);
    pthread_cond_destroy(&db->reader_idle);
    free(db);
}

enum fault_code db_open(const struct db_options *options, struct db **ret_db, int *ret_upgraded,
                        struct fault *f)
{
    struct db *db = calloc(1, sizeof *db);
    if (db == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    init_locks(db);
    db->last = &db->first;
    db->options = *options;
    if (db->options.readers == 0)
        db->options.readers = READERS_DEFAULT;
    enum fault_code code = FAULT_OK;
    size_t length = strlen(options->file);
    if (length >= sizeof db->file)
        code = fault_set(f, FAULT_INPUT, "the catalog's name is too long: %s", options->file);
    else
        memcpy(db->file, options->file, length + 1);
    db->options.file = db->file;
    int upgraded = 0;
    if (code == FAULT_OK)
        code = engine->open(&db->options, true, &upgraded, &db->writer.engine, f);
    for (int i = 0; code == FAULT_OK && i < SQL_COUNT; i++)
        code = engine->prepare(db->writer.engine, i, f);
    if (code == FAULT_OK && pthread_create(&db->thread, NULL, writer_thread, db) != 0)
        code = fault_set(f, FAULT_MEMORY, "cannot start the catalog's writer thread");
    if (code != FAULT_OK) {
        free_db(db);
        return code;
    }
    pthread_setname_np(db->thread, "cradle-writer");
    if (ret_upgraded)
        *ret_upgraded = upgraded;
    *ret_db = db;
    return FAULT_OK;
}

void db_close(struct db *db)
{
    if (db == NULL)
        return;
    pthread_mutex_lock(&db->lock);
    db->stopping = true;
    pthread_cond_signal(&db->work);
    pthread_mutex_unlock(&db->lock);
    pthread_join(db->thread, NULL);
    while (db->idle) {
        struct db_conn *conn = db->idle;
        db->idle = conn->next;
        engine->close(conn->engine);
        free(conn);
    }
    free_db(db);
}
