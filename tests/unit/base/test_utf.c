/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *text;
    size_t n, length;
    uint32_t point;
} rows[] = {
    { "a", 1, 1, 'a' },
    { "\0", 1, 1, 0 },
    { "ä", 2, 2, 0xe4 },
    { "€x", 4, 3, 0x20ac },
    { "\xf0\x9f\x93\x9e", 4, 4, 0x1f4de },
    { "\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff },
    { "", 0, 0, 0 },
    { "\x80", 1, 0, 0 },
    { "\xff", 1, 0, 0 },
    { "\xc3", 1, 0, 0 },
    { "\xe2\x82", 2, 0, 0 },
    { "\xc3(", 2, 0, 0 },
    { "\xc0\x80", 2, 0, 0 },         /* overlong NUL */
    { "\xc0\xaf", 2, 0, 0 },         /* overlong '/' */
    { "\xe0\x80\xaf", 3, 0, 0 },     /* overlong '/' */
    { "\xf0\x80\x80\xaf", 4, 0, 0 }, /* overlong '/' */
    { "\xed\xa0\x80", 3, 0, 0 },     /* surrogate */
    { "\xf4\x90\x80\x80", 4, 0, 0 }, /* above U+10FFFF */
    { "\xf8\x88\x80\x80\x80", 5, 0, 0 },
};

static void test_next(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t point = 0;
        assert_int_equal(utf_next(rows[i].text, rows[i].n, &point), rows[i].length);
        assert_int_equal(point, rows[i].point);
    }
}

static void test_controls(void **state)
{
    (void)state;
    assert_true(utf_is_control(0) && utf_is_control(0x1f) && utf_is_control(0x7f) && utf_is_control(0x9f));
    assert_false(utf_is_control(' ') || utf_is_control('~') || utf_is_control(0xa0));
}

static void test_whole(void **state)
{
    (void)state;
    assert_int_equal(utf_whole("", 0), 0);
    assert_int_equal(utf_whole("ab", 2), 2);
    assert_int_equal(utf_whole("a€", 4), 4);
    assert_int_equal(utf_whole("a€", 3), 1);
    assert_int_equal(utf_whole("a€", 2), 1);
    assert_int_equal(utf_whole("\xf0\x9f\x93\x9e", 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_controls),
        cmocka_unit_test(test_whole),
    };
    return cmocka_run_group_tests_name("utf", tests, NULL, NULL);
}
