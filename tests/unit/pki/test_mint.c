/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "pki/mint.h"
#include "tests/unit/pki/place.h"

#define NOW INT64_C(1800000000)
#define DAY 86400

static gnutls_x509_privkey_t key;
static gnutls_pubkey_t public;
static struct issuer root, middle;

static enum fault_code mint(struct mint_order order, const struct issuer *issuer, gnutls_x509_crt_t *ret,
                            struct fault *f)
{
    if (order.not_after == 0) {
        order.not_before = NOW - 3600;
        order.not_after = NOW + 10 * DAY;
    }
    return mint_certificate(&order, public, issuer, key, ret, f);
}

static int set_up(void **state)
{
    (void)state;
    struct fault f;
    clock_freeze(NOW * 1000, 0);
    place_good(key_generate(KEY_P256, &key, &f), &f);
    place_good(key_public(key, &public, &f), &f);
    const struct mint_order first = { .profile = profile_get(PROFILE_ROOT),
                                      .common_name = "Root",
                                      .path_length = 1 };
    place_good(mint(first, NULL, &root.certificate, &f), &f);
    root.key = key;
    const struct mint_order second = { .profile = profile_get(PROFILE_INTERMEDIATE),
                                       .role = profile_get(PROFILE_HANDSET),
                                       .common_name = "Handsets" };
    place_good(mint(second, &root, &middle.certificate, &f), &f);
    middle.key = key;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gnutls_x509_crt_deinit(root.certificate);
    gnutls_x509_crt_deinit(middle.certificate);
    gnutls_pubkey_deinit(public);
    gnutls_x509_privkey_deinit(key);
    clock_thaw();
    return 0;
}

static void test_dates(void **state)
{
    (void)state;
    const struct profile *handset = profile_get(PROFILE_HANDSET);
    int64_t from = 0, to = 0;
    struct fault f;
    place_good(mint_dates(handset, 5, &middle, &from, &to, &f), &f);
    assert_int_equal(from, NOW - 3600);
    assert_int_equal(to, NOW + 5 * DAY);
    place_good(mint_dates(handset, 10, &middle, &from, &to, &f), &f);
    /* The default is cut to the issuer's end; a wish beyond it is refused. */
    place_good(mint_dates(handset, 0, &middle, &from, &to, &f), &f);
    assert_int_equal(to, NOW + 10 * DAY);
    assert_int_equal(mint_dates(handset, 11, &middle, &from, &to, &f), FAULT_INPUT);
    assert_non_null(strstr(f.text, "11 days are too many"));
    assert_int_equal(mint_dates(handset, PROFILE_DAYS_MAX + 1, NULL, &from, &to, &f), FAULT_INPUT);
    assert_int_equal(mint_dates(handset, -1, NULL, &from, &to, &f), FAULT_INPUT);
    clock_freeze((NOW + 10 * DAY) * 1000, 0);
    assert_int_equal(mint_dates(handset, 0, &middle, &from, &to, &f), FAULT_INPUT);
    assert_non_null(strstr(f.text, "renew it first"));
    clock_freeze(NOW * 1000, 0);
}

