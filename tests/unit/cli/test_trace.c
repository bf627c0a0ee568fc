/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "cli/trace.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct trace_values values = { "00907a0a1b2c", "1725-36720-001", "SL_8440",
                                            "1725-36720-001.sip.ld" };

/* A trace as one line, its names filled in. */
static void spell(const struct trace *trace, char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < trace->count; i++) {
        const struct trace_step *step = &trace->steps[i];
        char name[256];
        if (step->rule == TRACE_FIRMWARE)
            continue;
        assert_true(trace_expand(step->name, &values, name, sizeof name));
        used += (size_t)snprintf(out + used, size - used, "%s%s %s", used > 0 ? ", " : "",
                                 trace_word(trace->protocol, step->verb), name);
        assert_true(used < size);
    }
}

static void test_boots_are_those_traced(void **state)
{
    (void)state;
    static const struct {
        const char *name, *steps;
    } cases[] = {
        { "http59",
          "PUT 00907a0a1b2c-boot.log, GET 00907a0a1b2c.cfg, GET 1725-36720-001.1725-36720-001.sip.ld, "
          "GET 00907a0a1b2c-phone.cfg, GET 00907a0a1b2c-web.cfg, GET 000000000000-license.cfg, "
          "GET 00907a0a1b2c-license.cfg, GET 00907a0a1b2c-calls.xml, GET 00907a0a1b2c-directory.xml, "
          "GET 000000000000-directory.xml, HEAD 00907a0a1b2c-app.log" },
        { "https40", "GET 00907a0a1b2c.cfg, GET 00907a0a1b2c-phone.cfg, GET 00907a0a1b2c-web.cfg, "
                     "GET 00907a0a1b2c-license.cfg, PUT 00907a0a1b2c-app.log" },
        { "ftps",
          "APPE 00907a0a1b2c-boot.log, RETR 00907a0a1b2c.cfg, RETR 1725-36720-001.1725-36720-001.sip.ld, "
          "RETR 00907a0a1b2c-phone.cfg, RETR 00907a0a1b2c-web.cfg, RETR 000000000000-license.cfg, "
          "RETR 00907a0a1b2c-license.cfg, RETR 00907a0a1b2c-calls.xml, RETR 00907a0a1b2c-directory.xml, "
          "RETR 000000000000-directory.xml, SIZE 00907a0a1b2c-app.log, APPE 00907a0a1b2c-app.log, QUIT " },
    };
    size_t count;
    (void)trace_list(&count);
    assert_int_equal(count, ARRAY_LENGTH(cases));
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char text[2048];
        const struct trace *trace = trace_find(cases[i].name);
        assert_non_null(trace);
        spell(trace, text, sizeof text);
        assert_string_equal(text, cases[i].steps);
    }
    assert_null(trace_find("http60"));
}

static void test_every_trace_has_one_master_and_never_appends_over_https(void **state)
{
    (void)state;
    size_t count;
    const struct trace *all = trace_list(&count);
    for (size_t i = 0; i < count; i++) {
        int masters = 0;
        for (size_t j = 0; j < all[i].count; j++) {
            const struct trace_step *step = &all[i].steps[j];
            masters += step->rule == TRACE_MASTER;
            if (all[i].protocol == TRACE_HTTPS)
                assert_true(step->verb != TRACE_APPEND && step->verb != TRACE_QUIT);
        }
        assert_int_equal(masters, 1);
    }
}

static void test_variables(void **state)
{
    (void)state;
    static const struct {
        const char *name, *result;
    } cases[] = {
        { "site.cfg", "site.cfg" },
        { "", "" },
        { "[PHONE_MAC_ADDRESS]-ext.cfg", "00907a0a1b2c-ext.cfg" },
        { "[MACADDRESS].[PHONE_PART_NUMBER]", "00907a0a1b2c.1725-36720-001" },
        { "[PHONE_MODEL]/x", "SL_8440/x" },
        { "[UNKNOWN]-x", "[UNKNOWN]-x" },
        { "[mac]", "[mac]" },
        { "[[MAC]", "[00907a0a1b2c" },
        { "[MAC", "[MAC" },
        { "[]", "[]" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char out[64];
        assert_true(trace_expand(cases[i].name, &values, out, sizeof out));
        assert_string_equal(out, cases[i].result);
        size_t n = strlen(cases[i].result);
        assert_false(trace_expand(cases[i].name, &values, out, n));
        assert_true(trace_expand(cases[i].name, &values, out, n + 1));
    }
}

static void test_places(void **state)
{
    (void)state;
    static const struct {
        const char *folder, *name, *path;
    } cases[] = {
        { "", "a.log", "a.log" },          { "/", "a.log", "a.log" },
        { "logs", "a.log", "logs/a.log" }, { "/logs/", "a.log", "logs/a.log" },
        { "a/b", "/a.log", "a/b/a.log" },  { "//a//", "x", "a/x" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char out[32];
        assert_true(trace_place(cases[i].folder, cases[i].name, out, sizeof out));
        assert_string_equal(out, cases[i].path);
        assert_false(trace_place(cases[i].folder, cases[i].name, out, strlen(cases[i].path)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boots_are_those_traced),
        cmocka_unit_test(test_every_trace_has_one_master_and_never_appends_over_https),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_places),
    };
    return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
