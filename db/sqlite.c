/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite engine: connections, transactions and statements. The schema is sqlite_schema.c, whole files are
 * sqlite_file.c. */
#include "db/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAL_PAGES         2000            /* 16 MiB: a checkpoint after the commit that reaches it */
#define WAL_LONG          (8 * WAL_PAGES) /* readers keep it from starting anew: wait for them */
#define WAL_PATIENCE_MS   500
#define RETRY_MS          5
#define EMPTY_PATIENCE_MS 20

static enum fault_code translate(int rc)
{
    if (rc == SQLITE_IOERR_NOMEM)
        return FAULT_MEMORY;
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return FAULT_BUSY;
    case SQLITE_FULL:
        return FAULT_QUOTA;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return FAULT_DAMAGED;
    case SQLITE_CONSTRAINT:
        return FAULT_CONFLICT;
    case SQLITE_NOMEM:
        return FAULT_MEMORY;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return FAULT_IO;
    case SQLITE_TOOBIG:
        return FAULT_TOO_LARGE;
    default:
        return FAULT_INTERNAL;
    }
}

/* SQLite knows ENOSPC alone; a disk quota and a limit on file sizes are the same misfortune. A failed COMMIT
 * does not reach sqlite3_system_errno: callers clear errno before the call that may fail. */
