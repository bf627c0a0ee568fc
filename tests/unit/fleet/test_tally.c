/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fleet/tally.h"

static void test_told_once_in_a_while(void **state)
{
    (void)state;
    struct tally *tally = tally_new();
    uint64_t more = 99;
    assert_non_null(tally);
    clock_freeze(0, 0);
    assert_true(tally_is_news(tally, 1, 1000, &more));
    assert_int_equal(more, 0);
    for (int i = 0; i < 5; i++)
        assert_false(tally_is_news(tally, 1, 1000, &more));
    assert_true(tally_is_news(tally, 2, 1000, &more));
    assert_int_equal(more, 0);
    clock_freeze(0, 999);
    assert_false(tally_is_news(tally, 1, 1000, &more));
    clock_freeze(0, 1000);
    assert_true(tally_is_news(tally, 1, 1000, &more));
    assert_int_equal(more, 6);
    assert_false(tally_is_news(tally, 1, 1000, &more));
    clock_thaw();
    tally_free(tally);
    tally_free(NULL);
}

/* A fleet fits: nobody's second request is told because of the others. */
static void test_a_fleet_fits(void **state)
{
    (void)state;
    struct tally *tally = tally_new();
    uint64_t more;
    size_t twice = 0;
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < 20000; i++) {
            char name[16];
            snprintf(name, sizeof name, "00907a%06x", i);
            const char *const texts[] = { "login.granted", name, NULL };
            bool news = tally_is_news(tally, tally_hash(texts, 3), 1000000, &more);
            assert_true(news || round == 1);
            twice += news && round == 1;
        }
    assert_true(twice < 200);
    tally_free(tally);
}

static void test_hashes_keep_texts_apart(void **state)
{
    (void)state;
    const char *const a[] = { "ab", "c" }, *const b[] = { "a", "bc" }, *const c[] = { "abc", NULL };
    assert_int_not_equal(tally_hash(a, 2), tally_hash(b, 2));
    assert_int_not_equal(tally_hash(a, 2), tally_hash(c, 2));
    assert_int_equal(tally_hash(a, 2), tally_hash(a, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_told_once_in_a_while),
                                        cmocka_unit_test(test_a_fleet_fits),
                                        cmocka_unit_test(test_hashes_keep_texts_apart) };
    return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}
