/* SPDX-License-Identifier: Apache-2.0 */
/* Opening: whose file it is, schema steps, statements that are not what their header says. The sources are
 * included with a schema and statements of the test's own in the place of the generated ones. */
#define CRADLE_SQL_H
enum db_statement { SQL_KEY_ADD, SQL_KEY_LIST, SQL_COUNT };
struct sql_statement {
    const char *name, *params, *columns, *text;
};
static const struct sql_statement sound[SQL_COUNT + 1] = {
    { "key_add", "itbi", "", "INSERT INTO key (id, purpose, wrapped, created) VALUES ($1, $2, $3, $4);\n" },
    { "key_list", "", "itb", "SELECT id, purpose, wrapped FROM key ORDER BY id;\n" },
    { 0, 0, 0, 0 },
};
static struct sql_statement sql_statements[SQL_COUNT + 1];
static int steps_now;
#define SQL_STEPS steps_now
static const char *sql_steps[4];
static const char *const sound_steps[4] = {
    "CREATE TABLE key (id INTEGER PRIMARY KEY, purpose TEXT, wrapped BLOB, created INTEGER);\n",
    ("CREATE TABLE lock (key INTEGER REFERENCES key (id));\n"
     "INSERT INTO key VALUES (1, 'two', NULL, 0);\nINSERT INTO lock VALUES (1);\n"),
    "UPDATE key SET purpose = 'three' WHERE id = 1;\n",
};

#include "db/db.c"
#include "db/sqlite.c"
#include "db/sqlite_file.c"
#include "db/sqlite_schema.c"
#include "db/writer.c"

#include "shelf.h"

static void fresh(struct shelf *shelf, int steps)
{
    memcpy(sql_statements, sound, sizeof sound);
    memcpy(sql_steps, sound_steps, sizeof sound_steps);
    steps_now = steps;
    shelf_folder(shelf);
}

