/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "fleet/origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_texts(void **state)
{
    (void)state;
    static const struct {
        const char *address, *text;
    } rows[] = {
        { "192.0.2.1", "192.0.2.1" },
        { "0.0.0.0", "0.0.0.0" },
        { "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64" },
        { "2001:db8:1:2::", "2001:db8:1:2::/64" },
        { "::1", "::/64" },
        { "fe80::1", "fe80::/64" },
        { "", "?" },
        { "localhost", "?" },
        { "192.0.2.1.5", "?" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct origin origin;
        char text[ORIGIN_TEXT_LIMIT];
        origin_parse(rows[i].address, &origin);
        origin_text(&origin, text);
        assert_string_equal(text, rows[i].text);
    }
}

static bool same(const char *a, const char *b)
{
    struct origin first, second;
    origin_parse(a, &first);
    origin_parse(b, &second);
    return origin_equal(&first, &second);
}

static void test_who_counts_as_one(void **state)
{
    (void)state;
    assert_true(same("192.0.2.1", "192.0.2.1"));
    assert_false(same("192.0.2.1", "192.0.2.2"));
    assert_true(same("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"));
    assert_false(same("2001:db8:1:2::1", "2001:db8:1:3::1"));
    /* The same bytes in the other family are somebody else. */
    assert_false(same("0.0.0.0", "::"));
    assert_false(same("32.1.13.184", "2001:db8::"));
    assert_true(same("junk", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_who_counts_as_one),
    };
    return cmocka_run_group_tests_name("fleet/origin", tests, NULL, NULL);
}
