/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "ftps/port.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
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
    /* Somebody else holds it: refused, and not lost. */
    assert_int_equal(port_listen(pool, &host, &fd, &port, &f), FAULT_BUSY);
    assert_int_equal(fd, -1);
    close(holder);
    assert_int_equal(port_listen(pool, &host, &fd, &port, &f), FAULT_OK);
    assert_int_equal(port, held);
    assert_true(fd >= 0);
    int other = -1;
    assert_int_equal(port_listen(pool, &host, &other, &port, &f), FAULT_BUSY);
    close(fd);
    port_put(pool, held);
    assert_int_equal(port_listen(pool, &host, &fd, &port, &f), FAULT_OK);
    close(fd);
    port_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_once),
        cmocka_unit_test(test_one_port),
        cmocka_unit_test(test_listen),
    };
    return cmocka_run_group_tests_name("port", tests, NULL, NULL);
}
