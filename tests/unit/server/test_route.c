/* SPDX-License-Identifier: Apache-2.0 */
#include "server/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void nothing(struct request *request, struct reply *reply)
{
    (void)request, (void)reply;
}

static void the_table_hides_nothing(void **state)
{
    (void)state;
    size_t count;
    const struct route *routes = route_table(&count);
    struct fault f;
    assert_true(count > 0);
    if (route_check(routes, count, &f) != FAULT_OK)
        fail_msg("%s", f.text);
}

static void a_hidden_row_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second;
        enum method second_method;
        bool hidden;
    } rows[] = {
        { "/api/a", "/api/a", METHOD_GET, true },
        { "/api/a", "/api/a", METHOD_PUT, false },
        { "/api/{x}", "/api/a", METHOD_GET, true },
        { "/api/{x}", "/api/{y}", METHOD_GET, true },
        { "/api/a", "/api/{x}", METHOD_GET, false },
        { "/api/{x}", "/api/a/b", METHOD_GET, false },
        { "/api/{x}/b", "/api/a/{y}", METHOD_GET, false }, /* neither holds the other whole */
        { "/{path}", "/anything/below", METHOD_GET, true },
        { "/{path}", "/api/a", METHOD_GET, false }, /* the tree ends where the API begins */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct route routes[] = {
            { METHOD_GET, rows[i].first, WHO_ALL, BODY_NONE, nothing, "" },
            { rows[i].second_method, rows[i].second, WHO_ALL, BODY_NONE, nothing, "" },
        };
        struct fault f;
        enum fault_code code = route_check(routes, 2, &f);
        if ((code != FAULT_OK) != rows[i].hidden)
            fail_msg("%s then %s", rows[i].first, rows[i].second);
        if (rows[i].hidden)
            assert_non_null(strstr(f.text, rows[i].second));
    }
}

