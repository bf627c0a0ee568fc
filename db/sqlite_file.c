/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite engine, whole files: whether they are still in their place, copying one that is in use, and
 * judging one that comes from outside. */
#include "db/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INSPECT_BUSY_MS 1000

/* --- in their place --- */

static enum fault_code mark(const char *file, struct place *ret_place, struct fault *f)
{
    struct stat st;
    if (stat(file, &st) != 0)
        return fault_set(f, FAULT_IO, "cannot find the catalog's %s: %s", file, strerror(errno));
    *ret_place = (struct place){ file, st.st_dev, st.st_ino };
    return FAULT_OK;
}

enum fault_code sqlite_mark(struct engine_conn *conn, struct fault *f)
{
    const char *file = sqlite3_db_filename(conn->db, "main");
    int64_t version;
    /* The first look makes the log. */
    enum fault_code code = sqlite_ask(conn, "PRAGMA user_version", &version, f);
    if (code == FAULT_OK)
        code = mark(file, &conn->main, f);
    return code == FAULT_OK ? mark(sqlite3_filename_wal(file), &conn->wal, f) : code;
}

static enum fault_code check_place(const struct place *place, struct fault *f)
{
    struct stat st;
    if (stat(place->file, &st) == 0 && st.st_dev == place->device && st.st_ino == place->inode)
        return FAULT_OK;
    return fault_set(
        f, FAULT_DAMAGED,
        "%s was removed or replaced while it is open: put it back, or restart cradled with what is "
        "to be its catalog",
        place->file);
}

enum fault_code sqlite_in_place(const struct engine_conn *conn, struct fault *f)
{
    enum fault_code code = check_place(&conn->main, f);
    return code == FAULT_OK ? check_place(&conn->wal, f) : code;
}

/* --- copying --- */

/* VACUUM INTO reads one snapshot and writes the rows that live in it: no page of what was deleted goes along,
 * and no temporary file is made. The file is made here, because SQLite would do it with the umask's mode; an
 * empty one it takes. */
enum fault_code sqlite_snapshot(const struct db_options *options, const char *file, struct fault *f)
{
    int fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fault_set(f,
                         errno == EEXIST   ? FAULT_CONFLICT
                         : errno == ENOSPC ? FAULT_QUOTA
                                           : FAULT_IO,
                         "cannot make %s: %s", file, strerror(errno));
    close(fd);
    struct engine_conn *conn = NULL;
    sqlite3_stmt *stmt = NULL;
    enum fault_code code = sqlite_connect(options, &conn, f);
    if (code == FAULT_OK) {
        errno = 0;
        int rc = sqlite3_prepare_v2(conn->db, "VACUUM INTO $1", -1, &stmt, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_bind_text(stmt, 1, file, -1, SQLITE_STATIC);
        if (rc == SQLITE_OK)
            rc = sqlite3_step(stmt);
        if (rc != SQLITE_DONE)
            code = sqlite_failed(conn, rc, "copying", f);
        sqlite3_finalize(stmt);
    }
    sqlite_close(conn);
    if (code != FAULT_OK)
        unlink(file);
    return code;
}

enum fault_code sqlite_spare(struct engine_conn *conn, int64_t *ret_bytes, struct fault *f)
{
    return sqlite_ask(conn,
                      "SELECT free.freelist_count * page.page_size "
                      "FROM pragma_freelist_count AS free, pragma_page_size AS page",
                      ret_bytes, f);
}

/* --- judging --- */

/* Makes, in memory, the schema of this version as it should be. */
static enum fault_code make_reference(int version, struct engine_conn *conn, struct fault *f)
{
    int rc = sqlite3_open_v2(":memory:", &conn->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    enum fault_code code = rc == SQLITE_OK ? FAULT_OK : sqlite_failed(conn, rc, "memory", f);
    for (int step = 1; code == FAULT_OK && step <= version; step++)
        code = sqlite_execute(conn, sql_steps[step - 1], "schema", f);
    return code;
}

static bool same_text(sqlite3_stmt *a, sqlite3_stmt *b, int column)
{
    const char *one = (const char *)sqlite3_column_text(a, column);
    const char *two = (const char *)sqlite3_column_text(b, column);
    return one == NULL || two == NULL ? one == two : strcmp(one, two) == 0;
}

/* Row by row: the same kinds, names and texts, and none more. *ret_same is untouched when one cannot be read.
 */
static int compare(sqlite3_stmt *a, sqlite3_stmt *b, bool *ret_same)
{
    for (;;) {
        int one = sqlite3_step(a), two = sqlite3_step(b);
        if (one != SQLITE_ROW && one != SQLITE_DONE)
            return one;
        bool same = one == two;
        for (int column = 0; same && one == SQLITE_ROW && column < sqlite3_column_count(a); column++)
            same = same_text(a, b, column);
        if (!same || one == SQLITE_DONE) {
            *ret_same = same;
            return SQLITE_OK;
        }
    }
}

/* Whatever else a schema holds would run, or be read in a table's place, when we think nothing of it. */
static enum fault_code check_schema(struct engine_conn *conn, int version, struct fault *f)
{
    static const char sql[] = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name";
    struct engine_conn reference = { 0 };
    sqlite3_stmt *theirs = NULL, *ours = NULL;
    bool same = false;
    enum fault_code code = make_reference(version, &reference, f);
    if (code == FAULT_OK) {
        int rc = sqlite3_prepare_v2(conn->db, sql, -1, &theirs, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_prepare_v2(reference.db, sql, -1, &ours, NULL);
        if (rc == SQLITE_OK)
            rc = compare(theirs, ours, &same);
        if (rc != SQLITE_OK)
            code = sqlite_failed(conn, rc, "schema", f);
        else if (!same)
            code = fault_set(f, FAULT_DAMAGED,
                             "the database holds something else than a catalog of schema %d", version);
    }
    sqlite3_finalize(theirs);
    sqlite3_finalize(ours);
    sqlite3_close(reference.db);
    return code;
}

static enum fault_code check_rows(struct engine_conn *conn, struct fault *f)
{
    int64_t wrong = 0;
    enum fault_code code = sqlite_ask(
        conn, "SELECT count(*) FROM pragma_integrity_check(1) WHERE integrity_check <> 'ok'", &wrong, f);
    if (code == FAULT_OK && wrong == 0)
        code = sqlite_ask(conn, "SELECT count(*) FROM pragma_foreign_key_check", &wrong, f);
    if (code == FAULT_OK && wrong > 0)
        code = fault_set(f, FAULT_DAMAGED, "the database is damaged");
    return code;
}

enum fault_code sqlite_inspect(const char *file, int *ret_version, struct fault *f)
{
    const struct db_options options = { .file = file, .busy_ms = INSPECT_BUSY_MS };
    struct engine_conn *conn = NULL;
    int version = 0;
    enum fault_code code = sqlite_connect(&options, &conn, f);
    if (code == FAULT_OK)
        code = sqlite_execute(conn, "PRAGMA query_only = ON", "opening", f);
    if (code == FAULT_OK)
        code = sqlite_identify(conn, file, &version, f);
    if (code == FAULT_OK && version == 0)
        code = fault_set(f, FAULT_DAMAGED, "%s is no catalog", file);
    if (code == FAULT_OK)
        code = check_schema(conn, version, f);
    if (code == FAULT_OK)
        code = check_rows(conn, f);
    sqlite_close(conn);
    if (code == FAULT_OK)
        *ret_version = version;
    return code;
}
