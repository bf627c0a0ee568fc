/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/crl.h"
#include "tests/unit/pki/place.h"

static struct store store;
static struct issuer issuer;

static int set_up(void **state)
{
    place_set_up(state);
    place_found(&store);
    place_issuer(&store, PROFILE_HANDSET, &issuer);
    return 0;
}

static int tear_down(void **state)
{
    issuer_fini(&issuer);
    store_close(&store);
    return place_tear_down(state);
}

static void test_reasons(void **state)
{
    (void)state;
    for (int i = 0; i < CRL_REASONS; i++) {
        enum crl_reason reason;
        place_good(crl_reason_find(crl_reason_word((enum crl_reason)i), &reason, NULL), NULL);
        assert_int_equal(reason, i);
    }
    enum crl_reason reason;
    struct fault f;
    assert_int_equal(crl_reason_find("boredom", &reason, &f), FAULT_INPUT);
    struct buf pem;
    buf_init(&pem, 1 << 16);
    const struct crl_entry bad = { "1", 1, CRL_UNSPECIFIED }, odd = { "zz", 1, CRL_UNSPECIFIED };
    assert_int_equal(crl_make(&issuer, &bad, 1, 1, 1, 2, &pem, &f), FAULT_INPUT);
    assert_int_equal(crl_make(&issuer, &odd, 1, 1, 1, 2, &pem, &f), FAULT_INPUT);
    buf_fini(&pem);
}

/* Sizes at which lengths change their form, and a number with its highest bit set. */
static void test_sizes(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 2, 3, 4, 100, 2000 };
    static const uint64_t numbers[] = { 1, 0x7f, 0x80, UINT64_MAX };
    struct crl_entry *entries = calloc(2000, sizeof *entries);
    assert_non_null(entries);
    for (unsigned i = 0; i < 2000; i++) {
        snprintf(entries[i].serial, sizeof entries[i].serial, "%s%04x", i % 2 ? "80" : "0000", i);
        entries[i].when = 1700000000 + i;
        entries[i].reason = (enum crl_reason)(i % CRL_REASONS);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++)
        for (size_t k = 0; k < ARRAY_LENGTH(numbers); k++) {
            struct buf pem;
            struct fault f;
            gnutls_x509_crl_t crl = NULL;
            buf_init(&pem, 1 << 20);
            place_good(crl_make(&issuer, entries, sizes[i], numbers[k], 1700000000, 1800000000, &pem, &f),
                       &f);
            const gnutls_datum_t data = { (unsigned char *)pem.data, (unsigned)pem.used };
            assert_int_equal(gnutls_x509_crl_init(&crl), 0);
            assert_int_equal(gnutls_x509_crl_import(crl, &data, GNUTLS_X509_FMT_PEM), 0);
            int count = gnutls_x509_crl_get_crt_count(crl);
            assert_int_equal(count > 0 ? count : 0, sizes[i]);
            assert_int_equal(gnutls_x509_crl_get_this_update(crl), 1700000000);
            assert_int_equal(gnutls_x509_crl_get_next_update(crl), 1800000000);
            gnutls_x509_crl_deinit(crl);
            place_good(file_write(place_file("crl"), 0600, FILE_REPLACE, pem.data, pem.used, &f), &f);
            if (numbers[k] < UINT64_MAX)
                assert_int_equal(crl_number(place_file("crl")), numbers[k]);
            buf_fini(&pem);
        }
    free(entries);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_reasons), cmocka_unit_test(test_sizes) };
    return cmocka_run_group_tests_name("crl", tests, set_up, tear_down);
}