static bool out_of_space(int rc, int error)
{
    if ((rc & 0xff) == SQLITE_FULL)
        return true;
    if (rc != SQLITE_IOERR_WRITE && rc != SQLITE_IOERR_FSYNC && rc != SQLITE_IOERR_TRUNCATE &&
        rc != SQLITE_IOERR_SHMSIZE)
        return false;
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

enum fault_code sqlite_failed(struct engine_conn *conn, int rc, const char *what, struct fault *f)
{
    if (out_of_space(rc, errno))
        return fault_set(f, FAULT_QUOTA, "the disk is full");
    return fault_set(f, translate(rc), "the catalog (%s): %s", what,
                     conn->db ? sqlite3_errmsg(conn->db) : sqlite3_errstr(rc));
}

enum fault_code sqlite_execute(struct engine_conn *conn, const char *sql, const char *what, struct fault *f)
{
    errno = 0;
    int rc = sqlite3_exec(conn->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? FAULT_OK : sqlite_failed(conn, rc, what, f);
}

enum fault_code sqlite_ask(struct engine_conn *conn, const char *sql, int64_t *ret_value, struct fault *f)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(conn->db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *ret_value = sqlite3_column_int64(stmt, 0);
    enum fault_code code = rc == SQLITE_ROW || rc == SQLITE_DONE ? FAULT_OK : sqlite_failed(conn, rc, sql, f);
    sqlite3_finalize(stmt);
    return code;
}

/* --- open and close --- */

/* SQLite would make the file with the umask's mode: its rows are nobody else's business. What it puts beside
 * the file takes the file's mode. */
static enum fault_code make_file(const char *file, struct fault *f)
{
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fault_set(f, FAULT_IO, "cannot make the catalog %s: %s", file, strerror(errno));
    close(fd);
    return FAULT_OK;
}

static enum fault_code find_file(const struct db_options *options, struct fault *f)
{
    if (access(options->file, F_OK) == 0)
        return FAULT_OK;
    if (errno != ENOENT)
        return fault_set(f, FAULT_IO, "cannot reach the catalog %s: %s", options->file, strerror(errno));
    if (options->create)
        return make_file(options->file, f);
    return fault_set(f, FAULT_ABSENT, "there is no catalog at %s: make one with cradled init", options->file);
}

/* A checkpoint goes as far as the oldest reader allows, and the WAL starts anew when nobody reads in it any
 * more. Until then one is tried now and then, not at each commit: it costs as much as many of them. Readers
 * that overlap without a pause would make the WAL grow for ever: from WAL_LONG on, the writer now and then
 * waits a moment for those that read, while new ones find all they need in the main file. A checkpoint that
 * fails loses nothing, and the commit before it stands. */
static int after_commit(void *user, sqlite3 *db, const char *name, int pages)
{
    struct engine_conn *conn = user;
    if (pages < WAL_PAGES) {
        conn->checkpoint_at = WAL_PAGES;
    } else if (pages < conn->checkpoint_at) {
        return SQLITE_OK;
    } else if (pages < WAL_LONG) {
        conn->checkpoint_at = pages + WAL_PAGES / 4;
        sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    } else {
        conn->checkpoint_at = pages + WAL_LONG;
        sqlite3_busy_timeout(db, WAL_PATIENCE_MS);
        sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
        sqlite3_busy_timeout(db, conn->busy_ms);
    }
    return SQLITE_OK;
}

/* Not every file system can: shared memory is needed beside the file. Two processes that open a new file at
 * once deny each other the switch without a wait: SQLite fears a deadlock. So one of them tries again. */
static enum fault_code write_ahead(struct engine_conn *conn, struct fault *f)
{
    sqlite3_stmt *stmt = NULL;
    bool wal = false;
    int rc = sqlite3_prepare_v2(conn->db, "PRAGMA journal_mode = WAL", -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    for (int waited = 0; (rc & 0xff) == SQLITE_BUSY && waited < conn->busy_ms; waited += RETRY_MS) {
        sqlite3_reset(stmt);
        sqlite3_sleep(RETRY_MS);
        rc = sqlite3_step(stmt);
    }
    if (rc == SQLITE_ROW)
        wal = strcmp((const char *)sqlite3_column_text(stmt, 0), "wal") == 0;
    enum fault_code code = FAULT_OK;
    if (rc != SQLITE_ROW)
        code = sqlite_failed(conn, rc, "write-ahead log", f);
    else if (!wal)
        code = fault_set(f, FAULT_IO, "the catalog's file system cannot hold a write-ahead log");
    sqlite3_finalize(stmt);
    return code;
}

static enum fault_code set_up_writer(struct engine_conn *conn, const struct db_options *options,
                                     int *ret_upgraded, struct fault *f)
{
    int version = 0;
    enum fault_code code = sqlite_identify(conn, options->file, &version, f);
    if (code == FAULT_OK && options->as_it_is && version < SQL_STEPS)
        code = fault_set(f, FAULT_CONFLICT, "from an older program (schema %d): start cradled once", version);
    /* A page of 8 KiB suits chunks of 64 KiB. Foreign keys sleep while a step rebuilds tables. */
    if (code == FAULT_OK)
        code = sqlite_execute(conn, "PRAGMA page_size = 8192; PRAGMA foreign_keys = OFF", "opening", f);
    if (code == FAULT_OK)
        code = write_ahead(conn, f);
    /* FULL syncs the WAL at each commit, which is what an acknowledgement means. The cache holds a group. */
    if (code == FAULT_OK)
        code = sqlite_execute(conn,
                              "PRAGMA synchronous = FULL; PRAGMA cache_size = -16384; "
                              "PRAGMA journal_size_limit = 67108864; PRAGMA secure_delete = FAST",
                              "opening", f);
    if (code == FAULT_OK && options->erase)
        code = sqlite_execute(conn, "PRAGMA secure_delete = ON", "opening", f);
    conn->erase = options->erase;
    if (code == FAULT_OK)
        code = sqlite_upgrade(conn, version, ret_upgraded, f);
    if (code == FAULT_OK)
        code = sqlite_execute(conn, "PRAGMA foreign_keys = ON", "opening", f);
    if (code == FAULT_OK)
        code = sqlite_mark(conn, f);
    if (code != FAULT_OK)
        return code;
    conn->checkpoint_at = WAL_PAGES;
    sqlite3_wal_hook(conn->db, after_commit, conn);
    return FAULT_OK;
}

static enum fault_code set_up_reader(struct engine_conn *conn, struct fault *f)
{
    enum fault_code code = sqlite_execute(conn, "PRAGMA query_only = ON; PRAGMA user_version", "opening", f);
    if (code == FAULT_OK)
        sqlite_find_index(conn);
    return code;
}

static enum fault_code set_up(struct engine_conn *conn, const struct db_options *options, struct fault *f)
{
    conn->busy_ms = options->busy_ms > INT_MAX ? INT_MAX : (int)options->busy_ms;
    sqlite3_busy_timeout(conn->db, conn->busy_ms);
    sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    /* Nothing of a row in temporary files; a mapped file would turn an I/O error into SIGBUS. */
    return sqlite_execute(conn,
                          "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; "
                          "PRAGMA temp_store = MEMORY",
                          "opening", f);
}

void sqlite_close(struct engine_conn *conn)
{
    if (conn == NULL)
        return;
    for (int i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(conn->prepared[i].stmt);
    for (int i = 0; i < ENGINE_CONTROLS; i++)
        sqlite3_finalize(conn->control[i]);
    sqlite3_close(conn->db);
    free(conn);
}

/* SQLite would count each allocation under one lock, which all readers then wait at; nobody asks for the
 * sums. */
static void count_no_memory(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

enum fault_code sqlite_connect(const struct db_options *options, struct engine_conn **ret_conn,
                               struct fault *f)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, count_no_memory);
    struct engine_conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    int rc = sqlite3_open_v2(options->file, &conn->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    enum fault_code code =
        rc == SQLITE_OK ? set_up(conn, options, f) : sqlite_failed(conn, rc, options->file, f);
    if (code == FAULT_OK)
        *ret_conn = conn;
    else
        sqlite_close(conn);
    return code;
}

static enum fault_code sqlite_open(const struct db_options *options, bool writer, int *ret_upgraded,
                                   struct engine_conn **ret_conn, struct fault *f)
{
    struct engine_conn *conn = NULL;
    enum fault_code code = find_file(options, f);
    if (code == FAULT_OK)
        code = sqlite_connect(options, &conn, f);
    if (code != FAULT_OK)
        return code;
    code = writer ? set_up_writer(conn, options, ret_upgraded, f) : set_up_reader(conn, f);
    if (code != FAULT_OK) {
        sqlite_close(conn);
        return code;
    }
    *ret_conn = conn;
    return FAULT_OK;
}

/* --- transactions --- */

static bool sqlite_inside(struct engine_conn *conn)
{
    return !sqlite3_get_autocommit(conn->db);
}

/* It waits for those who read, and holds writers up meanwhile: only for a moment, somebody tries again. */
static enum fault_code empty_log(struct engine_conn *conn, struct fault *f)
{
    sqlite3_busy_timeout(conn->db, EMPTY_PATIENCE_MS);
    int rc = sqlite3_wal_checkpoint_v2(conn->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(conn->db, conn->busy_ms);
    return rc == SQLITE_OK ? FAULT_OK : sqlite_failed(conn, rc, "checkpoint", f);
}

/* Two of these frame every look into the catalog: they are parsed once. */
static enum fault_code run_control(struct engine_conn *conn, enum engine_control what, const char *sql,
                                   struct fault *f)
{
    sqlite3_stmt **stmt = &conn->control[what];
    errno = 0;
    int rc = *stmt ? SQLITE_OK : sqlite3_prepare_v3(conn->db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(*stmt);
    enum fault_code code = rc == SQLITE_DONE ? FAULT_OK : sqlite_failed(conn, rc, "transaction", f);
    sqlite3_reset(*stmt);
    return code;
}

static enum fault_code sqlite_control(struct engine_conn *conn, enum engine_control what, struct fault *f)
{
    static const char *const words[ENGINE_CONTROLS] = {
        [ENGINE_BEGIN_READ] = "BEGIN",
        [ENGINE_BEGIN_WRITE] = "BEGIN IMMEDIATE",
        [ENGINE_COMMIT] = "COMMIT",
        [ENGINE_ROLLBACK] = "ROLLBACK",
        [ENGINE_SAVE] = "SAVEPOINT one",
        [ENGINE_RELEASE] = "RELEASE one",
        [ENGINE_UNDO] = "ROLLBACK TO one; RELEASE one",
        [ENGINE_SCRUB] = "PRAGMA secure_delete = ON",
        [ENGINE_NO_SCRUB] = "PRAGMA secure_delete = FAST",
    };
    if (what == ENGINE_EMPTY)
        return empty_log(conn, f);
    if (what == ENGINE_NO_SCRUB && conn->erase)
        return FAULT_OK;
    if (what == ENGINE_ROLLBACK && !sqlite_inside(conn))
        return FAULT_OK;
    enum fault_code code = what == ENGINE_COMMIT ? sqlite_in_place(conn, f) : FAULT_OK;
    if (code != FAULT_OK)
        return code;
    bool is_single = what != ENGINE_UNDO && what != ENGINE_SCRUB && what != ENGINE_NO_SCRUB;
    return is_single ? run_control(conn, what, words[what], f)
                     : sqlite_execute(conn, words[what], "transaction", f);
}

/* --- statements --- */

static enum fault_code sqlite_prepare(struct engine_conn *conn, int statement, struct fault *f)
{
    struct prepared *p = &conn->prepared[statement];
    const struct sql_statement *sql = &sql_statements[statement];
    if (p->stmt)
        return FAULT_OK;
    sqlite3_stmt *stmt = NULL;
    const char *rest = NULL;
    int rc = sqlite3_prepare_v3(conn->db, sql->text, -1, SQLITE_PREPARE_PERSISTENT, &stmt, &rest);
    if (rc != SQLITE_OK)
        return sqlite_failed(conn, rc, sql->name, f);
    enum fault_code code = FAULT_OK;
    size_t params = strlen(sql->params);
    if (stmt == NULL || params > PARAMS_MAX || sqlite3_bind_parameter_count(stmt) != (int)params ||
        sqlite3_column_count(stmt) != (int)strlen(sql->columns) || rest[strspn(rest, " \t\n")] != '\0')
        code = fault_set(f, FAULT_INTERNAL, "the SQL statement %s is not what its header says", sql->name);
    for (size_t i = 0; code == FAULT_OK && i < params; i++) {
        char name[24];
        snprintf(name, sizeof name, "$%zu", i + 1);
        p->index[i] = sqlite3_bind_parameter_index(stmt, name);
        if (p->index[i] == 0)
            code = fault_set(f, FAULT_INTERNAL, "the SQL statement %s has no parameter %s", sql->name, name);
    }
    if (code == FAULT_OK)
        p->stmt = stmt;
    else
        sqlite3_finalize(stmt);
    return code;
}

static int bind_one(sqlite3_stmt *stmt, int index, const struct db_arg *arg, bool stay)
{
    void (*const lifetime)(void *) = stay ? SQLITE_STATIC : SQLITE_TRANSIENT;
    if (arg->type == 'i')
        return sqlite3_bind_int64(stmt, index, arg->i);
    if (arg->type == 'n' || arg->p == NULL)
        return sqlite3_bind_null(stmt, index);
    if (arg->type == 't')
        return sqlite3_bind_text64(stmt, index, arg->p, arg->n, lifetime, SQLITE_UTF8);
    return sqlite3_bind_blob64(stmt, index, arg->p, arg->n, lifetime);
}

static enum fault_code sqlite_start(struct engine_conn *conn, int statement, struct db_args args, bool stay,
                                    struct fault *f)
{
    enum fault_code code = sqlite_prepare(conn, statement, f);
    if (code != FAULT_OK)
        return code;
    struct prepared *p = &conn->prepared[statement];
    for (size_t i = 0; i < args.count; i++) {
        int rc = bind_one(p->stmt, p->index[i], &args.arg[i], stay);
        if (rc != SQLITE_OK)
            return sqlite_failed(conn, rc, sql_statements[statement].name, f);
    }
    return FAULT_OK;
}

static int sqlite_step(struct engine_conn *conn, int statement, struct fault *f)
{
    errno = 0;
    int rc = sqlite3_step(conn->prepared[statement].stmt);
    if (rc == SQLITE_ROW)
        return 1;
    if (rc == SQLITE_DONE)
        return 0;
    sqlite_failed(conn, rc, sql_statements[statement].name, f);
    return -1;
}

static void sqlite_finish(struct engine_conn *conn, int statement)
{
    sqlite3_stmt *stmt = conn->prepared[statement].stmt;
    if (stmt) {
        sqlite3_reset(stmt);
        sqlite3_clear_bindings(stmt);
    }
}

static int64_t sqlite_changes(struct engine_conn *conn)
{
    return sqlite3_changes64(conn->db);
}

static void sqlite_column(struct engine_conn *conn, int statement, int column, struct db_arg *ret_value)
{
    sqlite3_stmt *stmt = conn->prepared[statement].stmt;
    *ret_value = (struct db_arg){ .type = sql_statements[statement].columns[column] };
    if (sqlite3_column_type(stmt, column) == SQLITE_NULL) {
        ret_value->type = 'n';
    } else if (ret_value->type == 'i') {
        ret_value->i = sqlite3_column_int64(stmt, column);
    } else {
        ret_value->p = ret_value->type == 't' ? (const void *)sqlite3_column_text(stmt, column)
                                              : sqlite3_column_blob(stmt, column);
        ret_value->n = (size_t)sqlite3_column_bytes(stmt, column);
    }
}

const struct engine engine_sqlite = {
    .open = sqlite_open,
    .close = sqlite_close,
    .control = sqlite_control,
    .inside = sqlite_inside,
    .newest = sqlite_newest,
    .prepare = sqlite_prepare,
    .start = sqlite_start,
    .step = sqlite_step,
    .finish = sqlite_finish,
    .changes = sqlite_changes,
    .column = sqlite_column,
    .spare = sqlite_spare,
    .snapshot = sqlite_snapshot,
    .inspect = sqlite_inspect,
};
