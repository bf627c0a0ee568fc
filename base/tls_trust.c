/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/mem.h"
#include "base/tls.h"
#include "base/tls_file.h"
#include "base/utf.h"
#include <gnutls/x509.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define TLS_CHAIN_LIMIT 16 /* certificates that a client may show; GnuTLS's own limit too */

struct tls_bundle {
    gnutls_x509_trust_list_t list;
    gnutls_x509_crt_t *cas; /* the list owns the certificates, this array is ours */
    unsigned count;
};

struct tls_trust {
    atomic_uint references;
    struct tls_bundle bundles[TLS_BUNDLES];
};

static void tls_subject(gnutls_x509_crt_t crt, char *out, size_t size)
{
    size_t n = size;
    if (gnutls_x509_crt_get_dn(crt, out, &n) < 0)
        (void)mem_copy_text(out, size, "a CA with an unusual name");
}

static enum fault_code tls_load_bundle(struct tls_bundle *bundle, const char *file, struct fault *f)
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

static bool tls_same_key(gnutls_x509_crt_t a, gnutls_x509_crt_t b)
{
    unsigned char id_a[64], id_b[64];
    size_t n_a = sizeof id_a, n_b = sizeof id_b;
    /* One that cannot be compared counts as the same: it must not slip through. */
    if (gnutls_x509_crt_get_key_id(a, GNUTLS_KEYID_USE_SHA256, id_a, &n_a) < 0 ||
        gnutls_x509_crt_get_key_id(b, GNUTLS_KEYID_USE_SHA256, id_b, &n_b) < 0)
        return true;
    return n_a == n_b && memcmp(id_a, id_b, n_a) == 0;
}

/* Whoever holds the CA `from` could make members of the other bundle too. */
static bool tls_overlaps(gnutls_x509_crt_t from, const struct tls_bundle *other)
{
    for (unsigned i = 0; i < other->count; i++)
        if (tls_same_key(from, other->cas[i]))
            return true;
    unsigned status = 0;
    return other->count > 0 &&
           gnutls_x509_trust_list_verify_crt2(other->list, &from, 1, NULL, 0,
                                              GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status, NULL) >= 0 &&
           status == 0;
}

static enum fault_code tls_check_overlap(const struct tls_trust *trust, const char *const files[TLS_BUNDLES],
                                         struct fault *f)
{
    for (int a = 0; a < TLS_BUNDLES; a++)
        for (unsigned i = 0; i < trust->bundles[a].count; i++)
            for (int b = 0; b < TLS_BUNDLES; b++) {
                if (a == b || !tls_overlaps(trust->bundles[a].cas[i], &trust->bundles[b]))
                    continue;
                char subject[100];
                tls_subject(trust->bundles[a].cas[i], subject, sizeof subject);
                return fault_set(f, FAULT_INPUT,
                                 "the CA %s of %s also vouches in %s: a CA gives one role only, so use a CA "
                                 "of its own for each",
                                 subject, files[a], files[b]);
            }
    return FAULT_OK;
}

enum fault_code tls_trust_load(const char *const files[TLS_BUNDLES], struct tls_trust **ret_trust,
                               struct fault *f)
{
    struct tls_trust *trust = calloc(1, sizeof *trust);
    if (trust == NULL)
        return fault_set(f, FAULT_MEMORY, "no memory for the bundles of CAs");
    atomic_init(&trust->references, 1);
    enum fault_code code = FAULT_OK;
    for (int i = 0; code == FAULT_OK && i < TLS_BUNDLES; i++) {
        if (gnutls_x509_trust_list_init(&trust->bundles[i].list, 0) < 0)
            code = fault_set(f, FAULT_MEMORY, "no memory for a bundle of CAs");
        else if (tls_file_named(files[i]))
            code = tls_load_bundle(&trust->bundles[i], files[i], f);
    }
    if (code == FAULT_OK)
        code = tls_check_overlap(trust, files, f);
    if (code == FAULT_OK)
        *ret_trust = trust;
    else
        tls_trust_unref(trust);
    return code;
}

