/* SPDX-License-Identifier: Apache-2.0 */
/* Whose file it is, and its schema, brought up to date step by step. */
#include "db/sqlite.h"

#include <stdio.h>

static enum fault_code run_step(struct engine_conn *conn, int step, struct fault *f)
{
    char version[64], mark[64];
    int64_t broken = 0;
    snprintf(version, sizeof version, "PRAGMA user_version = %d", step);
    snprintf(mark, sizeof mark, "PRAGMA application_id = %d", APPLICATION_ID);
    enum fault_code code = sqlite_execute(conn, sql_steps[step - 1], "schema", f);
    if (code == FAULT_OK)
        code = sqlite_ask(conn, "SELECT count(*) FROM pragma_foreign_key_check", &broken, f);
    if (code == FAULT_OK && broken)
        code = fault_set(f, FAULT_DAMAGED, "schema step %d leaves rows that refer to nothing", step);
    if (code == FAULT_OK)
        code = sqlite_execute(conn, mark, "schema", f);
    if (code == FAULT_OK)
        code = sqlite_execute(conn, version, "schema", f);
    return code;
}

/* Takes one step, unless another process has taken it since we looked. */
static enum fault_code take_step(struct engine_conn *conn, int step, int *taken, struct fault *f)
{
    int64_t version = 0;
    enum fault_code code = sqlite_execute(conn, "BEGIN IMMEDIATE", "schema", f);
    if (code != FAULT_OK)
        return code;
    code = sqlite_ask(conn, "PRAGMA user_version", &version, f);
    if (code == FAULT_OK && version < step) {
        code = run_step(conn, step, f);
        ++*taken;
    }
    if (code == FAULT_OK)
        code = sqlite_execute(conn, "COMMIT", "schema", f);
    if (code != FAULT_OK && !sqlite3_get_autocommit(conn->db))
        sqlite3_exec(conn->db, "ROLLBACK", NULL, NULL, NULL);
    return code;
}

enum fault_code sqlite_upgrade(struct engine_conn *conn, int version, int *ret_taken, struct fault *f)
{
    int taken = 0;
    enum fault_code code = FAULT_OK;
    for (int step = version + 1; code == FAULT_OK && step <= SQL_STEPS; step++)
        code = take_step(conn, step, &taken, f);
    if (code == FAULT_OK && ret_taken)
        *ret_taken = taken;
    return code;
}

enum fault_code sqlite_identify(struct engine_conn *conn, const char *file, int *ret_version, struct fault *f)
{
    int64_t version = 0, mark = 0, tables = 0;
    /* Of one moment: another process may be making it just now. */
    enum fault_code code = sqlite_execute(conn, "BEGIN", "opening", f);
    if (code == FAULT_OK)
        code = sqlite_ask(conn, "PRAGMA user_version", &version, f);
    if (code == FAULT_OK)
        code = sqlite_ask(conn, "PRAGMA application_id", &mark, f);
    if (code == FAULT_OK)
        code = sqlite_ask(conn, "SELECT count(*) FROM sqlite_schema", &tables, f);
    if (!sqlite3_get_autocommit(conn->db))
        sqlite3_exec(conn->db, "ROLLBACK", NULL, NULL, NULL);
    if (code != FAULT_OK)
        return code;
    if (mark != APPLICATION_ID && (mark != 0 || version != 0 || tables > 0))
        return fault_set(f, FAULT_CONFLICT, "%s is a database of another program: name another state folder",
                         file);
    if (version > SQL_STEPS)
        return fault_set(
            f, FAULT_CONFLICT,
            "%s has schema %d, newer than this cradled (%d): use the newer program, or restore a backup",
            file, (int)version, SQL_STEPS);
    if (version < 0)
        return fault_set(f, FAULT_DAMAGED, "%s has schema %d, which never was", file, (int)version);
    *ret_version = (int)version;
    return FAULT_OK;
}
