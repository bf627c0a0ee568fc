/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/work.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A job that says that it runs, and then waits to be let go. */
struct gate {
    struct work work;
    sem_t entered, leave;
};

static void run_gate(struct work *work)
{
    struct gate *gate = CONTAINER_OF(work, struct gate, work);
    sem_post(&gate->entered);
    sem_wait(&gate->leave);
}

static void gate_init(struct gate *gate)
{
    gate->work.run = run_gate;
    sem_init(&gate->entered, 0, 0);
    sem_init(&gate->leave, 0, 0);
}

static void gate_fini(struct gate *gate)
{
    sem_destroy(&gate->entered);
    sem_destroy(&gate->leave);
}

struct step {
    struct work work;
    int number;
    int *order;
    atomic_int *count;
};

static void run_step(struct work *work)
{
    struct step *step = CONTAINER_OF(work, struct step, work);
    step->order[atomic_fetch_add(step->count, 1)] = step->number;
}

static void test_order_and_limit(void **state)
{
    (void)state;
    struct work_pool *pool = NULL;
    assert_int_equal(work_pool_new("one", 1, 3, &pool, NULL), FAULT_OK);
    struct gate gate;
    gate_init(&gate);
    assert_true(work_give(pool, &gate.work));
    sem_wait(&gate.entered); /* the only thread is busy, the queue empty */

    int order[5] = { -1, -1, -1, -1, -1 };
    atomic_int count = 0;
    struct step steps[5];
    for (int i = 0; i < 5; i++)
        steps[i] = (struct step){ .work.run = run_step, .number = i, .order = order, .count = &count };
    assert_true(work_give(pool, &steps[0].work));
    assert_true(work_give(pool, &steps[1].work));
    assert_true(work_give(pool, &steps[2].work));
    assert_false(work_give(pool, &steps[3].work));
    work_give_more(pool, &steps[4].work); /* no limit for what was admitted before */
    assert_false(work_give(pool, &steps[3].work));
    assert_int_equal(atomic_load(&count), 0);

    sem_post(&gate.leave);
    work_pool_free(pool); /* runs what is queued */
    assert_int_equal(atomic_load(&count), 4);
    const int expected[4] = { 0, 1, 2, 4 };
    assert_memory_equal(order, expected, sizeof expected);
    gate_fini(&gate);
}

static void test_first_and_usual(void **state)
{
    (void)state;
    struct work_pool *pool = NULL;
    assert_int_equal(work_pool_new("one", 1, 2, &pool, NULL), FAULT_OK);
    struct gate gate;
    gate_init(&gate);
    assert_true(work_give(pool, &gate.work));
    sem_wait(&gate.entered);

    int order[6] = { -1, -1, -1, -1, -1, -1 };
    atomic_int count = 0;
    struct step steps[6];
    for (int i = 0; i < 6; i++)
        steps[i] = (struct step){ .work.run = run_step, .number = i, .order = order, .count = &count };
    assert_true(work_give(pool, &steps[0].work));
    assert_true(work_give(pool, &steps[1].work));
    assert_false(work_give(pool, &steps[2].work));
    /* A full queue keeps nobody out of the other one, which keeps its own order. */
    assert_true(work_give_first(pool, &steps[3].work));
    assert_true(work_give_first(pool, &steps[4].work));
    assert_false(work_give_first(pool, &steps[5].work));

    sem_post(&gate.leave);
    work_pool_free(pool);
    const int expected[4] = { 3, 4, 0, 1 };
    assert_int_equal(atomic_load(&count), 4);
    assert_memory_equal(order, expected, sizeof expected);
    gate_fini(&gate);
}

static void test_side_by_side(void **state)
{
    (void)state;
    struct work_pool *pool = NULL;
    assert_int_equal(work_pool_new("three", 3, 10, &pool, NULL), FAULT_OK);
    struct gate gates[3];
    for (int i = 0; i < 3; i++) {
        gate_init(&gates[i]);
        assert_true(work_give(pool, &gates[i].work));
    }
    for (int i = 0; i < 3; i++)
        sem_wait(&gates[i].entered); /* hangs unless all three run at once */
    for (int i = 0; i < 3; i++)
        sem_post(&gates[i].leave);
    work_pool_free(pool);
    for (int i = 0; i < 3; i++)
        gate_fini(&gates[i]);
}

/* A job whose run gives it again, as the steps of a longer one do, also while the pool ends. */
struct again {
    struct work work;
    struct work_pool *pool;
    int left;
    char thread_name[16];
};

static void run_again(struct work *work)
{
    struct again *again = CONTAINER_OF(work, struct again, work);
    pthread_getname_np(pthread_self(), again->thread_name, sizeof again->thread_name);
    if (--again->left > 0)
        work_give_more(again->pool, work);
}

static void test_steps_while_ending(void **state)
{
    (void)state;
    struct work_pool *pool = NULL;
    assert_int_equal(work_pool_new("a-very-long-name", 2, 1, &pool, NULL), FAULT_OK);
    struct again again = { .work.run = run_again, .pool = pool, .left = 500 };
    assert_true(work_give(pool, &again.work));
    work_pool_free(pool);
    assert_int_equal(again.left, 0);
    assert_memory_equal(again.thread_name, "a-very-lo-", 10);
}

static void test_wrong_pools(void **state)
{
    (void)state;
    struct work_pool *pool = NULL;
    assert_int_equal(work_pool_new("none", 0, 1, &pool, NULL), FAULT_INTERNAL);
    assert_null(pool);
    work_pool_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_limit), cmocka_unit_test(test_first_and_usual),
        cmocka_unit_test(test_side_by_side),    cmocka_unit_test(test_steps_while_ending),
        cmocka_unit_test(test_wrong_pools),
    };
    return cmocka_run_group_tests_name("work", tests, NULL, NULL);
}
