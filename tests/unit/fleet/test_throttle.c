/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/mem.h"
#include "fleet/throttle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HERE  "192.0.2.1"
#define THERE "192.0.2.2"
#define WALL  1700000000000

static struct settings settings;
static struct fleet fleet;
static int64_t now;

static void at(int64_t ms)
{
    now = ms;
    clock_freeze(WALL + ms, ms);
}

static int set_up(void **state)
{
    (void)state;
    settings = (struct settings){
        .refusal_delay = 1000, .throttle_max = 60000, .throttle_forget = 900000, .throttle_accounts = 3
    };
    fleet.settings = &settings;
    fleet.throttle = throttle_new();
    assert_non_null(fleet.throttle);
    at(1000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    throttle_free(fleet.throttle);
    throttle_free(NULL);
    clock_thaw();
    return 0;
}

static struct throttle_try attempt(const char *account, const char *password, const char *address)
{
    struct throttle_try made;
    assert_int_equal(throttle_begin(&fleet, account, password, address, &made, NULL), FAULT_OK);
    return made;
}

static struct throttle_charge fail_at(const char *account, const char *address)
{
    struct throttle_charge charge;
    struct throttle_try made = attempt(account, "wrong", address);
    throttle_failed(&fleet, &made, false, &charge);
    return charge;
}

static void get_in(const char *account, const char *password, const char *address)
{
    struct throttle_try made = attempt(account, password, address);
    throttle_succeeded(&fleet, &made, true);
}

static enum throttle_lane lane(const char *account, const char *password, const char *address)
{
    struct throttle_try made = attempt(account, password, address);
    return throttle_lane(&fleet, &made);
}

/* A password whose eight bits are not those of `password`. */
static const char *unlike(const char *account, const char *password, const char *address)
{
    static char guess[32];
    uint8_t tag = attempt(account, password, address).tag;
    for (int i = 0;; i++) {
        snprintf(guess, sizeof guess, "guess-%d", i);
        if (attempt(account, guess, address).tag != tag)
            return guess;
    }
}

static size_t listed(void)
{
    struct throttle_suspect *list = NULL;
    size_t count = 0;
    assert_int_equal(throttle_list(&fleet, &list, &count, NULL), FAULT_OK);
    free(list);
    return count;
}

static void test_delays_grow_and_are_forgotten(void **state)
{
    (void)state;
    static const int64_t delays[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };
    for (size_t i = 0; i < ARRAY_LENGTH(delays); i++) {
        struct throttle_charge charge = fail_at("alice", HERE);
        assert_int_equal(charge.delay, delays[i]);
        assert_int_equal(charge.failures, i + 1);
        assert_int_equal(charge.pair_is_news, i + 1 == THROTTLE_TELL);
        at(now + charge.delay);
    }
    /* The last failure counts, not the first. */
    at(now - 60000 + settings.throttle_forget - 1);
    assert_int_equal(fail_at("alice", HERE).delay, 60000);
    at(now + settings.throttle_forget);
    assert_int_equal(listed(), 0);
    assert_int_equal(fail_at("alice", HERE).delay, 1000);
    for (int i = 0; i < 100; i++)
        assert_in_range(fail_at("alice", HERE).delay, 1000, 60000);
}

static void test_the_settings_bound_the_delay(void **state)
{
    (void)state;
    settings.throttle_max = 500; /* below refusal_delay: it does not grow, nor does it shrink */
    assert_int_equal(fail_at("alice", HERE).delay, 1000);
    assert_int_equal(fail_at("alice", HERE).delay, 1000);
    settings.throttle_max = 2500;
    assert_int_equal(fail_at("alice", HERE).delay, 2500);
    settings.refusal_delay = 0;
    for (int i = 0; i < 50; i++)
        assert_int_equal(fail_at("alice", HERE).delay, 0);
    assert_int_equal(lane("alice", "x", HERE), THROTTLE_OPEN);
}

static void test_a_pair_is_nobody_elses_trouble(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++)
        fail_at("alice", HERE);
    assert_int_equal(lane("alice", "x", HERE), THROTTLE_SLOW);
    assert_int_equal(lane("alice", "x", THERE), THROTTLE_OPEN);
    assert_int_equal(lane("bob", "x", HERE), THROTTLE_OPEN);
    assert_int_equal(fail_at("alice", THERE).delay, 1000);
    assert_int_equal(fail_at("bob", HERE).delay, 1000);
    /* A MAC is one account however it is spelled, and a /64 is one address. */
    for (int i = 0; i < 3; i++)
        fail_at("00:90:7A:00:00:01", "2001:db8::1");
    assert_int_equal(fail_at("00907a000001", "2001:db8::2").delay, 8000);
    assert_int_equal(fail_at("00907a000001", "2001:db8:0:1::2").delay, 1000);
    /* Where a name ends and an address begins is not to be blurred. */
    assert_int_equal(fail_at("bo", HERE).delay, 1000);
    assert_int_equal(fail_at("", HERE).failures, 1);
}

