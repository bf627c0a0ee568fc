/* SPDX-License-Identifier: Apache-2.0 */
/* Readers, arguments and columns. */
#include "shelf.h"

#include <pthread.h>

/* --- readers --- */

static void test_snapshot(void **state)
{
    (void)state;
    struct shelf shelf;
    struct db_conn *old = NULL;
    shelf_begin(&shelf);
    SHELF_OK(shelf_write(&shelf, 1, 32, why));
    SHELF_OK(db_read_begin(shelf.db, &old, why));
    assert_int_equal(shelf_rows(old, NULL, 0), 1);
    SHELF_OK(shelf_write(&shelf, 2, 32, why));
    assert_int_equal(shelf_rows(old, NULL, 0), 1);
    assert_int_equal(shelf_count(&shelf), 2);
    db_read_end(shelf.db, old);
    SHELF_OK(db_read_begin(shelf.db, &old, why));
    assert_int_equal(shelf_rows(old, NULL, 0), 2);
    db_read_end(shelf.db, old);
    db_read_end(shelf.db, NULL);
    shelf_end(&shelf);
}

/* Readers that are given back keep their snapshots, but not the write-ahead log from starting anew. */
static void test_idle_readers_hold_nothing(void **state)
{
    (void)state;
    enum { WRITES = 48, SIZE = 1 << 20, LOG_MAX = 24 << 20 };
    struct shelf shelf;
    struct db_conn *lent[2] = { NULL };
    struct stat st;
    char log[112];
    shelf_begin(&shelf);
    snprintf(log, sizeof log, "%s-wal", shelf.file);
    for (int64_t i = 0; i < WRITES; i++) {
        SHELF_OK(shelf_write(&shelf, i, SIZE, why));
        for (size_t k = 0; k < ARRAY_LENGTH(lent); k++)
            SHELF_OK(db_read_begin(shelf.db, &lent[k], why));
        for (size_t k = 0; k < ARRAY_LENGTH(lent); k++) {
            assert_int_equal(shelf_rows(lent[k], NULL, 0), i + 1);
            db_read_end(shelf.db, lent[k]);
        }
    }
    assert_int_equal(stat(log, &st), 0);
    assert_in_range(st.st_size, 1, LOG_MAX);
    shelf_end(&shelf);
}

struct borrower {
    struct shelf *shelf;
    sem_t began;
    enum fault_code code;
};

static void *borrower_thread(void *user)
{
    struct borrower *borrower = user;
    struct db_conn *conn = NULL;
    sem_post(&borrower->began);
    borrower->code = db_read_begin(borrower->shelf->db, &conn, NULL);
    db_read_end(borrower->shelf->db, conn);
    return NULL;
}

static void test_all_lent(void **state)
{
    (void)state;
    struct shelf shelf;
    struct db_conn *conn = NULL, *other = NULL;
    struct fault f = { 0 };
    shelf_folder(&shelf);
    shelf.options.readers = 1;
    shelf.options.busy_ms = 20;
    shelf_open(&shelf);
    SHELF_OK(db_read_begin(shelf.db, &conn, why));
    assert_int_equal(db_read_begin(shelf.db, &other, &f), FAULT_BUSY);
    assert_null(other);
    db_read_end(shelf.db, conn);
    shelf_close(&shelf);

    shelf.options.busy_ms = 60000;
    shelf_open(&shelf);
    struct borrower borrower = { .shelf = &shelf, .code = FAULT_COUNT };
    pthread_t thread;
    sem_init(&borrower.began, 0, 0);
    SHELF_OK(db_read_begin(shelf.db, &conn, why));
    assert_int_equal(pthread_create(&thread, NULL, borrower_thread, &borrower), 0);
    sem_wait(&borrower.began);
    db_read_end(shelf.db, conn);
    pthread_join(thread, NULL);
    assert_int_equal(borrower.code, FAULT_OK);
    shelf_end(&shelf);
    sem_destroy(&borrower.began);
}