static void make(struct shelf *shelf, const char *sql)
{
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(shelf->file, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
}

static int64_t look(struct shelf *shelf, const char *sql)
{
    struct engine_conn conn = { 0 };
    int64_t value = -1;
    assert_int_equal(sqlite3_open(shelf->file, &conn.db), SQLITE_OK);
    SHELF_OK(sqlite_ask(&conn, sql, &value, why));
    sqlite3_close(conn.db);
    return value;
}

static void test_absent(void **state)
{
    (void)state;
    struct shelf shelf;
    struct fault f = { 0 };
    fresh(&shelf, 1);
    shelf.options.create = false;
    assert_int_equal(db_open(&shelf.options, &shelf.db, NULL, &f), FAULT_ABSENT);
    assert_non_null(strstr(f.text, shelf.file));
    assert_int_equal(access(shelf.file, F_OK), -1);
    /* What cannot be looked at is not absent. */
    char below[128];
    snprintf(below, sizeof below, "%s/catalog", shelf.file);
    make(&shelf, "CREATE TABLE t (x)");
    shelf.options.file = below;
    assert_int_equal(db_open(&shelf.options, &shelf.db, NULL, &f), FAULT_IO);
    shelf_end(&shelf);
}

static void test_made_for_its_owner(void **state)
{
    (void)state;
    struct shelf shelf;
    struct stat st;
    char name[128];
    fresh(&shelf, 1);
    mode_t mask = umask(0);
    shelf_open(&shelf);
    umask(mask);
    SHELF_OK(shelf_write(&shelf, 1, 32, why));
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", shelf.file, i == 0 ? "" : i == 1 ? "-wal" : "-shm");
        assert_int_equal(stat(name, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    shelf_close(&shelf);
    snprintf(name, sizeof name, "%s-wal", shelf.file);
    assert_int_equal(stat(name, &st), -1); /* checkpointed */
    assert_int_equal(look(&shelf, "PRAGMA application_id"), APPLICATION_ID);
    assert_int_equal(look(&shelf, "SELECT count(*) FROM key"), 1);
    shelf_end(&shelf);
}

static void test_settings_of_the_writer(void **state)
{
    (void)state;
    struct shelf shelf;
    const struct {
        const char *sql;
        int64_t value;
    } wanted[] = {
        { "PRAGMA synchronous", 2 },     { "PRAGMA foreign_keys", 1 }, { "PRAGMA trusted_schema", 0 },
        { "PRAGMA cell_size_check", 1 }, { "PRAGMA mmap_size", 0 },    { "PRAGMA busy_timeout", 10000 },
        { "PRAGMA temp_store", 2 },      { "PRAGMA page_size", 8192 },
    };
    fresh(&shelf, 3);
    shelf_open(&shelf);
    for (size_t i = 0; i < ARRAY_LENGTH(wanted); i++) {
        int64_t value = -1;
        SHELF_OK(sqlite_ask(shelf.db->writer.engine, wanted[i].sql, &value, why));
        assert_int_equal(value, wanted[i].value);
    }
    shelf_end(&shelf);
}

static void test_upgrade(void **state)
{
    (void)state;
    struct shelf shelf;
    int upgraded = -1;
    fresh(&shelf, 1);
    SHELF_OK(db_open(&shelf.options, &shelf.db, &upgraded, why));
    assert_int_equal(upgraded, 1);
    SHELF_OK(shelf_write(&shelf, 5, 32, why));
    shelf_close(&shelf);
    steps_now = 3;
    SHELF_OK(db_open(&shelf.options, &shelf.db, &upgraded, why));
    assert_int_equal(upgraded, 2);
    assert_int_equal(shelf_count(&shelf), 2);
    shelf_close(&shelf);
    SHELF_OK(db_open(&shelf.options, &shelf.db, &upgraded, why));
    assert_int_equal(upgraded, 0);
    shelf_close(&shelf);
    assert_int_equal(look(&shelf, "PRAGMA user_version"), 3);
    assert_int_equal(look(&shelf, "SELECT count(*) FROM key WHERE purpose = 'three'"), 1);
    shelf_end(&shelf);
}

static void test_step_fails(void **state)
{
    (void)state;
    struct shelf shelf;
    const struct {
        const char *text;
        enum fault_code code;
    } cases[] = {
        { "UPDATE key SET purpose = 'half';\nUPDATE keys SET purpose = 'three';\n", FAULT_INTERNAL },
        { "DELETE FROM key;\n", FAULT_DAMAGED }, /* the lock refers to it */
        { "INSERT INTO key VALUES (1, 'again', NULL, 0);\n", FAULT_CONFLICT },
    };
    fresh(&shelf, 2);
    shelf_open(&shelf);
    shelf_close(&shelf);
    steps_now = 3;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct fault f = { 0 };
        sql_steps[2] = cases[i].text;
        assert_int_equal(db_open(&shelf.options, &shelf.db, NULL, &f), cases[i].code);
        assert_null(shelf.db);
        assert_int_equal(look(&shelf, "PRAGMA user_version"), 2);
        assert_int_equal(look(&shelf, "SELECT count(*) FROM key WHERE purpose = 'two'"), 1);
    }
    sql_steps[2] = sound_steps[2];
    shelf_open(&shelf);
    shelf_end(&shelf);
}

/* Both look at the file before either takes a step. */
static void test_step_taken_by_another(void **state)
{
    (void)state;
    struct shelf shelf;
    struct engine_conn conn = { 0 };
    int taken = 0;
    fresh(&shelf, 3);
    shelf_open(&shelf);
    shelf_close(&shelf);
    assert_int_equal(sqlite3_open(shelf.file, &conn.db), SQLITE_OK);
    SHELF_OK(take_step(&conn, 2, &taken, why));
    SHELF_OK(take_step(&conn, 3, &taken, why));
    sqlite3_close(conn.db);
    assert_int_equal(taken, 0);
    shelf_end(&shelf);
}

static void test_refused(void **state)
{
    (void)state;
    const struct {
        const char *sql;
        enum fault_code code;
        const char *says;
    } cases[] = {
        { "PRAGMA user_version = 4; PRAGMA application_id = 1129464132", FAULT_CONFLICT, "newer" },
        { "PRAGMA user_version = -2; PRAGMA application_id = 1129464132", FAULT_DAMAGED, "never was" },
        { "CREATE TABLE key (id)", FAULT_CONFLICT, "another program" },
        { "CREATE TABLE key (id); PRAGMA user_version = 2", FAULT_CONFLICT, "another program" },
        { "CREATE TABLE key (id); PRAGMA application_id = 7", FAULT_CONFLICT, "another program" },
        { "PRAGMA user_version = 3", FAULT_CONFLICT, "another program" },
        { "PRAGMA application_id = 7", FAULT_CONFLICT, "another program" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct shelf shelf;
        struct stat before, after;
        struct fault f = { 0 };
        fresh(&shelf, 3);
        make(&shelf, cases[i].sql);
        assert_int_equal(stat(shelf.file, &before), 0);
        assert_int_equal(db_open(&shelf.options, &shelf.db, NULL, &f), cases[i].code);
        assert_non_null(strstr(f.text, cases[i].says));
        assert_int_equal(stat(shelf.file, &after), 0);
        assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof before.st_mtim); /* untouched */
        shelf_end(&shelf);
    }
}

static void test_not_a_database(void **state)
{
    (void)state;
    struct shelf shelf;
    fresh(&shelf, 1);
    FILE *file = fopen(shelf.file, "w");
    assert_non_null(file);
    for (int i = 0; i < 4096; i++)
        fputs("noise ", file);
    fclose(file);
    assert_int_equal(db_open(&shelf.options, &shelf.db, NULL, NULL), FAULT_DAMAGED);
    shelf_end(&shelf);
}

static void test_signatures(void **state)
{
    (void)state;
    const struct sql_statement cases[] = {
        { "liar", "", "it", "SELECT id, purpose, wrapped FROM key;\n" },
        { "liar", "", "itbi", "SELECT id, purpose, wrapped FROM key;\n" },
        { "liar", "i", "i", "SELECT id FROM key;\n" },
        { "liar", "", "i", "SELECT id FROM key WHERE id = $1;\n" },
        { "liar", "i", "i", "SELECT id FROM key WHERE id = $2;\n" },
        { "liar", "i", "i", "SELECT id FROM key WHERE id = ?;\n" },
        { "liar", "", "i", "SELECT id FROM key; DELETE FROM key;\n" },
        { "liar", "i", "", "DELETE FROM keys WHERE id = $1;\n" },
        { "liar", "i", "", "DELETE FROM key WHERE;\n" },
        { "liar", "", "", "\n" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct shelf shelf;
        struct fault f = { 0 };
        fresh(&shelf, 1);
        sql_statements[SQL_KEY_LIST] = cases[i];
        if (db_open(&shelf.options, &shelf.db, NULL, &f) != FAULT_INTERNAL)
            fail_msg("opened with %s", cases[i].text);
        assert_non_null(strstr(f.text, "liar"));
        shelf_end(&shelf);
    }
}

static void test_parameters_in_any_order(void **state)
{
    (void)state;
    struct shelf shelf;
    fresh(&shelf, 1);
    sql_statements[SQL_KEY_ADD].text =
        "INSERT INTO key (created, wrapped, purpose, id) VALUES ($4, $3, $2 || $2, $1);\n";
    shelf_open(&shelf);
    SHELF_OK(shelf_write(&shelf, 12, 32, why));
    shelf_close(&shelf);
    assert_int_equal(look(&shelf, "SELECT count(*) FROM key WHERE id = 12 AND purpose = 'chunkchunk'"), 1);
    shelf_end(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent),
        cmocka_unit_test(test_made_for_its_owner),
        cmocka_unit_test(test_settings_of_the_writer),
        cmocka_unit_test(test_upgrade),
        cmocka_unit_test(test_step_fails),
        cmocka_unit_test(test_step_taken_by_another),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_not_a_database),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_parameters_in_any_order),
    };
    return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
