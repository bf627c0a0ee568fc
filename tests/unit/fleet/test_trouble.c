/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/mem.h"
#include "fleet/trouble.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct mac numbered(unsigned i)
{
    struct mac mac;
    snprintf(mac.text, sizeof mac.text, "00907a%06x", i & 0xffffff);
    return mac;
}

static void test_a_minute(void **state)
{
    (void)state;
    struct fleet fleet = { .trouble = trouble_new() };
    struct mac mac = numbered(1), other = numbered(2), none = { "" };
    assert_non_null(fleet.trouble);
    clock_freeze(1, 1000);
    assert_false(trouble_is_marked(&fleet, &mac));
    trouble_mark(&fleet, &mac);
    assert_true(trouble_is_marked(&fleet, &mac));
    assert_false(trouble_is_marked(&fleet, &other));
    clock_freeze(1, 1000 + TROUBLE_MS - 1);
    assert_true(trouble_is_marked(&fleet, &mac));
    clock_freeze(1, 1000 + TROUBLE_MS);
    assert_false(trouble_is_marked(&fleet, &mac));
    trouble_mark(&fleet, &none);
    assert_false(trouble_is_marked(&fleet, &none));
    trouble_free(fleet.trouble);
    trouble_free(NULL);
    clock_thaw();
}

/* A thousand in trouble: none is forgotten, and hardly anybody else is counted in. */
static void test_many(void **state)
{
    (void)state;
    struct fleet fleet = { .trouble = trouble_new() };
    for (unsigned i = 0; i < 1000; i++) {
        struct mac mac = numbered(i);
        trouble_mark(&fleet, &mac);
    }
    int mistaken = 0;
    for (unsigned i = 0; i < 11000; i++) {
        struct mac mac = numbered(i);
        bool marked = trouble_is_marked(&fleet, &mac);
        if (i < 1000)
            assert_true(marked);
        else
            mistaken += marked;
    }
    assert_in_range(mistaken, 0, 50);
    trouble_free(fleet.trouble);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_a_minute), cmocka_unit_test(test_many) };
    return cmocka_run_group_tests_name("fleet/trouble", tests, NULL, NULL);
}
