/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "cli/live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_targets(void **state)
{
    (void)state;
    static const struct {
        const char *url, *host, *port; /* host NULL: refused */
        bool ftps;
    } rows[] = {
        { "https://a.test", "a.test", "443", false },
        { "https://a.test/", "a.test", "443", false },
        { "ftps://a.test", "a.test", "990", true },
        { "https://127.0.0.1:8443", "127.0.0.1", "8443", false },
        { "ftps://[::1]:9990/", "::1", "9990", true },
        { "https://[::1]", "::1", "443", false },
        { "a.test:443", NULL, NULL, false },
        { "http://a.test", NULL, NULL, false },
        { "ftp://a.test", NULL, NULL, false },
        { "https://", NULL, NULL, false },
        { "https://:443", NULL, NULL, false },
        { "https://a:", NULL, NULL, false },
        { "https://a:0", NULL, NULL, false },
        { "https://a:65536", NULL, NULL, false },
        { "https://a:999999999", NULL, NULL, false },
        { "https://a:44x", NULL, NULL, false },
        { "https://a/b", NULL, NULL, false },
        { "https://a?b", NULL, NULL, false },
        { "https://user@a", NULL, NULL, false },
        { "https://::1", NULL, NULL, false },
        { "https://[::1", NULL, NULL, false },
        { "https://[::1]x", NULL, NULL, false },
        { "https://[]", NULL, NULL, false },
        { "", NULL, NULL, false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct live_target target = { .host = "untouched" };
        struct fault f;
        enum fault_code code = live_parse(rows[i].url, &target, &f);
        if (code != (rows[i].host ? FAULT_OK : FAULT_INPUT))
            fail_msg("%s: %d", rows[i].url, code);
        assert_string_equal(target.host, rows[i].host ? rows[i].host : "untouched");
        if (rows[i].host) {
            assert_string_equal(target.port, rows[i].port);
            assert_int_equal(target.ftps, rows[i].ftps);
        }
    }
}

static void test_a_long_host(void **state)
{
    (void)state;
    char url[600] = "https://";
    struct live_target target;
    struct fault f;
    memset(url + 8, 'a', 255);
    assert_int_equal(live_parse(url, &target, &f), FAULT_OK);
    memset(url + 8, 'a', 256);
    assert_int_equal(live_parse(url, &target, &f), FAULT_INPUT);
    memset(url + 8, 'a', 500);
    assert_int_equal(live_parse(url, &target, &f), FAULT_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_targets), cmocka_unit_test(test_a_long_host) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
