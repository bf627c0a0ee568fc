/* SPDX-License-Identifier: Apache-2.0 */
/* The order and the fate of writes. */
#include "shelf.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdatomic.h>

/* --- groups --- */

enum { THREADS = 8, EACH = 100 };

struct crowd {
    struct shelf *shelf;
    int number;
    int unseen; /* acknowledged, and yet not there */
};

static void *crowd_thread(void *user)
{
    struct crowd *crowd = user;
    for (int i = 0; i < EACH; i++) {
        int64_t id = crowd->number * EACH + i;
        char present[THREADS * EACH] = { 0 };
        struct db_conn *conn = NULL;
        SHELF_OK(shelf_write(crowd->shelf, id, 32, why));
        if (i % 20)
            continue;
        SHELF_OK(db_read_begin(crowd->shelf->db, &conn, why));
        shelf_rows(conn, present, sizeof present);
        crowd->unseen += !present[id];
        db_read_end(crowd->shelf->db, conn);
    }
    return NULL;
}

static void test_many_threads(void **state)
{
    (void)state;
    struct shelf shelf;
    struct crowd crowd[THREADS];
    pthread_t threads[THREADS];
    shelf_begin(&shelf);
    for (int i = 0; i < THREADS; i++) {
        crowd[i] = (struct crowd){ .shelf = &shelf, .number = i };
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_thread, &crowd[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(crowd[i].unseen, 0);
    }
    assert_int_equal(shelf_count(&shelf), THREADS * EACH);
    shelf_end(&shelf);
}

/* A write that notes when it ran and when it was told. */
struct noted {
    struct db_write write;
    char name;
    char *notes; /* the test's, long enough */
    sem_t *told;
};

static void note(struct noted *noted, char what)
{
    size_t n = strlen(noted->notes);
    noted->notes[n] = what;
}

static enum fault_code noted_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    (void)conn, (void)f;
    struct noted *noted = CONTAINER_OF(write, struct noted, write);
    note(noted, noted->name);
    return FAULT_OK;
}

static void noted_done(struct db_write *write, const struct fault *result)
{
    struct noted *noted = CONTAINER_OF(write, struct noted, write);
    note(noted, result->code == FAULT_OK ? '+' : '-');
    sem_post(noted->told);
}

static void noted_init(struct noted *noted, char name, char *notes, sem_t *told)
{
    *noted = (struct noted){ { .run = noted_run, .done = noted_done }, name, notes, told };
}

static void test_one_group(void **state)
{
    (void)state;
    struct shelf shelf;
    struct gate gate;
    struct noted noted[3];
    char notes[16] = "";
    sem_t told;
    sem_init(&told, 0, 0);
    shelf_begin(&shelf);
    gate_close(&gate, shelf.db);
    for (int i = 0; i < 3; i++) {
        noted_init(&noted[i], (char)('a' + i), notes, &told);
        db_submit(shelf.db, &noted[i].write);
    }
    gate_open(&gate);
    for (int i = 0; i < 3; i++)
        sem_wait(&told);
    assert_string_equal(notes, "abc+++"); /* one commit for all, before any is told */
    shelf_end(&shelf);
    sem_destroy(&told);
}

static void test_one_spoils(void **state)
{
    (void)state;
    struct shelf shelf;
    struct gate gate;
    struct adding adding[4];
    sem_t told;
    char present[8] = { 0 };
    sem_init(&told, 0, 0);
    shelf_begin(&shelf);
    gate_close(&gate, shelf.db);
    for (int i = 0; i < 4; i++)
        adding_init(&adding[i], i, &told);
    adding[1].spoil = FAULT_FORBIDDEN;
    adding[3].id = 2; /* exists by then */
    for (int i = 0; i < 4; i++)
        db_submit(shelf.db, &adding[i].write);
    gate_open(&gate);
    for (int i = 0; i < 4; i++)
        sem_wait(&told);
    assert_int_equal(adding[0].result.code, FAULT_OK);
    assert_int_equal(adding[1].result.code, FAULT_FORBIDDEN);
    assert_string_equal(adding[1].result.text, "spoilt");
    assert_int_equal(adding[2].result.code, FAULT_OK);
    assert_int_equal(adding[3].result.code, FAULT_CONFLICT);
    struct db_conn *conn = NULL;
    SHELF_OK(db_read_begin(shelf.db, &conn, why));
    assert_int_equal(shelf_rows(conn, present, sizeof present), 2);
    assert_memory_equal(present, "\1\0\1\0\0\0\0\0", 8);
    db_read_end(shelf.db, conn);
    shelf_end(&shelf);
    sem_destroy(&told);
}

static void test_alone_spoils(void **state)
{
    (void)state;
    struct shelf shelf;
    struct adding adding;
    struct fault f = { 0 };
    shelf_begin(&shelf);
    adding_init(&adding, 1, NULL);
    adding.spoil = FAULT_QUOTA;
    assert_int_equal(db_write_wait(shelf.db, &adding.write, &f), FAULT_QUOTA);
    assert_string_equal(f.text, "spoilt");
    assert_int_equal(shelf_count(&shelf), 0);
    SHELF_OK(shelf_write(&shelf, 1, 32, why));
    assert_int_equal(shelf_count(&shelf), 1);
    shelf_end(&shelf);
}

/* Leaves a query open, as an early return would. */
static enum fault_code careless_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct db_rows rows;
    (void)write, (void)f;
    db_select(conn, SQL_KEY_LIST, DB_NONE, &rows);
    return db_next(&rows) ? FAULT_OK : FAULT_ABSENT;
}

