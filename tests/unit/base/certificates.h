/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and certificates for the tests of floor 0, which must not link pki/: short, and free to make wrong
 * ones. */
#ifndef CRADLE_TEST_CERTIFICATES_H
#define CRADLE_TEST_CERTIFICATES_H

#include <gnutls/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

struct made {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t crt;
};

struct wanted {
    const char *cn, *cn2;
    const char *dns;
    const char *purpose;         /* NULL: none said */
    const struct made *issuer;   /* NULL: itself */
    const struct made *same_key; /* NULL: a new key */
    bool rsa, ca;
    long starts_in, ends_in; /* seconds from now; ends_in 0: an hour */
};

/* GnuTLS sorts chains by raw names, which only a certificate that was read has. */
static inline void reread_certificate(struct made *made)
{
    gnutls_datum_t der;
    assert_int_equal(gnutls_x509_crt_export2(made->crt, GNUTLS_X509_FMT_DER, &der), 0);
    gnutls_x509_crt_deinit(made->crt);
    assert_int_equal(gnutls_x509_crt_init(&made->crt), 0);
    assert_int_equal(gnutls_x509_crt_import(made->crt, &der, GNUTLS_X509_FMT_DER), 0);
    gnutls_free(der.data);
}

static inline struct made make_certificate(const struct wanted *wanted)
{
    struct made made;
    assert_int_equal(gnutls_x509_privkey_init(&made.key), 0);
    if (wanted->same_key != NULL)
        assert_int_equal(gnutls_x509_privkey_cpy(made.key, wanted->same_key->key), 0);
    else if (wanted->rsa)
        assert_int_equal(gnutls_x509_privkey_generate(made.key, GNUTLS_PK_RSA, 2048, 0), 0);
    else
        assert_int_equal(gnutls_x509_privkey_generate(made.key, GNUTLS_PK_ECDSA,
                                                      GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                         0);
    assert_int_equal(gnutls_x509_crt_init(&made.crt), 0);
    static uint32_t serial = 1;
    serial++;
    unsigned char bytes[4] = { 1, (unsigned char)(serial >> 16), (unsigned char)(serial >> 8),
                               (unsigned char)serial };
    assert_int_equal(gnutls_x509_crt_set_version(made.crt, 3), 0);
    assert_int_equal(gnutls_x509_crt_set_serial(made.crt, bytes, sizeof bytes), 0);
    assert_int_equal(gnutls_x509_crt_set_activation_time(made.crt, time(NULL) + wanted->starts_in), 0);
    assert_int_equal(gnutls_x509_crt_set_expiration_time(
                         made.crt, time(NULL) + (wanted->ends_in != 0 ? wanted->ends_in : 3600)),
                     0);
    assert_int_equal(gnutls_x509_crt_set_key(made.crt, made.key), 0);
    const char *names[2] = { wanted->cn, wanted->cn2 };
    for (int i = 0; i < 2; i++)
        if (names[i] != NULL)
            assert_int_equal(gnutls_x509_crt_set_dn_by_oid(made.crt, GNUTLS_OID_X520_COMMON_NAME, 0, names[i],
                                                           (unsigned)strlen(names[i])),
                             0);
    if (wanted->dns != NULL)
        assert_int_equal(gnutls_x509_crt_set_subject_alt_name(made.crt, GNUTLS_SAN_DNSNAME, wanted->dns,
                                                              (unsigned)strlen(wanted->dns), GNUTLS_FSAN_SET),
                         0);
    if (wanted->purpose != NULL)
        assert_int_equal(gnutls_x509_crt_set_key_purpose_oid(made.crt, wanted->purpose, 0), 0);
    assert_int_equal(gnutls_x509_crt_set_basic_constraints(made.crt, wanted->ca, -1), 0);
    assert_int_equal(
        gnutls_x509_crt_set_key_usage(made.crt, wanted->ca ? GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN
                                                           : GNUTLS_KEY_DIGITAL_SIGNATURE),
        0);
    const struct made *issuer = wanted->issuer != NULL ? wanted->issuer : &made;
    assert_int_equal(gnutls_x509_crt_sign2(made.crt, issuer->crt, issuer->key, GNUTLS_DIG_SHA256, 0), 0);
    reread_certificate(&made);
    return made;
}

static inline void unmake(struct made *made)
{
    gnutls_x509_crt_deinit(made->crt);
    gnutls_x509_privkey_deinit(made->key);
}

/* Appends, so that chains and bundles can be made; gives `file` back. */
static inline const char *append_certificate(const char *file, const struct made *made)
{
    gnutls_datum_t pem;
    assert_int_equal(gnutls_x509_crt_export2(made->crt, GNUTLS_X509_FMT_PEM, &pem), 0);
    FILE *out = fopen(file, "ae");
    assert_non_null(out);
    assert_int_equal(fwrite(pem.data, 1, pem.size, out), pem.size);
    fclose(out);
    gnutls_free(pem.data);
    return file;
}

/* Appends a CRL of this issuer that lists these (up to NULL); due: seconds from now to its next update. */
static inline const char *append_crl(const char *file, const struct made *issuer,
                                     const struct made *const *revoked, long due,
                                     gnutls_x509_crt_fmt_t format)
{
    gnutls_x509_crl_t crl;
    gnutls_datum_t bytes;
    assert_int_equal(gnutls_x509_crl_init(&crl), 0);
    assert_int_equal(gnutls_x509_crl_set_version(crl, 2), 0);
    assert_int_equal(gnutls_x509_crl_set_this_update(crl, time(NULL) - 86400), 0);
    assert_int_equal(gnutls_x509_crl_set_next_update(crl, time(NULL) + due), 0);
    assert_int_equal(gnutls_x509_crl_set_number(crl, "\1", 1), 0);
    for (; *revoked != NULL; revoked++)
        assert_int_equal(gnutls_x509_crl_set_crt(crl, (*revoked)->crt, time(NULL) - 60), 0);
    assert_int_equal(gnutls_x509_crl_sign2(crl, issuer->crt, issuer->key, GNUTLS_DIG_SHA256, 0), 0);
    assert_int_equal(gnutls_x509_crl_export2(crl, format, &bytes), 0);
    FILE *out = fopen(file, "ae");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes.data, 1, bytes.size, out), bytes.size);
    fclose(out);
    gnutls_free(bytes.data);
    gnutls_x509_crl_deinit(crl);
    return file;
}

static inline const char *append_key(const char *file, const struct made *made)
{
    gnutls_datum_t pem;
    assert_int_equal(gnutls_x509_privkey_export2(made->key, GNUTLS_X509_FMT_PEM, &pem), 0);
    FILE *out = fopen(file, "ae");
    assert_non_null(out);
    assert_int_equal(fwrite(pem.data, 1, pem.size, out), pem.size);
    fclose(out);
    gnutls_free(pem.data);
    return file;
}

#endif
