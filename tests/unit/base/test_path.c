/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Every path that comes out must be canonical by the words of the header, whatever went in. */
static void assert_canonical(const struct path *p)
{
    assert_int_equal(strlen(p->text), p->length);
    assert_in_range(p->length, 1, PATH_LIMIT);
    assert_int_equal(p->text[0], '/');
    assert_null(strstr(p->text, "//"));
    assert_true(p->length == 1 || p->text[p->length - 1] != '/');
    size_t at = 0, n, sum = 0;
    const char *component;
    while (path_next(p, &at, &component, &n)) {
        assert_in_range(n, 1, PATH_COMPONENT_LIMIT);
        assert_false(n == 1 && component[0] == '.');
        assert_false(n == 2 && component[0] == '.' && component[1] == '.');
        struct mac mac;
        if (mac_prefix(component, n, &mac))
            assert_memory_equal(component, mac.text, MAC_DIGITS);
        sum += n + 1;
    }
    assert_int_equal(p->length == 1 ? 0 : p->length, sum);
}

static const struct {
    const char *text, *path; /* NULL: refused */
    bool folder;
} parsed[] = {
    { "/site.cfg", "/site.cfg", false },
    { "site.cfg", "/site.cfg", false },
    { "/", "/", true },
    { "", "/", true },
    { ".", "/", true },
    { "///", "/", true },
    { "/a//b/./c", "/a/b/c", false },
    { "/a/b/", "/a/b", true },
    { "/a/.", "/a", true },
    { "/a/b//", "/a/b", true },
    { "/0004F2AABBCC.cfg", "/0004f2aabbcc.cfg", false },
    { "/logs/0004F2AABBCC-App.log", "/logs/0004f2aabbcc-App.log", false },
    { "/0004F2AABBCC/x", "/0004f2aabbcc/x", false },
    { "/0004F2AABBCCD.cfg", "/0004F2AABBCCD.cfg", false },
    { "/000000000000.CFG", "/000000000000.CFG", false },
    { "/@log/0004F2AABBCC/a.log@3", "/@log/0004f2aabbcc/a.log@3", false },
    { "/zwei Wörter", "/zwei Wörter", false },
    { "/...", "/...", false },
    { "/.hidden", "/.hidden", false },
    { "/a..b", "/a..b", false },
    { "..", NULL, false },
    { "/a/../b", NULL, false },
    { "/a/..", NULL, false },
    { "/a\n", NULL, false },
    { "/a\x7f", NULL, false },
    { "/a\xc2\x85", NULL, false },
    { "/a\xff", NULL, false },
    { "/a\xc0\xae\xc0\xae/b", NULL, false },
    { "/cut\xe2\x82", NULL, false },
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof parsed / sizeof *parsed; i++) {
        struct path p = { .text = "untouched" };
        struct fault f = { 0 };
        enum fault_code code = path_parse(parsed[i].text, strlen(parsed[i].text), &p, &f);
        assert_string_equal(p.text, parsed[i].path != NULL ? parsed[i].path : "untouched");
        assert_int_equal(code, parsed[i].path != NULL ? FAULT_OK : FAULT_INPUT);
        assert_int_equal(f.code, code);
        if (code == FAULT_OK) {
            assert_int_equal(p.folder_asked, parsed[i].folder);
            assert_canonical(&p);
        }
    }
    struct path p;
    assert_int_equal(path_parse("/a\0b", 4, &p, NULL), FAULT_INPUT);
}

