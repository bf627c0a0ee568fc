/* SPDX-License-Identifier: Apache-2.0 */
/* Statements, the pool of readers, opening and closing. The writer is writer.c; what is SQLite's own stands
 * in sqlite.c. */
#include "db/inner.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define READERS_DEFAULT 8

/* --- arguments --- */

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

/* --- statements --- */

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

void db_end_running(struct db_conn *conn)
{
    for (int i = 0; i < SQL_COUNT; i++)
        if (conn->running[i]) {
            engine->finish(conn->engine, i);
            conn->running[i] = false;
        }
}

/* --- readers --- */

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

/* Under the lock: it is in nobody's hands but its user's until db_read_end. */
static void lend(struct db *db, struct db_conn *conn)
{
    conn->lent = ++db->lends;
    conn->next = db->lent;
    db->lent = conn;
}

/* Lends an idle reader, or gives the right to make one (NULL); waits for either. */
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
    *ret_conn = db->idle;
    if (db->idle) {
        db->idle = db->idle->next;
        lend(db, *ret_conn);
    } else if (db->readers < db->options.readers) {
        db->readers++;
    } else {
        code = fault_set(f, FAULT_BUSY, "all catalog readers are busy");
    }
    pthread_mutex_unlock(&db->readers_lock);
    return code;
}

static enum fault_code lend_new(struct db *db, struct db_conn **ret_conn, struct fault *f)
{
    enum fault_code code = make_reader(db, ret_conn, f);
    pthread_mutex_lock(&db->readers_lock);
    if (code == FAULT_OK) {
        lend(db, *ret_conn);
    } else {
        db->readers--;
        pthread_cond_signal(&db->reader_idle);
    }
    pthread_mutex_unlock(&db->readers_lock);
    return code;
}

/* --- their snapshots --- */

static void drop_snapshot(struct db_conn *conn)
{
    if (conn->has_snapshot)
        engine->control(conn->engine, ENGINE_ROLLBACK, NULL);
    conn->has_snapshot = false;
}

static bool is_current(const struct db_conn *conn)
{
    return conn->has_snapshot && conn->newest != 0 && conn->newest == engine->newest(conn->engine);
}

/* Taking a snapshot costs as much as a look into it, and readers queue for its locks: so a reader that is
 * given back keeps its own as long as nobody commits. But those of idle readers would keep the write-ahead
 * log from starting anew. */
void db_write_begins(struct db *db)
{
    pthread_mutex_lock(&db->readers_lock);
    db->writing = true;
    for (struct db_conn *conn = db->idle; conn; conn = conn->next)
        drop_snapshot(conn);
    pthread_mutex_unlock(&db->readers_lock);
}

void db_write_ends(struct db *db)
{
    pthread_mutex_lock(&db->readers_lock);
    db->writing = false;
    pthread_mutex_unlock(&db->readers_lock);
}

enum fault_code db_read_begin(struct db *db, struct db_conn **ret_conn, struct fault *f)
{
    struct db_conn *conn = NULL;
    enum fault_code code = await_reader(db, &conn, f);
    if (code == FAULT_OK && conn == NULL)
        code = lend_new(db, &conn, f);
    if (code != FAULT_OK)
        return code;
    if (!is_current(conn)) {
        drop_snapshot(conn);
        conn->newest = engine->newest(conn->engine); /* before it: a commit in between makes it old */
        code = engine->control(conn->engine, ENGINE_BEGIN_READ, f);
        conn->has_snapshot = code == FAULT_OK;
    }
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
    db_end_running(conn);
    if (conn->trouble.code != FAULT_OK || atomic_load(&db->writing) || !is_current(conn))
        drop_snapshot(conn);
    conn->trouble.code = FAULT_OK;
    pthread_mutex_lock(&db->readers_lock);
    struct db_conn **link = &db->lent;
    while (*link != conn)
        link = &(*link)->next;
    *link = conn->next;
    conn->next = db->idle;
    db->idle = conn;
    if (db->writing)
        drop_snapshot(conn);
    pthread_cond_signal(&db->reader_idle);
    pthread_mutex_unlock(&db->readers_lock);
}

uint64_t db_read_mark(struct db *db)
{
    pthread_mutex_lock(&db->readers_lock);
    uint64_t mark = db->lends;
    pthread_mutex_unlock(&db->readers_lock);
    return mark;
}

bool db_read_passed(struct db *db, uint64_t mark)
{
    bool passed = true;
    pthread_mutex_lock(&db->readers_lock);
    for (const struct db_conn *conn = db->lent; conn; conn = conn->next)
        passed = passed && conn->lent > mark;
    pthread_mutex_unlock(&db->readers_lock);
    return passed;
}

/* --- open and close --- */

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
    /* A process that was killed may have left in the write-ahead log what it had destroyed. */
    db->scrub_due = code == FAULT_OK && engine->control(db->writer.engine, ENGINE_EMPTY, NULL) != FAULT_OK;
    if (code == FAULT_OK && pthread_create(&db->thread, NULL, db_writer, db) != 0)
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

/* --- whole files --- */

enum fault_code db_snapshot(struct db *db, const char *file, struct fault *f)
{
    return engine->snapshot(&db->options, file, f);
}

enum fault_code db_spare(struct db_conn *conn, int64_t *ret_bytes, struct fault *f)
{
    return engine->spare(conn->engine, ret_bytes, f);
}

enum fault_code db_inspect(const char *file, int *ret_version, struct fault *f)
{
    return engine->inspect(file, ret_version, f);
}
