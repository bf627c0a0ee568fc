/* SPDX-License-Identifier: Apache-2.0 */
/* What sqlite.c (connections and statements), sqlite_schema.c, sqlite_file.c (whole files) and sqlite_index.c
 * (who committed) share: the only files that know sqlite3_*. Floor 1, private to db/. */
#ifndef CRADLE_SQLITE_H
#define CRADLE_SQLITE_H

#include "db/engine.h"

#include <sqlite3.h>
#include <stdint.h>
#include <sys/types.h>

#define APPLICATION_ID 0x43524144 /* "CRAD" */
#define PARAMS_MAX     24

struct prepared {
    sqlite3_stmt *stmt;
    int index[PARAMS_MAX]; /* of $1, $2, … */
};
/* Which file a name led to. */
struct place {
    const char *file; /* SQLite's string */
    dev_t device;
    ino_t inode;
};
struct engine_conn {
    sqlite3 *db;
    int busy_ms;
    int checkpoint_at;              /* pages in the WAL */
    bool erase;                     /* whatever is deleted is overwritten */
    struct place main, wal;         /* the writer's */
    const struct index_head *index; /* a reader's; NULL: not found */
    struct prepared prepared[SQL_COUNT + 1];
    sqlite3_stmt *control[ENGINE_CONTROLS]; /* those that are one statement, once they were needed */
};

/* The fault of a call that gave rc; `what` it was about. */
enum fault_code sqlite_failed(struct engine_conn *conn, int rc, const char *what, struct fault *f);
enum fault_code sqlite_execute(struct engine_conn *conn, const char *sql, const char *what, struct fault *f);
/* *ret_value is the first column of the first row; untouched when there is none. */
enum fault_code sqlite_spare(struct engine_conn *conn, int64_t *ret_bytes, struct fault *f);
enum fault_code sqlite_ask(struct engine_conn *conn, const char *sql, int64_t *ret_value, struct fault *f);
/* Whose file it is, before anything in it is changed. */
enum fault_code sqlite_identify(struct engine_conn *conn, const char *file, int *ret_version,
                                struct fault *f);
/* Takes the steps above `version`; *ret_taken (may be NULL): how many. */
enum fault_code sqlite_upgrade(struct engine_conn *conn, int version, int *ret_taken, struct fault *f);
/* Opens a file that is there, and makes the connection careful; neither a writer nor a reader yet. */
enum fault_code sqlite_connect(const struct db_options *options, struct engine_conn **ret_conn,
                               struct fault *f);
void sqlite_close(struct engine_conn *conn); /* takes NULL */
/* Remembers where the open catalog and its write-ahead log lie; then FAULT_DAMAGED when they lie there no
 * more: SQLite would go on with files that nobody finds again. */
enum fault_code sqlite_mark(struct engine_conn *conn, struct fault *f);
enum fault_code sqlite_in_place(const struct engine_conn *conn, struct fault *f);
/* For sqlite_newest, once the connection has read something and thereby joined the write-ahead log. */
void sqlite_find_index(struct engine_conn *conn);

/* struct engine */
enum fault_code sqlite_snapshot(const struct db_options *options, const char *file, struct fault *f);
enum fault_code sqlite_inspect(const char *file, int *ret_version, struct fault *f);
uint64_t sqlite_newest(struct engine_conn *conn);

#endif
