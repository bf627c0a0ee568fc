/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1795466251123 /* 2026-11-23T20:37:31.123Z, a Monday */

static const struct {
    int64_t wall;
    const char *rfc3339, *http, *ftp;
} shown[] = {
    { NOW, "2026-11-23T20:37:31.123Z", "Mon, 23 Nov 2026 20:37:31 GMT", "20261123203731.123" },
    { 0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT", "19700101000000.000" },
    { -1, "1969-12-31T23:59:59.999Z", "Wed, 31 Dec 1969 23:59:59 GMT", "19691231235959.999" },
    { 951782400007, "2000-02-29T00:00:00.007Z", "Tue, 29 Feb 2000 00:00:00 GMT", "20000229000000.007" },
    { INT64_MAX, "9999-12-31T23:59:59.999Z", "Fri, 31 Dec 9999 23:59:59 GMT", "99991231235959.999" },
    { INT64_MIN, "0000-01-01T00:00:00.000Z", "Sat, 01 Jan 0000 00:00:00 GMT", "00000101000000.000" },
};

static void test_formats(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        /* Exactly the sizes that the header asks for. */
        char rfc3339[25], http[30], ftp[19];
        clock_rfc3339(shown[i].wall, rfc3339, sizeof rfc3339);
        clock_http_date(shown[i].wall, http, sizeof http);
        clock_ftp_time(shown[i].wall, ftp, sizeof ftp);
        assert_string_equal(rfc3339, shown[i].rfc3339);
        assert_string_equal(http, shown[i].http);
        assert_string_equal(ftp, shown[i].ftp);
    }
}

static const struct {
    const char *text;
    int64_t wall;
} dates[] = {
    { "Sun, 06 Nov 1994 08:49:37 GMT", 784111777000 },
    { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777000 },
    { "Sun Nov  6 08:49:37 1994", 784111777000 },
    { "Wed Nov 16 08:49:37 1994", 784975777000 },
    { "Thursday, 01-Jan-26 00:00:00 GMT", 1767225600000 },
    { "Tuesday, 24-Nov-76 00:00:00 GMT", 3373401600000 }, /* fifty years ahead: still the future */
    { "Thursday, 24-Nov-77 00:00:00 GMT", 249177600000 }, /* fifty-one: the past */
    { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
    { "Tue, 29 Feb 2000 00:00:00 GMT", 951782400000 },
    { "Sat, 31 Dec 2016 23:59:60 GMT", 1483228800000 },
    { NULL, -1 },
    { "", -1 },
    { "Sun", -1 },
    { "Sun, 06 Nov 1994 08:49:37", -1 },
    { "Sun, 06 Nov 1994 08:49:37 GMT ", -1 },
    { " Sun, 06 Nov 1994 08:49:37 GMT", -1 },
    { "Sun, 06 Nov 1994 08:49:37 UTC", -1 },
    { "Sun, 6 Nov 1994 08:49:37 GMT", -1 },
    { "Sun, 06 nov 1994 08:49:37 GMT", -1 },
    { "Sunday, 06 Nov 1994 08:49:37 GMT", -1 },
    { "Sun, 06-Nov-94 08:49:37 GMT", -1 },
    { "Xyz, 06 Nov 1994 08:49:37 GMT", -1 },
    { "Sun, 31 Jun 1994 08:49:37 GMT", -1 },
    { "Sun, 29 Feb 1999 08:49:37 GMT", -1 },
    { "Sun, 00 Nov 1994 08:49:37 GMT", -1 },
    { "Sun, 06 Nov 1994 24:00:00 GMT", -1 },
    { "Sun, 06 Nov 1994 08:60:00 GMT", -1 },
    { "Sun, 06 Nov 1994 08:49:61 GMT", -1 },
    { "Sun, 06 Nov -994 08:49:37 GMT", -1 },
    { "1994-11-06T08:49:37Z", -1 },
    { "784111777", -1 },
};

static void test_http_dates(void **state)
{
    (void)state;
    clock_freeze(NOW, 0);
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++)
        assert_int_equal(clock_parse_http_date(dates[i].text), dates[i].wall);
    clock_thaw();
}

static void test_no_beginning_of_a_date_is_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < 10; i++) {
        char text[64];
        size_t n = strlen(dates[i].text);
        memcpy(text, dates[i].text, n + 1);
        while (n > 0) {
            text[--n] = '\0';
            assert_int_equal(clock_parse_http_date(text), -1);
        }
    }
}

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    for (int64_t wall = 0; wall < INT64_C(4102444800000); wall += INT64_C(86400000) * 13 + 3607000) {
        char text[30];
        clock_http_date(wall, text, sizeof text);
        assert_int_equal(clock_parse_http_date(text), wall);
    }
}

static void test_freeze_and_thaw(void **state)
{
    (void)state;
    int64_t before = clock_steady_ms();
    clock_freeze(5, 7);
    assert_int_equal(clock_wall_ms(), 5);
    assert_int_equal(clock_steady_ms(), 7);
    clock_freeze(6, 8);
    assert_int_equal(clock_wall_ms(), 6);
    assert_int_equal(clock_steady_ms(), 8);
    clock_thaw();
    assert_true(clock_steady_ms() >= before);
    assert_true(clock_wall_ms() > INT64_C(1700000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_http_dates),
        cmocka_unit_test(test_no_beginning_of_a_date_is_one),
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_freeze_and_thaw),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
