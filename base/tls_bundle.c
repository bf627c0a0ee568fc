/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tls_bundle.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/tls_file.h"
#include <stdlib.h>
#include <string.h>

/* What says that a signature is not this CA's; all else is a matter of dates, purposes and strength. */
#define TLS_STRANGE (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNATURE_FAILURE | GNUTLS_CERT_SIGNER_NOT_CA)

/* --- CAs --- */

static enum fault_code tls_load_cas(struct tls_bundle *bundle, const char *file, struct fault *f)
{
    struct buf pem;
    buf_init(&pem, TLS_FILE_LIMIT);
    enum fault_code code = tls_file_read(file, &pem, f);
    if (code != FAULT_OK) {
        buf_fini(&pem);
        return code;
    }
    gnutls_datum_t datum = { .data = (unsigned char *)pem.data, .size = (unsigned)pem.used };
    gnutls_x509_crt_t *crts = NULL;
    int rc = gnutls_x509_crt_list_import2(&crts, &bundle->count, &datum, GNUTLS_X509_FMT_PEM, 0);
    buf_fini(&pem);
    if (rc < 0) {
        bundle->count = 0;
        return fault_set(f, FAULT_INPUT,
                         "%s holds no usable PEM certificate (%s): give the CAs' certificates", file,
                         gnutls_strerror(rc));
    }
    bundle->cas = crts;
    /* The list owns the certificates from here on, whether they are right or not. */
    rc = gnutls_x509_trust_list_add_cas(bundle->list, crts, bundle->count, 0);
    if (rc < 0 || (unsigned)rc != bundle->count)
        return fault_set(f, FAULT_INPUT, "%s holds a certificate that cannot be used", file);
    for (unsigned i = 0; i < bundle->count; i++) {
        char subject[128];
        if (gnutls_x509_crt_get_ca_status(crts[i], NULL) > 0)
            continue;
        tls_subject(crts[i], subject, sizeof subject);
        return fault_set(f, FAULT_INPUT, "certificate %u in %s (%s) is not a CA's: remove it", i + 1, file,
                         subject);
    }
    return FAULT_OK;
}

void tls_subject(gnutls_x509_crt_t crt, char *out, size_t size)
{
    size_t n = size;
    if (gnutls_x509_crt_get_dn(crt, out, &n) < 0)
        (void)mem_copy_text(out, size, "a CA with an unusual name");
}

/* --- CRLs --- */

static int tls_order_serials(const void *a, const void *b)
{
    const struct tls_serial *x = a, *y = b;
    return x->n != y->n ? x->n - y->n : memcmp(x->bytes, y->bytes, x->n);
}

static bool tls_signs_crl(gnutls_x509_crt_t ca, gnutls_x509_crl_t crl)
{
    const unsigned dates =
        GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED | GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE;
    unsigned status = 0;
    if (gnutls_x509_crl_check_issuer(crl, ca) == 0 || gnutls_x509_crl_verify(crl, &ca, 1, 0, &status) < 0)
        return false;
    /* Dates do not count: a stale list still revokes what it lists, or time alone would let the revoked in
     * again. */
    if (status & dates)
        status &= ~(dates | GNUTLS_CERT_INVALID);
    return status == 0;
}

/* Without its signature a CRL would let anybody who can write this file, or who brings it here, decide. */
static enum fault_code tls_check_crl(const struct tls_bundle *bundle, gnutls_x509_crl_t crl, const char *file,
                                     struct fault *f)
{
    for (unsigned i = 0; i < bundle->count; i++)
        if (tls_signs_crl(bundle->cas[i], crl))
            return FAULT_OK;
    char issuer[128];
    size_t n = sizeof issuer;
    if (gnutls_x509_crl_get_issuer_dn(crl, issuer, &n) < 0)
        (void)mem_copy_text(issuer, sizeof issuer, "a CA with an unusual name");
    return fault_set(
        f, FAULT_INPUT,
        "the CRL of %s in %s was not signed by a CA of its bundle: add that CA's certificate to the bundle, "
        "or take the CRL out",
        issuer, file);
}

