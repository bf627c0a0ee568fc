/* SPDX-License-Identifier: Apache-2.0 */
/* What a client's certificate proves, and what is wrong with it. */
#include "base/mem.h"
#include "base/tls.h"
#include "base/tls_bundle.h"
#include "base/tls_inner.h"
#include "base/utf.h"
#include <gnutls/x509.h>
#include <string.h>

static void tls_unfit(struct tls_peer *peer, const char *reason)
{
    peer->state = TLS_PEER_UNFIT;
    (void)mem_copy_text(peer->reason, sizeof peer->reason, reason);
}

/* Why a chain was not verified, the plainest of several reasons. */
static const char *tls_status_words(unsigned status)
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
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++)
        if (status & table[i].bit)
            return table[i].words;
    return "its chain does not verify";
}

/* What the bundles say of a chain. */
struct tls_verdict {
    int bundle;      /* the one that vouches for it, but for dates when `expired`; -1: none */
    bool expired;    /* dates are over, and nothing else is wrong */
    bool revoked;    /* by that bundle */
    const char *why; /* no bundle vouches, or it is expired */
};

/* A bundle's word on its own; bundle -1 and why NULL: it knows nothing of the chain. */
static struct tls_verdict tls_ask(const struct tls_bundle *bundle, int number, gnutls_x509_crt_t *chain,
                                  unsigned n)
{
    struct tls_verdict verdict = { .bundle = -1 };
    unsigned status = tls_bundle_verify(bundle, chain, n, true);
    if (tls_bundle_revokes(bundle, chain, n)) {
        verdict.bundle = number;
        verdict.revoked = true;
        verdict.why = tls_status_words(GNUTLS_CERT_REVOKED);
    } else if (status == 0) {
        verdict.bundle = number;
    } else if ((status & GNUTLS_CERT_SIGNER_NOT_FOUND) == 0) {
        verdict.why = tls_status_words(status);
        verdict.expired = (status & GNUTLS_CERT_EXPIRED) != 0 && (status & GNUTLS_CERT_NOT_ACTIVATED) == 0 &&
                          tls_bundle_verify(bundle, chain, n, false) == 0;
        if (verdict.expired)
            verdict.bundle = number;
    }
    return verdict;
}

static struct tls_verdict tls_ask_all(const struct tls_trust *trust, gnutls_x509_crt_t *chain, unsigned n)
{
    struct tls_verdict all = { .bundle = -1 };
    for (int i = 0; trust != NULL && i < TLS_BUNDLES; i++) {
        if (trust->bundles[i].count == 0)
            continue;
        struct tls_verdict one = tls_ask(&trust->bundles[i], i, chain, n);
        if (one.revoked)
            return one;
        if (one.bundle >= 0 && all.bundle >= 0) {
            /* Cross-signed: the role would depend on which bundle is asked first. */
            all = (struct tls_verdict){ .bundle = -1, .why = "CAs of two roles vouch for it" };
            break;
        }
        if (one.bundle >= 0 || (one.why != NULL && all.bundle < 0))
            all = one;
    }
    return all;
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

/* Lower-case hex; nothing when it does not fit. */
static void tls_hex(const unsigned char *bytes, size_t n, char *out, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    if (2 * n >= size)
        return;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

static void tls_fingerprint(const gnutls_datum_t *der, char out[65])
{
    unsigned char hash[32] = { 0 };
    size_t n = sizeof hash;
    if (gnutls_fingerprint(GNUTLS_DIG_SHA256, der, hash, &n) >= 0)
        tls_hex(hash, n, out, 65);
}

/* Reads up to TLS_CHAIN_LIMIT certificates; gives how many can be read. */
static unsigned tls_read_chain(const gnutls_datum_t *ders, unsigned n,
                               gnutls_x509_crt_t chain[TLS_CHAIN_LIMIT])
{
    unsigned read = 0;
    for (; read < n && read < TLS_CHAIN_LIMIT; read++) {
        if (gnutls_x509_crt_init(&chain[read]) < 0)
            break;
        if (gnutls_x509_crt_import(chain[read], &ders[read], GNUTLS_X509_FMT_DER) < 0) {
            gnutls_x509_crt_deinit(chain[read]);
            break;
        }
    }
    return read;
}

/* A field of more than `size` - 1 bytes stays "": half a name is another one. */
static void tls_describe(gnutls_x509_crt_t crt, struct tls_peer *peer)
{
    unsigned char serial[TLS_SERIAL_LIMIT];
    size_t n = sizeof peer->subject;
    if (gnutls_x509_crt_get_dn(crt, peer->subject, &n) < 0)
        peer->subject[0] = '\0';
    n = sizeof peer->issuer;
    if (gnutls_x509_crt_get_issuer_dn(crt, peer->issuer, &n) < 0)
        peer->issuer[0] = '\0';
    n = sizeof serial;
    if (gnutls_x509_crt_get_serial(crt, serial, &n) >= 0)
        tls_hex(serial, n, peer->serial, sizeof peer->serial);
    peer->not_after = (int64_t)gnutls_x509_crt_get_expiration_time(crt);
}

static void tls_judge(const struct tls_trust *trust, gnutls_x509_crt_t *chain, unsigned n,
                      struct tls_peer *peer)
{
    const char *wrong = tls_find_name(chain[0], peer);
    struct tls_verdict verdict = tls_ask_all(trust, chain, n);
    bool self_signed = gnutls_x509_crt_check_issuer(chain[0], chain[0]) != 0;
    tls_describe(chain[0], peer);
    peer->bundle = verdict.bundle;
    if (verdict.revoked) {
        peer->state = TLS_PEER_REVOKED;
        (void)mem_copy_text(peer->reason, sizeof peer->reason, verdict.why);
    } else if (verdict.why != NULL || verdict.bundle < 0) {
        const char *none = self_signed ? "self-signed" : "issued by a CA that no role trusts";
        tls_unfit(peer, verdict.why != NULL ? verdict.why : none);
        peer->expired = verdict.expired && wrong == NULL;
        peer->self_signed = self_signed && verdict.bundle < 0 && wrong == NULL;
    } else if (wrong != NULL) {
        tls_unfit(peer, wrong);
    } else {
        peer->state = TLS_PEER_VERIFIED;
    }
}

void tls_peer_judge(const struct tls_trust *trust, const gnutls_datum_t *ders, unsigned n,
                    struct tls_peer *ret_peer)
{
    memset(ret_peer, 0, sizeof *ret_peer);
    ret_peer->state = TLS_PEER_NONE;
    ret_peer->bundle = -1;
    if (ders == NULL || n == 0)
        return;
    gnutls_x509_crt_t chain[TLS_CHAIN_LIMIT];
    unsigned read = tls_read_chain(ders, n, chain);
    tls_fingerprint(&ders[0], ret_peer->fingerprint);
    if (read < n)
        tls_unfit(ret_peer, "its chain cannot be read or is too long");
    else
        tls_judge(trust, chain, n, ret_peer);
    while (read > 0)
        gnutls_x509_crt_deinit(chain[--read]);
}

void tls_peer_examine(const struct tls_trust *trust, gnutls_session_t session, struct tls_peer *ret_peer)
{
    unsigned n = 0;
    const gnutls_datum_t *ders = NULL;
    if (gnutls_certificate_type_get2(session, GNUTLS_CTYPE_CLIENT) == GNUTLS_CRT_X509)
        ders = gnutls_certificate_get_peers(session, &n);
    tls_peer_judge(trust, ders, n, ret_peer);
    ret_peer->version = tls_version_of(gnutls_protocol_get_version(session));
}
