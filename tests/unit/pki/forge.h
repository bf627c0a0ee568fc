/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates with any fault that a test asks for; pki/make.h makes right ones only. */
#ifndef CRADLE_TEST_FORGE_H
#define CRADLE_TEST_FORGE_H

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define FORGE_DAY  ((long)86400)
#define GOOD(call) assert_true((call) >= 0)

struct forged {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t crt;
};

/* Zero means: as it should be. */
struct forge {
    const char *cn, *cn2;
    const char *dns[3];
    const char *address;               /* IPv4 */
    const char *purpose;               /* extended key usage */
    char issuer;                       /* in forge_stock; 0: itself */
    char key_of;                       /* the same key as that one; 0: a new one */
    bool ca, version1, sha1, no_usage; /* no_usage: no key usage at all */
    int length;                        /* 1: a path length of 0; 0: none */
    unsigned usage;                    /* key usage; 0: the right one */
    unsigned fake_rsa;                 /* bits of an RSA key that nobody has */
    gnutls_ecc_curve_t curve;
    long from, to;         /* days from now; 0: yesterday, in 90 days */
    const char *permitted; /* a name constraint */
};

static struct forged forge_stock[128];

static inline void forge_fake_key(gnutls_x509_crt_t crt, unsigned bits)
{
    unsigned char modulus[1024], exponent[] = { 1, 0, 1 };
    memset(modulus, 0xc5, sizeof modulus);
    gnutls_datum_t m = { modulus, bits / 8 }, e = { exponent, sizeof exponent };
    gnutls_pubkey_t key;
    GOOD(gnutls_pubkey_init(&key));
    GOOD(gnutls_pubkey_import_rsa_raw(key, &m, &e));
    GOOD(gnutls_x509_crt_set_pubkey(crt, key));
    gnutls_pubkey_deinit(key);
}

static inline void forge_names(gnutls_x509_crt_t crt, const struct forge *wanted)
{
    const char *const cns[] = { wanted->cn, wanted->cn2 };
    for (int i = 0; i < 2; i++)
        if (cns[i])
            GOOD(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, cns[i],
                                               (unsigned)strlen(cns[i])));
    if (wanted->cn == NULL)
        GOOD(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, "No CN", 5));
    for (int i = 0; i < 3 && wanted->dns[i]; i++)
        GOOD(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, wanted->dns[i],
                                                  (unsigned)strlen(wanted->dns[i]), GNUTLS_FSAN_APPEND));
    unsigned char address[4];
    if (wanted->address && sscanf(wanted->address, "%hhu.%hhu.%hhu.%hhu", &address[0], &address[1],
                                  &address[2], &address[3]) == 4)
        GOOD(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address, 4, GNUTLS_FSAN_APPEND));
}

static inline void forge_constraints(gnutls_x509_crt_t crt, const struct forge *wanted)
{
    GOOD(gnutls_x509_crt_set_basic_constraints(crt, wanted->ca, wanted->length ? wanted->length - 1 : -1));
    unsigned usage =
        wanted->ca ? GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN : GNUTLS_KEY_DIGITAL_SIGNATURE;
    if (!wanted->no_usage)
        GOOD(gnutls_x509_crt_set_key_usage(crt, wanted->usage ? wanted->usage : usage));
    if (wanted->purpose)
        GOOD(gnutls_x509_crt_set_key_purpose_oid(crt, wanted->purpose, 0));
    if (wanted->permitted == NULL)
        return;
    gnutls_x509_name_constraints_t constraints;
    const gnutls_datum_t name = { (unsigned char *)(uintptr_t)wanted->permitted,
                                  (unsigned)strlen(wanted->permitted) };
    GOOD(gnutls_x509_name_constraints_init(&constraints));
    GOOD(gnutls_x509_name_constraints_add_permitted(constraints, GNUTLS_SAN_DNSNAME, &name));
    GOOD(gnutls_x509_crt_set_name_constraints(crt, constraints, 1));
    gnutls_x509_name_constraints_deinit(constraints);
}

