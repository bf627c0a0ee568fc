/* SPDX-License-Identifier: Apache-2.0 */
#include "server/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void reads_and_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int count; /* -1: refused */
        const char *name, *value;
    } rows[] = {
        { "", 0, NULL, NULL },
        { "a=1", 1, "a", "1" },
        { "a", 1, "a", "" },
        { "a=", 1, "a", "" },
        { "a=b=c", 1, "a", "b=c" },
        { "path=/x%20y+z.cfg&generation=3", 2, "path", "/x y z.cfg" },
        { "path=%2Fx&generation=3", 2, "generation", "3" },
        { "&&a=1&", 1, "a", "1" },
        { "%61=1", 1, "a", "1" },
        { "a=%00", -1, NULL, NULL },
        { "a%00=1", -1, NULL, NULL },
        { "a=%", -1, NULL, NULL },
        { "a=%4", -1, NULL, NULL },
        { "a=%zz", -1, NULL, NULL },
        { "a=1&a=2", -1, NULL, NULL },
        { "a=1&%61=2", -1, NULL, NULL },
        { "1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&17", -1, NULL, NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct query query;
        /* A copy of the exact size: reading one byte too far is found. */
        size_t n = strlen(rows[i].text);
        char *text = malloc(n ? n : 1);
        memcpy(text, rows[i].text, n);
        enum fault_code code = query_parse(text, n, &query, NULL);
        free(text);
        if ((code == FAULT_OK) != (rows[i].count >= 0))
            fail_msg("'%s' gave %d", rows[i].text, code);
        assert_int_equal(query.count, rows[i].count < 0 ? 0 : rows[i].count);
        if (rows[i].name != NULL)
            assert_string_equal(query_get(&query, rows[i].name), rows[i].value);
        assert_null(query_get(&query, "absent"));
    }
}

static void has_a_limit(void **state)
{
    (void)state;
    static char text[QUERY_TEXT_MAX];
    struct query query;
    memset(text, 'a', sizeof text);
    assert_int_equal(query_parse(text, QUERY_TEXT_MAX - 2 * QUERY_ITEMS_MAX, &query, NULL), FAULT_OK);
    assert_int_equal(query_parse(text, QUERY_TEXT_MAX - 2 * QUERY_ITEMS_MAX + 1, &query, NULL), FAULT_INPUT);
}

static void judges_values(void **state)
{
    (void)state;
    static const char *const known[] = { "on", "off", "odd", "n", NULL };
    static const char text[] = "on=1&off=0&odd=yes&n=17";
    struct query query;
    struct fault f;
    bool on = false;
    int64_t n = -1;
    assert_int_equal(query_parse(text, sizeof text - 1, &query, NULL), FAULT_OK);
    assert_int_equal(query_check(&query, known, NULL), FAULT_OK);
    assert_int_equal(query_check(&query, known + 1, &f), FAULT_INPUT);
    assert_non_null(strstr(f.text, "'on'"));
    assert_int_equal(query_flag(&query, "on", &on, NULL), FAULT_OK);
    assert_true(on);
    assert_int_equal(query_flag(&query, "off", &on, NULL), FAULT_OK);
    assert_false(on);
    on = true;
    assert_int_equal(query_flag(&query, "absent", &on, NULL), FAULT_OK);
    assert_false(on);
    assert_int_equal(query_flag(&query, "odd", &on, NULL), FAULT_INPUT);
    assert_int_equal(query_number(&query, "n", 1, 17, &n, NULL), FAULT_OK);
    assert_int_equal(n, 17);
    assert_int_equal(query_number(&query, "n", 1, 16, &n, NULL), FAULT_INPUT);
    assert_int_equal(query_number(&query, "odd", 1, 16, &n, NULL), FAULT_INPUT);
    assert_int_equal(query_number(&query, "absent", 1, 16, &n, NULL), FAULT_OK);
    assert_int_equal(n, 17);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_refuses),
        cmocka_unit_test(has_a_limit),
        cmocka_unit_test(judges_values),
    };
    return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
