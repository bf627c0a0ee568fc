/* SPDX-License-Identifier: Apache-2.0 */
/* What the tls_*.c share and nobody else sees. Floor 0. */
#ifndef CRADLE_TLS_INNER_H
#define CRADLE_TLS_INNER_H

#include "base/fault.h"
#include "base/tls.h"
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdatomic.h>

#define TLS_NOTE 200

/* What one kind of listener offers. */
struct tls_offer {
    gnutls_priority_t priority;
    gnutls_certificate_credentials_t credentials;
};

/* Immutable once loaded. */
struct tls_identity {
    atomic_uint references;
    struct tls_offer usual, legacy;
    char pin_file[512];     /* for keys in a token, which may ask again later */
    char note[2][TLS_NOTE]; /* why the staple of a chain is not served */
};

enum tls_version tls_version_of(gnutls_protocol_t protocol);

/* What a chain in DER, leaf first, proves: all of *ret_peer but its version. */
void tls_peer_judge(const struct tls_trust *trust, const gnutls_datum_t *ders, unsigned n,
                    struct tls_peer *ret_peer);

/* A response that is worth serving, for the credentials' chain number `index`, whose certificates are
 * `chain`. Otherwise nothing is served, and note says why. */
void tls_staple(gnutls_certificate_credentials_t credentials, unsigned index, const char *file,
                const gnutls_x509_crt_t *chain, unsigned n_chain, char *ret_note, size_t size);

#endif
