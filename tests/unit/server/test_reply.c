/* SPDX-License-Identifier: Apache-2.0 */
#include "server/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *header(const struct reply *reply, const char *name)
{
    const char *value = NULL;
    for (size_t i = 0; i < reply->headers; i++)
        if (strcmp(reply->header[i].name, name) == 0)
            value = reply->header[i].value;
    return value;
}

static void every_fault_is_a_problem(void **state)
{
    (void)state;
    for (int code = FAULT_OK + 1; code < FAULT_COUNT; code++) {
        struct reply reply;
        struct fault f = { (enum fault_code)code, "quotes \" and \\ and \n and \xc3\xa4" };
        reply_init(&reply);
        reply_header(&reply, "ETag", "\"gone\"");
        reply_fault(&reply, &f);
        assert_true(reply.status >= 400 && reply.status < 600);
        assert_string_not_equal(reply_phrase(reply.status), "Error");
        assert_string_equal(header(&reply, "Content-Type"), "application/problem+json");
        assert_null(header(&reply, "ETag"));
        json_t *value = json_loads(reply.body.data, 0, NULL);
        assert_non_null(value);
        assert_int_equal(json_object_size(value), 4);
        assert_int_equal(json_integer_value(json_object_get(value, "status")), reply.status);
        assert_string_equal(json_string_value(json_object_get(value, "detail")), f.text);
        assert_string_equal(json_string_value(json_object_get(value, "title")), reply_phrase(reply.status));
        assert_non_null(strstr(json_string_value(json_object_get(value, "type")), fault_word(f.code)));
        json_decref(value);
        reply_fini(&reply);
    }
}

static void what_is_no_proof_of_absence_is_never_404(void **state)
{
    (void)state;
    static const enum fault_code codes[] = { FAULT_BUSY, FAULT_DAMAGED, FAULT_IO, FAULT_MEMORY };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct reply reply;
        reply_init(&reply);
        reply_fault(&reply, &(struct fault){ codes[i], "x" });
        assert_int_equal(reply.status, 503);
        assert_non_null(header(&reply, "Retry-After"));
        reply_fini(&reply);
    }
    assert_int_equal(reply_status(FAULT_ABSENT), 404);
    assert_int_equal(reply_status(FAULT_TOO_LARGE), 413);
    assert_int_equal(reply_status(FAULT_QUOTA), 507);
    assert_int_equal(reply_status(FAULT_CONTENT), 422);
    assert_int_equal(reply_status((enum fault_code)999), 500);
}

static void equal_problems_are_equal_bytes(void **state)
{
    (void)state;
    struct reply one, two;
    reply_init(&one);
    reply_init(&two);
    reply_problem(&one, 401, "unauthenticated", "words");
    two.close = true;
    reply_problem(&two, 401, "unauthenticated", "words");
    assert_int_equal(one.body.used, two.body.used);
    assert_memory_equal(one.body.data, two.body.data, one.body.used);
    assert_true(two.close);
    assert_string_equal(header(&one, "WWW-Authenticate"), "Basic realm=\"cradle\", charset=\"UTF-8\"");
    reply_fini(&one);
    reply_fini(&two);
}

static void json_and_its_failure(void **state)
{
    (void)state;
    struct reply reply;
    reply_init(&reply);
    reply_json(&reply, 201, json_pack("{s:i}", "a", 1));
    assert_int_equal(reply.status, 201);
    assert_string_equal(header(&reply, "Cache-Control"), "no-store");
    json_t *value = json_loads(reply.body.data, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(value, "a")), 1);
    json_decref(value);
    reply_fini(&reply);
    reply_json(&reply, 200, NULL);
    assert_int_equal(reply.status, 503);
    reply_fini(&reply);
}

static void headers_are_bounded(void **state)
{
    (void)state;
    struct reply reply;
    char longer[400];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    reply_init(&reply);
    for (int i = 0; i < REPLY_HEADERS_MAX + 3; i++)
        reply_header(&reply, "X-Test", "%s", longer);
    assert_int_equal(reply.headers, REPLY_HEADERS_MAX);
    assert_int_equal(strlen(reply.header[0].value), sizeof reply.header[0].value - 1);
    reply_fini(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_is_a_problem),
        cmocka_unit_test(what_is_no_proof_of_absence_is_never_404),
        cmocka_unit_test(equal_problems_are_equal_bytes),
        cmocka_unit_test(json_and_its_failure),
        cmocka_unit_test(headers_are_bounded),
    };
    return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
