/* SPDX-License-Identifier: Apache-2.0 */
/* TLS as Cradle wants it: versions, groups, ciphers, certificates and trust are decided here and nowhere
 * else. Serves both front ends: ftps/ through tls_session_new, HTTPS (whose sessions libmicrohttpd makes)
 * through tls_session_prepare. Floor 0. Identities and trusts are immutable and reference-counted: any
 * thread. */
#ifndef CRADLE_TLS_H
#define CRADLE_TLS_H

#include "base/fault.h"
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The default: TLS 1.2 and 1.3 with authenticated ciphers and forward secrecy only, in the server's order:
 * AES-128-GCM and X25519 first, ChaCha20 last (16 times slower here), ECDSA before RSA. No CBC, no SHA-1, no
 * RSA key exchange. */
#define TLS_PRIORITY_DEFAULT                                                                              \
    "NONE:+VERS-TLS1.3:+VERS-TLS1.2:+CTYPE-X509:+ECDHE-ECDSA:+ECDHE-RSA"                                  \
    ":+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+GROUP-SECP521R1"                                   \
    ":+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+AEAD"                                                 \
    ":+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SHA256:+SIGN-ALL:-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:%SERVER_" \
    "PRECEDENCE"

/* The listeners for handsets that know nothing newer, and nobody else: from the version that the setting
 * names on ("%s"), with CBC, SHA-1 and RSA key exchange at the end of each list. No 3DES, no RC4, nothing
 * anonymous. GnuTLS counters Lucky 13 with constant-time code; BEAST and the lack of forward secrecy remain.
 */
#define TLS_PRIORITY_LEGACY                                                                       \
    "NONE:+VERS-TLS1.3:+VERS-TLS1.2%s:+CTYPE-X509:+ECDHE-ECDSA:+ECDHE-RSA:+RSA"                   \
    ":+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+GROUP-SECP521R1"                           \
    ":+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-CBC:+AES-256-CBC:+AEAD:+SHA256:+SHA1" \
    ":+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SHA256:+SIGN-ALL:+SIGN-RSA-SHA1:+SIGN-ECDSA-SHA1"  \
    ":%%SERVER_PRECEDENCE"

/* Once at start, before the others. FAULT_TLS. */
enum fault_code tls_init(struct fault *f);

/* Versions of TLS as numbers that can be compared; 0: another, older than all. */
enum tls_version { TLS_VERSION_NONE = 0, TLS_1_0 = 10, TLS_1_1 = 11, TLS_1_2 = 12, TLS_1_3 = 13 };
const char *tls_version_name(enum tls_version version); /* "1.2" */

/* What the server proves itself with: one or two chains with keys, and the priorities. */
struct tls_identity;
struct tls_identity_files {
    const char *chain[2], *key[2]; /* PEM, or a key's pkcs11: URI; the second pair may be NULL or "" */
    const char *staple[2];         /* OCSP responses, DER; NULL or "": none */
    const char *pin_file;          /* of the token that holds a key; NULL or "": the URI tells */
    const char *priority;          /* "" or NULL: TLS_PRIORITY_DEFAULT's */
    enum tls_version legacy;       /* the oldest of `legacy` sessions, up to TLS_1_2 */
};
/* FAULT_INPUT with file and remedy: missing or unreadable file, not PEM, key does not match, bad priority
 * string. */
enum fault_code tls_identity_load(const struct tls_identity_files *files, struct tls_identity **ret_identity,
                                  struct fault *f);
/* The oldest version that other sessions speak: older than TLS_1_2 only by the priorities that were given. */
enum tls_version tls_identity_floor(const struct tls_identity *identity);
/* Why the OCSP response of that chain (0, 1) is not served although one is named; NULL: all is well. */
const char *tls_identity_note(const struct tls_identity *identity, int chain);
struct tls_identity *tls_identity_ref(struct tls_identity *identity);
void tls_identity_unref(struct tls_identity *identity); /* takes NULL */

/* Whom a client certificate makes: one bundle of CAs for each of TLS_BUNDLES roles; the bundle that verified
 * the chain is the answer. */
#define TLS_BUNDLES 3
struct tls_trust;
struct tls_trust_files {
    const char
        *ca[TLS_BUNDLES]; /* PEM; NULL or "": an empty bundle. An intermediate CA can be an anchor: its root
                             need not be there, and must not where several roles have CAs below one root */
    const char *crl[TLS_BUNDLES]; /* PEM (several) or DER (one); NULL or "": none */
};
/* FAULT_INPUT, naming file and remedy: unreadable, not PEM, no CA in it, a certificate that is not a CA's;
 * one CA in two bundles: by its key, or because a CA of one bundle was issued by a CA of another; a CRL that
 * cannot be read, or that no CA of its bundle signed. A CRL that is past its next update is taken and revokes
 * as before. */
enum fault_code tls_trust_load(const struct tls_trust_files *files, struct tls_trust **ret_trust,
                               struct fault *f);
/* When the CRL of this bundle that is overdue longest should have been replaced, Unix seconds; 0: none is
 * overdue at `now`. */
int64_t tls_trust_stale(const struct tls_trust *trust, int bundle, int64_t now);
/* Do the same CAs, in the same order, make the same roles? Their CRLs may differ. */
bool tls_trust_same_cas(const struct tls_trust *a, const struct tls_trust *b);
struct tls_trust *tls_trust_ref(struct tls_trust *trust);
void tls_trust_unref(struct tls_trust *trust); /* takes NULL */

