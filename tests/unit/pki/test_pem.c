/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "pki/pem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CRT(body) "-----BEGIN CERTIFICATE-----\n" body "-----END CERTIFICATE-----\n"
#define KEY(body) "-----BEGIN RSA PRIVATE KEY-----\n" body "-----END RSA PRIVATE KEY-----\n"

static const struct {
    const char *text;
    size_t count, whole;
    unsigned text_line, blank_line, return_line;
} rows[] = {
    { "", 0, 0, 0, 0, 0 },
    { CRT("AA==\n"), 1, 1, 0, 0, 0 },
    { CRT("AA==\n") CRT("AA==\n"), 2, 2, 0, 0, 0 },
    { "subject\n" CRT("AA==\n"), 1, 1, 1, 0, 0 },
    { CRT("AA==\n") "text\n" CRT("AA==\n"), 2, 2, 4, 0, 0 },
    { CRT("AA==\n") "text", 1, 1, 4, 0, 0 },
    { "\n" CRT("AA==\n"), 1, 1, 0, 1, 0 },
    { CRT("AA==\n") " \t\n" CRT("AA==\n"), 2, 2, 0, 4, 0 },
    { CRT("AA==\n") "\n\n", 1, 1, 0, 0, 0 }, /* nothing follows */
    { CRT("AA==\n\nAA==\n"), 1, 1, 0, 3, 0 },
    /* A key's headers end with a blank line. */
    { KEY("Proc-Type: 4,ENCRYPTED\n\nAA==\n"), 1, 1, 0, 0, 0 },
    { "-----BEGIN CERTIFICATE-----\r\nAA==\r\n-----END CERTIFICATE-----\r\n", 1, 1, 0, 0, 1 },
    { "-----BEGIN CERTIFICATE-----  \nAA==\n-----END CERTIFICATE-----", 1, 1, 0, 0, 0 },
    { "-----BEGIN CERTIFICATE-----\nAA==\n", 1, 0, 0, 0, 0 },
    { "-----BEGIN CERTIFICATE-----\nAA==\n" CRT("AA==\n"), 2, 1, 0, 0, 0 },
    { "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE----\n", 1, 0, 0, 0, 0 },
    { "-----BEGIN CERTIFICATE-----\nAA==\n-----END X509 CRL-----\n", 1, 0, 0, 0, 0 },
    { "----BEGIN CERTIFICATE-----\nAA==\n", 0, 0, 1, 0, 0 },
    { "-----END CERTIFICATE-----\n", 0, 0, 1, 0, 0 },
    { "\xef\xbb\xbf" CRT("AA==\n"), 0, 0, 1, 0, 0 }, /* a byte order mark spoils the first line */
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct pem pem;
        struct fault f;
        size_t whole = 0, n = strlen(rows[i].text);
        /* At the end of its memory, so that a step too far shows under a sanitizer. */
        AUTO_FREE char *copy = malloc(n + 1);
        memcpy(copy, rows[i].text, n);
        assert_int_equal(pem_read(copy, n, &pem, &f), FAULT_OK);
        for (size_t k = 0; k < pem.count; k++) {
            whole += pem.block[k].whole;
            assert_memory_equal(pem.block[k].at, "-----BEGIN ", 11);
            assert_true(pem.block[k].at + pem.block[k].size <= copy + n);
        }
        if (pem.count != rows[i].count || whole != rows[i].whole || pem.text_line != rows[i].text_line ||
            pem.blank_line != rows[i].blank_line || pem.return_line != rows[i].return_line)
            fail_msg("row %zu: %zu blocks, %zu whole, text %u, blank %u, returns %u", i, pem.count, whole,
                     pem.text_line, pem.blank_line, pem.return_line);
        pem_fini(&pem);
    }
}

static void test_labels(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool certificate, crl, key;
    } labels[] = {
        { "-----BEGIN CERTIFICATE-----", true, false, false },
        { "-----BEGIN X509 CERTIFICATE-----", true, false, false },
        { "-----BEGIN TRUSTED CERTIFICATE-----", false, false, false },
        { "-----BEGIN CERTIFICATE REQUEST-----", false, false, false },
        { "-----BEGIN X509 CRL-----", false, true, false },
        { "-----BEGIN PRIVATE KEY-----", false, false, true },
        { "-----BEGIN ENCRYPTED PRIVATE KEY-----", false, false, true },
        { "-----BEGIN EC PRIVATE KEY-----", false, false, true },
        { "-----BEGIN PUBLIC KEY-----", false, false, false },
        { "-----BEGIN A LABEL THAT IS LONGER THAN ANY THAT EXISTS-----", false, false, false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(labels); i++) {
        struct pem pem;
        struct fault f;
        assert_int_equal(pem_read(labels[i].text, strlen(labels[i].text), &pem, &f), FAULT_OK);
        assert_int_equal(pem.count, 1);
        assert_int_equal(pem_is_certificate(pem.block), labels[i].certificate);
        assert_int_equal(pem_is_crl(pem.block), labels[i].crl);
        assert_int_equal(pem_is_key(pem.block), labels[i].key);
        pem_fini(&pem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_labels) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
