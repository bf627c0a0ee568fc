/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/key.h"
#include "tests/unit/pki/place.h"

static void test_kinds(void **state)
{
    (void)state;
    for (int i = 0; i < KEY_KINDS; i++) {
        enum key_kind kind;
        assert_int_equal(key_kind_find(key_kind_word((enum key_kind)i), &kind, NULL), FAULT_OK);
        assert_int_equal(kind, i);
    }
    enum key_kind kind;
    struct fault f;
    assert_int_equal(key_kind_find("rsa1024", &kind, &f), FAULT_INPUT);
    assert_non_null(strstr(f.text, "rsa2048"));
}

static void test_files(void **state)
{
    (void)state;
    struct fault f;
    struct stat info;
    gnutls_x509_privkey_t key = NULL, again = NULL;
    place_good(key_generate(KEY_P384, &key, &f), &f);
    place_good(key_save(place_file("plain.key"), key, NULL, &f), &f);
    place_good(key_save(place_file("closed.key"), key, &place_passphrase, &f), &f);
    assert_int_equal(key_save(place_file("plain.key"), key, NULL, &f), FAULT_CONFLICT);
    assert_int_equal(stat(place_file("plain.key"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    static const char *const names[] = { "plain.key", "closed.key" };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        unsigned char a[32], b[32];
        size_t n_a = sizeof a, n_b = sizeof b;
        place_good(key_load(place_file(names[i]), &place_source, &again, &f), &f);
        assert_int_equal(gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, a, &n_a), 0);
        assert_int_equal(gnutls_x509_privkey_get_key_id(again, GNUTLS_KEYID_USE_SHA256, b, &n_b), 0);
        assert_memory_equal(a, b, sizeof a);
        gnutls_x509_privkey_deinit(again);
        AUTO_FREE char *text = place_read(names[i]);
        assert_true((strstr(text, "BEGIN ENCRYPTED") != NULL) == (i == 1));
    }
    gnutls_x509_privkey_deinit(key);
    assert_int_equal(key_load(place_file("closed.key"), NULL, &again, &f), FAULT_INPUT);
    assert_non_null(strstr(f.text, "encrypted"));
    assert_int_equal(key_load(place_file("absent.key"), NULL, &again, &f), FAULT_ABSENT);
}

static enum fault_code wrong(void *user, const char *file, struct passphrase *ret_passphrase, struct fault *f)
{
    (void)file;
    (void)f;
    ++*(int *)user;
    (void)mem_copy_text(ret_passphrase->text, sizeof ret_passphrase->text, "not that one");
    return FAULT_OK;
}

static void test_wrong_passphrase(void **state)
{
    (void)state;
    struct fault f;
    int asked = 0;
    const struct passphrase_source source = { wrong, &asked };
    gnutls_x509_privkey_t key = NULL, again = NULL;
    place_good(key_generate(KEY_P256, &key, &f), &f);
    place_good(key_save(place_file("k1"), key, &place_passphrase, &f), &f);
    place_good(key_save(place_file("k2"), key, NULL, &f), &f);
    gnutls_x509_privkey_deinit(key);
    assert_int_equal(key_load(place_file("k1"), &source, &again, &f), FAULT_INPUT);
    assert_non_null(strstr(f.text, "does not open"));
    assert_null(strstr(f.text, "not that one"));
    assert_int_equal(asked, 1);
    place_good(key_load(place_file("k2"), &source, &again, &f), &f);
    gnutls_x509_privkey_deinit(again);
    assert_int_equal(asked, 1); /* a key in the clear needs none */
    place_write("k3", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n");
    place_write("k4", "");
    assert_int_equal(key_load(place_file("k3"), &source, &again, &f), FAULT_INPUT);
    assert_int_equal(key_load(place_file("k4"), &source, &again, &f), FAULT_INPUT);
}

static void test_passphrases(void **state)
{
    (void)state;
    struct passphrase passphrase;
    struct fault f;
    place_write("p", "eleven char\r\nmore\n");
    place_good(passphrase_read(place_file("p"), &passphrase, &f), &f);
    assert_string_equal(passphrase.text, "eleven char");
    assert_int_equal(passphrase_check(&passphrase, &f), FAULT_INPUT);
    place_write("p", "twelve chars");
    place_good(passphrase_read(place_file("p"), &passphrase, &f), &f);
    assert_int_equal(passphrase_check(&passphrase, &f), FAULT_OK);
    place_write("p", "\nsecond line");
    assert_int_equal(passphrase_read(place_file("p"), &passphrase, &f), FAULT_INPUT);
    place_write("p", "");
    assert_int_equal(passphrase_read(place_file("p"), &passphrase, &f), FAULT_INPUT);
    char much[KEY_PASSPHRASE_MAX + 2];
    memset(much, 'x', sizeof much - 1);
    much[sizeof much - 1] = '\0';
    place_write("p", much);
    assert_int_equal(passphrase_read(place_file("p"), &passphrase, &f), FAULT_INPUT);
    place_write("p", much + 1);
    assert_int_equal(passphrase_read(place_file("p"), &passphrase, &f), FAULT_OK);
}

static void test_check(void **state)
{
    (void)state;
    static const struct {
        gnutls_pk_algorithm_t algorithm;
        unsigned bits;
        const char *words;
        bool good;
    } rows[] = {
        { GNUTLS_PK_RSA, 1024, "RSA, 1024 bits", false },
        { GNUTLS_PK_RSA, 2048, "RSA, 2048 bits", true },
        { GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), "ECDSA, P-256", true },
        { GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1), "ECDSA, P-384", true },
        { GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP521R1), "SECP521R1", false },
        { GNUTLS_PK_EDDSA_ED25519, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519), "Ed25519", false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        gnutls_x509_privkey_t key = NULL;
        gnutls_pubkey_t public = NULL;
        struct fault f = { 0 };
        char words[80];
        assert_int_equal(gnutls_x509_privkey_init(&key), 0);
        assert_int_equal(gnutls_x509_privkey_generate(key, rows[i].algorithm, rows[i].bits, 0), 0);
        place_good(key_public(key, &public, &f), &f);
        key_describe(public, words, sizeof words);
        assert_non_null(strstr(words, rows[i].words));
        assert_int_equal(key_check(public, &f), rows[i].good ? FAULT_OK : FAULT_CONTENT);
        assert_true(rows[i].good || strstr(f.text, words) != NULL);
        gnutls_pubkey_deinit(public);
        gnutls_x509_privkey_deinit(key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_wrong_passphrase),
        cmocka_unit_test(test_passphrases),
        cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests_name("key", tests, place_set_up, place_tear_down);
}
