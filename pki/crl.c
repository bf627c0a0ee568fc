/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/crl.h"
#include "base/mem.h"
#include "pki/der.h"
#include "pki/file.h"

#include <string.h>

#define CRL_LIMIT ((size_t)64 << 20)
#define RUN(step)             \
    do {                      \
        if (code == FAULT_OK) \
            code = (step);    \
    } while (0)

/* The numbers are RFC 5280's; 7 is unused there, 8 (removeFromCRL) and 6 (hold) are not offered. */
static const struct {
    const char *word;
    uint8_t number;
} reasons[CRL_REASONS] = {
    [CRL_UNSPECIFIED] = { "unspecified", 0 },
    [CRL_KEY_COMPROMISE] = { "key-compromise", 1 },
    [CRL_CA_COMPROMISE] = { "ca-compromise", 2 },
    [CRL_AFFILIATION_CHANGED] = { "affiliation-changed", 3 },
    [CRL_SUPERSEDED] = { "superseded", 4 },
    [CRL_CESSATION] = { "cessation-of-operation", 5 },
    [CRL_PRIVILEGE_WITHDRAWN] = { "privilege-withdrawn", 9 },
};

enum fault_code crl_reason_find(const char *word, enum crl_reason *ret_reason, struct fault *f)
{
    for (int i = 0; i < CRL_REASONS; i++)
        if (strcmp(reasons[i].word, word) == 0) {
            *ret_reason = (enum crl_reason)i;
            return FAULT_OK;
        }
    return fault_set(f, FAULT_INPUT,
                     "'%.40s' is no reason: write unspecified, key-compromise, ca-compromise, "
                     "affiliation-changed, superseded, cessation-of-operation or privilege-withdrawn",
                     word);
}

const char *crl_reason_word(enum crl_reason reason)
{
    return reasons[reason].word;
}

/* Extension ::= SEQUENCE { extnID, extnValue OCTET STRING }: none of these is critical. */
static enum fault_code add_extension(struct buf *out, const char *oid, const struct buf *value,
                                     struct fault *f)
{
    size_t start = out->used;
    enum fault_code code = der_oid(out, oid, f);
    RUN(der_add(out, DER_OCTET_STRING, value->data, value->used, f));
    RUN(der_wrap(out, start, DER_SEQUENCE, f));
    return code;
}