static const struct {
    const char *target, *path;
} targets[] = {
    { "/", "/" },
    { "/site.cfg", "/site.cfg" },
    { "//site.cfg", "/site.cfg" },
    { "/./a/", "/a" },
    { "/a%20b", "/a b" },
    { "/%61%2D%7e", "/a-~" },
    { "/T%C3%bcr", "/Tür" },
    { "/%30004F2AABBCC.cfg", "/0004f2aabbcc.cfg" },
    { "/0004F2AABBCC-app.log@2", "/0004f2aabbcc-app.log@2" },
    { "/%40log/x", "/@log/x" },
    { "/a%25b", "/a%b" },
    { "/%252e%252e", "/%2e%2e" }, /* decoded once, and only once */
    { "/-._~!$&'()*+,;=:@", "/-._~!$&'()*+,;=:@" },
    { "", NULL },
    { "a", NULL },
    { "*", NULL },
    { "http://host/", NULL },
    { "%2fa", NULL },
    { "/..", NULL },
    { "/a/../b", NULL },
    { "/%2e%2e/b", NULL },
    { "/.%2e/b", NULL },
    { "/%2E/b", NULL },
    { "/site%2ecfg", NULL },
    { "/a%2fb", NULL },
    { "/a%2Fb", NULL },
    { "/a%5cb", NULL },
    { "/a%00b", NULL },
    { "/a%0ab", NULL },
    { "/a%7f", NULL },
    { "/a%c2%85", NULL },
    { "/a%ff", NULL },
    { "/a%c0%ae", NULL },
    { "/a%", NULL },
    { "/a%4", NULL },
    { "/a%4g", NULL },
    { "/a%u0041", NULL },
    { "/a%+1", NULL },
    { "/a b", NULL },
    { "/a\\b", NULL },
    { "/a\"b", NULL },
    { "/a<b", NULL },
    { "/a[b", NULL },
    { "/a^b", NULL },
    { "/a|b", NULL },
    { "/a?b", NULL },
    { "/a#b", NULL },
    { "/T\xc3\xbcr", NULL },
    { "/a\tb", NULL },
};

static void test_target(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct path p = { .text = "untouched" };
        enum fault_code code = path_from_target(targets[i].target, strlen(targets[i].target), &p, NULL);
        assert_string_equal(p.text, targets[i].path != NULL ? targets[i].path : "untouched");
        assert_int_equal(code, targets[i].path != NULL ? FAULT_OK : FAULT_INPUT);
        if (code == FAULT_OK)
            assert_canonical(&p);
    }
    struct path p;
    assert_int_equal(path_from_target("/a\0b", 4, &p, NULL), FAULT_INPUT);
    assert_int_equal(path_from_target("/a%41", 4, &p, NULL), FAULT_INPUT);
    assert_int_equal(path_from_target("/a%4", 3, &p, NULL), FAULT_INPUT);
}

static const struct {
    const char *folder, *argument, *path;
    enum fault_code code;
} resolved[] = {
    { "/", "site.cfg", "/site.cfg", FAULT_OK },
    { "/logs", "x.log", "/logs/x.log", FAULT_OK },
    { "/logs", "/x.log", "/x.log", FAULT_OK },
    { "/logs", "", "/logs", FAULT_OK },
    { "/logs", ".", "/logs", FAULT_OK },
    { "/logs/a", "..", "/logs", FAULT_OK },
    { "/logs/a", "../..", "/", FAULT_OK },
    { "/logs/a", "../b/./c//d", "/logs/b/c/d", FAULT_OK },
    { "/logs", "/a/../b", "/b", FAULT_OK },
    { "/", "a/..", "/", FAULT_OK },
    { "/", "..", NULL, FAULT_FORBIDDEN },
    { "/logs", "../..", NULL, FAULT_FORBIDDEN },
    { "/logs", "/..", NULL, FAULT_FORBIDDEN },
    { "/logs", "/../logs", NULL, FAULT_FORBIDDEN },
    { "/logs", "../../logs", NULL, FAULT_FORBIDDEN },
    { "/", "0004F2AABBCC", "/0004f2aabbcc", FAULT_OK },
    { "/", "%2e%2e", "/%2e%2e", FAULT_OK }, /* FTP knows no escapes */
    { "/", "a\rb", NULL, FAULT_INPUT },
    { "/", "\xff", NULL, FAULT_INPUT },
    { "/", "\x01/..", NULL, FAULT_INPUT },
};

static void test_resolve(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof resolved / sizeof *resolved; i++) {
        struct path p;
        assert_int_equal(path_parse(resolved[i].folder, strlen(resolved[i].folder), &p, NULL), FAULT_OK);
        /* The result may take the place of the folder. */
        enum fault_code code = path_resolve(&p, resolved[i].argument, strlen(resolved[i].argument), &p, NULL);
        assert_int_equal(code, resolved[i].code);
        assert_string_equal(p.text, code == FAULT_OK ? resolved[i].path : resolved[i].folder);
        assert_canonical(&p);
    }
}

