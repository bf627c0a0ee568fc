/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/found.h"
#include "pki/store.h"
#include "tests/unit/pki/place.h"

static struct store store;

static int set_up(void **state)
{
    place_set_up(state);
    place_found(&store);
    return 0;
}

static int tear_down(void **state)
{
    store_close(&store);
    return place_tear_down(state);
}

/* What founding left: every CA, bound to its role. */
static void test_found(void **state)
{
    (void)state;
    assert_int_equal(store.ledger.count, 5);
    assert_int_equal(store.ledger.all[0].profile, PROFILE_ROOT);
    for (int role = PROFILE_FIRST_ROLE; role < PROFILE_COUNT; role++) {
        struct issuer issuer = { 0 };
        char name[NAMES_CN_MAX + 1], cn[NAMES_CN_MAX + 1], purpose[64];
        size_t n = sizeof cn, m = sizeof purpose;
        int path = -1;
        place_good(found_name("Test", (enum profile_id)role, name, NULL), NULL);
        place_issuer(&store, (enum profile_id)role, &issuer);
        assert_int_equal(
            gnutls_x509_crt_get_dn_by_oid(issuer.certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, cn, &n), 0);
        assert_string_equal(cn, name);
        assert_int_equal(gnutls_x509_crt_get_basic_constraints(issuer.certificate, NULL, NULL, &path),
                         1); /* critical */
        assert_int_equal(path, 0);
        assert_int_equal(gnutls_x509_crt_get_key_purpose_oid(issuer.certificate, 0, purpose, &m, NULL), 0);
        assert_string_equal(purpose,
                            role == PROFILE_SERVER ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT);
        issuer_fini(&issuer);
    }
    struct issuer root = { 0 };
    struct fault f;
    assert_int_equal(store_issuer(&store, PROFILE_ROOT, NULL, &root, &f), FAULT_INPUT); /* encrypted */
    place_issuer(&store, PROFILE_ROOT, &root);
    issuer_fini(&root);
}

static void test_names(void **state)
{
    (void)state;
    char name[NAMES_CN_MAX + 1] = "untouched", site[NAMES_CN_MAX];
    struct fault f;
    place_good(found_name("Spital Ö", PROFILE_SERVER, name, &f), &f);
    assert_string_equal(name, "Spital Ö server CA");
    assert_int_equal(found_name("", PROFILE_SERVER, name, &f), FAULT_INPUT);
    assert_int_equal(found_name("a\tb", PROFILE_SERVER, name, &f), FAULT_INPUT);
    memset(site, 'x', sizeof site);
    site[NAMES_CN_MAX - strlen(" server CA")] = '\0';
    assert_int_equal(found_name(site, PROFILE_SERVER, name, &f), FAULT_OK);
    assert_int_equal(found_name(site, PROFILE_ADMINISTRATOR, name, &f), FAULT_INPUT);
}

/* What is interrupted while keys are made leaves no PKI, and can be begun again. */
static void test_again(void **state)
{
    (void)state;
    struct store first, second;
    struct fault f;
    place_good(store_create(place_file("again"), NULL, &first, &f), &f);
    store_close(&first);
    assert_false(file_exists(place_file("again/index")));
    place_good(store_create(place_file("again"), NULL, &second, &f), &f);
    store_close(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_found), cmocka_unit_test(test_names),
                                        cmocka_unit_test(test_again) };
    return cmocka_run_group_tests_name("found", tests, set_up, tear_down);
}
