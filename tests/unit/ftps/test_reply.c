/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "ftps/reply.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void add(struct buf *out, enum reply reply, int more, ...)
{
    struct fault f;
    va_list arguments;
    va_start(arguments, more);
    assert_int_equal(reply_add(out, reply, more != 0, &f, arguments), FAULT_OK);
    va_end(arguments);
}

static void test_table(void **state)
{
    (void)state;
    for (int i = 0; i < REPLY_COUNT; i++) {
        int code = reply_code((enum reply)i);
        const char *text = reply_text((enum reply)i);
        assert_true(code >= 150 && code <= 554);
        assert_true(text && text[0]);
        /* Only what reply_add's callers give: texts, and numbers of one kind. */
        for (const char *p = strchr(text, '%'); p; p = strchr(p + 1, '%'))
            assert_true(p[1] == 's' || p[1] == 'u' || p[1] == 'd');
    }
}

static void test_lines(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, REPLY_LINE_MAX);
    add(&out, REPLY_GREETING, false);
    assert_string_equal(out.data, "220 Cradle\r\n");
    buf_clear(&out);
    add(&out, REPLY_EXTENDED_PASSIVE, false, 50123u);
    assert_string_equal(out.data, "229 Entering extended passive mode (|||50123|)\r\n");
    buf_clear(&out);
    add(&out, REPLY_PASSIVE, false, "127,0,0,1,195,80");
    assert_string_equal(out.data, "227 Entering passive mode (127,0,0,1,195,80)\r\n");
    buf_clear(&out);
    add(&out, REPLY_FEATURES, true);
    assert_int_equal(reply_add_middle(&out, "SIZE", NULL), FAULT_OK);
    add(&out, REPLY_FEATURES_END, false);
    assert_string_equal(out.data, "211-Features\r\n SIZE\r\n211 End\r\n");
    buf_fini(&out);
}

static void test_nothing_breaks_a_line(void **state)
{
    (void)state;
    struct buf out;
    char longest[4096];
    buf_init(&out, REPLY_LINE_MAX);
    add(&out, REPLY_REFUSED, false, "a\r\n226 forged\x1b[1m\x7f");
    assert_string_equal(out.data, "550 a??226 forged?[1m?\r\n");
    buf_clear(&out);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    add(&out, REPLY_REFUSED, false, longest);
    assert_true(out.used < REPLY_LINE_MAX);
    assert_string_equal(out.data + out.used - 3, "x\r\n");
    buf_fini(&out);
}

static const struct {
    enum fault_code fault;
    int code;
    bool own_words;
} translated[] = {
    { FAULT_INPUT, 501, true },        { FAULT_CONTENT, 553, true }, { FAULT_UNAUTHENTICATED, 530, true },
    { FAULT_FORBIDDEN, 550, true },    { FAULT_ABSENT, 550, false }, { FAULT_CONFLICT, 553, true },
    { FAULT_PRECONDITION, 550, true }, { FAULT_RANGE, 554, false },  { FAULT_TOO_LARGE, 552, true },
    { FAULT_QUOTA, 452, true },        { FAULT_BUSY, 451, false },   { FAULT_DAMAGED, 451, false },
    { FAULT_IO, 451, false },          { FAULT_MEMORY, 451, false }, { FAULT_CUT, 426, false },
    { FAULT_TIMEOUT, 426, false },     { FAULT_TLS, 425, false },    { FAULT_INTERNAL, 451, false },
};

static void test_faults(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_LENGTH(translated), FAULT_COUNT - 1);
    for (size_t i = 0; i < ARRAY_LENGTH(translated); i++) {
        const struct fault fault = { .code = translated[i].fault, .text = "inside" };
        const char *words;
        assert_int_equal(reply_code(reply_of_fault(&fault, &words)), translated[i].code);
        assert_int_equal(strcmp(words, "inside") == 0, translated[i].own_words);
    }
    const struct fault odd = { .code = FAULT_COUNT };
    const char *words;
    assert_int_equal(reply_code(reply_of_fault(&odd, &words)), 451);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_nothing_breaks_a_line),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