/* What a client's certificate proves, and over which TLS it came. */
struct tls_peer {
    enum tls_version version;
    enum {
        TLS_PEER_NONE,     /* it showed none */
        TLS_PEER_VERIFIED, /* chain, dates and usage are right, and there is exactly one CN */
        TLS_PEER_UNFIT,    /* it showed one that does not identify; `reason` says why (for our log only) */
        TLS_PEER_REVOKED   /* it, or a CA above it, was revoked by a CRL of `bundle`, whatever else is wrong:
                              always   a refusal */
    } state;
    int bundle;   /* VERIFIED, REVOKED, or `expired`: 0 … TLS_BUNDLES-1; otherwise -1 */
    bool expired; /* UNFIT: it, or a CA above it, is past its end, and nothing else is wrong: `bundle` would
                     vouch for it */
    bool self_signed; /* UNFIT: its own issuer, no bundle knows it; its CN is as good as a VERIFIED one's, and
                         its owner has the key. Dates and usage are not looked at */
    char common_name[65]; /* VERIFIED: without NUL or control characters; may be "" otherwise */
    char fingerprint[65]; /* SHA-256 of the certificate, lower-case hex; "" when NONE */
    char reason[160];     /* UNFIT, REVOKED */
    /* For the catalog; as RFC 4514 writes names; "" when there is none or it is longer. */
    char subject[160], issuer[160];
    char serial[65];   /* lower-case hex */
    int64_t not_after; /* Unix seconds */
};
/* Looks at the certificate of an established session, resumed or not, and verifies it anew: the ticket proves
 * who it was, not that it still holds. */
void tls_peer_examine(const struct tls_trust *trust, gnutls_session_t session, struct tls_peer *ret_peer);

/* Sets a fresh server session up: credentials (borrowed until the session is gone: the caller holds a
 * reference to the identity that long), priorities, ALPN (`alpn` mandatory when the client offers any; NULL:
 * none), whether to ask for a certificate (never demanded), ticket key (NULL: no tickets; copied) and
 * how long its tickets are good for. */
struct tls_session_options {
    struct tls_identity *identity;
    const char *alpn;
    bool ask_certificate;
    bool legacy; /* TLS_PRIORITY_LEGACY instead of the identity's priorities */
    const gnutls_datum_t *ticket_key;
    int64_t ticket_ms; /* 0: GnuTLS's own, 6 hours. The same for all sessions of a key: GnuTLS derives from it
                          when it moves on to the next key that it makes out of this one */
    bool manual_tickets; /* TLS 1.3 tickets are not sent by themselves; tls_session_new only */
};
enum fault_code tls_session_prepare(gnutls_session_t session, const struct tls_session_options *options,
                                    struct fault *f);
/* A new non-blocking server session on a connected socket (TCP_NODELAY set by the caller; the socket stays
 * his). Given: tls_session_free. Keeps a reference to the identity until then. */
enum fault_code tls_session_new(int fd, const struct tls_session_options *options,
                                gnutls_session_t *ret_session, struct fault *f);
void tls_session_free(gnutls_session_t session); /* takes NULL */
/* Is this session a resumption of that one, or of another resumption of it? That it was resumed proves less:
 * on TLS 1.2 every full handshake with a ticket key gives a ticket out, whoever the peer is. */
bool tls_session_continues(gnutls_session_t session, gnutls_session_t original);
/* A random key for session tickets. FAULT_TLS. Wiped and freed by tls_ticket_key_free. */
enum fault_code tls_ticket_key_new(gnutls_datum_t *ret_key, struct fault *f);
void tls_ticket_key_free(gnutls_datum_t *key);

/* The alert a client refused us with, in plain words ("unknown CA: the client does not hold our root"); NULL
 * when rc was none. */
const char *tls_alert_words(gnutls_session_t session, int rc);
/* The same of an alert by its number. */
const char *tls_alert_name(gnutls_alert_description_t alert);

/* Listens to a server's session on a connected socket for what its client refuses us with, and knows when the
 * session ends. Part of its owner's struct, which outlives the session or has called tls_tap_forget. The
 * thread that the session belongs to. */
struct tls_tap {
    gnutls_session_t session;
    int fd;                             /* borrowed */
    void (*ended)(struct tls_tap *tap); /* just before the session is gone, whoever frees it; may be NULL */
    void (*dry)(struct tls_tap *tap);   /* set after tls_tap_begin: nothing has come yet; may be NULL */
    /* tls_tap.c's: where it is in the record that comes in */
    unsigned char record[11]; /* its header, and what is wanted of it */
    size_t got, rest;         /* of that; of the record */
    bool greeted;             /* the first record is over */
    int hello;                /* the version in the client's hello; 0 while there was none */
    int refused;
    size_t more; /* that many of the next records are followed by another one at once: none of them has to
                    leave in a packet of its own. Too few costs packets, one too many 200 ms */
};
/* Before the handshake. Receiving and sending go through the tap from now on. */
enum fault_code tls_tap_begin(struct tls_tap *tap, gnutls_session_t session, int fd,
                              void (*ended)(struct tls_tap *tap), struct fault *f);
void tls_tap_forget(struct tls_tap *tap); /* takes one that never began */
/* The alert that the client refused us with so far, in plain words; NULL: none. */
const char *tls_tap_refusal(const struct tls_tap *tap);
/* Why a handshake that has failed could not come to anything: the client speaks nothing newer than TLS 1.1.
 * In plain words; NULL: that was not why. */
const char *tls_tap_too_old(const struct tls_tap *tap);

/* What a fatal result of GnuTLS means, as "<doing>: words": FAULT_CUT when the peer vanished or ended without
 * close_notify, FAULT_IO, otherwise FAULT_TLS. Call it while errno is still that of the call that failed (0
 * before it). */
enum fault_code tls_fault(gnutls_session_t session, const char *doing, int rc, struct fault *f);

#endif