static int nibble(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

static enum fault_code add_serial(struct buf *out, const char *hex, struct fault *f)
{
    uint8_t bytes[20];
    size_t n = strlen(hex) / 2;
    if (n == 0 || n > sizeof bytes || strlen(hex) % 2 != 0)
        return fault_set(f, FAULT_INPUT, "'%.60s' is no serial number", hex);
    for (size_t i = 0; i < n; i++) {
        int high = nibble(hex[2 * i]), low = nibble(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return fault_set(f, FAULT_INPUT, "'%.60s' is no serial number", hex);
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return der_number(out, bytes, n, f);
}

static enum fault_code add_entry(struct buf *out, const struct crl_entry *entry, struct fault *f)
{
    struct buf value;
    buf_init(&value, 64);
    size_t start = out->used, extensions;
    enum fault_code code = add_serial(out, entry->serial, f);
    RUN(der_time(out, entry->when, f));
    /* "unspecified" is said by saying nothing (RFC 5280, 5.3.1). */
    if (code == FAULT_OK && entry->reason != CRL_UNSPECIFIED) {
        extensions = out->used;
        RUN(der_add(&value, DER_ENUMERATED, &reasons[entry->reason].number, 1, f));
        RUN(add_extension(out, "2.5.29.21", &value, f));
        RUN(der_wrap(out, extensions, DER_SEQUENCE, f));
    }
    RUN(der_wrap(out, start, DER_SEQUENCE, f));
    buf_fini(&value);
    return code;
}

/* AuthorityKeyIdentifier and CRLNumber. */
static enum fault_code add_extensions(struct buf *out, const struct issuer *issuer, uint64_t number,
                                      struct fault *f)
{
    uint8_t id[64], digits[sizeof number];
    size_t n = sizeof id, start = out->used;
    struct buf value;
    buf_init(&value, 256);
    enum fault_code code = FAULT_OK;
    if (gnutls_x509_crt_get_subject_key_id(issuer->certificate, id, &n, NULL) == 0) {
        RUN(der_add(&value, DER_KEY_ID, id, n, f));
        RUN(der_wrap(&value, 0, DER_SEQUENCE, f));
        RUN(add_extension(out, "2.5.29.35", &value, f));
        buf_clear(&value);
    }
    for (size_t i = 0; i < sizeof digits; i++)
        digits[i] = (uint8_t)(number >> (8 * (sizeof digits - 1 - i)));
    RUN(der_number(&value, digits, sizeof digits, f));
    RUN(add_extension(out, "2.5.29.20", &value, f));
    RUN(der_wrap(out, start, DER_SEQUENCE, f));
    RUN(der_wrap(out, start, DER_CONTEXT_0, f));
    buf_fini(&value);
    return code;
}

/* AlgorithmIdentifier: RSA's has NULL as its parameters, ECDSA's none (RFC 4055, 5; RFC 5758, 3.2). */
static enum fault_code add_algorithm(struct buf *out, gnutls_sign_algorithm_t algorithm, struct fault *f)
{
    size_t start = out->used;
    enum fault_code code = der_oid(out, gnutls_sign_get_oid(algorithm), f);
    if (gnutls_sign_get_pk_algorithm(algorithm) == GNUTLS_PK_RSA)
        RUN(der_add(out, DER_NULL, "", 0, f));
    RUN(der_wrap(out, start, DER_SEQUENCE, f));
    return code;
}

static enum fault_code add_issuer(struct buf *out, const struct issuer *issuer, struct fault *f)
{
    gnutls_datum_t name = { NULL, 0 };
    int rc = gnutls_x509_crt_get_raw_dn(issuer->certificate, &name);
    if (rc < 0)
        return fault_set(f, FAULT_TLS, "cannot read the CA's name: %s", gnutls_strerror(rc));
    enum fault_code code = buf_add(out, name.data, name.size, f);
    gnutls_free(name.data);
    return code;
}

/* TBSCertList */
static enum fault_code add_list(struct buf *out, const struct issuer *issuer,
                                gnutls_sign_algorithm_t algorithm, const struct crl_entry *entries,
                                size_t count, uint64_t number, int64_t now, int64_t next, struct fault *f)
{
    static const uint8_t version_2[] = { 1 };
    enum fault_code code = der_number(out, version_2, sizeof version_2, f);
    RUN(add_algorithm(out, algorithm, f));
    RUN(add_issuer(out, issuer, f));
    RUN(der_time(out, now, f));
    RUN(der_time(out, next, f));
    size_t start = out->used;
    for (size_t i = 0; code == FAULT_OK && i < count; i++)
        code = add_entry(out, &entries[i], f);
    /* An empty list of entries is absent (RFC 5280, 5.1.2.6). */
    if (count > 0)
        RUN(der_wrap(out, start, DER_SEQUENCE, f));
    RUN(add_extensions(out, issuer, number, f));
    RUN(der_wrap(out, 0, DER_SEQUENCE, f));
    return code;
}

/* Adds the signature over what is in `out`, and wraps both up. */
static enum fault_code sign_list(struct buf *out, const struct issuer *issuer,
                                 gnutls_sign_algorithm_t algorithm, struct fault *f)
{
    const gnutls_datum_t list = { (unsigned char *)out->data, (unsigned)out->used };
    gnutls_datum_t signature = { NULL, 0 };
    gnutls_privkey_t key = NULL;
    int rc = gnutls_privkey_init(&key);
    if (rc == 0)
        rc = gnutls_privkey_import_x509(key, issuer->key, 0);
    if (rc == 0)
        rc = gnutls_privkey_sign_data2(key, algorithm, 0, &list, &signature);
    if (key != NULL)
        gnutls_privkey_deinit(key);
    if (rc < 0)
        return fault_set(f, FAULT_TLS, "cannot sign the list of revocations: %s", gnutls_strerror(rc));
    enum fault_code code = add_algorithm(out, algorithm, f);
    size_t start = out->used;
    RUN(buf_add(out, "", 1, f)); /* no unused bits */
    RUN(buf_add(out, signature.data, signature.size, f));
    RUN(der_wrap(out, start, DER_BIT_STRING, f));
    RUN(der_wrap(out, 0, DER_SEQUENCE, f));
    gnutls_free(signature.data);
    return code;
}

/* GnuTLS reads and verifies what was written here before anybody else does. */
static enum fault_code to_pem(const struct buf *der, const struct issuer *issuer, struct buf *pem,
                              struct fault *f)
{
    const gnutls_datum_t data = { (unsigned char *)der->data, (unsigned)der->used };
    gnutls_datum_t text = { NULL, 0 };
    gnutls_x509_crt_t ca = issuer->certificate;
    gnutls_x509_crl_t crl = NULL;
    unsigned status = 0;
    int rc = gnutls_x509_crl_init(&crl);
    if (rc == 0)
        rc = gnutls_x509_crl_import(crl, &data, GNUTLS_X509_FMT_DER);
    if (rc == 0)
        rc = gnutls_x509_crl_verify(crl, &ca, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status);
    if (rc == 0)
        rc = gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, &text);
    if (crl != NULL)
        gnutls_x509_crl_deinit(crl);
    if (rc < 0 || status != 0) {
        gnutls_free(text.data);
        return fault_set(f, FAULT_INTERNAL, "the list of revocations does not verify (%s, status %x)",
                         gnutls_strerror(rc), status);
    }
    enum fault_code code = buf_add(pem, text.data, text.size, f);
    gnutls_free(text.data);
    return code;
}

enum fault_code crl_make(const struct issuer *issuer, const struct crl_entry *entries, size_t count,
                         uint64_t number, int64_t now, int64_t next, struct buf *pem, struct fault *f)
{
    struct buf out;
    buf_init(&out, CRL_LIMIT);
    gnutls_pk_algorithm_t kind = (gnutls_pk_algorithm_t)gnutls_x509_privkey_get_pk_algorithm(issuer->key);
    gnutls_sign_algorithm_t algorithm = gnutls_pk_to_sign(kind, mint_digest(issuer->key));
    enum fault_code code = add_list(&out, issuer, algorithm, entries, count, number, now, next, f);
    RUN(sign_list(&out, issuer, algorithm, f));
    RUN(to_pem(&out, issuer, pem, f));
    buf_fini(&out);
    return code;
}

uint64_t crl_number(const char *file)
{
    struct buf pem;
    gnutls_x509_crl_t crl = NULL;
    uint8_t bytes[sizeof(uint64_t)];
    size_t n = sizeof bytes;
    uint64_t number = 0;
    buf_init(&pem, CRL_LIMIT);
    if (file_read(file, &pem, NULL) == FAULT_OK && gnutls_x509_crl_init(&crl) == 0) {
        const gnutls_datum_t text = { (unsigned char *)pem.data, (unsigned)pem.used };
        if (pem.used > 0 && gnutls_x509_crl_import(crl, &text, GNUTLS_X509_FMT_PEM) == 0 &&
            gnutls_x509_crl_get_number(crl, bytes, &n, NULL) == 0)
            for (size_t i = 0; i < n; i++)
                number = number << 8 | bytes[i];
        gnutls_x509_crl_deinit(crl);
    }
    buf_fini(&pem);
    return number;
}