static void test_returned_with_a_query_open(void **state)
{
    (void)state;
    struct shelf shelf;
    struct db_conn *conn = NULL;
    struct db_rows rows, again;
    struct fault f = { 0 };
    shelf_folder(&shelf);
    shelf.options.readers = 1;
    shelf_open(&shelf);
    SHELF_OK(shelf_write(&shelf, 1, 32, why));
    SHELF_OK(db_read_begin(shelf.db, &conn, why));
    db_select(conn, SQL_KEY_LIST, DB_NONE, &rows);
    assert_true(db_next(&rows));
    db_select(conn, SQL_KEY_LIST, DB_NONE, &again);
    assert_false(db_next(&again));
    assert_int_equal(db_end(&again, &f), FAULT_INTERNAL);
    assert_non_null(strstr(f.text, "key_list"));
    assert_false(db_next(&rows)); /* the one that ran goes on, to its end */
    db_read_end(shelf.db, conn);
    SHELF_OK(shelf_write(&shelf, 2, 32, why));
    assert_int_equal(shelf_count(&shelf), 2);
    shelf_end(&shelf);
}

static void test_readers_do_not_write(void **state)
{
    (void)state;
    struct shelf shelf;
    struct db_conn *conn = NULL;
    shelf_begin(&shelf);
    SHELF_OK(db_read_begin(shelf.db, &conn, why));
    assert_int_not_equal(shelf_add(conn, 1, 8, NULL), FAULT_OK);
    db_read_end(shelf.db, conn);
    assert_int_equal(shelf_count(&shelf), 0);
    shelf_end(&shelf);
}

/* --- arguments and columns --- */

static void test_arguments(void **state)
{
    (void)state;
    struct shelf shelf;
    struct db_conn *conn = NULL;
    struct fault f = { 0 };
    const struct db_arg i = db_int(7), t = db_text("x"), b = db_blob("y", 1), n = db_null();
    const struct {
        struct db_arg arg[5];
        size_t count;
        const char *says;
    } cases[] = {
        { { i, t, b }, 3, "key_add" },           { { i, t, b, i, i }, 5, "key_add" },
        { { t, t, b, i }, 4, "type for $1" },    { { i, b, b, i }, 4, "type for $2" },
        { { i, t, t, i }, 4, "type for $3" },    { { i, t, b, { .type = 'x' } }, 4, "type for $4" },
        { { i, t, b, { .type = 0 } }, 4, "$4" },
    };
    shelf_begin(&shelf);
    SHELF_OK(db_read_begin(shelf.db, &conn, why));
    for (size_t k = 0; k < ARRAY_LENGTH(cases); k++) {
        struct db_args args = { cases[k].count, cases[k].arg };
        assert_int_equal(db_run(conn, SQL_KEY_ADD, args, NULL, &f), FAULT_INTERNAL);
        assert_non_null(strstr(f.text, cases[k].says));
    }
    SHELF_OK(db_run(conn, SQL_ACCOUNT_GET, DB_ARGS(n), NULL, why));
    SHELF_OK(db_run(conn, SQL_ACCOUNT_GET, DB_ARGS(db_text(NULL)), NULL, why));
    db_read_end(shelf.db, conn);
    shelf_end(&shelf);
}

static enum fault_code values_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    int64_t changes = -1;
    (void)write;
    assert_int_equal(db_run(conn, SQL_KEY_ADD,
                            DB_ARGS(db_int(INT64_MIN), db_text(""), db_blob("\0b", 2), db_int(INT64_MAX)),
                            &changes, f),
                     FAULT_OK);
    assert_int_equal(changes, 1);
    assert_int_equal(
        db_run(conn, SQL_HANDSET_ENSURE, DB_ARGS(db_text("00907a000001"), db_int(1)), &changes, f), FAULT_OK);
    assert_int_equal(
        db_run(conn, SQL_HANDSET_ENSURE, DB_ARGS(db_text("00907a000001"), db_int(1)), &changes, f), FAULT_OK);
    assert_int_equal(changes, 0);
    return db_run(conn, SQL_KEY_ADD, DB_ARGS(db_int(2), db_text("é"), db_blob("", 0), db_int(0)), NULL, f);
}