static void test_query_left_open(void **state)
{
    (void)state;
    struct shelf shelf;
    shelf_begin(&shelf);
    SHELF_OK(shelf_write(&shelf, 1, 32, why));
    for (int i = 0; i < 2; i++) {
        struct db_write write = { .run = careless_run };
        SHELF_OK(db_write_wait(shelf.db, &write, why));
    }
    SHELF_OK(shelf_write(&shelf, 2, 32, why));
    shelf_end(&shelf);
}

/* Each is freed when told, and submits the next. */
struct link {
    struct db_write write;
    struct db *db;
    int left;
    sem_t *end;
};

static enum fault_code link_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    return shelf_add(conn, CONTAINER_OF(write, struct link, write)->left, 8, f);
}

static void link_done(struct db_write *write, const struct fault *result)
{
    struct link *link = CONTAINER_OF(write, struct link, write);
    if (result->code == FAULT_OK && link->left > 0) {
        struct link *next = malloc(sizeof *next);
        *next = *link;
        next->left--;
        db_submit(next->db, &next->write);
    } else {
        sem_post(link->end);
    }
    free(link);
}

static void test_done_frees_and_submits(void **state)
{
    (void)state;
    struct shelf shelf;
    sem_t end;
    sem_init(&end, 0, 0);
    shelf_begin(&shelf);
    struct link *link = malloc(sizeof *link);
    *link = (struct link){ { .run = link_run, .done = link_done }, shelf.db, 49, &end };
    db_submit(shelf.db, &link->write);
    sem_wait(&end);
    assert_int_equal(shelf_count(&shelf), 50);
    shelf_end(&shelf);
    sem_destroy(&end);
}

static void test_more_than_a_group(void **state)
{
    (void)state;
    enum { MANY = 700 };
    struct shelf shelf;
    struct gate gate;
    struct adding *adding = calloc(MANY, sizeof *adding);
    assert_non_null(adding);
    shelf_begin(&shelf);
    gate_close(&gate, shelf.db);
    for (int i = 0; i < MANY; i++) {
        adding_init(&adding[i], i, NULL);
        adding[i].result.code = FAULT_COUNT;
        db_submit(shelf.db, &adding[i].write);
    }
    gate_open(&gate);
    shelf_close(&shelf); /* what is queued is committed first */
    for (int i = 0; i < MANY; i++)
        assert_int_equal(adding[i].result.code, FAULT_OK);
    shelf_open(&shelf);
    assert_int_equal(shelf_count(&shelf), MANY);
    shelf_end(&shelf);
    free(adding);
}

/* --- lazy writes --- */

static void test_lazy_goes_first(void **state)
{
    (void)state;
    struct shelf shelf;
    struct noted noted[3];
    char notes[16] = "";
    sem_t told;
    sem_init(&told, 0, 0);
    clock_freeze(1000, 1000);
    shelf_begin(&shelf);
    for (int i = 0; i < 3; i++)
        noted_init(&noted[i], (char)('a' + i), notes, &told);
    db_submit_lazy(shelf.db, &noted[0].write);
    db_submit_lazy(shelf.db, &noted[1].write);
    db_submit(shelf.db, &noted[2].write);
    for (int i = 0; i < 3; i++)
        sem_wait(&told);
    assert_string_equal(notes, "abc+++"); /* together: they waited for c's commit */
    shelf_end(&shelf);
    clock_thaw();
    sem_destroy(&told);
}

static void test_lazy_alone(void **state)
{
    (void)state;
    struct shelf shelf;
    struct noted noted[2];
    char notes[16] = "";
    sem_t told;
    sem_init(&told, 0, 0);
    clock_freeze(1000, 1000);
    shelf_begin(&shelf);
    for (int i = 0; i < 2; i++)
        noted_init(&noted[i], (char)('a' + i), notes, &told);
    db_submit_lazy(shelf.db, &noted[0].write);
    clock_freeze(7000, 7000); /* the first has waited long enough; the second makes the writer look */
    db_submit_lazy(shelf.db, &noted[1].write);
    clock_freeze(14000, 14000); /* so has the second, should the writer have looked before it came */
    for (int i = 0; i < 2; i++)
        sem_wait(&told);
    assert_true(strcmp(notes, "ab++") == 0 || strcmp(notes, "a+b+") == 0);
    shelf_end(&shelf);
    clock_thaw();
    sem_destroy(&told);
}

static void test_flush(void **state)
{
    (void)state;
    struct shelf shelf;
    struct adding adding[2];
    clock_freeze(1000, 1000);
    shelf_begin(&shelf);
    db_flush(shelf.db); /* nothing to do */
    for (int i = 0; i < 2; i++) {
        adding_init(&adding[i], i, NULL);
        db_submit_lazy(shelf.db, &adding[i].write);
    }
    db_flush(shelf.db);
    assert_int_equal(adding[1].result.code, FAULT_OK);
    assert_int_equal(shelf_count(&shelf), 2);
    adding_init(&adding[0], 2, NULL);
    db_submit_lazy(shelf.db, &adding[0].write);
    shelf_close(&shelf); /* commits it as well */
    shelf_open(&shelf);
    assert_int_equal(shelf_count(&shelf), 3);
    shelf_end(&shelf);
    clock_thaw();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_threads),      cmocka_unit_test(test_one_group),
        cmocka_unit_test(test_one_spoils),        cmocka_unit_test(test_alone_spoils),
        cmocka_unit_test(test_query_left_open),   cmocka_unit_test(test_done_frees_and_submits),
        cmocka_unit_test(test_more_than_a_group), cmocka_unit_test(test_lazy_goes_first),
        cmocka_unit_test(test_lazy_alone),        cmocka_unit_test(test_flush),
    };
    return cmocka_run_group_tests_name("write", tests, NULL, NULL);
}
