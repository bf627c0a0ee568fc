/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "ftps/address.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static union address at(const char *host, uint16_t port)
{
    union address a;
    assert_true(address_parse(host, port, &a));
    address_unmap(&a);
    return a;
}

static void test_parse_and_text(void **state)
{
    (void)state;
    static const struct {
        const char *host, *text; /* NULL: none */
    } hosts[] = {
        { "127.0.0.1", "127.0.0.1" }, { "::1", "::1" }, { "::", "::" },    { "::ffff:10.1.2.3", "10.1.2.3" },
        { "localhost", NULL },        { "", NULL },     { "1.2.3", NULL }, { "[::1]", NULL },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(hosts); i++) {
        union address a;
        bool is = address_parse(hosts[i].host, 990, &a);
        assert_int_equal(is, hosts[i].text != NULL);
        if (!is)
            continue;
        char text[ADDRESS_LIMIT];
        address_unmap(&a);
        address_text(&a, text);
        assert_string_equal(text, hosts[i].text);
        assert_int_equal(address_port(&a), 990);
        address_set_port(&a, 65535);
        assert_int_equal(address_port(&a), 65535);
    }
}

static void test_same_host(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } pairs[] = {
        { "127.0.0.1", "127.0.0.1", true },
        { "127.0.0.1", "127.0.0.2", false },
        { "::1", "::1", true },
        { "::1", "::2", false },
        { "::1", "127.0.0.1", false },
        { "::ffff:127.0.0.1", "127.0.0.1", true },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++) {
        union address a = at(pairs[i].a, 1), b = at(pairs[i].b, 2);
        assert_int_equal(address_same_host(&a, &b), pairs[i].same);
        assert_int_equal(address_same_host(&b, &a), pairs[i].same);
    }
}

static void test_passive(void **state)
{
    (void)state;
    static const struct {
        const char *host, *told;
        uint16_t port;
        const char *text; /* NULL: there is none to tell */
    } rows[] = {
        { "127.0.0.1", "", 50000, "127,0,0,1,195,80" },
        { "::ffff:10.20.30.40", "", 255, "10,20,30,40,0,255" },
        { "10.0.0.1", "203.0.113.9", 65535, "203,0,113,9,255,255" },
        { "255.255.255.255", "", 256, "255,255,255,255,1,0" },
        { "::1", "", 50000, NULL },
        { "::1", "203.0.113.9", 50000, NULL },
        { "10.0.0.1", "not an address", 50000, NULL },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char text[32] = "";
        union address a = at(rows[i].host, 990);
        assert_int_equal(address_passive(&a, rows[i].told, rows[i].port, text, sizeof text),
                         rows[i].text != NULL);
        if (rows[i].text)
            assert_string_equal(text, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_and_text),
        cmocka_unit_test(test_same_host),
        cmocka_unit_test(test_passive),
    };
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
