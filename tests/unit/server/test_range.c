/* SPDX-License-Identifier: Apache-2.0 */
#include "server/range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void one_range_or_none(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t size;
        enum range_kind kind;
        int64_t first, length;
    } rows[] = {
        { NULL, 10, RANGE_NONE, 0, 0 },
        { "", 10, RANGE_NONE, 0, 0 },
        { "bytes=0-3", 10, RANGE_ONE, 0, 4 },
        { "BYTES=0-3", 10, RANGE_ONE, 0, 4 },
        { "bytes= 0-3 ", 10, RANGE_ONE, 0, 4 },
        { "bytes=0-0", 10, RANGE_ONE, 0, 1 },
        { "bytes=9-9", 10, RANGE_ONE, 9, 1 },
        { "bytes=7-", 10, RANGE_ONE, 7, 3 },
        { "bytes=-2", 10, RANGE_ONE, 8, 2 },
        { "bytes=-10", 10, RANGE_ONE, 0, 10 },
        { "bytes=-11", 10, RANGE_ONE, 0, 10 },
        { "bytes=-99999999999999999999999", 10, RANGE_ONE, 0, 10 },
        { "bytes=5-100", 10, RANGE_ONE, 5, 5 },
        { "bytes=5-99999999999999999999999", 10, RANGE_ONE, 5, 5 },
        { "bytes=0-0", 1, RANGE_ONE, 0, 1 },
        { "bytes=10-", 10, RANGE_UNSATISFIABLE, 0, 0 },
        { "bytes=10-20", 10, RANGE_UNSATISFIABLE, 0, 0 },
        { "bytes=99999999999999999999999-", 10, RANGE_UNSATISFIABLE, 0, 0 },
        { "bytes=-0", 10, RANGE_UNSATISFIABLE, 0, 0 },
        { "bytes=0-", 0, RANGE_UNSATISFIABLE, 0, 0 },
        { "bytes=-1", 0, RANGE_UNSATISFIABLE, 0, 0 },
        { "bytes=3-1", 10, RANGE_NONE, 0, 0 },
        { "bytes=-", 10, RANGE_NONE, 0, 0 },
        { "bytes=", 10, RANGE_NONE, 0, 0 },
        { "bytes=1", 10, RANGE_NONE, 0, 0 },
        { "bytes=a-b", 10, RANGE_NONE, 0, 0 },
        { "bytes=--1", 10, RANGE_NONE, 0, 0 },
        { "bytes=1-2-3", 10, RANGE_NONE, 0, 0 },
        { "bytes=0-1,4-5", 10, RANGE_NONE, 0, 0 },
        { "bytes=+1-2", 10, RANGE_NONE, 0, 0 },
        { "bytes 0-3", 10, RANGE_NONE, 0, 0 },
        { "lines=1-2", 10, RANGE_NONE, 0, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t first = 0, length = 0;
        enum range_kind kind = range_parse(rows[i].text, rows[i].size, &first, &length);
        if (kind != rows[i].kind || first != rows[i].first || length != rows[i].length)
            fail_msg("'%s' of %d gave %d: %d, %d", rows[i].text, (int)rows[i].size, kind, (int)first,
                     (int)length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(one_range_or_none) };
    return cmocka_run_group_tests_name("range", tests, NULL, NULL);
}