/* Raw names, which chains are followed by, are those of a certificate that was read. */
static inline void forge_reread(struct forged *forged)
{
    gnutls_datum_t der;
    GOOD(gnutls_x509_crt_export2(forged->crt, GNUTLS_X509_FMT_DER, &der));
    gnutls_x509_crt_deinit(forged->crt);
    GOOD(gnutls_x509_crt_init(&forged->crt));
    GOOD(gnutls_x509_crt_import(forged->crt, &der, GNUTLS_X509_FMT_DER));
    gnutls_free(der.data);
}

static inline void forge(char name, const struct forge *wanted)
{
    static unsigned char serial = 1;
    unsigned char bytes[2] = { 1, serial++ };
    struct forged made;
    gnutls_ecc_curve_t curve = wanted->curve ? wanted->curve : GNUTLS_ECC_CURVE_SECP256R1;
    GOOD(gnutls_x509_privkey_init(&made.key));
    if (wanted->key_of)
        GOOD(gnutls_x509_privkey_cpy(made.key, forge_stock[(int)wanted->key_of].key));
    else
        GOOD(gnutls_x509_privkey_generate(made.key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(curve), 0));
    GOOD(gnutls_x509_crt_init(&made.crt));
    GOOD(gnutls_x509_crt_set_version(made.crt, wanted->version1 ? 1 : 3));
    GOOD(gnutls_x509_crt_set_serial(made.crt, bytes, sizeof bytes));
    GOOD(gnutls_x509_crt_set_activation_time(made.crt,
                                             time(NULL) + FORGE_DAY * (wanted->from ? wanted->from : -1)));
    GOOD(gnutls_x509_crt_set_expiration_time(made.crt,
                                             time(NULL) + FORGE_DAY * (wanted->to ? wanted->to : 90)));
    if (wanted->fake_rsa)
        forge_fake_key(made.crt, wanted->fake_rsa);
    else
        GOOD(gnutls_x509_crt_set_key(made.crt, made.key));
    forge_names(made.crt, wanted);
    if (!wanted->version1)
        forge_constraints(made.crt, wanted);
    const struct forged *issuer = wanted->issuer ? &forge_stock[(int)wanted->issuer] : &made;
    GOOD(gnutls_x509_crt_sign2(made.crt, issuer->crt, issuer->key,
                               wanted->sha1 ? GNUTLS_DIG_SHA1 : GNUTLS_DIG_SHA256, 0));
    forge_reread(&made);
    forge_stock[(int)name] = made;
}

static inline void forge_end(void)
{
    for (size_t i = 0; i < sizeof forge_stock / sizeof forge_stock[0]; i++)
        if (forge_stock[i].crt) {
            gnutls_x509_crt_deinit(forge_stock[i].crt);
            gnutls_x509_privkey_deinit(forge_stock[i].key);
        }
    memset(forge_stock, 0, sizeof forge_stock);
}

/* A CRL of that CA, valid until `to` days from now; revokes the certificate `revoked` unless that is 0. PEM
 * to be freed with gnutls_free. */
static inline gnutls_datum_t forge_crl(char ca, long to, char revoked)
{
    gnutls_x509_crl_t crl;
    gnutls_datum_t pem;
    const struct forged *by = &forge_stock[(int)ca];
    GOOD(gnutls_x509_crl_init(&crl));
    GOOD(gnutls_x509_crl_set_version(crl, 2));
    GOOD(gnutls_x509_crl_set_this_update(crl, time(NULL) - 20 * FORGE_DAY));
    GOOD(gnutls_x509_crl_set_next_update(crl, time(NULL) + to * FORGE_DAY));
    GOOD(gnutls_x509_crl_set_number(crl, "\1", 1));
    if (revoked)
        GOOD(gnutls_x509_crl_set_crt(crl, forge_stock[(int)revoked].crt, time(NULL) - FORGE_DAY));
    GOOD(gnutls_x509_crl_sign2(crl, by->crt, by->key, GNUTLS_DIG_SHA256, 0));
    GOOD(gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, &pem));
    gnutls_x509_crl_deinit(crl);
    return pem;
}

#endif
