/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fleet/inspect.h"

#include <string.h>

static const struct {
    const char *text;
    enum fault_code code;
    const char *where; /* part of the fault's text */
} cases[] = {
    { "<?xml version=\"1.0\"?>\n<a b=\"c\"/>\n", FAULT_OK, NULL },
    { "<a/>", FAULT_OK, NULL },
    { "\xef\xbb\xbf<a/>", FAULT_OK, NULL },
    { "", FAULT_CONTENT, "line 1" },
    { "<a>\n<b>\n</a>\n", FAULT_CONTENT, "line 3" },
    { "<a x=1/>", FAULT_CONTENT, "line 1, column 6" },
    { "plain words\n", FAULT_CONTENT, "line 1" },
    { "Encrypted;Digest=0123456789;KeyDesc=ward 3\n\x01\x02\xff not XML at all <<<", FAULT_OK, NULL },
    { "\xef\xbb\xbf Digest=1", FAULT_OK, NULL },
    { "<a Digest=\"1\">\n", FAULT_CONTENT, NULL },
    { "  <a Digest=\"1\">\n", FAULT_CONTENT, NULL },
    { "first line\nDigest=1\n", FAULT_CONTENT, "line 1" },
};

static enum fault_code judge(const char *text, size_t n, size_t piece, struct fault *f)
{
    struct inspect *inspect = inspect_new();
    assert_non_null(inspect);
    enum fault_code code = FAULT_OK;
    for (size_t at = 0; code == FAULT_OK && at < n; at += piece)
        code = inspect_feed(inspect, text + at, n - at < piece ? n - at : piece, f);
    if (code == FAULT_OK)
        code = inspect_finish(inspect, f);
    inspect_free(inspect);
    return code;
}

static void test_cases_whole_and_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        for (size_t piece = 1; piece <= 4096; piece *= 4) {
            struct fault f = { 0 };
            enum fault_code code = judge(cases[i].text, strlen(cases[i].text), piece, &f);
            if (code != cases[i].code || (cases[i].where && strstr(f.text, cases[i].where) == NULL))
                fail_msg("case %zu in pieces of %zu: %s \"%s\"", i, piece, fault_word(code), f.text);
        }
}

static void test_a_mark_behind_the_head_does_not_count(void **state)
{
    (void)state;
    char text[INSPECT_HEAD + 64];
    memset(text, 'x', sizeof text);
    memcpy(text + INSPECT_HEAD - 3, "Digest=", 7);
    assert_int_equal(judge(text, sizeof text, sizeof text, NULL), FAULT_CONTENT);
    assert_int_equal(judge(text, sizeof text, 1, NULL), FAULT_CONTENT);
    memcpy(text + INSPECT_HEAD - 7, "Digest=", 7);
    assert_int_equal(judge(text, sizeof text, sizeof text, NULL), FAULT_OK);
    assert_int_equal(judge(text, sizeof text, 1, NULL), FAULT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases_whole_and_byte_by_byte),
        cmocka_unit_test(test_a_mark_behind_the_head_does_not_count),
    };
    return cmocka_run_group_tests_name("inspect", tests, NULL, NULL);
}
