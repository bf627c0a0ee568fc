/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys in files: found however they are written and however they come, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fleet/bearer.h"

#include <string.h>

static const struct {
    const char *text;
    size_t keys;
} cases[] = {
    { "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n", 1 },
    { "-----BEGIN RSA PRIVATE KEY-----", 1 },
    { "-----BEGIN EC PRIVATE KEY-----", 1 },
    { "-----BEGIN ENCRYPTED PRIVATE KEY-----", 1 },
    { "<a b=\"-----BEGIN PRIVATE KEY-----&#10;MII&#10;\"/>", 1 },
    { "<a>&#45;----BEGIN&#x20;PRIVATE KEY--&#x2d;--</a>", 1 },
    { "&#x2D;&#45;&#045;--&#66;EGIN PRIVAT&#69; KEY-----", 1 },
    { "--------BEGIN PRIVATE KEY-----", 1 },
    { "&-----BEGIN PRIVATE KEY-----", 1 },
    { "&&#45;----BEGIN PRIVATE KEY-----", 1 },
    { "&amp;-----BEGIN PRIVATE KEY-----", 1 },
    { "-----BEGIN PRIVATE KEY----------BEGIN PRIVATE KEY-----", 2 },
    { "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----", 1 },
    { "-----BEGIN -----BEGIN PRIVATE KEY-----", 1 },
    { "", 0 },
    { "-----BEGIN CERTIFICATE-----", 0 },
    { "-----BEGIN PUBLIC KEY-----", 0 },
    { "-----END PRIVATE KEY-----", 0 },
    { "----BEGIN PRIVATE KEY-----", 0 },
    { "-----BEGIN PRIVATE KEY", 0 },
    { "-----BEGIN PRIVATE KEYS-----", 0 },
    { "-----BEGIN private key-----", 0 },
    { "-----BEGIN&#0;PRIVATE KEY-----", 0 },
    { "-----BEGIN AVERYLONGLABELTHATNOBODYEVERWROTEINTOAFILE PRIVATE KEY-----", 0 },
};

static size_t keys_of(const char *text, size_t n, size_t piece)
{
    struct bearer bearer = { 0 };
    for (size_t at = 0; at < n; at += piece)
        bearer_feed(&bearer, text + at, n - at < piece ? n - at : piece);
    return bearer.keys;
}

static void test_marks(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        size_t n = strlen(cases[i].text);
        for (size_t piece = 1; piece <= n + 1; piece++)
            if (keys_of(cases[i].text, n, piece) != cases[i].keys)
                fail_msg("%s in pieces of %zu", cases[i].text, piece);
    }
}

static void test_utf_16_is_seen_through(void **state)
{
    (void)state;
    static const char key[] = "<a b='-----BEGIN PRIVATE KEY-----'/>";
    char wide[2 * sizeof key] = { 0 };
    for (size_t i = 0; i < sizeof key - 1; i++)
        wide[2 * i] = key[i];
    assert_int_equal(keys_of(wide, 2 * (sizeof key - 1), 1), 1);
    assert_int_equal(keys_of(wide + 1, 2 * (sizeof key - 1), 7), 1);
}

static void test_plain(void **state)
{
    (void)state;
    static const char text[] = "a&#10;b&amp;c&#x41;&#;&#300;d&\0e";
    char out[sizeof text];
    size_t n = bearer_plain(text, sizeof text - 1, out);
    assert_int_equal(n, strlen("a\nb&amp;cA&#;&#300;d&e"));
    assert_memory_equal(out, "a\nb&amp;cA&#;&#300;d&e", n);
}

static void test_root(void **state)
{
    (void)state;
    static const struct {
        const char *text, *root;
    } roots[] = {
        { "<handsetConfig a='b'/>", "handsetConfig" },
        { "\xef\xbb\xbf<?xml version='1.0'?>\n<!-- <no> --><PHONE_CONFIG>", "PHONE_CONFIG" },
        { "<a/>", "a" },
        { "<x:y.z-1\n", "x:y.z-1" },
        { "<!DOCTYPE a>", "" },
        { "<a", "" },
        { "<", "" },
        { "", "" },
        { "<!-- never ended", "" },
        { "<\xc3\xa4/>", "" },
        { "<a\xc3\xa4/>", "" },
    };
    char root[BEARER_ROOT];
    for (size_t i = 0; i < ARRAY_LENGTH(roots); i++) {
        bearer_root(roots[i].text, strlen(roots[i].text), root);
        assert_string_equal(root, roots[i].root);
    }
    char longest[200] = "<";
    memset(longest + 1, 'a', 100);
    longest[101] = '>';
    bearer_root(longest, strlen(longest), root);
    assert_string_equal(root, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_utf_16_is_seen_through),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_root),
    };
    return cmocka_run_group_tests_name("bearer", tests, NULL, NULL);
}