static void test_limits(void **state)
{
    (void)state;
    char text[3 * PATH_LIMIT + 10];
    struct path p;
    memset(text, 'a', sizeof text);
    text[0] = '/';
    assert_int_equal(path_parse(text, 1 + PATH_COMPONENT_LIMIT, &p, NULL), FAULT_OK);
    assert_int_equal(path_parse(text, 2 + PATH_COMPONENT_LIMIT, &p, NULL), FAULT_INPUT);
    for (size_t i = 0; i < sizeof text; i += 200)
        text[i] = '/';
    assert_int_equal(path_parse(text, PATH_LIMIT, &p, NULL), FAULT_OK);
    assert_int_equal(p.length, PATH_LIMIT);
    assert_canonical(&p);
    assert_int_equal(path_parse(text, PATH_LIMIT + 1, &p, NULL), FAULT_INPUT);
    assert_int_equal(path_from_target(text, PATH_LIMIT, &p, NULL), FAULT_OK);
    assert_int_equal(path_from_target(text, sizeof text, &p, NULL), FAULT_INPUT);
    struct fault f;
    assert_int_equal(path_append(&p, "x", &f), FAULT_INPUT);
    assert_int_equal(p.length, PATH_LIMIT);
    assert_true(path_up(&p));
    assert_int_equal(path_append(&p, "x", &f), FAULT_OK);
    assert_canonical(&p);
    /* A long way that leads to a short path is fine. */
    memset(text, '/', sizeof text);
    assert_int_equal(path_parse(text, sizeof text, &p, NULL), FAULT_OK);
    assert_string_equal(p.text, "/");
}

static void test_walking(void **state)
{
    (void)state;
    struct path p;
    size_t at = 0, n;
    const char *component;
    path_root(&p);
    assert_string_equal(path_name(&p), "");
    assert_false(path_next(&p, &at, &component, &n));
    assert_false(path_up(&p));
    assert_string_equal(p.text, "/");
    assert_int_equal(path_append(&p, "@log", NULL), FAULT_OK);
    assert_int_equal(path_append(&p, "a.log", NULL), FAULT_OK);
    assert_string_equal(p.text, "/@log/a.log");
    assert_string_equal(path_name(&p), "a.log");
    assert_false(p.folder_asked);
    assert_true(path_next(&p, &at, &component, &n));
    assert_int_equal(n, 4);
    assert_memory_equal(component, "@log", 4);
    assert_true(path_next(&p, &at, &component, &n));
    assert_int_equal(n, 5);
    assert_memory_equal(component, "a.log", 5);
    assert_false(path_next(&p, &at, &component, &n));
    assert_true(path_up(&p));
    assert_string_equal(p.text, "/@log");
    assert_true(path_up(&p));
    assert_string_equal(p.text, "/");
    assert_int_equal(p.length, 1);
    assert_false(path_up(&p));
}

/* Random texts over the bytes that matter: what is accepted is canonical and stays what it is when read
 * again. */
static void test_accepted_is_canonical(void **state)
{
    (void)state;
    static const char alphabet[] = "/./..//%2eE0aAfF-@\xc3\xbc\x80";
    uint32_t seed = 7;
    struct path folder;
    path_parse("/x/y", 4, &folder, NULL);
    for (int round = 0; round < 100000; round++) {
        char text[48];
        size_t n = (size_t)round % sizeof text;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
        }
        struct path p, again;
        for (int how = 0; how < 3; how++) {
            enum fault_code code = how == 0   ? path_parse(text, n, &p, NULL)
                                   : how == 1 ? path_from_target(text, n, &p, NULL)
                                              : path_resolve(&folder, text, n, &p, NULL);
            if (code != FAULT_OK)
                continue;
            assert_canonical(&p);
            assert_int_equal(path_parse(p.text, p.length, &again, NULL), FAULT_OK);
            assert_string_equal(again.text, p.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),   cmocka_unit_test(test_target),
        cmocka_unit_test(test_resolve), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_walking), cmocka_unit_test(test_accepted_is_canonical),
    };
    return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
