/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/log.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct {
    const char *text, *shown;
} values[] = {
    { NULL, "-" },
    { "-", "\"-\"" },
    { "", "\"\"" },
    { "admin", "admin" },
    { "/0004f2aabbcc-app.log", "/0004f2aabbcc-app.log" },
    { "zwei Wörter", "\"zwei Wörter\"" },
    { "Tür", "Tür" },
    { "a=b", "\"a=b\"" },
    { "say \"x\"", "\"say \\x22x\\x22\"" },
    { "it's", "\"it\\x27s\"" },
    { "a\\x0a", "\"a\\x5cx0a\"" },
    { "a\r\nerror daemon.failed", "\"a\\x0d\\x0aerror daemon.failed\"" },
    { "\x1b[31mred", "\"\\x1b[31mred\"" },
    { "\x7f\t", "\"\\x7f\\x09\"" },
    { "\xc2\x9b"
      "1m",
      "\"\\xc2\\x9b1m\"" }, /* a control of the second set */
    { "\xe2\x80\xae"
      "gpj.exe",
      "\"\\xe2\\x80\\xaegpj.exe\"" },            /* right-to-left override */
    { "\xe2\x81\xa6x", "\"\\xe2\\x81\\xa6x\"" }, /* isolate */
    { "\xe2\x80\xa8x", "\"\\xe2\\x80\\xa8x\"" }, /* line separator */
    { "\xff\xfe", "\"\\xff\\xfe\"" },
    { "\xc0\xaf", "\"\\xc0\\xaf\"" },
    { "cut \xe2\x82", "\"cut \\xe2\\x82\"" },
};

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        assert_string_equal(LOG_VALUE(values[i].text), values[i].shown);
}

static void test_long_values_are_cut_between_characters(void **state)
{
    (void)state;
    char out[16];
    assert_string_equal(log_value("123456789", out, 9), "12345…");
    assert_string_equal(log_value("12345678", out, 9), "12345678");
    assert_string_equal(log_value("1234 67", out, 10), "\"1234 67\"");
    assert_string_equal(log_value("1234 678", out, 10), "\"1234…\"");
    assert_string_equal(log_value("äääää", out, 10), "äää…");
    assert_string_equal(log_value("\n\n\n", out, 13), "\"\\x0a…\"");
}

/* Whatever comes in: what goes out fits, is one line of printable UTF-8, and a short size is no reason to
 * pass it. */
static void test_values_of_any_bytes_and_any_size(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (int round = 0; round < 20000; round++) {
        char text[24], out[40];
        size_t size = (size_t)(round % 33) + 1;
        for (size_t i = 0; i + 1 < sizeof text; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = (char)(seed >> 24);
        }
        text[round % 24] = '\0';
        text[sizeof text - 1] = '\0';
        memset(out, '#', sizeof out);
        assert_ptr_equal(log_value(text, out, size), out);
        assert_true(strnlen(out, size) < size);
        for (const char *at = out; *at != '\0'; at++)
            assert_false((unsigned char)*at < 0x20 || *at == 0x7f);
        for (size_t i = size; i < sizeof out; i++)
            assert_int_equal(out[i], '#');
    }
}

/* What was written to standard error since the test began to capture it. */
static int saved_stderr, captured;

static int begin_capture(void **state)
{
    (void)state;
    char name[] = "/tmp/cradle-test-log-XXXXXX";
    fflush(stderr);
    saved_stderr = dup(STDERR_FILENO);
    captured = mkstemp(name);
    unlink(name);
    return saved_stderr < 0 || dup2(captured, STDERR_FILENO) < 0;
}

static void end_capture(char *out, size_t size)
{
    ssize_t n = pread(captured, out, size - 1, 0);
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    close(captured);
    out[n > 0 ? n : 0] = '\0';
}

static int restore(void **state)
{
    (void)state;
    log_threshold(LOG_LEVEL_INFO);
    log_timestamps(false);
    clock_thaw();
    return 0;
}

static void test_lines(void **state)
{
    (void)state;
    char text[1000];
    log_event(LOG_DAEMON_READY, NULL);
    log_event(LOG_LOGIN_OK, "user=%s n=%d", LOG_VALUE("a b"), 5);
    log_event(LOG_FTPS_OPEN, "never=seen");
    log_threshold(LOG_LEVEL_DEBUG);
    log_event(LOG_FTPS_OPEN, "peer=%s", "::1");
    log_threshold(LOG_LEVEL_ERROR);
    log_event(LOG_OVERLOAD, NULL);
    log_event(LOG_OVERLOAD, "why=%s", (fail(), "the values of what is dropped are looked at"));
    log_event(LOG_DAEMON_FAILED, "%s", "forged\nerror daemon.failed");
    log_event(LOG_EVENT_COUNT, "no such event");
    clock_freeze(1795466251007, 0);
    log_timestamps(true);
    log_event(LOG_DAEMON_FAILED, "a=%d", 1);
    end_capture(text, sizeof text);
    assert_string_equal(text, "notice daemon.ready\n"
                              "info login.ok user=\"a b\" n=5\n"
                              "debug ftps.open peer=::1\n"
                              "error daemon.failed forged?error daemon.failed\n"
                              "1795466251.007 error daemon.failed a=1\n");
}

static void test_a_line_has_an_end(void **state)
{
    (void)state;
    char text[6000], big[5000];
    memset(big, 'x', sizeof big);
    big[sizeof big - 1] = '\0';
    log_event(LOG_DAEMON_FAILED, "%s", big);
    log_event(LOG_DAEMON_READY, NULL);
    end_capture(text, sizeof text);
    char *end = strchr(text, '\n');
    assert_non_null(end);
    assert_in_range(end - text, 4000, 4096);
    assert_string_equal(end + 1, "notice daemon.ready\n");
}

static void test_events_have_names_of_their_own(void **state)
{
    (void)state;
    for (int a = 0; a < LOG_EVENT_COUNT; a++) {
        assert_true(strlen(log_event_meaning((enum log_event)a)) > 0);
        for (int b = 0; b < a; b++)
            assert_string_not_equal(log_event_name((enum log_event)a), log_event_name((enum log_event)b));
    }
    assert_string_equal(log_event_name(LOG_EVENT_COUNT), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_long_values_are_cut_between_characters),
        cmocka_unit_test(test_values_of_any_bytes_and_any_size),
        cmocka_unit_test_setup_teardown(test_lines, begin_capture, restore),
        cmocka_unit_test_setup_teardown(test_a_line_has_an_end, begin_capture, restore),
        cmocka_unit_test(test_events_have_names_of_their_own),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
