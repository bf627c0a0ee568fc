/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "ftps/port.h"
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define LOW  40000
#define HIGH 40099
#define N    (HIGH - LOW + 1)

static void test_each_once(void **state)
{
    (void)state;
    struct port_pool *pool = port_pool_new(LOW, HIGH);
    bool taken[N] = { false };
    size_t ascending = 0;
    uint16_t before = 0;
    assert_non_null(pool);
    for (int i = 0; i < N; i++) {
        uint16_t port = port_take(pool);
        assert_in_range(port, LOW, HIGH);
        assert_false(taken[port - LOW]);
        taken[port - LOW] = true;
        ascending += port == before + 1;
        before = port;
    }
    /* A cursor would ascend every time. */
    assert_true(ascending < N / 4);
    assert_int_equal(port_take(pool), 0);
    port_put(pool, LOW + 7);
    assert_int_equal(port_take(pool), LOW + 7);
    assert_int_equal(port_take(pool), 0);
    port_pool_free(pool);
    port_pool_free(NULL);
}

static void test_one_port(void **state)
{
    (void)state;
    struct port_pool *pool = port_pool_new(65535, 65535);
    assert_non_null(pool);
    assert_int_equal(port_take(pool), 65535);
    assert_int_equal(port_take(pool), 0);
    port_pool_free(pool);
}

/* A port that the system says is free, so that no fixed one is needed. */
static uint16_t some_port(const union address *host, int *ret_fd)
{
    union address a = *host;
    socklen_t n = sizeof a;
    *ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(*ret_fd >= 0);
    assert_int_equal(bind(*ret_fd, &a.any, address_length(&a)), 0);
    assert_int_equal(listen(*ret_fd, 1), 0);
    assert_int_equal(getsockname(*ret_fd, &a.any, &n), 0);
    return address_port(&a);
}

static void test_listen(void **state)
{
    (void)state;
    union address host;
    struct fault f;
    int holder, fd = -1;
    uint16_t port = 0;
    assert_true(address_parse("127.0.0.1", 0, &host));
    uint16_t held = some_port(&host, &holder);
    struct port_pool *pool = port_pool_new(held, held);
    assert_non_null(pool);
    /* Somebody else holds it: refused, not waited for, and not lost. */
    struct port_wait wait = { .port = 0 };
    assert_int_equal(port_listen(pool, &host, &wait, &fd, &port, &f), FAULT_IO);
    assert_int_equal(fd, -1);
    close(holder);
    assert_int_equal(port_listen(pool, &host, &wait, &fd, &port, &f), FAULT_OK);
    assert_int_equal(port, held);
    assert_true(fd >= 0);
    close(fd);
    port_put(pool, held);
    assert_int_equal(port_listen(pool, &host, &wait, &fd, &port, &f), FAULT_OK);
    close(fd);
    port_pool_free(pool);
}

/* --- waiting --- */

struct waiter {
    struct port_wait wait;
    sem_t told;
};

static void tell(struct loop_task *task)
{
    struct waiter *w = CONTAINER_OF(CONTAINER_OF(task, struct port_wait, granted), struct waiter, wait);
    sem_post(&w->told);
}

static void waiter_init(struct waiter *w, struct loop *loop)
{
    *w = (struct waiter){ .wait = { .loop = loop, .granted.run = tell } };
    sem_init(&w->told, 0, 0);
}

static bool is_told(struct waiter *w)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    return sem_timedwait(&w->told, &until) == 0;
}

static uint16_t lent(struct port_pool *pool, const union address *host, struct waiter *w, int *ret_fd)
{
    struct fault f;
    uint16_t port = 0;
    assert_int_equal(port_listen(pool, host, &w->wait, ret_fd, &port, &f), FAULT_OK);
    return port;
}

