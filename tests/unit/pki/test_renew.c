/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "pki/renew.h"
#include "tests/unit/pki/place.h"

static struct store store;
static struct issuer issuer;
static struct issue_result first;

static int set_up(void **state)
{
    place_set_up(state);
    place_found(&store);
    place_issue(&store, PROFILE_HANDSET, "00907a000001", &first);
    place_issuer(&store, PROFILE_HANDSET, &issuer);
    return 0;
}

static int tear_down(void **state)
{
    issuer_fini(&issuer);
    store_close(&store);
    return place_tear_down(state);
}

static size_t find(const char *name, int64_t until, size_t *ret_first)
{
    size_t *lines = NULL, count = 0;
    struct fault f;
    place_good(renew_find(&store, profile_get(PROFILE_HANDSET), name, until, &lines, &count, &f), &f);
    if (count > 0)
        *ret_first = lines[0];
    free(lines);
    return count;
}

static void key_id(const char *file, unsigned char id[32])
{
    gnutls_x509_crt_t crt = NULL;
    size_t n = 32;
    place_good(mint_load(file, &crt, NULL), NULL);
    assert_int_equal(gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, id, &n), 0);
    gnutls_x509_crt_deinit(crt);
}

static void test_find(void **state)
{
    (void)state;
    size_t at = 0, *lines = NULL, count = 0;
    assert_int_equal(find("00907a000001", 0, &at), 1);
    assert_string_equal(store.ledger.all[at].serial, first.serial);
    assert_int_equal(find(NULL, first.not_after, &at), 0);
    assert_int_equal(find(NULL, first.not_after + 1, &at), 1);
    assert_int_equal(
        renew_find(&store, profile_get(PROFILE_HANDSET), "00907a000009", 0, &lines, &count, NULL),
        FAULT_ABSENT);
    store.ledger.all[at].revoked = 1;
    assert_int_equal(find(NULL, first.not_after + 1, &at), 0);
    assert_int_equal(
        renew_find(&store, profile_get(PROFILE_HANDSET), "00907a000001", 0, &lines, &count, NULL),
        FAULT_ABSENT);
    store.ledger.all[at].revoked = 0;
}

static void test_keys(void **state)
{
    (void)state;
    unsigned char before[32], after[32];
    struct issue_result result;
    const struct issue_order order = { .profile = profile_get(PROFILE_HANDSET) };
    struct fault f;
    size_t at = 0;
    char old[FILE_PATH], end[32];
    key_id(first.file, before);
    assert_int_equal(find("00907a000001", 0, &at), 1);
    place_good(renew_certificate(&store, &issuer, at, &order, false, NULL, &result, &f), &f);
    key_id(result.file, after);
    assert_memory_not_equal(before, after, sizeof before);
    snprintf(end, sizeof end, ".%.8s.pem", first.serial);
    place_good(store_file(&store, first.stem, end, old, &f), &f);
    key_id(old, after);
    assert_memory_equal(before, after, sizeof before);
    /* The last one of the name is what is renewed from now on. */
    assert_int_equal(find("00907a000001", 0, &at), 1);
    assert_string_equal(store.ledger.all[at].serial, result.serial);
    key_id(result.file, before);
    place_good(renew_certificate(&store, &issuer, at, &order, true, NULL, &result, &f), &f);
    key_id(result.file, after);
    assert_memory_equal(before, after, sizeof before);
}

/* The key is elsewhere: only its public half can be certified again. */
static void test_foreign_key(void **state)
{
    (void)state;
    unsigned char before[32], after[32];
    struct issue_result result;
    struct fault f;
    size_t at = 0;
    gnutls_x509_privkey_t key = NULL;
    gnutls_pubkey_t public = NULL;
    const struct issue_order order = { .profile = profile_get(PROFILE_HANDSET), .name = "00907a000002" };
    place_good(key_generate(KEY_P256, &key, &f), &f);
    place_good(key_public(key, &public, &f), &f);
    place_good(issue_certificate(&store, &issuer, &order, NULL, public, &result, &f), &f);
    gnutls_pubkey_deinit(public);
    gnutls_x509_privkey_deinit(key);
    key_id(result.file, before);
    assert_int_equal(find("00907a000002", 0, &at), 1);
    place_good(renew_certificate(&store, &issuer, at, &order, false, NULL, &result, &f), &f);
    key_id(result.file, after);
    assert_memory_equal(before, after, sizeof before);
    assert_false(file_exists(place_file("pki/handset/00907a000002.key")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_foreign_key),
    };
    return cmocka_run_group_tests_name("renew", tests, set_up, tear_down);
}
