/* SPDX-License-Identifier: Apache-2.0 */
/* What is a URI of a token, and what of it may be shown. Tokens themselves: tests/e2e/test_tls.py. */
#include "base/mem.h"
#include "base/token.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_uris(void **state)
{
    (void)state;
    assert_true(token_is_uri("pkcs11:token=x"));
    assert_false(token_is_uri("/etc/pkcs11:key.pem"));
    assert_false(token_is_uri("PKCS11:token=x"));
    assert_false(token_is_uri(""));
    assert_false(token_is_uri(NULL));
}

static void test_no_pin_is_shown(void **state)
{
    (void)state;
    static const struct {
        const char *uri, *shown;
    } rows[] = {
        { "pkcs11:token=a;object=b;type=private", "pkcs11:token=a;object=b;type=private" },
        { "pkcs11:token=a?pin-value=4711", "pkcs11:token=a" },
        { "pkcs11:token=a?module-name=x&pin-value=4711", "pkcs11:token=a" },
        { "pkcs11:token=a?pin-source=file:/secret/pin", "pkcs11:token=a" },
        { "pkcs11:token=a;pinfile=/secret/pin", "pkcs11:token=a" },
        { "pkcs11:token=a;pin-value=4711;object=b", "pkcs11:token=a" },
        { "pkcs11:pinfile=/secret;token=a", "pkcs11:" },
        { "/etc/key.pem", "/etc/key.pem" },
        { "", "" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char shown[100];
        assert_string_equal(token_shown(rows[i].uri, shown, sizeof shown), rows[i].shown);
    }
    char narrow[10];
    assert_string_equal(token_shown("pkcs11:token=a", narrow, sizeof narrow), "pkcs11:to");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uris),
        cmocka_unit_test(test_no_pin_is_shown),
    };
    return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
