/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cli/ctl.h"

#include <stdlib.h>
#include <string.h>

/* What the command under test is told to expect, and what it then read. */
static struct {
    size_t min, max;
    bool flag;
    const char *text;
    long number;
    struct ctl_list list;
    struct ctl_words words;
    int status;
} seen;

static int run_probe(struct ctl *ctl, int argc, char **argv)
{
    const struct ctl_option options[] = {
        { "flag", NULL, CTL_FLAG, &seen.flag, "a flag", 0, 0 },
        { "text", "TEXT", CTL_TEXT, &seen.text, "a text", 0, 0 },
        { "number", "N", CTL_NUMBER, &seen.number, "a number", 1, 10 },
        { "item", "ITEM", CTL_LIST, &seen.list, "one of several", 0, 0 },
    };
    seen.status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), seen.min, seen.max, &seen.words);
    return seen.status == CTL_GO ? (ctl_json(ctl) ? 42 : CTL_GOOD) : seen.status;
}

static int probe(size_t min, size_t max, const char *const *arguments)
{
    static const struct ctl_command commands[] = {
        { "alone", NULL, "[WORD]…", run_probe, "a group of its own" },
        { "group", "probe", "[WORD]…", run_probe, "in a group" },
        { NULL, NULL, NULL, NULL, NULL },
    };
    char *argv[32] = { (char *)(uintptr_t) "cradlectl" };
    int argc = 1;
    memset(&seen, 0, sizeof seen);
    seen.min = min, seen.max = max, seen.status = -99;
    for (; *arguments != NULL; arguments++)
        argv[argc++] = (char *)(uintptr_t)*arguments;
    return ctl_main(argc, argv, commands);
}
#define PROBE(min, max, ...) probe((min), (max), (const char *const[]){ __VA_ARGS__, NULL })

static void test_options_anywhere(void **state)
{
    (void)state;
    assert_int_equal(PROBE(0, 3, "group", "probe", "a", "--flag", "--text=x=y", "b", "--number", "7",
                           "--item", "1", "--item=2", "--json", "--", "--c"),
                     42);
    assert_true(seen.flag);
    assert_string_equal(seen.text, "x=y");
    assert_int_equal(seen.number, 7);
    assert_int_equal(seen.list.count, 2);
    assert_string_equal(seen.list.item[1], "2");
    assert_int_equal(seen.words.count, 3);
    assert_string_equal(seen.words.word[2], "--c");
    assert_int_equal(PROBE(0, 1, "alone", "word"), CTL_GOOD);
    assert_string_equal(seen.words.word[0], "word");
}

static void test_wrong_use(void **state)
{
    (void)state;
    assert_int_equal(PROBE(0, 0, "nothing"), CTL_USAGE);
    assert_int_equal(seen.status, -99);
    assert_int_equal(PROBE(0, 0, "group"), CTL_USAGE);
    assert_int_equal(PROBE(0, 0, "group", "other"), CTL_USAGE);
    assert_int_equal(PROBE(0, 0, "alone", "word"), CTL_USAGE);
    assert_int_equal(PROBE(1, 1, "alone"), CTL_USAGE);
    assert_int_equal(PROBE(0, 0, "alone", "--other"), CTL_USAGE);
    assert_int_equal(PROBE(0, 0, "alone", "-f"), CTL_USAGE);
    assert_int_equal(PROBE(0, 0, "alone", "--text"), CTL_USAGE);
    assert_int_equal(PROBE(0, 0, "alone", "--flag=1"), CTL_USAGE);
    assert_int_equal(PROBE(0, 0, "alone", "--flags"), CTL_USAGE);
    assert_int_equal(PROBE(0, 0, "alone", "--number", "0"), CTL_USAGE);
    assert_int_equal(PROBE(0, 0, "alone", "--number", "11"), CTL_USAGE);
    assert_int_equal(PROBE(0, 0, "alone", "--number", "5x"), CTL_USAGE);
    assert_int_equal(PROBE(0, 0, "alone", "--number="), CTL_USAGE);
    assert_int_equal(PROBE(0, 0, "alone", "--help"), CTL_GOOD);
    assert_int_equal(seen.status, CTL_GOOD);
}

static void test_escape(void **state)
{
    (void)state;
    static const struct {
        const char *plain, *escaped;
    } rows[] = {
        { "", "" },
        { "aZ09-._~", "aZ09-._~" },
        { "a b/c?d&e", "a%20b%2Fc%3Fd%26e" },
        { "\xc3\xa4", "%C3%A4" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char *escaped = client_escape(rows[i].plain);
        assert_string_equal(escaped, rows[i].escaped);
        free(escaped);
    }
}

static void test_client_needs_to_know_whom(void **state)
{
    (void)state;
    static const struct client_options wrong[] = {
        { 0 },
        { .server = "https://localhost" },
        { .server = "http://localhost", .user = "a", .password = "b" },
        { .server = "localhost", .user = "a", .password = "b" },
        { .server = "https://localhost", .user = "a", .password_file = "/nonexistent/file" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct fault f;
        struct client *client = NULL;
        assert_int_not_equal(client_open(&wrong[i], &client, &f), FAULT_OK);
        assert_null(client);
        assert_true(f.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_anywhere),
        cmocka_unit_test(test_wrong_use),
        cmocka_unit_test(test_escape),
        cmocka_unit_test(test_client_needs_to_know_whom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
