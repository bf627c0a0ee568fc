/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mac.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *text, *mac; /* mac NULL: no MAC */
} parsed[] = {
    { "0004f2aabbcc", "0004f2aabbcc" },
    { "0004F2AABBCC", "0004f2aabbcc" },
    { "00:90:7a:12:34:56", "00907a123456" },
    { "00-90-7A-12-34-56", "00907a123456" },
    { "0090.7a12.3456", "00907a123456" },
    { "00907a-123456", "00907a123456" },
    { "000000000001", "000000000001" },
    { "", NULL },
    { "000000000000", NULL },
    { "00:00:00:00:00:00", NULL },
    { "0004f2aabbc", NULL },
    { "0004f2aabbccd", NULL },
    { "0004f2aabbcg", NULL },
    { ":0004f2aabbcc", NULL },
    { "0004f2aabbcc:", NULL },
    { "00::04:f2:aa:bb:cc", NULL },
    { "00 04 f2 aa bb cc", NULL },
    { " 0004f2aabbcc", NULL },
    { "0004f2aabbcc ", NULL },
    { "00/04/f2/aa/bb/cc", NULL },
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof parsed / sizeof *parsed; i++) {
        struct mac mac = { "untouched" };
        bool is = mac_parse(parsed[i].text, strlen(parsed[i].text), &mac);
        assert_int_equal(is, parsed[i].mac != NULL);
        assert_string_equal(mac.text, parsed[i].mac != NULL ? parsed[i].mac : "untouched");
    }
    struct mac mac;
    assert_false(mac_parse("0004f2aabbc\0", 12, &mac));
    assert_false(mac_parse("0004f2\0aabbcc", 13, &mac));
    assert_true(mac_parse("0004f2aabbccdd", 12, &mac));
}

static const struct {
    const char *name, *mac;
} prefixes[] = {
    { "0004f2aabbcc", "0004f2aabbcc" },
    { "0004f2aabbcc-app.log", "0004f2aabbcc" },
    { "0004F2AABBCC.cfg", "0004f2aabbcc" },
    { "0004f2aabbcc-", "0004f2aabbcc" },
    { "000000000000.cfg", NULL },
    { "000000000000", NULL },
    { "000000000000-license.cfg", NULL },
    { "0004f2aabbccd", NULL },
    { "0004f2aabbccd.cfg", NULL },
    { "0004f2aabbcc_app.log", NULL },
    { "0004f2aabbcc@1", NULL },
    { "0004f2aabbc", NULL },
    { "0004f2aabbc-app.log", NULL },
    { "00:04:f2:aa:bb:cc.cfg", NULL },
    { "site.cfg", NULL },
    { "", NULL },
};

static void test_prefix(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        struct mac mac = { "untouched" };
        bool is = mac_prefix(prefixes[i].name, strlen(prefixes[i].name), &mac);
        assert_int_equal(is, prefixes[i].mac != NULL);
        assert_string_equal(mac.text, prefixes[i].mac != NULL ? prefixes[i].mac : "untouched");
    }
}

static const struct {
    const char *a, *b;
    int distance;
} distances[] = {
    { "0004f2aabbcc", "0004f2aabbcc", 0 },
    { "0004f2aabbcc", "0004f2aabbcd", 1 },
    { "0004f2aabbcc", "1004f2aabbcd", 2 },
    { "0004f2aabb12", "0004f2aabb21", 1 }, /* one exchange */
    { "0004f2aab123", "0004f2aab213", 1 },
    { "0004f2ab1234", "0004f2ab2143", 2 }, /* two exchanges */
    { "0004f2aab123", "0004f2aab312", 3 }, /* a rotation is no exchange of two */
    { "400f2aaabbcc", "04f02aaabbcc", 2 },
    { "111111111111", "222222222222", 12 },
    { "", "", 0 },
    { "", "0004f2aabbcc", 12 },
};

static void test_distance(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof distances / sizeof *distances; i++) {
        struct mac a = { "" }, b = { "" };
        memcpy(a.text, distances[i].a, strlen(distances[i].a));
        memcpy(b.text, distances[i].b, strlen(distances[i].b));
        assert_int_equal(mac_distance(&a, &b), distances[i].distance);
        assert_int_equal(mac_distance(&b, &a), distances[i].distance);
        assert_int_equal(mac_equal(&a, &b), distances[i].distance == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_distance),
    };
    return cmocka_run_group_tests_name("mac", tests, NULL, NULL);
}
