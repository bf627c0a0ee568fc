/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files: copies of a catalog that is in use, and the judgement of one that comes from outside. */
#include "shelf.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>

static void name_copy(const struct shelf *shelf, char copy[128])
{
    snprintf(copy, 128, "%s/copy", shelf->folder);
}

static void change(const char *file, const char *sql)
{
    sqlite3 *other = NULL;
    char *error = NULL;
    assert_int_equal(sqlite3_open(file, &other), SQLITE_OK);
    if (sqlite3_exec(other, sql, NULL, NULL, &error) != SQLITE_OK)
        fail_msg("%s: %s", sql, error);
    sqlite3_close(other);
}

static size_t count_rows(const char *file)
{
    struct shelf copy = { .options = { .file = file, .readers = 1, .busy_ms = 1000 } };
    SHELF_OK(db_open(&copy.options, &copy.db, NULL, why));
    size_t count = shelf_count(&copy);
    db_close(copy.db);
    return count;
}

static void test_a_copy_is_whole_and_its_owners_alone(void **state)
{
    (void)state;
    struct shelf shelf;
    struct stat st;
    char copy[128];
    int version = 0;
    shelf_begin(&shelf);
    name_copy(&shelf, copy);
    for (int64_t id = 1; id <= 50; id++)
        SHELF_OK(shelf_write(&shelf, id, 20000, why));
    umask(0);
    SHELF_OK(db_snapshot(shelf.db, copy, why));
    assert_int_equal(stat(copy, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    SHELF_OK(db_inspect(copy, &version, why));
    assert_int_equal(version, SQL_STEPS);
    assert_int_equal(count_rows(copy), 50);
    /* What comes later is not in it, and nothing is overwritten. */
    SHELF_OK(shelf_write(&shelf, 51, 10, why));
    assert_int_equal(count_rows(copy), 50);
    struct fault f = { 0 };
    assert_int_equal(db_snapshot(shelf.db, copy, &f), FAULT_CONFLICT);
    assert_int_equal(count_rows(copy), 50);
    shelf_end(&shelf);
}

struct writing {
    struct shelf *shelf;
    bool stop;
    int64_t last; /* acknowledged */
};

static void *keep_writing(void *user)
{
    struct writing *w = user;
    for (int64_t id = 1; !__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE); id++) {
        SHELF_OK(shelf_write(w->shelf, id, 3000, why));
        __atomic_store_n(&w->last, id, __ATOMIC_RELEASE);
    }
    return NULL;
}

/* Rows are written in order: a copy that has them without a gap, and all that were acknowledged before it
 * began, shows one moment. */
static void test_a_copy_under_writes_shows_one_moment(void **state)
{
    (void)state;
    struct shelf shelf;
    char copy[128];
    pthread_t thread;
    shelf_begin(&shelf);
    name_copy(&shelf, copy);
    struct writing writing = { .shelf = &shelf };
    assert_int_equal(pthread_create(&thread, NULL, keep_writing, &writing), 0);
    for (int round = 0; round < 5; round++) {
        int64_t before = 0;
        while ((before = __atomic_load_n(&writing.last, __ATOMIC_ACQUIRE)) < 20 * (round + 1))
            sched_yield();
        SHELF_OK(db_snapshot(shelf.db, copy, why));
        char present[100000] = { 0 };
        struct shelf there = { .options = { .file = copy, .readers = 1, .busy_ms = 1000 } };
        struct db_conn *conn = NULL;
        SHELF_OK(db_open(&there.options, &there.db, NULL, why));
        SHELF_OK(db_read_begin(there.db, &conn, why));
        size_t count = shelf_rows(conn, present, sizeof present);
        db_read_end(there.db, conn);
        db_close(there.db);
        assert_true((int64_t)count >= before);
        for (size_t id = 1; id <= count; id++)
            assert_int_equal(present[id], 1);
        assert_int_equal(unlink(copy), 0);
    }
    __atomic_store_n(&writing.stop, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    shelf_end(&shelf);
}

static void test_a_full_disk_leaves_nothing(void **state)
{
    (void)state;
    struct shelf shelf;
    char copy[128];
    struct fault f = { 0 };
    struct rlimit before, small;
    shelf_begin(&shelf);
    name_copy(&shelf, copy);
    for (int64_t id = 1; id <= 20; id++)
        SHELF_OK(shelf_write(&shelf, id, 100000, why));
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 500000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum fault_code code = db_snapshot(shelf.db, copy, &f);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(code, FAULT_QUOTA);
    assert_int_equal(access(copy, F_OK), -1);
    SHELF_OK(shelf_write(&shelf, 21, 10, why));
    SHELF_OK(db_snapshot(shelf.db, copy, why));
    assert_int_equal(count_rows(copy), 21);
    shelf_end(&shelf);
}

static const char *strange[] = {
    "CREATE TABLE extra (x)",
    "CREATE TRIGGER t AFTER INSERT ON key BEGIN DELETE FROM account; END",
    "CREATE VIEW v AS SELECT * FROM account",
    "CREATE INDEX i ON key (created)",
    "DROP INDEX content_staged",
    "DROP TABLE log_usage",
    "ALTER TABLE handset ADD COLUMN more TEXT",
    "ALTER TABLE account RENAME TO account2; CREATE VIEW account AS SELECT * FROM account2",
    ("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'wrapped BLOB', 'wrapped "
     "TEXT')"),
    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 2 WHERE name = 'account'",
    "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'file'",
    "INSERT INTO file VALUES ('', '/x', 1, x'00', 1, '', 0)", /* names no content */
    "PRAGMA user_version = 1",
    "PRAGMA user_version = 0",
    "PRAGMA user_version = -5",
    "PRAGMA user_version = 1000",
    "PRAGMA application_id = 7",
};

static void test_what_does_not_belong_is_refused(void **state)
{
    (void)state;
    struct shelf shelf;
    char copy[128];
    shelf_begin(&shelf);
    name_copy(&shelf, copy);
    for (size_t i = 0; i < ARRAY_LENGTH(strange); i++) {
        struct fault f = { 0 };
        int version = 0;
        SHELF_OK(db_snapshot(shelf.db, copy, why));
        SHELF_OK(db_inspect(copy, &version, why));
        version = 0;
        change(copy, strange[i]);
        enum fault_code code = db_inspect(copy, &version, &f);
        if (code != FAULT_DAMAGED && code != FAULT_CONFLICT)
            fail_msg("%s: %s", strange[i], fault_word(code));
        assert_int_equal(version, 0);
        assert_true(f.text[0] != '\0');
        unlink(copy);
    }
    shelf_end(&shelf);
}

/* Bytes overwritten page by page: refused, or what they were is found unchanged; never a crash. */
static void test_torn_pages_are_found(void **state)
{
    (void)state;
    struct shelf shelf;
    char copy[128];
    int version = 0;
    size_t refused = 0;
    shelf_begin(&shelf);
    name_copy(&shelf, copy);
    for (int64_t id = 1; id <= 30; id++)
        SHELF_OK(shelf_write(&shelf, id, 9000, why));
    struct stat st;
    SHELF_OK(db_snapshot(shelf.db, copy, why));
    assert_int_equal(stat(copy, &st), 0);
    for (off_t at = 0; at < st.st_size; at += 8192) {
        unsigned char rubbish[64];
        memset(rubbish, (int)(at / 8192 * 37 + 1), sizeof rubbish);
        FILE *file = fopen(copy, "r+b");
        assert_non_null(file);
        fseek(file, at, SEEK_SET);
        assert_int_equal(fwrite(rubbish, 1, sizeof rubbish, file), sizeof rubbish);
        fclose(file);
        refused += db_inspect(copy, &version, NULL) != FAULT_OK;
        unlink(copy);
        SHELF_OK(db_snapshot(shelf.db, copy, why));
    }
    assert_true(refused > 20); /* pages of nothing but a blob's bytes hold no structure */
    /* No database at all. */
    FILE *file = fopen(copy, "wb");
    fputs("no database", file);
    fclose(file);
    assert_int_equal(db_inspect(copy, &version, NULL), FAULT_DAMAGED);
    shelf_end(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_copy_is_whole_and_its_owners_alone),
        cmocka_unit_test(test_a_copy_under_writes_shows_one_moment),
        cmocka_unit_test(test_a_full_disk_leaves_nothing),
        cmocka_unit_test(test_what_does_not_belong_is_refused),
        cmocka_unit_test(test_torn_pages_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
