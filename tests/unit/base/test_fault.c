/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fault.h"
#include "base/utf.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_set_fills_and_returns(void **state)
{
    (void)state;
    struct fault f;
    assert_int_equal(fault_set(&f, FAULT_ABSENT, "no %s in %d", "x", 7), FAULT_ABSENT);
    assert_int_equal(f.code, FAULT_ABSENT);
    assert_string_equal(f.text, "no x in 7");
    assert_int_equal(fault_set(NULL, FAULT_IO, "%s", "nobody listens"), FAULT_IO);
}

static void test_set_may_quote_itself(void **state)
{
    (void)state;
    struct fault f;
    fault_set(&f, FAULT_IO, "disk");
    fault_set(&f, FAULT_QUOTA, "%s is full, %s", f.text, f.text);
    assert_string_equal(f.text, "disk is full, disk");
}

static void test_prefix(void **state)
{
    (void)state;
    struct fault f;
    fault_set(&f, FAULT_INPUT, "what");
    assert_int_equal(fault_prefix(&f, "%s:%d", "where", 3), FAULT_INPUT);
    assert_string_equal(f.text, "where:3: what");
    assert_int_not_equal(fault_prefix(NULL, "x"), FAULT_OK);
}

/* However long, a text ends inside the struct, and not inside a character. */
static void test_long_texts_are_cut_between_characters(void **state)
{
    (void)state;
    char text[600];
    for (size_t shift = 0; shift < 3; shift++) {
        memset(text, 'a', shift);
        for (size_t i = shift; i + 3 < sizeof text; i += 3)
            memcpy(text + i, "€", 4);
        struct fault f;
        fault_set(&f, FAULT_INPUT, "%s", text);
        fault_prefix(&f, "%s", "ü");
        for (int prefixed = 0; prefixed < 2; prefixed++) {
            size_t n = strlen(f.text);
            assert_in_range(n, sizeof f.text - 4, sizeof f.text - 1);
            for (size_t i = 0; i < n;) {
                uint32_t point;
                size_t length = utf_next(f.text + i, n - i, &point);
                assert_int_not_equal(length, 0);
                i += length;
            }
            fault_prefix(&f, "%s", text);
        }
    }
}

static void test_every_code_has_its_word(void **state)
{
    (void)state;
    for (int a = 0; a < FAULT_COUNT; a++) {
        assert_non_null(fault_word((enum fault_code)a));
        for (int b = 0; b < a; b++)
            assert_string_not_equal(fault_word((enum fault_code)a), fault_word((enum fault_code)b));
    }
    assert_string_equal(fault_word(FAULT_TOO_LARGE), "too-large");
    assert_string_equal(fault_word(FAULT_COUNT), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_fills_and_returns),
        cmocka_unit_test(test_set_may_quote_itself),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_long_texts_are_cut_between_characters),
        cmocka_unit_test(test_every_code_has_its_word),
    };
    return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
