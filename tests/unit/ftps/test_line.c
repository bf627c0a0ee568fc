/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "ftps/line.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(text) text, sizeof(text) - 1

static const struct {
    const char *bytes;
    size_t n;
    const char *lines[4]; /* up to the first NULL */
    bool nul;             /* of the first line */
} fed[] = {
    { BYTES("NOOP\r\n"), { "NOOP" }, false },
    { BYTES("NOOP\n"), { "NOOP" }, false },
    { BYTES("USER a\r\nPASS b c \r\nQUIT\n"), { "USER a", "PASS b c ", "QUIT" }, false },
    { BYTES("\r\n\nX\r\n"), { "", "", "X" }, false },
    { BYTES("half"), { NULL }, false },
    { BYTES("half\r"), { NULL }, false },
    { BYTES("A\rB\r\n"), { "A\rB" }, false },
    { BYTES("A\r\r\n"), { "A\r" }, false },
    { BYTES("A\r\0B\r\n"), { "A\rB" }, false },
    { BYTES("NO\0OP\r\n"), { "NOOP" }, true },
    { BYTES("\xff\xf4\xff\xf2"
            "ABOR\r\n"),
      { "ABOR" },
      false },
    { BYTES("a\xff\xff"
            "b\r\n"),
      { "a\xff"
        "b" },
      false },
    { BYTES("\xff\xfd\x06STAT\r\n"), { "STAT" }, false },
    { BYTES("\xff\xfb\nSTAT\r\n"), { "STAT" }, false },
    { BYTES("\xff\xfa\x18\x01x\xff\xff\xff\xf0STAT\r\n"), { "STAT" }, false },
    { BYTES("\xff\xfaswallowed\nSTAT\r\n"), { "", "STAT" }, false },
    { BYTES("SIZE \xc3\xa4\r\n"), { "SIZE \xc3\xa4" }, false },
};

/* Feeds in steps of `step` bytes and checks every line that comes out. */
static void check(size_t which, size_t step)
{
    struct line line = { 0 };
    size_t found = 0;
    for (size_t at = 0; at < fed[which].n;) {
        size_t n = fed[which].n - at < step ? fed[which].n - at : step, used = 0;
        bool complete = line_feed(&line, fed[which].bytes + at, n, &used);
        assert_true(used > 0 && used <= n);
        at += used;
        if (!complete) {
            assert_int_equal(used, n);
            continue;
        }
        assert_non_null(fed[which].lines[found]);
        assert_string_equal(line.text, fed[which].lines[found]);
        assert_int_equal(line.used, strlen(line.text));
        assert_false(line.cut);
        if (found == 0)
            assert_int_equal(line.nul, fed[which].nul);
        found++;
        line_clear(&line);
    }
    assert_null(fed[which].lines[found]);
}

static void test_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(fed); i++)
        check(i, SIZE_MAX);
}

static void test_in_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(fed); i++)
        for (size_t step = 1; step <= 5; step++)
            check(i, step);
}

static void test_long(void **state)
{
    (void)state;
    static const size_t lengths[] = { LINE_LIMIT - 1, LINE_LIMIT, LINE_LIMIT + 1, 1 << 20 };
    for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
        struct line line = { 0 };
        size_t used;
        char *text = malloc(lengths[i] + 6);
        assert_non_null(text);
        memset(text, 'a', lengths[i]);
        memcpy(text + lengths[i], "\r\nNEXT", 6);
        assert_true(line_feed(&line, text, lengths[i] + 6, &used));
        assert_int_equal(used, lengths[i] + 2);
        assert_int_equal(line.cut, lengths[i] > LINE_LIMIT);
        assert_int_equal(line.used, lengths[i] > LINE_LIMIT ? LINE_LIMIT : lengths[i]);
        assert_int_equal(strlen(line.text), line.used);
        line_clear(&line);
        assert_int_equal(line.used, 0);
        assert_false(line.cut);
        assert_false(line_feed(&line, text + used, 4, &used));
        free(text);
    }
}

static void test_clear_wipes(void **state)
{
    (void)state;
    struct line line = { 0 };
    size_t used;
    assert_true(line_feed(&line, BYTES("PASS secret\r\n"), &used));
    line_clear(&line);
    for (size_t i = 0; i < sizeof line.text; i++)
        assert_int_equal(line.text[i], 0);
}

static const struct {
    const char *line;
    size_t verb;
    const char *argument;
    bool http;
} split[] = {
    { "NOOP", 4, "", false },
    { "STOR a b", 4, "a b", false },
    { "STOR  a", 4, " a", false },
    { "NOOP ", 4, "", false },
    { "", 0, "", false },
    { " X", 0, "X", false },
    { "GET / HTTP/1.1", 3, "/ HTTP/1.1", true },
    { "get /", 3, "/", true },
    { "GET", 3, "", true },
    { "POST /x HTTP/1.0", 4, "/x HTTP/1.0", true },
    { "HTTP/1.1 200 OK", 8, "200 OK", true },
    { "OPTIONS * HTTP/1.1", 7, "* HTTP/1.1", true },
    { "OPTS UTF8 ON", 4, "UTF8 ON", false },
    { "RETR GET / HTTP/1.1", 4, "GET / HTTP/1.1", false },
    { "GETX /", 4, "/", false },
};

static void test_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(split); i++) {
        struct line line = { 0 };
        size_t used, argument;
        assert_false(line_feed(&line, split[i].line, strlen(split[i].line), &used) && split[i].line[0]);
        assert_true(line_feed(&line, "\n", 1, &used));
        assert_int_equal(line_verb(&line, &argument), split[i].verb);
        assert_string_equal(line.text + argument, split[i].argument);
        assert_int_equal(line_is_http(&line), split[i].http);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),       cmocka_unit_test(test_in_pieces), cmocka_unit_test(test_long),
        cmocka_unit_test(test_clear_wipes), cmocka_unit_test(test_split),
    };
    return cmocka_run_group_tests_name("line", tests, NULL, NULL);
}
