/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "cli/roster.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_good_lists(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t count;
        const char *mac, *user, *password; /* of the last */
    } cases[] = {
        { "00907a0a1b2c,nurse,pw\n", 1, "00907a0a1b2c", "nurse", "pw" },
        { "00907A0A1B2C,nurse,pw", 1, "00907a0a1b2c", "nurse", "pw" },
        { "\xef\xbb\xbfmac,user,password\r\n00:90:7a:0a:1b:2c,,\r\n", 1, "00907a0a1b2c", "00907a0a1b2c",
          NULL },
        { "# c, o, m\n\n \t\n00907a0a1b2d,a,b\n00907a0a1b2c,\"a\"\"b,c\",\"x y\"\n\n", 2, "00907a0a1b2c",
          "a\"b,c", "x y" },
        { "", 0, NULL, NULL, NULL },
        { "mac,user,password\n", 0, NULL, NULL, NULL },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct roster r = { 0 };
        struct fault f = { 0 };
        assert_int_equal(roster_parse(&r, cases[i].text, strlen(cases[i].text), "list", &f), FAULT_OK);
        assert_int_equal(r.count, cases[i].count);
        if (r.count > 0) {
            const struct roster_handset *h = &r.all[r.count - 1];
            assert_string_equal(h->mac.text, cases[i].mac);
            assert_string_equal(h->user, cases[i].user);
            if (cases[i].password == NULL)
                assert_null(h->password);
            else
                assert_string_equal(h->password, cases[i].password);
        }
        roster_fini(&r);
    }
}

static void test_bad_lists(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n;
        const char *where;
    } cases[] = {
        { "00907a0a1b2c,a\n", 0, "list, line 1: " },
        { "00907a0a1b2c,a,b,c\n", 0, "list, line 1: " },
        { "00907a0a1b2d,a,b\n\n# x\nnothing,a,b\n", 0, "list, line 4: " },
        { "000000000000,a,b\n", 0, "list, line 1: " },
        { "00907a0a1b2c,a,b\n00907A0A1B2C,c,d\n", 0, "list, line 2: " },
        { "00907a0a1b2c,\"a,b\n", 0, "list, line 1: " },
        { "00907a0a1b2c,\"a\"x,b\n", 0, "list, line 1: " },
        { "00907a0a1b2c,a,b\rc\n", 0, "list, line 1: " },
        { "00907a0a1b2c,a,b\0c\n", 19, "list, line 1: " },
        { "mac,user,password\nmac,user,password\n", 0, "list, line 2: " },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct roster r = { 0 };
        struct fault f = { 0 };
        size_t n = cases[i].n > 0 ? cases[i].n : strlen(cases[i].text);
        assert_int_equal(roster_parse(&r, cases[i].text, n, "list", &f), FAULT_INPUT);
        assert_memory_equal(f.text, cases[i].where, strlen(cases[i].where));
        roster_fini(&r);
    }
}

static void test_find_and_trim(void **state)
{
    (void)state;
    static const char text[] = "00907a000001,,\n00907a000002,,\n00907a000003,,\n";
    struct roster r = { 0 };
    struct mac second = { "00907a000002" }, third = { "00907a000003" };
    assert_int_equal(roster_parse(&r, text, strlen(text), "list", NULL), FAULT_OK);
    roster_trim(&r, 2);
    assert_int_equal(r.count, 2);
    assert_ptr_equal(roster_find(&r, &second), &r.all[1]);
    assert_null(roster_find(&r, &third));
    roster_fini(&r);
    assert_int_equal(r.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_lists),
        cmocka_unit_test(test_bad_lists),
        cmocka_unit_test(test_find_and_trim),
    };
    return cmocka_run_group_tests_name("roster", tests, NULL, NULL);
}
