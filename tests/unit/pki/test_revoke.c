/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "pki/revoke.h"
#include "tests/unit/pki/place.h"

static struct store store;
static struct issuer issuer;
static struct issue_result one, two, server;

static int set_up(void **state)
{
    place_set_up(state);
    place_found(&store);
    place_issue(&store, PROFILE_HANDSET, "00907a000001", &one);
    place_issue(&store, PROFILE_HANDSET, "00907a000002", &two);
    place_issue(&store, PROFILE_SERVER, "a.test", &server);
    place_issuer(&store, PROFILE_HANDSET, &issuer);
    return 0;
}

static int tear_down(void **state)
{
    issuer_fini(&issuer);
    store_close(&store);
    return place_tear_down(state);
}

/* GnuTLS's view of a list: how many entries, and whether this certificate is among them. */
static int entries(const char *certificate, bool *ret_listed)
{
    gnutls_x509_crl_t crl = NULL;
    gnutls_x509_crt_t crt = NULL;
    AUTO_FREE char *text = place_read("pki/ca/handset-crl.pem");
    const gnutls_datum_t data = { (unsigned char *)text, (unsigned)strlen(text) };
    assert_int_equal(gnutls_x509_crl_init(&crl), 0);
    assert_int_equal(gnutls_x509_crl_import(crl, &data, GNUTLS_X509_FMT_PEM), 0);
    place_good(mint_load(certificate, &crt, NULL), NULL);
    *ret_listed = gnutls_x509_crt_check_revocation(crt, &crl, 1) == 1;
    int count = gnutls_x509_crl_get_crt_count(crl);
    assert_true(gnutls_x509_crl_get_this_update(crl) <=
                clock_wall_ms() / 1000 - 60); /* for clocks that lag */
    gnutls_x509_crl_deinit(crl);
    gnutls_x509_crt_deinit(crt);
    return count > 0 ? count : 0;
}

static void test_revoke(void **state)
{
    (void)state;
    enum profile_id ca = PROFILE_ROOT;
    size_t count = 0;
    bool listed = true;
    struct fault f;
    const char *list = place_file("pki/ca/handset-crl.pem");
    uint64_t number = crl_number(list);
    assert_true(number > 0);
    assert_int_equal(entries(one.file, &listed), 0);
    assert_false(listed);
    place_good(revoke_mark(&store, profile_get(PROFILE_HANDSET), "00907a000001", CRL_KEY_COMPROMISE, &ca,
                           &count, &f),
               &f);
    assert_int_equal(ca, PROFILE_HANDSET);
    assert_int_equal(count, 1);
    place_good(revoke_publish(&store, ca, &issuer, 30, &count, &f), &f);
    assert_int_equal(count, 1);
    assert_true(crl_number(list) > number);
    assert_int_equal(entries(one.file, &listed), 1);
    assert_true(listed);
    assert_int_equal(entries(two.file, &listed), 1);
    assert_false(listed);
    /* Once is for good, and what was never signed cannot be revoked. */
    assert_int_equal(
        revoke_mark(&store, profile_get(PROFILE_HANDSET), "00907a000001", CRL_UNSPECIFIED, &ca, &count, &f),
        FAULT_CONFLICT);
    assert_int_equal(
        revoke_mark(&store, profile_get(PROFILE_SERVER), "00907a000001", CRL_UNSPECIFIED, &ca, &count, &f),
        FAULT_ABSENT);
    assert_int_equal(revoke_mark(&store, NULL, store.ledger.all[0].serial, CRL_UNSPECIFIED, &ca, &count, &f),
                     FAULT_INPUT);
    place_good(revoke_mark(&store, NULL, server.serial, CRL_SUPERSEDED, &ca, &count, &f), &f);
    assert_int_equal(ca, PROFILE_SERVER);
    place_good(revoke_mark(&store, NULL, store.ledger.all[1].serial, CRL_SUPERSEDED, &ca, &count, &f), &f);
    assert_int_equal(ca, PROFILE_ROOT); /* an intermediate */
    assert_int_equal(revoke_publish(&store, PROFILE_HANDSET, &issuer, 0, &count, &f), FAULT_INPUT);
}

static void test_numbers_grow_without_a_clock(void **state)
{
    (void)state;
    struct fault f;
    const char *list = place_file("pki/ca/handset-crl.pem");
    uint64_t last = crl_number(list);
    for (int i = 0; i < 3; i++) {
        place_good(revoke_publish(&store, PROFILE_HANDSET, &issuer, 30, NULL, &f), &f);
        assert_true(crl_number(list) > last);
        last = crl_number(list);
    }
    unlink(list);
    assert_int_equal(crl_number(list), 0);
    uint64_t before = (uint64_t)(clock_wall_ms() / 1000);
    place_good(revoke_publish(&store, PROFILE_HANDSET, &issuer, 30, NULL, &f), &f);
    assert_true(crl_number(list) >= before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_revoke),
        cmocka_unit_test(test_numbers_grow_without_a_clock),
    };
    return cmocka_run_group_tests_name("revoke", tests, set_up, tear_down);
}
