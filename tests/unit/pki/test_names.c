/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/names.h"
#include "tests/unit/pki/place.h"

static void test_hosts(void **state)
{
    (void)state;
    char label[65], long_host[300];
    memset(label, 'a', 64);
    label[64] = '\0';
    memset(long_host, 'a', sizeof long_host);
    for (size_t i = 10; i < sizeof long_host; i += 10)
        long_host[i] = '.';
    long_host[254] = '\0';
    const struct {
        const char *text;
        bool good;
    } rows[] = { { "a", true },       { "a.b", true },     { "A-1.example", true }, { "*.example", true },
                 { "1.2.3", true },   { "", false },       { "*", false },          { "*.", false },
                 { "a.", false },     { ".a", false },     { "a..b", false },       { "-a", false },
                 { "a-", false },     { "a.-b", false },   { "a_b", false },        { "a b", false },
                 { "a*.b", false },   { "*.*.b", false },  { "ü", false },          { label, false },
                 { label + 1, true }, { long_host, false } };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        if (names_is_host(rows[i].text) != rows[i].good)
            fail_msg("%s", rows[i].text);
}

static void test_list(void **state)
{
    (void)state;
    struct names names = { 0 };
    struct fault f = { 0 };
    static const char *const added[] = { "Host.Test", "host.test", "10.0.0.1", "2001:DB8::0:1",
                                         "2001:db8::1" };
    for (size_t i = 0; i < ARRAY_LENGTH(added); i++)
        place_good(names_add(&names, added[i], &f), &f);
    assert_int_equal(names.count, 3); /* each once, in one spelling */
    assert_string_equal(names.at[0], "host.test");
    assert_string_equal(names.at[1], "10.0.0.1");
    assert_string_equal(names.at[2], "2001:db8::1");
    assert_int_equal(names_add(&names, "no host", &f), FAULT_INPUT);
    assert_non_null(strstr(f.text, "no host"));
    for (int i = 0; names.count < NAMES_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "h%d", i);
        place_good(names_add(&names, name, &f), &f);
    }
    assert_int_equal(names_add(&names, "one.more", &f), FAULT_INPUT);
    assert_int_equal(names_add(&names, "host.test", &f), FAULT_OK); /* is there already */
}

static void test_people(void **state)
{
    (void)state;
    char longest[66];
    memset(longest, 'x', 65);
    longest[65] = '\0';
    static const char *const good[] = { "admin", "A.b_c-1", "x" };
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
        assert_int_equal(names_check_account(good[i], NULL), FAULT_OK);
    const char *bad[] = { "", "a b", "a/b", "../x", ".x", "ü", longest };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_int_equal(names_check_account(bad[i], NULL), FAULT_INPUT);
    assert_int_equal(names_check_account(longest + 1, NULL), FAULT_OK);
    assert_int_equal(names_check_common("Spital Ö", NULL), FAULT_OK);
    assert_int_equal(names_check_common("a\nb", NULL), FAULT_INPUT);
    assert_int_equal(names_check_common("\xff", NULL), FAULT_INPUT);
    assert_int_equal(names_check_common("", NULL), FAULT_INPUT);
    assert_int_equal(names_check_common(longest, NULL), FAULT_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_people),
    };
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
