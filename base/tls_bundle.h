/* SPDX-License-Identifier: Apache-2.0 */
/* One bundle of CAs with the CRLs that they signed: does it vouch for a chain, and did one of its CAs take
 * that back? For tls_trust.c, which makes bundles, and tls_peer.c, which asks them. Floor 0; immutable once
 * loaded: any thread. */
#ifndef CRADLE_TLS_BUNDLE_H
#define CRADLE_TLS_BUNDLE_H

#include "base/fault.h"
#include "base/tls.h"
#include <gnutls/x509.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLS_CHAIN_LIMIT  16 /* certificates that a client may show; GnuTLS's own limit too */
#define TLS_SERIAL_LIMIT 32 /* bytes; RFC 5280 allows 20 */

struct tls_serial {
    unsigned char n, bytes[TLS_SERIAL_LIMIT];
};

/* What a CRL says, ready to be searched: lists of ten thousand are looked at in each handshake. */
struct tls_crl {
    gnutls_datum_t issuer;      /* its name as DER */
    struct tls_serial *serials; /* sorted */
    size_t count;
    int64_t next_update; /* Unix seconds; -1: it does not say */
};

struct tls_bundle {
    gnutls_x509_trust_list_t list;
    gnutls_x509_crt_t *cas; /* the list owns the certificates, this array is ours */
    unsigned count;
    struct tls_crl *crls;
    size_t n_crls;
};

struct tls_trust {
    atomic_uint references;
    struct tls_bundle bundles[TLS_BUNDLES];
};

/* FAULT_INPUT names the file and the remedy. crl_file NULL or "": none. */
enum fault_code tls_bundle_load(struct tls_bundle *bundle, const char *ca_file, const char *crl_file,
                                struct fault *f);
void tls_bundle_fini(struct tls_bundle *bundle); /* takes a zeroed one */

/* For texts: a certificate's subject, cut. */
void tls_subject(gnutls_x509_crt_t crt, char *out, size_t size);

/* GnuTLS's status of a chain (leaf first) as a client's, 0: all is well. dates: whether they count. CRLs do
 * not. */
unsigned tls_bundle_verify(const struct tls_bundle *bundle, gnutls_x509_crt_t *chain, unsigned n, bool dates);
/* Is the chain this bundle's own, by its signatures alone, whatever else may be wrong with it; and is the
 * leaf, or a CA above it (the bundle's too), listed as revoked? */
bool tls_bundle_revokes(const struct tls_bundle *bundle, gnutls_x509_crt_t *chain, unsigned n);

#endif