struct tls_trust *tls_trust_ref(struct tls_trust *trust)
{
    atomic_fetch_add_explicit(&trust->references, 1, memory_order_relaxed);
    return trust;
}

void tls_trust_unref(struct tls_trust *trust)
{
    if (trust == NULL || atomic_fetch_sub_explicit(&trust->references, 1, memory_order_acq_rel) != 1)
        return;
    for (int i = 0; i < TLS_BUNDLES; i++) {
        if (trust->bundles[i].list != NULL)
            gnutls_x509_trust_list_deinit(trust->bundles[i].list, 1);
        gnutls_free(trust->bundles[i].cas);
    }
    free(trust);
}

/* Peers */

static void tls_unfit(struct tls_peer *peer, const char *reason)
{
    peer->state = TLS_PEER_UNFIT;
    (void)mem_copy_text(peer->reason, sizeof peer->reason, reason);
}

/* Why a chain was not verified, the plainest of several reasons. */
static const char *tls_status_words(unsigned status, bool self_signed)
{
    static const struct {
        unsigned bit;
        const char *words;
    } table[] = {
        { GNUTLS_CERT_REVOKED, "revoked by its CA" },
        { GNUTLS_CERT_SIGNATURE_FAILURE, "its signature is wrong" },
        { GNUTLS_CERT_SIGNER_NOT_CA, "signed by a certificate that is no CA's" },
        { GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, "its CA may not issue such a certificate" },
        { GNUTLS_CERT_PURPOSE_MISMATCH, "made for another purpose than client authentication" },
        { GNUTLS_CERT_INSECURE_ALGORITHM, "signed with an algorithm that is too weak" },
        { GNUTLS_CERT_EXPIRED, "expired" },
        { GNUTLS_CERT_NOT_ACTIVATED, "not valid yet" },
    };
    if (status & GNUTLS_CERT_SIGNER_NOT_FOUND)
        return self_signed ? "self-signed" : "issued by a CA that no role trusts";
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++)
        if (status & table[i].bit)
            return table[i].words;
    return "its chain does not verify";
}

/* The bundle that verifies the chain; -1 with the reason in *peer. */
static int tls_find_bundle(const struct tls_trust *trust, gnutls_x509_crt_t *chain, unsigned n,
                           struct tls_peer *peer)
{
    unsigned best = GNUTLS_CERT_INVALID | GNUTLS_CERT_SIGNER_NOT_FOUND;
    int found = -1;
    for (int i = 0; trust != NULL && i < TLS_BUNDLES; i++) {
        if (trust->bundles[i].count == 0)
            continue;
        gnutls_typed_vdata_st purpose = { .type = GNUTLS_DT_KEY_PURPOSE_OID,
                                          .data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT };
        unsigned status = 0;
        int rc =
            gnutls_x509_trust_list_verify_crt2(trust->bundles[i].list, chain, n, &purpose, 1,
                                               GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_LOW), &status, NULL);
        if (rc < 0)
            status = GNUTLS_CERT_INVALID;
        if (status == 0 && found >= 0) {
            /* Cross-signed: the role would depend on which bundle is asked first. */
            tls_unfit(peer, "CAs of two roles vouch for it");
            return -1;
        }
        if (status == 0)
            found = i;
        else if (!(status & GNUTLS_CERT_SIGNER_NOT_FOUND))
            best = status;
    }
    if (found < 0)
        tls_unfit(peer, tls_status_words(best, gnutls_x509_crt_check_issuer(chain[0], chain[0]) != 0));
    return found;
}

/* One CN's raw value. The encodings that are not ASCII-compatible (BMPString, UniversalString) identify
 * nobody. */
