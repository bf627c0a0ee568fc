/* SPDX-License-Identifier: Apache-2.0 */
/* The catalog's storage: rows, not their meaning. Named statements (db/sql/NAME.sql → SQL_NAME, all with a
 * signature), one writer that commits in groups, many readers beside it. SQL stands only in db/sql/,
 * sqlite3_* only in db/sqlite*.c. Floor 1.
 *
 * Threads: db_read_begin/db_read_end lend a reader to one thread at a time; db_submit is called on any
 * thread; the functions of a struct db_write run on the writer thread.
 *
 * Durability: SQLite in WAL mode with synchronous=FULL. A write's `done` is called after the commit that
 * holds it is on disk. */
#ifndef CRADLE_DB_H
#define CRADLE_DB_H

#include "base/fault.h"
#include "db/sql.h" /* generated: enum db_statement { SQL_… } */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct db_conn; /* a reader, or the writer inside a transaction */

struct db_options {
    const char *file;
    size_t readers;  /* at most that many at once; others wait. 0: 8 */
    bool create;     /* make the file when missing (cradled init); otherwise FAULT_ABSENT */
    bool erase;      /* what is deleted is overwritten: for a copy that leaves the house */
    bool as_it_is;   /* an older schema is FAULT_CONFLICT, and is not brought up to date */
    int64_t busy_ms; /* how long to wait for another process's lock; then FAULT_BUSY */
};
/* Opens, upgrades the schema step by step, prepares every statement once (a slip stops the start), starts the
 * writer. FAULT_CONFLICT: the schema is newer than this program. *ret_upgraded (may be NULL) is the number of
 * steps taken. */
enum fault_code db_open(const struct db_options *options, struct db **ret_db, int *ret_upgraded,
                        struct fault *f);
/* Commits what is queued, checkpoints, closes. Takes NULL. */
void db_close(struct db *db);

/* --- arguments and rows --- */

struct db_arg {
    char type; /* 'i' 't' 'b' 'n'(NULL) as in the statement's signature; 't' and 'b' with a NULL pointer bind
                  NULL */
    int64_t i;
    const void *p; /* borrowed for the call */
    size_t n;
};
struct db_args {
    size_t count;
    const struct db_arg *arg;
};
struct db_arg db_int(int64_t value);
struct db_arg db_text(const char *text);
struct db_arg db_blob(const void *data, size_t n);
struct db_arg db_null(void);
/* DB_ARGS(db_text(mac), db_int(now)): $1, $2, … */
#define DB_ARGS(...)                                                                     \
    ((struct db_args){ sizeof((struct db_arg[]){ __VA_ARGS__ }) / sizeof(struct db_arg), \
                       (const struct db_arg[]){ __VA_ARGS__ } })
#define DB_NONE ((struct db_args){ 0, NULL })

/* A running statement: `struct db_rows rows; db_select(…, &rows, f); while (db_next(&rows)) …; code =
 * db_end(&rows, f);` db_end is always called, and gives the error that ended the loop, if any. One at a time
 * for each (conn, statement). */
struct db_rows {
    struct db_conn *conn;
    int statement;
    void *engine;
    enum fault_code code;
    struct fault fault;
};
void db_select(struct db_conn *conn, enum db_statement statement, struct db_args args, struct db_rows *rows);
bool db_next(struct db_rows *rows);
int64_t db_row_int(struct db_rows *rows, int column); /* 0 for NULL */
bool db_row_is_null(struct db_rows *rows, int column);
const char *db_row_text(struct db_rows *rows, int column); /* "" for NULL; borrowed until db_next */
const void *db_row_blob(struct db_rows *rows, int column, size_t *ret_n);
enum fault_code db_end(struct db_rows *rows, struct fault *f);
/* A statement without rows, or whose rows do not matter. *ret_changes (may be NULL): rows changed. */
enum fault_code db_run(struct db_conn *conn, enum db_statement statement, struct db_args args,
                       int64_t *ret_changes, struct fault *f);

/* --- reading --- */

/* Lends a reader whose statements see one snapshot until db_read_end. Waits while all are lent; FAULT_BUSY
 * after busy_ms. */
enum fault_code db_read_begin(struct db *db, struct db_conn **ret_conn, struct fault *f);
void db_read_end(struct db *db, struct db_conn *conn); /* takes NULL */
/* A mark, and whether every reader that was lent before it has been given back since: then nobody's snapshot
 * is older than the mark. */
uint64_t db_read_mark(struct db *db);
bool db_read_passed(struct db *db, uint64_t mark);
/* Is the write-ahead log still to be emptied after a db_scrub? */
bool db_scrubbing(struct db *db);

/* --- writing --- */

/* One unit of writing, all or nothing: part of its owner's struct, must live until `done` was called.
 * `run` may read and write through conn; what it returns other than FAULT_OK undoes its own changes, not its
 * group's. */
struct db_write {
    enum fault_code (*run)(struct db_conn *conn, struct db_write *write, struct fault *f);
    /* On the writer thread: after the commit (result->code FAULT_OK), or when run or the commit failed. Must
     * not block. May free the write. */
    void (*done)(struct db_write *write, const struct fault *result);
    /* the writer's while queued */
    struct db_write *next;
    void *waiter;
    bool lazy;
};
/* Inside a write's run, before it deletes: what this write, and the others of its group, delete is
 * overwritten in the file, and after the commit the write-ahead log is emptied as soon as readers let it, so
 * that nothing of it is left beside the file either. For keys, whose destruction destroys what they sealed.
 */
void db_scrub(struct db_conn *conn);

/* Queues; commits come as soon as the writer is free, with all that is queued by then. */
void db_submit(struct db *db, struct db_write *write);
/* Queues for the next commit that somebody else causes, or a few seconds later: no fsync of its own. All
 * writes run in the order of submission, lazy or not. */
void db_submit_lazy(struct db *db, struct db_write *write);
/* Submits and waits (workers and commands; never on a loop, never on the writer). `done` is not used. */
enum fault_code db_write_wait(struct db *db, struct db_write *write, struct fault *f);
/* Commits lazily queued writes now and waits. For tests and shutdown. */
void db_flush(struct db *db);

/* --- whole files --- */

/* Copies the catalog as it is now to a new file (mode 0600), while it is read and written: a database of its
 * own, without what was deleted. Needs as much free space as the catalog has in use; the catalog's WAL grows
 * meanwhile, for nothing that the copy still reads can be written back. FAULT_CONFLICT: file is there.
 * FAULT_QUOTA: the disk is full. Nothing is left of a copy that failed. Blocking. */
enum fault_code db_snapshot(struct db *db, const char *file, struct fault *f);
/* Bytes of the file that hold nothing, and take what is stored next: it does not shrink. */
enum fault_code db_spare(struct db_conn *conn, int64_t *ret_bytes, struct fault *f);

/* Is this file, which may come from anybody, a whole catalog and nothing else: one of ours, its tables and
 * indexes exactly those of its version (no trigger, view or further table), its pages and rows consistent?
 * Nothing in it is run or changed. *ret_version: its schema, 1 to SQL_STEPS. FAULT_DAMAGED, FAULT_CONFLICT
 * (another program's, or newer). */
enum fault_code db_inspect(const char *file, int *ret_version, struct fault *f);

#endif
