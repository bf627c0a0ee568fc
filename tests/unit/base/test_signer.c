/* SPDX-License-Identifier: Apache-2.0 */
/* What libcrypto signs, GnuTLS must verify: every scheme that a handshake asks for, in many threads. */
#include "base/signer.h"

#include "base/mem.h"

#include "certificates.h"

#include <pthread.h>

static const gnutls_datum_t text = { .data = (unsigned char *)"what a handshake signs", .size = 22 };

struct pair {
    gnutls_privkey_t private;
    gnutls_pubkey_t public;
};

static struct pair make(gnutls_pk_algorithm_t algorithm, unsigned bits)
{
    struct pair pair;
    assert_int_equal(gnutls_privkey_init(&pair.private), 0);
    assert_int_equal(gnutls_privkey_generate(pair.private, algorithm, bits, 0), 0);
    assert_int_equal(gnutls_pubkey_init(&pair.public), 0);
    assert_int_equal(gnutls_pubkey_import_privkey(pair.public, pair.private, 0, 0), 0);
    return pair;
}

static struct pair make_taken(unsigned bits)
{
    struct fault f = { 0 };
    struct pair pair = make(GNUTLS_PK_RSA, bits);
    if (signer_take(&pair.private, &f) != FAULT_OK)
        fail_msg("%s", f.text);
    return pair;
}

static void drop(struct pair *pair)
{
    gnutls_privkey_deinit(pair->private);
    gnutls_pubkey_deinit(pair->public);
}

static bool signs(const struct pair *pair, gnutls_sign_algorithm_t algorithm)
{
    gnutls_datum_t signature;
    if (gnutls_privkey_sign_data2(pair->private, algorithm, 0, &text, &signature) < 0)
        return false;
    int rc = gnutls_pubkey_verify_data2(pair->public, algorithm, 0, &text, &signature);
    signature.data[signature.size / 2] ^= 1;
    int spoilt = gnutls_pubkey_verify_data2(pair->public, algorithm, 0, &text, &signature);
    gnutls_free(signature.data);
    return rc >= 0 && spoilt < 0;
}

static void test_every_scheme(void **state)
{
    (void)state;
    static const gnutls_sign_algorithm_t schemes[] = {
        GNUTLS_SIGN_RSA_SHA256,          GNUTLS_SIGN_RSA_SHA384,          GNUTLS_SIGN_RSA_SHA512,
        GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, GNUTLS_SIGN_RSA_PSS_RSAE_SHA384, GNUTLS_SIGN_RSA_PSS_RSAE_SHA512
    };
    static const unsigned sizes[] = { 2048, 3072, 4096 };
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
        struct pair pair = make_taken(sizes[i]);
        unsigned bits = 0;
        assert_int_equal(gnutls_privkey_get_pk_algorithm(pair.private, &bits), GNUTLS_PK_RSA);
        assert_int_equal(bits, sizes[i]);
        for (size_t j = 0; j < ARRAY_LENGTH(schemes); j++)
            if (!signs(&pair, schemes[j]))
                fail_msg("%s with %u bits", gnutls_sign_get_name(schemes[j]), sizes[i]);
        drop(&pair);
    }
}

/* An ECDSA signature, PSS keys' own scheme: not its work. */
static void test_refused_schemes(void **state)
{
    (void)state;
    static const gnutls_sign_algorithm_t schemes[] = { GNUTLS_SIGN_ECDSA_SECP256R1_SHA256,
                                                       GNUTLS_SIGN_RSA_PSS_SHA256,
                                                       GNUTLS_SIGN_EDDSA_ED25519 };
    struct pair pair = make_taken(2048);
    for (size_t i = 0; i < ARRAY_LENGTH(schemes); i++)
        assert_false(signs(&pair, schemes[i]));
    drop(&pair);
}

static void test_it_only_signs(void **state)
{
    (void)state;
    struct pair pair = make_taken(2048);
    gnutls_datum_t locked, plain;
    gnutls_x509_privkey_t exported;
    assert_true(gnutls_privkey_export_x509(pair.private, &exported) < 0);
    assert_int_equal(gnutls_pubkey_encrypt_data(pair.public, 0, &text, &locked), 0);
    assert_true(gnutls_privkey_decrypt_data(pair.private, 0, &locked, &plain) < 0);
    gnutls_free(locked.data);
    drop(&pair);
}

static void test_no_rsa_key(void **state)
{
    (void)state;
    struct fault f = { 0 };
    struct pair pair = make(GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1));
    assert_int_equal(signer_take(&pair.private, &f), FAULT_INPUT);
    assert_non_null(strstr(f.text, "make a new one"));
    assert_true(signs(&pair, GNUTLS_SIGN_ECDSA_SECP256R1_SHA256)); /* as it was */
    drop(&pair);
}

static void *sign_often(void *user)
{
    for (int i = 0; i < 50; i++)
        if (!signs(user, i % 2 ? GNUTLS_SIGN_RSA_SHA256 : GNUTLS_SIGN_RSA_PSS_RSAE_SHA256))
            return user;
    return NULL;
}

static void test_in_many_threads(void **state)
{
    (void)state;
    struct pair pair = make_taken(2048);
    pthread_t thread[8];
    void *failed = NULL;
    for (size_t i = 0; i < ARRAY_LENGTH(thread); i++)
        assert_int_equal(pthread_create(&thread[i], NULL, sign_often, &pair), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(thread); i++) {
        assert_int_equal(pthread_join(thread[i], &failed), 0);
        assert_null(failed);
    }
    drop(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_scheme),    cmocka_unit_test(test_refused_schemes),
        cmocka_unit_test(test_it_only_signs),   cmocka_unit_test(test_no_rsa_key),
        cmocka_unit_test(test_in_many_threads),
    };
    return cmocka_run_group_tests_name("signer", tests, NULL, NULL);
}