static const char *tls_take_name(const gnutls_x509_ava_st *ava, struct tls_peer *peer)
{
    enum { UTF8_STRING = 12, PRINTABLE_STRING = 19, TELETEX_STRING = 20, IA5_STRING = 22 };
    const char *text = (const char *)ava->value.data;
    size_t n = ava->value.size;
    if (ava->value_tag != UTF8_STRING && ava->value_tag != PRINTABLE_STRING &&
        ava->value_tag != TELETEX_STRING && ava->value_tag != IA5_STRING)
        return "its CN has an unusual encoding";
    if (n == 0 || n >= sizeof peer->common_name)
        return "its CN is empty or too long";
    for (size_t i = 0; i < n;) {
        uint32_t point = 0;
        size_t length = utf_next(text + i, n - i, &point);
        if (length == 0 || utf_is_control(point))
            return "its CN holds control characters or is not UTF-8";
        i += length;
    }
    (void)mem_copy_bytes(peer->common_name, sizeof peer->common_name, text, n);
    return NULL;
}

/* Walks the subject itself: gnutls_x509_crt_get_dn_by_oid rewrites what is unusual instead of showing it.
 * NULL when all is well, or what is wrong. */
static const char *tls_find_name(gnutls_x509_crt_t crt, struct tls_peer *peer)
{
    gnutls_x509_dn_t subject;
    gnutls_x509_ava_st ava;
    if (gnutls_x509_crt_get_subject(crt, &subject) < 0)
        return "its subject cannot be read";
    int names = 0;
    const char *wrong = NULL;
    for (int rdn = 0;; rdn++) {
        int i = 0;
        while (gnutls_x509_dn_get_rdn_ava(subject, rdn, i, &ava) >= 0) {
            const char *oid = (const char *)ava.oid.data;
            if (strcmp(oid, GNUTLS_OID_X520_COMMON_NAME) == 0 && ++names == 1)
                wrong = tls_take_name(&ava, peer);
            i++;
        }
        if (i == 0)
            break;
    }
    if (names != 1)
        wrong = names == 0 ? "it has no CN" : "it has more than one CN";
    if (wrong != NULL)
        peer->common_name[0] = '\0';
    return wrong;
}

static void tls_fingerprint(const gnutls_datum_t *der, char out[65])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[32] = { 0 };
    size_t n = sizeof hash;
    if (gnutls_fingerprint(GNUTLS_DIG_SHA256, der, hash, &n) < 0)
        return;
    for (size_t i = 0; i < sizeof hash; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    out[64] = '\0';
}

void tls_peer_examine(const struct tls_trust *trust, gnutls_session_t session, struct tls_peer *ret_peer)
{
    memset(ret_peer, 0, sizeof *ret_peer);
    ret_peer->state = TLS_PEER_NONE;
    unsigned n = 0, read = 0;
    const gnutls_datum_t *ders = NULL;
    if (gnutls_certificate_type_get2(session, GNUTLS_CTYPE_CLIENT) == GNUTLS_CRT_X509)
        ders = gnutls_certificate_get_peers(session, &n);
    if (ders == NULL || n == 0)
        return;
    tls_fingerprint(&ders[0], ret_peer->fingerprint);
    gnutls_x509_crt_t chain[TLS_CHAIN_LIMIT];
    for (; read < n && read < TLS_CHAIN_LIMIT; read++) {
        if (gnutls_x509_crt_init(&chain[read]) < 0)
            break;
        if (gnutls_x509_crt_import(chain[read], &ders[read], GNUTLS_X509_FMT_DER) < 0) {
            gnutls_x509_crt_deinit(chain[read]);
            break;
        }
    }
    if (read < n)
        tls_unfit(ret_peer, "its chain cannot be read or is too long");
    else {
        const char *wrong = tls_find_name(chain[0], ret_peer);
        int bundle = tls_find_bundle(trust, chain, n, ret_peer);
        if (bundle >= 0 && wrong != NULL)
            tls_unfit(ret_peer, wrong);
        else if (bundle >= 0) {
            ret_peer->state = TLS_PEER_VERIFIED;
            ret_peer->bundle = bundle;
        }
    }
    while (read > 0)
        gnutls_x509_crt_deinit(chain[--read]);
}