static void test_a_suspect_has_a_turn_now_and_then(void **state)
{
    (void)state;
    for (int i = 0; i < 7; i++)
        fail_at("alice", HERE);
    assert_int_equal(lane("alice", "x", HERE), THROTTLE_SLOW);
    for (int i = 0; i < 5; i++)
        assert_int_equal(lane("alice", "x", HERE), THROTTLE_AWAY);
    at(now + 999);
    assert_int_equal(lane("alice", "x", HERE), THROTTLE_AWAY);
    at(now + 1);
    assert_int_equal(lane("alice", "x", HERE), THROTTLE_SLOW);
    assert_int_equal(lane("alice", "x", HERE), THROTTLE_AWAY);
    at(now + 60000);
    assert_int_equal(lane("alice", "x", HERE), THROTTLE_OPEN);
    assert_int_equal(lane("alice", "x", HERE), THROTTLE_OPEN);
}

static void test_what_got_in_goes_first(void **state)
{
    (void)state;
    get_in("alice", "right", HERE);
    const char *guess = unlike("alice", "right", HERE);
    for (int i = 0; i < 10; i++)
        fail_at("alice", HERE);
    struct throttle_try known = attempt("alice", "right", HERE), other = attempt("alice", guess, HERE);
    assert_true(throttle_knows(&fleet, &known));
    assert_false(throttle_knows(&fleet, &other));
    assert_int_equal(lane("alice", guess, HERE), THROTTLE_SLOW);
    assert_int_equal(lane("alice", guess, HERE), THROTTLE_AWAY);
    /* A former password goes first too, so there is a bound; beyond it, it is like any other. */
    for (int i = 0; i < THROTTLE_FIRSTS; i++)
        assert_int_equal(lane("alice", "right", HERE), THROTTLE_FIRST);
    assert_int_equal(lane("alice", "right", HERE), THROTTLE_AWAY);
    at(now + THROTTLE_FIRSTS_MS);
    assert_int_equal(lane("alice", "right", HERE), THROTTLE_FIRST);
    /* Known is what got in from there. */
    struct throttle_try there = attempt("alice", "right", THERE);
    assert_false(throttle_knows(&fleet, &there));
    assert_int_equal(lane("alice", "right", THERE), THROTTLE_OPEN);
    /* Another password takes its place. */
    get_in("alice", guess, HERE);
    assert_false(throttle_knows(&fleet, &known));
    assert_true(throttle_knows(&fleet, &other));
    at(now + THROTTLE_KNOWN_MS);
    assert_false(throttle_knows(&fleet, &other));
}

static void test_a_right_login_clears_its_pair_alone(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        fail_at("alice", HERE);
        fail_at("alice", THERE);
    }
    get_in("alice", "right", HERE);
    assert_int_equal(listed(), 1);
    assert_int_equal(lane("alice", unlike("alice", "right", HERE), HERE), THROTTLE_OPEN);
    assert_int_equal(lane("alice", "x", THERE), THROTTLE_SLOW);
    assert_int_equal(fail_at("alice", HERE).delay, 1000);
    /* A secret made here needs no place among the known. */
    struct throttle_try made = attempt("made", "secret", HERE);
    throttle_succeeded(&fleet, &made, false);
    assert_false(throttle_knows(&fleet, &made));
}

static void test_an_address_that_fails_at_many(void **state)
{
    (void)state;
    get_in("nurse", "right", HERE);
    for (int i = 0; i < 5; i++) /* the same account again is not one more */
        fail_at("one", HERE);
    fail_at("two", HERE);
    struct throttle_charge third = fail_at("three", HERE);
    assert_int_equal(third.accounts, 3);
    assert_false(third.address_is_news);
    assert_int_equal(lane("fresh", "x", HERE), THROTTLE_OPEN);
    struct throttle_charge fourth = fail_at("four", HERE);
    assert_true(fourth.address_is_news);
    assert_int_equal(fourth.delay, 2000); /* the first failure of that account, one account too many */
    assert_int_equal(fail_at("five", HERE).delay, 4000);
    assert_int_equal(lane("fresh", "x", HERE), THROTTLE_SLOW);
    assert_int_equal(lane("fresh", "x", HERE), THROTTLE_SLOW); /* it has failed nowhere: no turns to take */
    assert_int_equal(lane("nurse", "right", HERE), THROTTLE_FIRST);
    assert_int_equal(lane("fresh", "x", THERE), THROTTLE_OPEN);
    /* Who mistyped and then got in does not count against the address. */
    get_in("two", "right", HERE);
    get_in("three", "right", HERE);
    assert_int_equal(lane("fresh", "x", HERE), THROTTLE_OPEN);
    /* A window later all is forgotten, and what goes on counts anew. */
    fail_at("six", HERE);
    at(now + settings.throttle_forget);
    assert_int_equal(lane("fresh", "x", HERE), THROTTLE_OPEN);
    assert_int_equal(fail_at("one", HERE).accounts, 1);
    settings.throttle_accounts = 0; /* any number */
    char name[16];
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "account%d", i);
        assert_int_equal(fail_at(name, HERE).delay, 1000);
    }
    assert_int_equal(lane("fresh", "x", HERE), THROTTLE_OPEN);
}

