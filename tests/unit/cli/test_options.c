/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "cli/options.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        size_t min, max;
    } cases[] = {
        { "200-64K", true, 200, 65536 },
        { "1k", true, 1024, 1024 },
        { "64M", true, (size_t)64 << 20, (size_t)64 << 20 },
        { "199-300", false, 0, 0 },
        { "300-200", false, 0, 0 },
        { "65M", false, 0, 0 },
        { "", false, 0, 0 },
        { "-", false, 0, 0 },
        { "200-", false, 0, 0 },
        { "-200", false, 0, 0 },
        { "200x", false, 0, 0 },
        { "200-300-400", false, 0, 0 },
        { " 200", false, 0, 0 },
        { "+200", false, 0, 0 },
        { "99999999999999999999", false, 0, 0 },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        size_t min = 0, max = 0;
        assert_int_equal(options_range(cases[i].text, &min, &max), cases[i].good);
        assert_int_equal(min, cases[i].min);
        assert_int_equal(max, cases[i].max);
    }
}

#define URL   "--url", "https://h"
#define FTPS  "--ftps", "ftps://h"
#define LIST  "--credentials", "list"
#define ADMIN "--admin", "a", "--admin-password-file", "f"

static enum options_next read_words(const char *const *words, struct options *o)
{
    char *argv[16] = { (char *)(uintptr_t) "cradle-handset" };
    int argc = 1;
    while (words[argc - 1] != NULL) {
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
        argc++;
    }
    return options_read(argc, argv, o);
}

static void test_command_lines(void **state)
{
    (void)state;
    static const struct {
        const char *words[14];
        enum options_next next;
        const char *trace;
    } cases[] = {
        { { URL, LIST }, OPTIONS_RUN, "http59" },
        { { FTPS, LIST }, OPTIONS_RUN, "ftps" },
        { { URL, FTPS, LIST, "--trace", "ftps" }, OPTIONS_RUN, "ftps" },
        { { URL, ADMIN, "--cleanup", "--handsets=200" }, OPTIONS_RUN, "http59" },
        { { URL, "--user", "u", "--password-file", "-", "--mac", "m" }, OPTIONS_RUN, "http59" },
        { { URL, "--cert", "c", "--mac", "m" }, OPTIONS_RUN, "http59" },
        { { "--help" }, OPTIONS_DONE, NULL },
        { { "--list-traces" }, OPTIONS_DONE, NULL },
        { { NULL }, OPTIONS_WRONG, NULL },
        { { URL }, OPTIONS_WRONG, NULL },
        { { LIST }, OPTIONS_WRONG, NULL },
        { { "--url", "http://h", LIST }, OPTIONS_WRONG, NULL },
        { { "--ftps", "ftp://h", LIST }, OPTIONS_WRONG, NULL },
        { { URL, LIST, "--trace", "ftps" }, OPTIONS_WRONG, NULL },
        { { FTPS, LIST, "--trace", "https40" }, OPTIONS_WRONG, NULL },
        { { FTPS, ADMIN }, OPTIONS_WRONG, NULL },
        { { URL, LIST, "--trace", "x" }, OPTIONS_WRONG, NULL },
        { { URL, LIST, "--tls", "1.1" }, OPTIONS_WRONG, NULL },
        { { URL, LIST, "--handsets", "0" }, OPTIONS_WRONG, NULL },
        { { URL, LIST, "--boots", "many" }, OPTIONS_WRONG, NULL },
        { { URL, LIST, "--concurrency", "-1" }, OPTIONS_WRONG, NULL },
        { { URL, LIST, "--cleanup" }, OPTIONS_WRONG, NULL },
        { { URL, LIST, "--user", "u", "--password-file", "f" }, OPTIONS_WRONG, NULL },
        { { URL, "--user", "u" }, OPTIONS_WRONG, NULL },
        { { URL, "--cert", "c" }, OPTIONS_WRONG, NULL },
        { { URL, "--key", "k", LIST }, OPTIONS_WRONG, NULL },
        { { URL, "--admin", "a", LIST }, OPTIONS_WRONG, NULL },
        { { URL, "--credentials", "-", "--operator", "o", "--operator-password-file", "-" },
          OPTIONS_WRONG,
          NULL },
        { { URL, LIST, "--connection", "both" }, OPTIONS_WRONG, NULL },
        { { URL, LIST, "--ca", "" }, OPTIONS_WRONG, NULL },
        { { URL, LIST, "--nonsense" }, OPTIONS_WRONG, NULL },
        { { URL, LIST, "stray" }, OPTIONS_WRONG, NULL },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct options o;
        if (read_words(cases[i].words, &o) != cases[i].next)
            fail_msg("case %zu", i);
        if (cases[i].trace != NULL)
            assert_string_equal(o.trace->name, cases[i].trace);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_command_lines),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
