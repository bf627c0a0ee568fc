/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/mem.h"
#include "fleet/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct settings settings = { .credential_memory = 1000 };

static const struct memory_claim claim = {
    .account = "alice", .stored = "$y$hash", .changed = 7, .password = "secret", .right = true
};

static void test_only_the_same_claim(void **state)
{
    (void)state;
    struct memory *memory = memory_new(&settings);
    assert_non_null(memory);
    assert_false(memory_knows(memory, &claim));
    memory_keep(memory, &claim);
    assert_true(memory_knows(memory, &claim));

    struct memory_claim other[6];
    for (size_t i = 0; i < ARRAY_LENGTH(other); i++)
        other[i] = claim;
    other[0].account = "bob";
    other[1].stored = "$y$hasi";
    other[2].changed = 8;
    other[3].password = "secrets";
    other[4].right = false;
    /* The same bytes, parted elsewhere. */
    other[5].account = "alice$y$hash";
    other[5].stored = "";
    for (size_t i = 0; i < ARRAY_LENGTH(other); i++)
        assert_false(memory_knows(memory, &other[i]));
    assert_true(memory_knows(memory, &claim));
    memory_free(memory);
    memory_free(NULL);
}

static void test_expires(void **state)
{
    (void)state;
    clock_freeze(1, 5000);
    struct memory *memory = memory_new(&settings);
    memory_keep(memory, &claim);
    clock_freeze(1, 5999);
    assert_true(memory_knows(memory, &claim));
    clock_freeze(1, 6000);
    assert_false(memory_knows(memory, &claim));
    memory_free(memory);

    const struct settings none = { .credential_memory = 0 };
    memory = memory_new(&none);
    memory_keep(memory, &claim);
    assert_false(memory_knows(memory, &claim));
    memory_free(memory);
    clock_thaw();
}

/* Far more than it holds: the newest stay, nothing grows. */
static void test_bounded(void **state)
{
    (void)state;
    struct memory *memory = memory_new(&settings);
    char name[32];
    clock_freeze(1, 1);
    for (int i = 0; i < 3 * MEMORY_ENTRIES; i++) {
        struct memory_claim one = claim;
        snprintf(name, sizeof name, "account%d", i);
        one.account = name;
        clock_freeze(1, 1 + i / 100);
        memory_keep(memory, &one);
        assert_true(memory_knows(memory, &one));
    }
    int known = 0;
    for (int i = 0; i < 3 * MEMORY_ENTRIES; i++) {
        struct memory_claim one = claim;
        snprintf(name, sizeof name, "account%d", i);
        one.account = name;
        known += memory_knows(memory, &one);
    }
    assert_in_range(known, MEMORY_ENTRIES / 2, MEMORY_ENTRIES);
    clock_thaw();
    memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_same_claim),
        cmocka_unit_test(test_expires),
        cmocka_unit_test(test_bounded),
    };
    return cmocka_run_group_tests_name("fleet/memory", tests, NULL, NULL);
}