static void test_beside_a_certificate(void **state)
{
    (void)state;
    struct throttle_charge charge;
    char name[16];
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "junk%d", i);
        struct throttle_try made = attempt(name, "junk", HERE);
        throttle_failed(&fleet, &made, true, &charge);
        assert_int_equal(charge.accounts, 0);
    }
    assert_int_equal(lane("fresh", "x", HERE), THROTTLE_OPEN);
    assert_int_equal(lane("junk0", "x", HERE), THROTTLE_SLOW);
    /* What was not begun is charged to nobody. */
    const struct throttle_try none = { 0 };
    size_t before = listed();
    throttle_failed(&fleet, &none, false, &charge);
    assert_int_equal(charge.delay, 1000);
    throttle_succeeded(&fleet, &none, true);
    assert_int_equal(listed(), before);
}

static void test_the_worst_stay(void **state)
{
    (void)state;
    char name[32], address[32];
    settings.throttle_accounts = 20;
    for (int i = 0; i < 9; i++)
        fail_at("target", HERE);
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof name, "sprayed%d", i);
        fail_at(name, THERE);
    }
    for (int i = 0; i < 3 * THROTTLE_PAIRS; i++) {
        snprintf(name, sizeof name, "flood%d", i);
        snprintf(address, sizeof address, "10.%d.%d.%d", i >> 16 & 255, i >> 8 & 255, i & 255);
        at(now + 1);
        fail_at(name, address);
    }
    struct throttle_suspect *list = NULL;
    size_t count = 0;
    assert_int_equal(throttle_list(&fleet, &list, &count, NULL), FAULT_OK);
    assert_in_range(count, THROTTLE_PAIRS / 2, THROTTLE_PAIRS + 1);
    assert_true(list[0].is_address);
    assert_string_equal(list[0].address, THERE);
    assert_int_equal(list[0].failures, 30);
    assert_string_equal(list[1].account, "target");
    assert_int_equal(list[1].failures, 9);
    free(list);
    assert_int_equal(fail_at("target", HERE).failures, 10);
}

static void test_the_known_are_bounded(void **state)
{
    (void)state;
    char name[32];
    for (int i = 0; i < 2 * THROTTLE_KNOWN; i++) {
        snprintf(name, sizeof name, "account%d", i);
        at(now + 1);
        get_in(name, "right", HERE);
        struct throttle_try made = attempt(name, "right", HERE);
        assert_true(throttle_knows(&fleet, &made));
    }
    int known = 0;
    for (int i = 0; i < 2 * THROTTLE_KNOWN; i++) {
        snprintf(name, sizeof name, "account%d", i);
        struct throttle_try made = attempt(name, "right", HERE);
        known += throttle_knows(&fleet, &made);
    }
    assert_in_range(known, THROTTLE_KNOWN / 2, THROTTLE_KNOWN);
}

static void test_what_is_shown_and_lifted(void **state)
{
    (void)state;
    fail_at("alice", HERE);
    fail_at("alice", HERE);
    fail_at("alice", THERE);
    fail_at("esc\x1b[2J", HERE);
    struct throttle_suspect *list = NULL;
    size_t count = 0;
    assert_int_equal(throttle_list(&fleet, &list, &count, NULL), FAULT_OK);
    assert_int_equal(count, 3);
    assert_string_equal(list[0].account, "alice");
    assert_string_equal(list[0].address, HERE);
    assert_int_equal(list[0].failures, 2);
    assert_int_equal(list[0].last, WALL + 1000);
    assert_int_equal(list[0].until, WALL + 3000);
    for (size_t i = 0; i < count; i++)
        assert_null(strchr(list[i].account, 0x1b));
    free(list);

    assert_int_equal(throttle_forgive(&fleet, "alice", "198.51.100.1"), 0);
    assert_int_equal(throttle_forgive(&fleet, "alice", HERE), 1);
    assert_int_equal(fail_at("alice", HERE).delay, 1000);
    assert_int_equal(fail_at("alice", THERE).delay, 2000);
    assert_int_equal(throttle_forgive(&fleet, "alice", NULL), 2);
    for (int i = 0; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        fail_at(name, HERE);
    }
    assert_int_equal(lane("fresh", "x", HERE), THROTTLE_SLOW);
    assert_int_equal(throttle_forgive(&fleet, NULL, HERE),
                     5 + 1 + 1); /* the pairs, the odd name, the address */
    assert_int_equal(lane("fresh", "x", HERE), THROTTLE_OPEN);
    fail_at("alice", THERE);
    assert_int_equal(throttle_forgive(&fleet, NULL, NULL), 1);
    assert_int_equal(listed(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_delays_grow_and_are_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_settings_bound_the_delay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_pair_is_nobody_elses_trouble, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_suspect_has_a_turn_now_and_then, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_got_in_goes_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_right_login_clears_its_pair_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_address_that_fails_at_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_beside_a_certificate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_worst_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_known_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_shown_and_lifted, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("fleet/throttle", tests, NULL, NULL);
}
