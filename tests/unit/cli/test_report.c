/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "cli/report.h"
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_percentiles(void **state)
{
    (void)state;
    uint32_t hundred[100];
    for (uint32_t i = 0; i < 100; i++)
        hundred[i] = i + 1;
    static const uint32_t one[] = { 7 }, three[] = { 1, 5, 9 };
    assert_int_equal(report_percentile(hundred, 0, 50), 0);
    assert_int_equal(report_percentile(one, 1, 0), 7);
    assert_int_equal(report_percentile(one, 1, 50), 7);
    assert_int_equal(report_percentile(one, 1, 100), 7);
    assert_int_equal(report_percentile(three, 3, 50), 5);
    assert_int_equal(report_percentile(three, 3, 99), 9);
    assert_int_equal(report_percentile(hundred, 100, 50), 50);
    assert_int_equal(report_percentile(hundred, 100, 99), 99);
    assert_int_equal(report_percentile(hundred, 100, 100), 100);
}

static void test_bytes(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        { 0, "0 B" },         { 999, "999 B" },     { 1000, "1.0 kB" },        { 1550, "1.6 kB" },
        { 123456, "123 kB" }, { 999999, "1.0 MB" }, { 5000000000u, "5.0 GB" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char text[32];
        report_bytes(cases[i].bytes, text, sizeof text);
        assert_string_equal(text, cases[i].text);
    }
}

static void test_errors_are_counted_by_kind_and_code(void **state)
{
    (void)state;
    struct report r = { 0 };
    report_error(&r, REPORT_STATUS, 503, "first %d", 1);
    report_error(&r, REPORT_STATUS, 503, "second");
    report_error(&r, REPORT_STATUS, 500, "\x1b[2J\n\xe2\x80\xae");
    report_error(&r, REPORT_TLS, 0, "third");
    assert_int_equal(r.errors, 4);
    assert_int_equal(r.group_count, 3);
    assert_int_equal(r.groups[0].count, 2);
    assert_string_equal(r.groups[0].example, "first 1");
    assert_string_equal(r.groups[1].example, "?[2J????");
    for (long code = 1; code < 2 * REPORT_GROUPS; code++)
        report_error(&r, REPORT_STATUS, code, "x");
    assert_int_equal(r.errors, 4 + 2 * REPORT_GROUPS - 1);
    assert_int_equal(r.group_count, REPORT_GROUPS);
    report_fini(&r);
}

static void test_both_forms_tell_the_figures(void **state)
{
    (void)state;
    struct report r = { .trace = "ftps",
                        .target = "ftps://h",
                        .tls = "1.3",
                        .connection = "c",
                        .handsets = 2,
                        .concurrency = 2,
                        .boots_each = 1,
                        .requests = 10,
                        .elapsed_us = 2000000 };
    report_boot(&r, 3000, true);
    report_boot(&r, 1000, false);
    report_error(&r, REPORT_LOG, 0, "a log");
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    report_print(&r, out);
    fclose(out);
    assert_non_null(strstr(text, "1.0 a second   1 without error"));
    assert_non_null(strstr(text, "1 ms p50"));
    assert_non_null(strstr(text, "such as: a log"));
    free(text);

    out = open_memstream(&text, &n);
    assert_true(report_json(&r, out));
    fclose(out);
    json_t *root = json_loadb(text, n, 0, NULL);
    assert_non_null(root);
    assert_int_equal(json_integer_value(json_object_get(root, "boots")), 2);
    assert_int_equal(json_integer_value(json_object_get(root, "boots_good")), 1);
    assert_true(json_real_value(json_object_get(root, "requests_per_second")) == 5.0);
    assert_true(json_real_value(json_object_get(root, "boot_ms_p99")) == 3.0);
    const json_t *group = json_array_get(json_object_get(root, "errors_by_kind"), 0);
    assert_string_equal(json_string_value(json_object_get(group, "kind")), "log");
    json_decref(root);
    free(text);
    report_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_percentiles),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_errors_are_counted_by_kind_and_code),
        cmocka_unit_test(test_both_forms_tell_the_figures),
    };
    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
