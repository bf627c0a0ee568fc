/* SPDX-License-Identifier: Apache-2.0 */
#include "server/condition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TAG      "\"abc\""
#define MODIFIED INT64_C(784111777500) /* Sun, 06 Nov 1994 08:49:37.5 GMT */
#define EARLIER  "Sun, 06 Nov 1994 08:49:36 GMT"
#define SAME     "Sun, 06 Nov 1994 08:49:37 GMT"
#define LATER    "Sun, 06 Nov 1994 08:49:38 GMT"

static void in_the_order_of_the_rfc(void **state)
{
    (void)state;
    static const struct {
        struct condition condition;
        enum condition_verdict verdict;
    } rows[] = {
        { { 0 }, CONDITION_GO },
        { { .if_match = TAG }, CONDITION_GO },
        { { .if_match = "*" }, CONDITION_GO },
        { { .if_match = "\"x\", " TAG }, CONDITION_GO },
        { { .if_match = "\"x\"" }, CONDITION_FAILED },
        { { .if_match = "W/" TAG }, CONDITION_FAILED },
        { { .if_unmodified_since = EARLIER }, CONDITION_FAILED },
        { { .if_unmodified_since = SAME }, CONDITION_GO },
        { { .if_unmodified_since = LATER }, CONDITION_GO },
        { { .if_unmodified_since = "yesterday" }, CONDITION_GO },
        { { .if_match = TAG, .if_unmodified_since = EARLIER }, CONDITION_GO },
        { { .if_none_match = TAG }, CONDITION_NOT_MODIFIED },
        { { .if_none_match = "W/" TAG }, CONDITION_NOT_MODIFIED },
        { { .if_none_match = "*" }, CONDITION_NOT_MODIFIED },
        { { .if_none_match = "\"x\"" }, CONDITION_GO },
        { { .if_modified_since = EARLIER }, CONDITION_GO },
        { { .if_modified_since = SAME }, CONDITION_NOT_MODIFIED },
        { { .if_modified_since = LATER }, CONDITION_NOT_MODIFIED },
        { { .if_modified_since = "yesterday" }, CONDITION_GO },
        { { .if_none_match = "\"x\"", .if_modified_since = LATER }, CONDITION_GO },
        { { .if_match = "\"x\"", .if_none_match = TAG }, CONDITION_FAILED },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (condition_read(&rows[i].condition, TAG, MODIFIED) != rows[i].verdict)
            fail_msg("row %zu", i);
}

static void a_range_needs_the_strong_tag(void **state)
{
    (void)state;
    static const struct {
        const char *if_range;
        bool good;
    } rows[] = { { NULL, true },      { TAG, true },   { "\"x\"", false },
                 { "W/" TAG, false }, { SAME, false }, { "", false } };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(condition_range(&(struct condition){ .if_range = rows[i].if_range }, TAG),
                         rows[i].good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_the_order_of_the_rfc),
        cmocka_unit_test(a_range_needs_the_strong_tag),
    };
    return cmocka_run_group_tests_name("condition", tests, NULL, NULL);
}