static void test_the_first_who_waits_is_the_first_served(void **state)
{
    (void)state;
    union address host;
    struct fault f;
    struct loop *loop;
    struct waiter w[4];
    int holder, fd[4];
    uint16_t port = 0;
    assert_int_equal(loop_new(&loop, &f), FAULT_OK);
    assert_int_equal(loop_start(loop, "test", &f), FAULT_OK);
    for (int i = 0; i < 4; i++)
        waiter_init(&w[i], loop);
    assert_true(address_parse("127.0.0.1", 0, &host));
    uint16_t only = some_port(&host, &holder);
    close(holder);
    struct port_pool *pool = port_pool_new(only, only);
    assert_int_equal(lent(pool, &host, &w[0], &fd[0]), only);
    for (int i = 1; i < 4; i++)
        assert_int_equal(port_listen(pool, &host, &w[i].wait, &fd[i], &port, &f), FAULT_BUSY);
    assert_false(port_wait_moves(pool, &w[1].wait));
    close(fd[0]);
    port_put(pool, only);
    assert_true(is_told(&w[1]));
    assert_true(port_wait_moves(pool, &w[3].wait));
    assert_false(port_wait_moves(pool, &w[3].wait));
    /* It is not for who comes in between. */
    assert_int_equal(port_take(pool), 0);
    assert_int_equal(lent(pool, &host, &w[1], &fd[1]), only);
    /* Who leaves is passed over, and what was granted to him goes on. */
    close(fd[1]);
    port_put(pool, only);
    assert_true(is_told(&w[2]));
    port_wait_leave(pool, &w[2].wait);
    assert_true(is_told(&w[3]));
    port_wait_leave(pool, &w[2].wait);
    assert_int_equal(lent(pool, &host, &w[3], &fd[3]), only);
    close(fd[3]);
    port_put(pool, only);
    assert_int_equal(port_take(pool), only);
    loop_stop(loop);
    loop_free(loop);
    port_pool_free(pool);
}

/* Who gives up what was granted, and waits again before he was told, is told once, of what came then. */
static void test_a_wait_that_begins_anew_before_the_former_was_told(void **state)
{
    (void)state;
    union address host;
    struct fault f;
    struct loop *loop;
    struct waiter first, again;
    int holder, fd;
    uint16_t port = 0;
    assert_int_equal(loop_new(&loop, &f), FAULT_OK); /* nothing runs yet */
    waiter_init(&first, loop);
    waiter_init(&again, loop);
    assert_true(address_parse("127.0.0.1", 0, &host));
    uint16_t only = some_port(&host, &holder);
    close(holder);
    struct port_pool *pool = port_pool_new(only, only);
    assert_int_equal(lent(pool, &host, &first, &fd), only);
    close(fd);
    assert_int_equal(port_listen(pool, &host, &again.wait, &fd, &port, &f), FAULT_BUSY);
    port_put(pool, only);
    assert_true(again.wait.posted);
    port_wait_leave(pool, &again.wait);
    assert_int_equal(lent(pool, &host, &first, &fd), only);
    close(fd);
    assert_int_equal(port_listen(pool, &host, &again.wait, &fd, &port, &f), FAULT_BUSY);
    port_put(pool, only);
    assert_int_equal(loop_start(loop, "test", &f), FAULT_OK);
    loop_stop(loop);
    loop_free(loop);
    assert_int_equal(sem_trywait(&again.told), 0);
    assert_int_equal(sem_trywait(&again.told), -1);
    assert_true(port_wait_granted(pool, &again.wait));
    assert_false(again.wait.posted);
    assert_int_equal(lent(pool, &host, &again, &fd), only);
    close(fd);
    port_put(pool, only);
    assert_false(port_wait_granted(pool, &again.wait));
    port_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_once),
        cmocka_unit_test(test_one_port),
        cmocka_unit_test(test_listen),
        cmocka_unit_test(test_the_first_who_waits_is_the_first_served),
        cmocka_unit_test(test_a_wait_that_begins_anew_before_the_former_was_told),
    };
    return cmocka_run_group_tests_name("port", tests, NULL, NULL);
}
