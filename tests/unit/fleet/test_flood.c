/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fleet/flood.h"

#include <stdio.h>
#include <string.h>

static struct chain_record refusal(unsigned name, unsigned address)
{
    struct chain_record r = { .at = 1 };
    strncpy(r.event, "login.refused", sizeof r.event - 1);
    snprintf(r.who, sizeof r.who, "name%u", name);
    snprintf(r.address, sizeof r.address, "10.%u.%u.%u", address >> 16, address >> 8 & 255, address & 255);
    strncpy(r.detail, "wrong password", sizeof r.detail - 1);
    return r;
}

static bool is_news(struct flood *flood, unsigned name, unsigned address)
{
    struct chain_record r = refusal(name, address);
    return flood_is_news(flood, &r);
}

static void test_same_pair_is_counted(void **state)
{
    (void)state;
    struct flood *flood = flood_new();
    struct chain_record r;
    clock_freeze(0, 1000);
    assert_true(is_news(flood, 1, 1));
    for (int i = 0; i < 37; i++)
        assert_false(is_news(flood, 1, 1));
    assert_true(is_news(flood, 2, 1));
    assert_true(is_news(flood, 1, 2));
    assert_false(flood_due(flood, false, &r));
    clock_freeze(0, 1000 + FLOOD_MS);
    assert_true(flood_due(flood, false, &r));
    assert_string_equal(r.who, "name1");
    assert_string_equal(r.address, "10.0.0.1");
    assert_string_equal(r.detail, "wrong password; 37 more within a minute");
    assert_false(flood_due(flood, true, &r));
    assert_true(is_news(flood, 1, 1));
    assert_false(is_news(flood, 1, 1));
    assert_true(flood_due(flood, true, &r));
    assert_string_equal(r.detail, "wrong password; 1 more within a minute");
    clock_thaw();
    flood_free(flood);
    flood_free(NULL);
}

static void test_many_names_share_one(void **state)
{
    (void)state;
    struct flood *flood = flood_new();
    struct chain_record r = refusal(1000, 1);
    clock_freeze(0, 1000);
    for (unsigned i = 0; i < FLOOD_NAMES; i++)
        assert_true(is_news(flood, i, 1));
    assert_true(flood_is_news(flood, &r));
    assert_string_equal(r.who, FLOOD_SEVERAL);
    assert_string_equal(r.address, "10.0.0.1");
    assert_string_equal(r.detail, "");
    for (unsigned i = 2000; i < 3000; i++)
        assert_false(is_news(flood, i, 1));
    assert_true(is_news(flood, 1, 2)); /* another address is not drawn in */
    assert_true(flood_due(flood, true, &r));
    assert_string_equal(r.who, FLOOD_SEVERAL);
    assert_string_equal(r.detail, "1000 more within a minute");
    assert_false(flood_due(flood, true, &r));
    clock_thaw();
    flood_free(flood);
}

/* Nothing that strangers do makes more than so many records, and none of what they did is uncounted. */
static void test_bounded(void **state)
{
    (void)state;
    struct flood *flood = flood_new();
    struct chain_record r;
    unsigned long long told = 0, counted = 0, more;
    clock_freeze(0, 1000);
    for (unsigned i = 0; i < 20000; i++)
        told += is_news(flood, i, i);
    assert_true(told <= FLOOD_RECORDS / 2);
    while (flood_due(flood, true, &r)) {
        const char *at = strstr(r.detail, " more");
        assert_non_null(at);
        while (at > r.detail && at[-1] != ' ')
            at--;
        assert_int_equal(sscanf(at, "%llu", &more), 1);
        told++;
        counted += more;
    }
    assert_true(told <= FLOOD_RECORDS);
    assert_true(counted >= 20000 - FLOOD_RECORDS && counted < 20000);
    clock_thaw();
    flood_free(flood);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_same_pair_is_counted),
                                        cmocka_unit_test(test_many_names_share_one),
                                        cmocka_unit_test(test_bounded) };
    return cmocka_run_group_tests_name("flood", tests, NULL, NULL);
}
