/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/mem.h"
#include "fleet/census.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OWN  "00907a000001"
#define WALL 1700000000000
#define HOUR 3600000

static struct settings settings;
static struct fleet fleet;
static bool news;

static int set_up(void **state)
{
    (void)state;
    settings = (struct settings){ .enumeration_limit = 3, .enumeration_window = HOUR };
    fleet.settings = &settings;
    fleet.census = census_new();
    assert_non_null(fleet.census);
    clock_freeze(WALL + 1000, 1000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    census_free(fleet.census);
    census_free(NULL);
    clock_thaw();
    return 0;
}

static struct principal handset(const char *mac)
{
    struct principal who = { .role = ROLE_HANDSET, .address = "192.0.2.1" };
    assert_true(mac_parse(mac, strlen(mac), &who.mac));
    return who;
}

static int64_t ask(const struct principal *who, const char *text)
{
    struct path path;
    assert_int_equal(path_parse(text, strlen(text), &path, NULL), FAULT_OK);
    return census_count(&fleet, who, &path, &news);
}

static int64_t ask_foreign(const struct principal *who, unsigned number)
{
    char text[64];
    snprintf(text, sizeof text, "/0004f2%06x.cfg", number);
    return ask(who, text);
}

static void test_a_boot_counts_nothing(void **state)
{
    (void)state;
    static const char *const boot[] = {
        "/" OWN ".cfg",
        "/00907A000001-boot.log",
        "/000000000000.cfg",
        "/000000000000-license.cfg",
        "/site.cfg",
        "/" OWN "-phone.cfg",
        "/" OWN "-web.cfg",
        "/3111-44500-001.sip.ld",
        "/sip.ld",
        "/",
        "/logs/" OWN "-app.log",
        "/0004f2aabbccd.cfg",
        "/SoundPointIPWelcome.wav",
    };
    struct principal who = handset(OWN);
    settings.enumeration_limit = 1;
    for (int times = 0; times < 3; times++)
        for (size_t i = 0; i < ARRAY_LENGTH(boot); i++)
            assert_int_equal(ask(&who, boot[i]), 0);
    assert_int_equal(ask_foreign(&who, 1), 0);
    assert_int_equal(ask_foreign(&who, 2), 100);
}

static void test_different_macs_count_once_each(void **state)
{
    (void)state;
    struct principal who = handset(OWN);
    static const char *const one[] = { "/0004f2000001.cfg", "/0004F2000001-app.log", "/@log/0004f2000001/x",
                                       "/a/0004f2000001-ext.cfg", "/0004f2000001/" };
    for (int times = 0; times < 3; times++)
        for (size_t i = 0; i < ARRAY_LENGTH(one); i++)
            assert_int_equal(ask(&who, one[i]), 0);
    assert_int_equal(ask_foreign(&who, 2), 0);
    assert_int_equal(ask_foreign(&who, 3), 0);
    assert_false(news);
    assert_int_equal(ask_foreign(&who, 4), 100);
    assert_true(news); /* once */
    assert_int_equal(ask_foreign(&who, 4), 100);
    assert_false(news);
    assert_int_equal(ask_foreign(&who, 1), 100);
    static const int64_t delays[] = { 200, 400, 800, 1600, 3200, 5000, 5000 };
    for (size_t i = 0; i < ARRAY_LENGTH(delays); i++)
        assert_int_equal(ask_foreign(&who, 5 + (unsigned)i), delays[i]);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(ask_foreign(&who, 100 + i), 5000);
    /* What is its own, or nobody's, never waits. */
    assert_int_equal(ask(&who, "/" OWN ".cfg"), 0);
    assert_int_equal(ask(&who, "/absent"), 0);
    /* All the foreign ones of a path count. */
    struct principal other = handset("00907a000002");
    assert_int_equal(ask(&other, "/0004f2000001/0004f2000002/0004f2000003/0004f2000004"), 100);
}

static void test_a_window_later_it_is_forgotten(void **state)
{
    (void)state;
    struct principal who = handset(OWN);
    for (unsigned i = 0; i < 10; i++)
        (void)ask_foreign(&who, i);
    clock_freeze(WALL + 1000 + HOUR - 1, 1000 + HOUR - 1);
    assert_int_equal(ask_foreign(&who, 0), 5000);
    assert_false(news);
    clock_freeze(WALL + 1000 + HOUR, 1000 + HOUR);
    assert_int_equal(ask_foreign(&who, 0), 0);
    for (unsigned i = 1; i < 4; i++)
        (void)ask_foreign(&who, i);
    assert_true(news); /* told anew */
}

static void test_who_is_counted(void **state)
{
    (void)state;
    struct principal who = handset(OWN), neighbour = handset("00907a000002");
    struct principal administrator = { .role = ROLE_ADMINISTRATOR };
    struct principal reader = { .role = ROLE_OPERATOR };
    for (unsigned i = 0; i < 50; i++) {
        (void)ask_foreign(&who, i);
        assert_int_equal(ask_foreign(&administrator, i), 0);
        assert_int_equal(ask_foreign(&reader, i), 0);
    }
    assert_int_equal(ask_foreign(&neighbour, 1), 0);
    settings.enumeration_limit = 0;
    assert_int_equal(ask_foreign(&who, 1), 0);
}

static void test_what_is_shown_and_lifted(void **state)
{
    (void)state;
    struct principal first = handset(OWN), second = handset("00907a000002"), third = handset("00907a000003");
    struct census_suspect *list = NULL;
    size_t count = 0;
    for (unsigned i = 0; i < 5; i++)
        (void)ask_foreign(&first, i);
    for (unsigned i = 0; i < 200; i++)
        (void)ask_foreign(&second, i);
    for (unsigned i = 0; i < 3; i++)
        (void)ask_foreign(&third, i);
    assert_int_equal(census_list(&fleet, &list, &count, NULL), FAULT_OK);
    assert_int_equal(count, 2);
    assert_string_equal(list[0].mac.text, "00907a000002");
    assert_int_equal(list[0].macs, CENSUS_MACS);
    assert_int_equal(list[0].requests, 200);
    assert_string_equal(list[0].address, "192.0.2.1");
    assert_int_equal(list[0].since, WALL + 1000);
    assert_int_equal(list[0].until, WALL + 1000 + HOUR);
    assert_int_equal(list[1].macs, 5);
    free(list);
    assert_int_equal(census_forgive(&fleet, &third.mac), 0);
    assert_int_equal(census_forgive(&fleet, &second.mac), 1);
    assert_int_equal(ask_foreign(&second, 1), 0);
    assert_int_equal(ask_foreign(&first, 1), 200);
    assert_int_equal(census_forgive(&fleet, NULL), 1);
    assert_int_equal(ask_foreign(&first, 1), 0);
}

static void test_the_worst_stay(void **state)
{
    (void)state;
    struct principal worst = handset("00907affffff");
    struct census_suspect *list = NULL;
    size_t count = 0;
    for (unsigned i = 0; i < 20; i++)
        (void)ask_foreign(&worst, i);
    for (unsigned i = 0; i < 3 * CENSUS_HANDSETS; i++) {
        char mac[MAC_DIGITS + 1];
        snprintf(mac, sizeof mac, "00907b%06x", i);
        struct principal who = handset(mac);
        assert_int_equal(ask_foreign(&who, 1), 0);
    }
    assert_int_equal(census_list(&fleet, &list, &count, NULL), FAULT_OK);
    assert_int_equal(count, 1);
    assert_string_equal(list[0].mac.text, "00907affffff");
    free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_boot_counts_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_different_macs_count_once_each, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_window_later_it_is_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_who_is_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_shown_and_lifted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_worst_stay, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("fleet/census", tests, NULL, NULL);
}