static enum fault_code tls_read_serials(gnutls_x509_crl_t crl, struct tls_crl *out, const char *file,
                                        struct fault *f)
{
    int count = gnutls_x509_crl_get_crt_count(crl);
    if (count < 0)
        return fault_set(f, FAULT_INPUT, "%s holds a CRL that cannot be read", file);
    out->serials = calloc((size_t)count + 1, sizeof *out->serials);
    if (out->serials == NULL)
        return fault_set(f, FAULT_MEMORY, "no memory for the CRL in %s", file);
    gnutls_x509_crl_iter_t at = NULL;
    int rc = 0;
    while (out->count < (size_t)count) {
        struct tls_serial *serial = &out->serials[out->count];
        size_t n = sizeof serial->bytes;
        time_t when;
        rc = gnutls_x509_crl_iter_crt_serial(crl, &at, serial->bytes, &n, &when);
        if (rc < 0)
            break;
        serial->n = (unsigned char)n;
        out->count++;
    }
    gnutls_x509_crl_iter_deinit(at);
    if (rc < 0)
        return fault_set(f, FAULT_INPUT, "%s holds a CRL whose entries cannot be read: %s", file,
                         gnutls_strerror(rc));
    qsort(out->serials, out->count, sizeof *out->serials, tls_order_serials);
    return FAULT_OK;
}

static enum fault_code tls_take_crl(struct tls_bundle *bundle, gnutls_x509_crl_t crl, const char *file,
                                    struct fault *f)
{
    enum fault_code code = tls_check_crl(bundle, crl, file, f);
    if (code != FAULT_OK)
        return code;
    struct tls_crl *out = &bundle->crls[bundle->n_crls++];
    if (gnutls_x509_crl_get_raw_issuer_dn(crl, &out->issuer) < 0)
        return fault_set(f, FAULT_INPUT, "%s holds a CRL without an issuer", file);
    out->next_update = (int64_t)gnutls_x509_crl_get_next_update(crl);
    return tls_read_serials(crl, out, file, f);
}

static enum fault_code tls_load_crls(struct tls_bundle *bundle, const char *file, struct fault *f)
{
    struct buf bytes;
    buf_init(&bytes, TLS_FILE_LIMIT);
    enum fault_code code = tls_file_read(file, &bytes, f);
    if (code != FAULT_OK) {
        buf_fini(&bytes);
        return code;
    }
    gnutls_datum_t datum = { .data = (unsigned char *)bytes.data, .size = (unsigned)bytes.used };
    bool pem = memmem(bytes.data ? bytes.data : "", bytes.used, "-----BEGIN", 10) != NULL;
    gnutls_x509_crl_t *crls = NULL;
    unsigned count = 0;
    int rc = gnutls_x509_crl_list_import2(&crls, &count, &datum,
                                          pem ? GNUTLS_X509_FMT_PEM : GNUTLS_X509_FMT_DER, 0);
    buf_fini(&bytes);
    if (rc < 0)
        return fault_set(f, FAULT_INPUT, "%s holds no usable CRL (%s): give CRLs as PEM, or one as DER", file,
                         gnutls_strerror(rc));
    bundle->crls = calloc((size_t)count + 1, sizeof *bundle->crls);
    if (bundle->crls == NULL)
        code = fault_set(f, FAULT_MEMORY, "no memory for the CRLs in %s", file);
    for (unsigned i = 0; code == FAULT_OK && i < count; i++)
        code = tls_take_crl(bundle, crls[i], file, f);
    for (unsigned i = 0; i < count; i++)
        gnutls_x509_crl_deinit(crls[i]);
    gnutls_free(crls);
    return code;
}

/* --- life --- */

enum fault_code tls_bundle_load(struct tls_bundle *bundle, const char *ca_file, const char *crl_file,
                                struct fault *f)
{
    if (gnutls_x509_trust_list_init(&bundle->list, 0) < 0)
        return fault_set(f, FAULT_MEMORY, "no memory for a bundle of CAs");
    enum fault_code code = FAULT_OK;
    if (tls_file_named(ca_file))
        code = tls_load_cas(bundle, ca_file, f);
    if (code == FAULT_OK && tls_file_named(crl_file))
        code = tls_load_crls(bundle, crl_file, f);
    return code;
}