static void test_values(void **state)
{
    (void)state;
    struct shelf shelf;
    struct db_conn *conn = NULL;
    struct db_rows rows;
    struct db_write write = { .run = values_run };
    size_t n = 9;
    shelf_begin(&shelf);
    SHELF_OK(db_write_wait(shelf.db, &write, why));
    SHELF_OK(db_read_begin(shelf.db, &conn, why));
    db_select(conn, SQL_KEY_LIST, DB_NONE, &rows);
    assert_true(db_next(&rows));
    assert_true(db_row_int(&rows, 0) == INT64_MIN);
    assert_string_equal(db_row_text(&rows, 1), "");
    assert_false(db_row_is_null(&rows, 1));
    assert_memory_equal(db_row_blob(&rows, 2, &n), "\0b", 2);
    assert_int_equal(n, 2);
    assert_true(db_next(&rows));
    assert_string_equal(db_row_text(&rows, 1), "é");
    db_row_blob(&rows, 2, &n);
    assert_int_equal(n, 0);
    assert_false(db_row_is_null(&rows, 2));
    assert_false(db_next(&rows));
    SHELF_OK(db_end(&rows, why));
    db_select(conn, SQL_LOG_REMOVABLE, DB_ARGS(db_text("nobody"), db_int(0)), &rows);
    assert_true(db_next(&rows));
    assert_true(db_row_is_null(&rows, 0)); /* a sum of nothing */
    assert_int_equal(db_row_int(&rows, 0), 0);
    SHELF_OK(db_end(&rows, why));
    db_read_end(shelf.db, conn);
    shelf_end(&shelf);
}

static void test_wrong_columns(void **state)
{
    (void)state;
    struct shelf shelf;
    struct db_conn *conn = NULL;
    struct db_rows rows;
    size_t n;
    shelf_begin(&shelf);
    SHELF_OK(shelf_write(&shelf, 1, 32, why));
    SHELF_OK(db_read_begin(shelf.db, &conn, why));
    for (int k = 0; k < 5; k++) {
        struct fault f = { 0 };
        db_select(conn, SQL_KEY_LIST, DB_NONE, &rows);
        assert_true(db_next(&rows));
        if (k == 0)
            assert_int_equal(db_row_int(&rows, 1), 0);
        else if (k == 1)
            assert_string_equal(db_row_text(&rows, 0), "");
        else if (k == 2)
            assert_null(db_row_blob(&rows, 1, &n));
        else if (k == 3)
            assert_int_equal(db_row_int(&rows, 3), 0);
        else
            assert_int_equal(db_row_int(&rows, -1), 0);
        assert_false(db_next(&rows));
        assert_int_equal(db_end(&rows, &f), FAULT_INTERNAL);
        assert_non_null(strstr(f.text, "key_list"));
    }
    db_read_end(shelf.db, conn);
    shelf_end(&shelf);
}

/* The argument of a query may change while its rows are read. */
static void test_argument_is_borrowed(void **state)
{
    (void)state;
    struct shelf shelf;
    struct db_conn *conn = NULL;
    struct db_rows rows;
    char name[] = "00907a000001";
    struct db_write write = { .run = values_run };
    shelf_begin(&shelf);
    SHELF_OK(db_write_wait(shelf.db, &write, why));
    SHELF_OK(db_read_begin(shelf.db, &conn, why));
    db_select(conn, SQL_HANDSET_GET, DB_ARGS(db_text(name)), &rows);
    memset(name, 'x', sizeof name - 1);
    assert_true(db_next(&rows));
    assert_string_equal(db_row_text(&rows, 0), "00907a000001");
    SHELF_OK(db_end(&rows, why));
    db_read_end(shelf.db, conn);
    shelf_end(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_snapshot),
        cmocka_unit_test(test_idle_readers_hold_nothing),
        cmocka_unit_test(test_all_lent),
        cmocka_unit_test(test_returned_with_a_query_open),
        cmocka_unit_test(test_readers_do_not_write),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_wrong_columns),
        cmocka_unit_test(test_argument_is_borrowed),
    };
    return cmocka_run_group_tests_name("read", tests, NULL, NULL);
}
