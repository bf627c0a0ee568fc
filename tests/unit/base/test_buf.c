/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/mem.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_grows_and_keeps_its_nul(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100000);
    char expected[5000];
    for (size_t i = 0; i < sizeof expected; i++) {
        expected[i] = (char)('a' + i % 26);
        assert_int_equal(buf_add(&b, expected + i, 1, NULL), FAULT_OK);
        assert_int_equal(b.used, i + 1);
        assert_int_equal(b.data[b.used], '\0');
    }
    assert_memory_equal(b.data, expected, sizeof expected);
    buf_fini(&b);
    assert_null(b.data);
    assert_int_equal(b.limit, 100000);
}

static void test_limit_is_exact_and_failure_changes_nothing(void **state)
{
    (void)state;
    struct buf b;
    struct fault f;
    buf_init(&b, 10);
    assert_int_equal(buf_text(&b, "12345", &f), FAULT_OK);
    assert_int_equal(buf_text(&b, "678901", &f), FAULT_TOO_LARGE);
    assert_int_equal(f.code, FAULT_TOO_LARGE);
    assert_int_equal(buf_printf(&b, NULL, "%s", "678901"), FAULT_TOO_LARGE);
    assert_null(buf_reserve(&b, SIZE_MAX, &f));
    assert_int_equal(f.code, FAULT_TOO_LARGE);
    assert_string_equal(b.data, "12345");
    assert_int_equal(buf_printf(&b, &f, "%d", 67890), FAULT_OK);
    assert_string_equal(b.data, "1234567890");
    assert_int_equal(buf_add(&b, "x", 1, NULL), FAULT_TOO_LARGE);
    assert_int_equal(buf_add(&b, NULL, 0, NULL), FAULT_OK);
    buf_fini(&b);
}

static void test_no_limit_at_all(void **state)
{
    (void)state;
    struct buf b;
    struct fault f = { 0 };
    buf_init(&b, SIZE_MAX);
    assert_int_equal(buf_text(&b, "x", &f), FAULT_OK);
    assert_null(buf_reserve(&b, SIZE_MAX, &f));
    assert_int_equal(f.code, FAULT_TOO_LARGE);
    assert_string_equal(b.data, "x");
    buf_fini(&b);
}

static void test_reserve_and_grew(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    char *at = buf_reserve(&b, 3, NULL);
    assert_non_null(at);
    assert_int_equal(b.used, 0);
    memcpy(at, "abc", 3);
    buf_grew(&b, 2);
    assert_string_equal(b.data, "ab");
    buf_fini(&b);
}

static void test_consume_and_clear(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    buf_consume(&b, 0);
    buf_clear(&b);
    assert_int_equal(buf_text(&b, "line one\nline two", NULL), FAULT_OK);
    buf_consume(&b, 9);
    assert_string_equal(b.data, "line two");
    buf_consume(&b, 8);
    assert_int_equal(b.used, 0);
    assert_string_equal(b.data, "");
    buf_text(&b, "again", NULL);
    buf_clear(&b);
    assert_int_equal(b.used, 0);
    assert_string_equal(b.data, "");
    buf_fini(&b);
}

static void test_take(void **state)
{
    (void)state;
    struct buf b;
    size_t n = 99;
    buf_init(&b, 1000);
    char *empty = buf_take(&b, &n);
    assert_string_equal(empty, "");
    assert_int_equal(n, 0);
    buf_add(&b, "a\0b", 3, NULL);
    char *text = buf_take(&b, &n);
    assert_int_equal(n, 3);
    assert_memory_equal(text, "a\0b", 4);
    assert_null(b.data);
    free(empty);
    free(text);
}

static void test_wipe_leaves_an_empty_one(void **state)
{
    (void)state;
    struct buf b;
    struct buf zero = { 0 };
    buf_init(&b, 20);
    buf_text(&b, "secret", NULL);
    buf_wipe(&b);
    assert_null(b.data);
    assert_int_equal(b.used, 0);
    assert_int_equal(b.limit, 20);
    buf_fini(&zero);
    buf_wipe(&zero);
}

static void test_copies_fit_or_say_so(void **state)
{
    (void)state;
    char out[4] = "zzz";
    assert_true(mem_copy_text(out, sizeof out, "abc"));
    assert_string_equal(out, "abc");
    assert_false(mem_copy_text(out, sizeof out, "abcd"));
    assert_string_equal(out, "");
    assert_true(mem_copy_bytes(out, sizeof out, "xyz", 2));
    assert_string_equal(out, "xy");
    assert_false(mem_copy_bytes(out, sizeof out, "a\0b", 3));
    assert_string_equal(out, "");
    assert_true(mem_copy_bytes(out, sizeof out, NULL, 0));
    assert_false(mem_copy_text(out, 0, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_and_keeps_its_nul),
        cmocka_unit_test(test_limit_is_exact_and_failure_changes_nothing),
        cmocka_unit_test(test_no_limit_at_all),
        cmocka_unit_test(test_reserve_and_grew),
        cmocka_unit_test(test_consume_and_clear),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_wipe_leaves_an_empty_one),
        cmocka_unit_test(test_copies_fit_or_say_so),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
