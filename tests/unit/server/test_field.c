/* SPDX-License-Identifier: Apache-2.0 */
#include "server/field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void objects_only(void **state)
{
    (void)state;
    static char deep[50000];
    memset(deep, '[', sizeof deep - 1);
    static const char *const refused[] = { "",
                                           "{",
                                           "[]",
                                           "7",
                                           "null",
                                           "\"x\"",
                                           "{\"a\": 1, \"a\": 2}",
                                           "{\"a\": \"\\u0000\"}",
                                           "{\"a\": \"\xff\"}",
                                           "{} x",
                                           "{\"a\": 1,}",
                                           deep };
    struct fault f;
    json_t *value = NULL;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (field_parse(refused[i], strlen(refused[i]), &value, &f) != FAULT_INPUT)
            fail_msg("'%.40s' was taken", refused[i]);
    assert_null(value);
    assert_int_equal(field_parse(NULL, 0, &value, &f), FAULT_INPUT);
    assert_int_equal(field_parse(" {\"a\": [1]} ", 12, &value, &f), FAULT_OK);
    json_decref(value);
}

static void members(void **state)
{
    (void)state;
    static const char *const known[] = { "text", "yes", "no", "nil", NULL };
    static const char source[] = "{\"text\": \"x\", \"yes\": true, \"no\": false, \"nil\": null}";
    struct fault f;
    json_t *object = NULL;
    const char *text = "before";
    bool set = false, value = true;
    assert_int_equal(field_parse(source, sizeof source - 1, &object, &f), FAULT_OK);
    assert_int_equal(field_check(object, known, &f), FAULT_OK);
    assert_int_equal(field_check(object, known + 1, &f), FAULT_INPUT);
    assert_non_null(strstr(f.text, "'text'"));
    assert_int_equal(field_text(object, "text", &text, &f), FAULT_OK);
    assert_string_equal(text, "x");
    assert_int_equal(field_text(object, "nil", &text, &f), FAULT_INPUT);
    assert_int_equal(field_text(object, "yes", &text, &f), FAULT_INPUT);
    assert_int_equal(field_text(object, "absent", &text, &f), FAULT_OK);
    assert_null(text);
    assert_int_equal(field_bool(object, "absent", &set, &value, &f), FAULT_OK);
    assert_true(!set && value);
    assert_int_equal(field_bool(object, "no", &set, &value, &f), FAULT_OK);
    assert_true(set && !value);
    assert_int_equal(field_bool(object, "yes", &set, &value, &f), FAULT_OK);
    assert_true(value);
    assert_int_equal(field_bool(object, "text", &set, &value, &f), FAULT_INPUT);
    assert_int_equal(field_bool(object, "nil", &set, &value, &f), FAULT_INPUT);
    json_decref(object);
}

static void times(void **state)
{
    (void)state;
    json_t *never = field_time(0), *once = field_time(784111777500);
    assert_true(json_is_null(never));
    assert_string_equal(json_string_value(once), "1994-11-06T08:49:37.500Z");
    json_decref(never);
    json_decref(once);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(objects_only), cmocka_unit_test(members),
                                        cmocka_unit_test(times) };
    return cmocka_run_group_tests_name("field", tests, NULL, NULL);
}
