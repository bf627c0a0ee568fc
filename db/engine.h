/* SPDX-License-Identifier: Apache-2.0 */
/* What db.c needs of a database engine; SQLite is sqlite.c. A connection belongs to one thread at a time.
 * Floor 1, private to db/. */
#ifndef CRADLE_ENGINE_H
#define CRADLE_ENGINE_H

#include "base/fault.h"
#include "db/db.h"
#include <stdbool.h>

enum engine_control {
    ENGINE_BEGIN_READ,  /* one snapshot until COMMIT */
    ENGINE_BEGIN_WRITE, /* takes the write lock now */
    ENGINE_COMMIT,      /* the writer; FAULT_OK: on disk, in files that are found again */
    ENGINE_ROLLBACK,    /* also when the engine has rolled back by itself */
    ENGINE_SAVE,        /* a savepoint: RELEASE keeps, UNDO takes back what came after it */
    ENGINE_RELEASE,
    ENGINE_UNDO,
    ENGINE_SCRUB,    /* the writer: from here on what is deleted is overwritten */
    ENGINE_NO_SCRUB, /* where that costs no write of its own */
    ENGINE_EMPTY,    /* outside of a transaction: all into the file, the write-ahead log cut to nothing;
                        FAULT_BUSY while a reader needs it, after a short wait */
    ENGINE_CONTROLS
};

struct engine_conn;
struct engine {
    /* The writer makes the file (mode 0600) when options->create, and brings the schema up to date. */
    enum fault_code (*open)(const struct db_options *options, bool writer, int *ret_upgraded,
                            struct engine_conn **ret_conn, struct fault *f);
    void (*close)(struct engine_conn *conn); /* takes NULL */
    enum fault_code (*control)(struct engine_conn *conn, enum engine_control what, struct fault *f);
    /* Is a transaction open? False after the engine rolled back by itself (disk full, I/O error). */
    bool (*inside)(struct engine_conn *conn);
    /* The newest commit, whoever made it: a transaction that begins now sees it, or a newer one. 0: cannot be
     * told. No lock, no call into the kernel. A reader's. */
    uint64_t (*newest)(struct engine_conn *conn);
    /* Prepares a statement unless it is, and holds its signature against the engine's own view. */
    enum fault_code (*prepare)(struct engine_conn *conn, int statement, struct fault *f);
    /* Prepares, binds (stay: the arguments stay where they are until finish); then step: 1 a row, 0 the end,
     * -1 failed; then finish, always. */
    enum fault_code (*start)(struct engine_conn *conn, int statement, struct db_args args, bool stay,
                             struct fault *f);
    int (*step)(struct engine_conn *conn, int statement, struct fault *f);
    void (*finish)(struct engine_conn *conn, int statement);
    int64_t (*changes)(struct engine_conn *conn);
    void (*column)(struct engine_conn *conn, int statement, int column, struct db_arg *ret_value);
    /* db_spare, db_snapshot and db_inspect. */
    enum fault_code (*spare)(struct engine_conn *conn, int64_t *ret_bytes, struct fault *f);
    enum fault_code (*snapshot)(const struct db_options *options, const char *file, struct fault *f);
    enum fault_code (*inspect)(const char *file, int *ret_version, struct fault *f);
};

extern const struct engine engine_sqlite;

#endif