void tls_bundle_fini(struct tls_bundle *bundle)
{
    for (size_t i = 0; i < bundle->n_crls; i++) {
        gnutls_free(bundle->crls[i].issuer.data);
        free(bundle->crls[i].serials);
    }
    free(bundle->crls);
    if (bundle->list != NULL)
        gnutls_x509_trust_list_deinit(bundle->list, 1);
    gnutls_free(bundle->cas);
}

/* --- judging a chain --- */

unsigned tls_bundle_verify(const struct tls_bundle *bundle, gnutls_x509_crt_t *chain, unsigned n, bool dates)
{
    gnutls_typed_vdata_st purpose = { .type = GNUTLS_DT_KEY_PURPOSE_OID,
                                      .data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT };
    unsigned flags =
        GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_LOW) | (dates ? 0 : GNUTLS_VERIFY_DISABLE_TIME_CHECKS);
    unsigned status = 0;
    if (bundle->count == 0)
        return GNUTLS_CERT_INVALID | GNUTLS_CERT_SIGNER_NOT_FOUND;
    int rc = gnutls_x509_trust_list_verify_crt2(bundle->list, chain, n, &purpose, 1, flags, &status, NULL);
    return rc < 0 ? GNUTLS_CERT_INVALID : status;
}

static bool tls_is_ours(const struct tls_bundle *bundle, gnutls_x509_crt_t *chain, unsigned n)
{
    unsigned status = 0;
    return gnutls_x509_trust_list_verify_crt2(bundle->list, chain, n, NULL, 0,
                                              GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status, NULL) >= 0 &&
           (status & TLS_STRANGE) == 0;
}

static bool tls_crl_lists(const struct tls_crl *crl, const gnutls_datum_t *issuer,
                          const struct tls_serial *serial)
{
    return crl->issuer.size == issuer->size && memcmp(crl->issuer.data, issuer->data, issuer->size) == 0 &&
           bsearch(serial, crl->serials, crl->count, sizeof *serial, tls_order_serials) != NULL;
}

static bool tls_is_listed(const struct tls_bundle *bundle, gnutls_x509_crt_t crt)
{
    struct tls_serial serial = { 0 };
    gnutls_datum_t issuer = { NULL, 0 };
    size_t n = sizeof serial.bytes;
    bool listed = false;
    /* A number that no CRL can hold is in none. */
    if (gnutls_x509_crt_get_serial(crt, serial.bytes, &n) < 0 ||
        gnutls_x509_crt_get_raw_issuer_dn(crt, &issuer) < 0)
        return false;
    serial.n = (unsigned char)n;
    for (size_t i = 0; !listed && i < bundle->n_crls; i++)
        listed = tls_crl_lists(&bundle->crls[i], &issuer, &serial);
    gnutls_free(issuer.data);
    return listed;
}

static bool tls_is_signed_by(gnutls_x509_crt_t crt, gnutls_x509_crt_t ca)
{
    unsigned status = 0;
    return gnutls_x509_crt_check_issuer(crt, ca) != 0 &&
           gnutls_x509_crt_verify(crt, &ca, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status) >= 0 &&
           (status & TLS_STRANGE) == 0;
}

/* The bundle's own first: what a client adds can only be longer. NULL: there is none, or it is crt itself. */
static gnutls_x509_crt_t tls_issuer_of(const struct tls_bundle *bundle, gnutls_x509_crt_t crt,
                                       gnutls_x509_crt_t *chain, unsigned n)
{
    for (unsigned i = 0; i < bundle->count + n; i++) {
        gnutls_x509_crt_t candidate = i < bundle->count ? bundle->cas[i] : chain[i - bundle->count];
        if (candidate != crt && tls_is_signed_by(crt, candidate))
            return gnutls_x509_crt_equals(crt, candidate) ? NULL : candidate;
    }
    return NULL;
}

bool tls_bundle_revokes(const struct tls_bundle *bundle, gnutls_x509_crt_t *chain, unsigned n)
{
    if (bundle->n_crls == 0 || !tls_is_ours(bundle, chain, n))
        return false;
    gnutls_x509_crt_t crt = chain[0];
    for (unsigned depth = 0; crt != NULL && depth < 2 * TLS_CHAIN_LIMIT; depth++) {
        if (tls_is_listed(bundle, crt))
            return true;
        crt = tls_issuer_of(bundle, crt, chain, n);
    }
    return false;
}