static void finds(void **state)
{
    (void)state;
    static const struct {
        enum serves serves;
        enum method method;
        const char *path;
        enum route_found found;
        const char *pattern, *captured;
    } rows[] = {
        { SERVES_ALL, METHOD_GET, "/healthz", ROUTE_FOUND, "/healthz", "" },
        { SERVES_ALL, METHOD_HEAD, "/healthz", ROUTE_FOUND, "/healthz", "" },
        { SERVES_ALL, METHOD_PUT, "/healthz", ROUTE_METHOD, NULL, NULL },
        { SERVES_ALL, METHOD_GET, "/", ROUTE_FOUND, "/{path}", "" },
        { SERVES_ALL, METHOD_GET, "/a/b/c.cfg", ROUTE_FOUND, "/{path}", "" },
        { SERVES_ALL, METHOD_DELETE, "/@log/x", ROUTE_FOUND, "/{path}", "" },
        { SERVES_ALL, METHOD_POST, "/a", ROUTE_METHOD, NULL, NULL },
        { SERVES_ALL, METHOD_OPTIONS, "/a", ROUTE_METHOD, NULL, NULL },
        { SERVES_ALL, METHOD_GET, "/apiary", ROUTE_FOUND, "/{path}", "" },
        { SERVES_ALL, METHOD_GET, "/api", ROUTE_ABSENT, NULL, NULL },
        { SERVES_ALL, METHOD_GET, "/api/v1/nothing", ROUTE_ABSENT, NULL, NULL },
        { SERVES_ALL, METHOD_PUT, "/api/v1/nothing", ROUTE_ABSENT, NULL, NULL },
        { SERVES_ALL, METHOD_GET, "/api/v1/handsets", ROUTE_FOUND, "/api/v1/handsets", "" },
        { SERVES_ALL, METHOD_GET, "/api/v1/handsets/0004f2aabbcc", ROUTE_FOUND, "/api/v1/handsets/{mac}",
          "0004f2aabbcc" },
        { SERVES_ALL, METHOD_PATCH, "/api/v1/accounts/a.b", ROUTE_FOUND, "/api/v1/accounts/{name}", "a.b" },
        { SERVES_ALL, METHOD_GET, "/api/v1/accounts/a/password", ROUTE_METHOD, NULL, NULL },
        { SERVES_ALL, METHOD_GET, "/api/v1/handsets/x/logs/segments", ROUTE_FOUND,
          "/api/v1/handsets/{mac}/logs/segments", "x" },
        { SERVES_ALL, METHOD_GET, "/api/v1/handsets/x/logs/segments/y", ROUTE_ABSENT, NULL, NULL },
        { SERVES_HANDSETS, METHOD_GET, "/api/v1/handsets", ROUTE_ABSENT, NULL, NULL },
        { SERVES_HANDSETS, METHOD_GET, "/healthz", ROUTE_FOUND, "/healthz", "" },
        { SERVES_HANDSETS, METHOD_PUT, "/x.log", ROUTE_FOUND, "/{path}", "" },
        { SERVES_LEGACY, METHOD_GET, "/api/v1/handsets", ROUTE_ABSENT, NULL, NULL },
        { SERVES_LEGACY, METHOD_PUT, "/x.log", ROUTE_FOUND, "/{path}", "" },
        { SERVES_MANAGEMENT, METHOD_GET, "/api/v1/handsets", ROUTE_FOUND, "/api/v1/handsets", "" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct path path;
        const struct route *route = NULL;
        char captured[PATH_COMPONENT_LIMIT + 1] = "untouched";
        assert_int_equal(path_parse(rows[i].path, strlen(rows[i].path), &path, NULL), FAULT_OK);
        enum route_found found = route_find(rows[i].serves, rows[i].method, &path, &route, captured);
        if (found != rows[i].found)
            fail_msg("%s %s gave %d", method_name(rows[i].method), rows[i].path, found);
        if (found != ROUTE_FOUND)
            continue;
        assert_string_equal(route->pattern, rows[i].pattern);
        assert_string_equal(captured, rows[i].captured);
    }
}

static void tells_what_is_allowed(void **state)
{
    (void)state;
    static const struct {
        const char *path, *allow;
    } rows[] = {
        { "/x", "GET, HEAD, PUT, DELETE" },
        { "/healthz", "GET, HEAD" },
        { "/api/v1/accounts", "GET, HEAD, POST" },
        { "/api/v1/accounts/a/password", "POST" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct path path;
        char allow[80];
        assert_int_equal(path_parse(rows[i].path, strlen(rows[i].path), &path, NULL), FAULT_OK);
        route_allow(SERVES_ALL, &path, allow, sizeof allow);
        assert_string_equal(allow, rows[i].allow);
    }
}

static void prints_a_line_for_each_row(void **state)
{
    (void)state;
    char *text = NULL;
    size_t n = 0, count, lines = 0;
    FILE *out = open_memstream(&text, &n);
    assert_non_null(out);
    route_print(out);
    fclose(out);
    (void)route_table(&count);
    for (size_t i = 0; i < n; i++)
        lines += text[i] == '\n';
    assert_int_equal(lines, count);
    assert_non_null(strstr(text, "GET /healthz anyone "));
    assert_non_null(strstr(text, "PUT /{path} handset,administrator,operator "));
    free(text);
}

static void methods_are_exact(void **state)
{
    (void)state;
    enum method method;
    assert_true(method_parse("PATCH", &method) && method == METHOD_PATCH);
    static const char *const others[] = { "", "get", "Get", "GETS", "GE", "TRACE", "CONNECT", "BREW" };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(method_parse(others[i], &method));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_hides_nothing),
        cmocka_unit_test(a_hidden_row_is_found),
        cmocka_unit_test(finds),
        cmocka_unit_test(tells_what_is_allowed),
        cmocka_unit_test(prints_a_line_for_each_row),
        cmocka_unit_test(methods_are_exact),
    };
    return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