static void test_constraints(void **state)
{
    (void)state;
    const struct {
        enum profile_id profile;
        const char *name;
        const struct issuer *issuer;
        enum fault_code code;
    } rows[] = {
        { PROFILE_HANDSET, "00907a0a0b0c", &middle, FAULT_OK },
        { PROFILE_OPERATOR, "op", &middle, FAULT_OK }, /* clients too; whose they are, the bundle decides */
        { PROFILE_SERVER, "a.test", &middle, FAULT_CONTENT },
        { PROFILE_INTERMEDIATE, "Below", &middle, FAULT_CONTENT },
        { PROFILE_INTERMEDIATE, "Beside", &root, FAULT_OK },
        { PROFILE_HANDSET, "00907A0A0B0C", &middle, FAULT_INPUT },
        { PROFILE_HANDSET, "admin", &middle, FAULT_INPUT },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        gnutls_x509_crt_t made = NULL;
        struct fault f = { 0 };
        const struct mint_order order = { .profile = profile_get(rows[i].profile),
                                          .role = profile_get(PROFILE_SERVER),
                                          .common_name = rows[i].name };
        enum fault_code code = mint(order, rows[i].issuer, &made, &f);
        if (code != rows[i].code)
            fail_msg("row %zu: %s %s", i, fault_word(code), f.text);
        assert_true((made != NULL) == (code == FAULT_OK));
        gnutls_x509_crt_deinit(made);
    }
    gnutls_x509_crt_t leaf = NULL, none = NULL;
    struct fault f;
    const struct mint_order order = { .profile = profile_get(PROFILE_HANDSET),
                                      .common_name = "00907a0a0b0c" };
    place_good(mint(order, &middle, &leaf, &f), &f);
    struct issuer no_ca = { leaf, key };
    assert_int_equal(mint(order, &no_ca, &none, &f), FAULT_CONTENT);
    struct mint_order back = order;
    back.not_before = back.not_after = NOW;
    assert_int_equal(mint(back, &middle, &none, &f), FAULT_INPUT);
    gnutls_x509_crt_deinit(leaf);
}

static void test_names(void **state)
{
    (void)state;
    struct names names = { 0 };
    struct fault f;
    gnutls_x509_crt_t made = NULL;
    place_good(names_add(&names, "b.test", &f), &f);
    place_good(names_add(&names, "a.test", &f), &f);
    place_good(names_add(&names, "10.0.0.1", &f), &f);
    const struct mint_order order = { .profile = profile_get(PROFILE_SERVER),
                                      .common_name = "a.test",
                                      .names = &names };
    place_good(mint(order, &root, &made, &f), &f);
    /* GnuTLS shows the names of what it has read, not of what it has built. */
    struct buf pem;
    buf_init(&pem, 1 << 16);
    place_good(mint_export(made, &pem, &f), &f);
    place_write("names.pem", pem.data);
    buf_fini(&pem);
    gnutls_x509_crt_deinit(made);
    place_good(mint_load(place_file("names.pem"), &made, &f), &f);
    static const char *const expected[] = { "a.test", "b.test", "\x0a\x00\x00\x01" };
    for (unsigned i = 0; i < 4; i++) {
        char name[64] = "";
        size_t n = sizeof name;
        int rc = gnutls_x509_crt_get_subject_alt_name(made, i, name, &n, NULL);
        if (i == 3) {
            assert_int_equal(rc, GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE);
            break;
        }
        assert_memory_equal(name, expected[i], i == 2 ? 4 : strlen(expected[i]));
    }
    gnutls_x509_crt_deinit(made);
}

static void test_issuer_load(void **state)
{
    (void)state;
    struct buf pem;
    struct issuer issuer = { 0 };
    struct fault f;
    gnutls_x509_privkey_t other = NULL;
    buf_init(&pem, 1 << 16);
    place_good(mint_export(root.certificate, &pem, &f), &f);
    place_write("root.pem", pem.data);
    buf_fini(&pem);
    place_good(key_save(place_file("root.key"), key, NULL, &f), &f);
    place_good(key_generate(KEY_P256, &other, &f), &f);
    place_good(key_save(place_file("other.key"), other, NULL, &f), &f);
    gnutls_x509_privkey_deinit(other);
    place_good(issuer_load(place_file("root.pem"), place_file("root.key"), NULL, &issuer, &f), &f);
    issuer_fini(&issuer);
    assert_int_equal(issuer_load(place_file("root.pem"), place_file("other.key"), NULL, &issuer, &f),
                     FAULT_INPUT);
    assert_non_null(strstr(f.text, "does not belong"));
    assert_int_equal(issuer_load(place_file("root.key"), place_file("root.key"), NULL, &issuer, &f),
                     FAULT_INPUT);
    assert_null(issuer.certificate);
}

static int both_up(void **state)
{
    return place_set_up(state) || set_up(state);
}

static int both_down(void **state)
{
    return tear_down(state) || place_tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_constraints),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_issuer_load),
    };
    return cmocka_run_group_tests_name("mint", tests, both_up, both_down);
}
