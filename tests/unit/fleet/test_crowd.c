/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "fleet/crowd.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct settings settings;
static struct fleet fleet;

static int set_up(void **state)
{
    (void)state;
    settings = (struct settings){ .max_handshakes = 4,
                                  .max_handshakes_per_address = 2,
                                  .max_sessions_per_address = 3 };
    fleet.settings = &settings;
    fleet.crowd = crowd_new(16);
    assert_non_null(fleet.crowd);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    crowd_free(fleet.crowd);
    crowd_free(NULL);
    return 0;
}

static void assert_counts(int64_t sessions, int64_t handshakes, int64_t turned_away)
{
    struct crowd_count count;
    crowd_count(&fleet, &count);
    assert_int_equal(count.sessions, sessions);
    assert_int_equal(count.handshakes, handshakes);
    assert_int_equal(count.turned_away, turned_away);
}

static void assert_turned_away(const char *address, const char *why)
{
    struct fault f;
    struct crowd_seat seat = { 0 };
    assert_int_equal(crowd_enter(&fleet, address, &seat, &f), FAULT_BUSY);
    assert_string_equal(f.text, why);
    assert_null(seat.place);
    crowd_leave(&fleet, &seat); /* takes one that never got in */
    crowd_shaken(&fleet, &seat);
}

static void enter(const char *address, struct crowd_seat *seat)
{
    struct fault f = { 0 };
    *seat = (struct crowd_seat){ 0 };
    if (crowd_enter(&fleet, address, seat, &f) != FAULT_OK)
        fail_msg("%s: %s", address, f.text);
}

static void test_each_limit(void **state)
{
    (void)state;
    struct crowd_seat a[3], b[2];
    enter("192.0.2.1", &a[0]);
    enter("192.0.2.1", &a[1]);
    assert_turned_away("192.0.2.1", "max_handshakes_per_address is reached for 192.0.2.1");
    crowd_shaken(&fleet, &a[0]);
    crowd_shaken(&fleet, &a[0]); /* only the first counts */
    assert_counts(2, 1, 1);
    enter("192.0.2.1", &a[2]);
    crowd_shaken(&fleet, &a[2]);
    assert_turned_away("192.0.2.1", "max_sessions_per_address is reached for 192.0.2.1");
    /* One address's crowd is no other's trouble, but a /64 is one. */
    enter("2001:db8::1", &b[0]);
    enter("2001:db8::2", &b[1]);
    assert_turned_away("2001:db8::3", "max_handshakes_per_address is reached for 2001:db8::/64");
    assert_counts(5, 3, 3);
    struct crowd_seat last;
    enter("192.0.2.9", &last);
    assert_turned_away("192.0.2.10", "max_handshakes is reached");
    crowd_leave(&fleet, &last);
    crowd_leave(&fleet, &last); /* only the first counts */
    enter("192.0.2.10", &last);
    crowd_leave(&fleet, &last);
    for (size_t i = 0; i < ARRAY_LENGTH(a); i++)
        crowd_leave(&fleet, &a[i]);
    for (size_t i = 0; i < ARRAY_LENGTH(b); i++)
        crowd_leave(&fleet, &b[i]);
    assert_counts(0, 0, 4);
}

static void test_places_run_out_and_come_back(void **state)
{
    (void)state;
    struct crowd_seat seat[16];
    char address[24];
    settings.max_handshakes = 100;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 16; i++) {
            snprintf(address, sizeof address, "192.0.%d.%d", round, i);
            enter(address, &seat[i]);
        }
        assert_turned_away("198.51.100.1", "max_sessions and max_connections are reached");
        /* In another order than they came, so that chains are opened in their middle. */
        for (int i = 0; i < 16; i++)
            crowd_leave(&fleet, &seat[(i * 7 + round) % 16]);
        assert_counts(0, 0, round + 1);
    }
}

static void test_the_largest_come_first(void **state)
{
    (void)state;
    struct crowd_seat seat[6];
    struct crowd_address out[4];
    settings.max_handshakes = 100;
    settings.max_handshakes_per_address = 100;
    enter("192.0.2.1", &seat[0]);
    for (int i = 1; i < 4; i++)
        enter("192.0.2.2", &seat[i]);
    for (int i = 4; i < 6; i++)
        enter("192.0.2.3", &seat[i]);
    crowd_shaken(&fleet, &seat[1]);
    assert_int_equal(crowd_largest(&fleet, out, 2), 2);
    assert_string_equal(out[0].address, "192.0.2.2");
    assert_int_equal(out[0].sessions, 3);
    assert_int_equal(out[0].handshakes, 2);
    assert_string_equal(out[1].address, "192.0.2.3");
    assert_int_equal(crowd_largest(&fleet, out, 4), 3);
    assert_string_equal(out[2].address, "192.0.2.1");
    for (int i = 0; i < 6; i++)
        crowd_leave(&fleet, &seat[i]);
    assert_int_equal(crowd_largest(&fleet, out, 4), 0);
}

static void *come_and_go(void *argument)
{
    unsigned random = (unsigned)(uintptr_t)argument;
    struct crowd_seat seat[8] = { 0 };
    for (int i = 0; i < 20000; i++) {
        struct fault f;
        char address[24];
        random = random * 1103515245u + 12345u;
        struct crowd_seat *one = &seat[(random >> 16) % 8];
        if (one->place == NULL) {
            snprintf(address, sizeof address, "192.0.2.%u", (random >> 20) % 5);
            (void)crowd_enter(&fleet, address, one, &f);
        } else if ((random >> 24) % 2) {
            crowd_shaken(&fleet, one);
        } else {
            crowd_leave(&fleet, one);
        }
    }
    for (size_t i = 0; i < ARRAY_LENGTH(seat); i++)
        crowd_leave(&fleet, &seat[i]);
    return NULL;
}

static void test_nothing_is_lost_among_threads(void **state)
{
    (void)state;
    pthread_t thread[4];
    struct crowd_count count;
    for (size_t i = 0; i < ARRAY_LENGTH(thread); i++)
        assert_int_equal(pthread_create(&thread[i], NULL, come_and_go, (void *)(uintptr_t)(i + 1)), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(thread); i++)
        pthread_join(thread[i], NULL);
    crowd_count(&fleet, &count);
    assert_int_equal(count.sessions, 0);
    assert_int_equal(count.handshakes, 0);
    assert_true(count.turned_away > 0);
    struct crowd_address out[1];
    assert_int_equal(crowd_largest(&fleet, out, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_places_run_out_and_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_largest_come_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_is_lost_among_threads, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("fleet/crowd", tests, NULL, NULL);
}
