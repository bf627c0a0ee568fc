/* SPDX-License-Identifier: Apache-2.0 */
#include "server/basic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void decodes_canonical_base64_only(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *bytes; /* NULL: refused */
        size_t n;
    } rows[] = {
        { "", "", 0 },           { "YQ==", "a", 1 },        { "YWI=", "ab", 2 },
        { "YWJj", "abc", 3 },    { "YWJjZA==", "abcd", 4 }, { "+/+/", "\xfb\xff\xbf", 3 },
        { "AAAA", "\0\0\0", 3 }, { "YQ", NULL, 0 },         { "YQ=", NULL, 0 },
        { "YR==", NULL, 0 }, /* bits that no byte uses */
        { "YWJ=", NULL, 0 },     { "Y===", NULL, 0 },       { "====", NULL, 0 },
        { "=YWJ", NULL, 0 },     { "YW=j", NULL, 0 },       { "YQ==YQ==", NULL, 0 },
        { "YW Jj", NULL, 0 },    { "YW-_", NULL, 0 },       { "YWJj\n", NULL, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[64];
        size_t n = 99;
        bool good = basic_decode(rows[i].text, strlen(rows[i].text), out, &n);
        if (good != (rows[i].bytes != NULL))
            fail_msg("'%s' was %s", rows[i].text, good ? "taken" : "refused");
        if (good) {
            assert_int_equal(n, rows[i].n);
            assert_memory_equal(out, rows[i].bytes, n);
        } else {
            assert_int_equal(n, 99);
        }
    }
}

/* Encodes for the tests; correctness is what the decoder's table above shows. */
static void header_of(const char *bytes, size_t n, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t used = 6;
    memcpy(out, "Basic ", used);
    for (size_t i = 0; i < n; i += 3) {
        unsigned b[3] = { (unsigned char)bytes[i], i + 1 < n ? (unsigned char)bytes[i + 1] : 0,
                          i + 2 < n ? (unsigned char)bytes[i + 2] : 0 };
        unsigned bits = b[0] << 16 | b[1] << 8 | b[2];
        for (int d = 0; d < 4; d++)
            out[used++] = (size_t)d > (n - i < 3 ? n - i : 3) ? '=' : digits[bits >> (18 - 6 * d) & 63];
    }
    out[used] = '\0';
}

static void splits_name_and_password(void **state)
{
    (void)state;
    char long_name[100], long_password[400];
    memset(long_name, 'n', sizeof long_name);
    memset(long_password, 'p', sizeof long_password);
    static const struct {
        const char *bytes;
        size_t n;
        const char *user, *password; /* NULL: unfit */
    } rows[] = {
        { "admin:secret", 12, "admin", "secret" },
        { "admin:with:colons", 17, "admin", "with:colons" },
        { "admin:", 6, "admin", "" },
        { ":secret", 7, "", "secret" },
        { "nocolon", 7, NULL, "" },
        { "ad\0min:secret", 13, NULL, "secret" },
        { "ad\nmin:secret", 13, NULL, "secret" },
        { "ad\x1bmin:secret", 13, NULL, "secret" },
        { "ad\xffmin:secret", 13, NULL, "secret" },
        { "admin:sec\0ret", 13, "admin", NULL },
        { "\xc3\xa4:p\xc3\xa4ss", 8, "\xc3\xa4", "p\xc3\xa4ss" },
    };
    char header[1200];
    struct basic basic;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        header_of(rows[i].bytes, rows[i].n, header);
        assert_int_equal(basic_parse(header, &basic), BASIC_GIVEN);
        assert_int_equal(basic.user_unfit, rows[i].user == NULL);
        assert_int_equal(basic.password_unfit, rows[i].password == NULL);
        if (rows[i].user != NULL)
            assert_string_equal(basic.user, rows[i].user);
        if (rows[i].password != NULL)
            assert_string_equal(basic.password, rows[i].password);
    }
    char both[520];
    int n = snprintf(both, sizeof both, "%.100s:p", long_name);
    header_of(both, (size_t)n, header);
    assert_int_equal(basic_parse(header, &basic), BASIC_GIVEN);
    assert_true(basic.user_unfit && !basic.password_unfit);
    n = snprintf(both, sizeof both, "a:%.400s", long_password);
    header_of(both, (size_t)n, header);
    assert_int_equal(basic_parse(header, &basic), BASIC_GIVEN);
    assert_true(!basic.user_unfit && basic.password_unfit);
}

static void knows_its_scheme(void **state)
{
    (void)state;
    struct basic basic;
    static const char *const others[] = { NULL,          "",   "Bearer YTpi", "Digest username=\"a\"",
                                          "Basicx YTpi", "Bas" };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(basic_parse(others[i], &basic), BASIC_NONE);
    assert_int_equal(basic_parse("bAsIc   YTpi  ", &basic), BASIC_GIVEN);
    assert_string_equal(basic.user, "a");
    assert_string_equal(basic.password, "b");
    static const char *const broken[] = { "Basic", "Basic ", "Basic !!!!", "Basic YTpi YTpi" };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        assert_int_equal(basic_parse(broken[i], &basic), BASIC_GIVEN);
        assert_true(basic.user_unfit);
    }
    static char huge[20000] = "Basic ";
    memset(huge + 6, 'A', sizeof huge - 7);
    assert_int_equal(basic_parse(huge, &basic), BASIC_GIVEN);
    assert_true(basic.user_unfit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_canonical_base64_only),
        cmocka_unit_test(splits_name_and_password),
        cmocka_unit_test(knows_its_scheme),
    };
    return cmocka_run_group_tests_name("basic", tests, NULL, NULL);
}
