/* SPDX-License-Identifier: Apache-2.0 */
/* What the tls_*.c share and nobody else sees. Floor 0. */
#ifndef CRADLE_TLS_INNER_H
#define CRADLE_TLS_INNER_H

#include "base/fault.h"
#include "base/tls.h"
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdatomic.h>

/* Immutable once loaded. */
struct tls_identity {
    atomic_uint references;
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priority, legacy;
    char pin_file[512]; /* for keys in a token, which may ask again later */
    char note[2][200];  /* why the staple of a chain is not served */
};

enum tls_version tls_version_of(gnutls_protocol_t protocol);

/* A response that is worth serving, for the credentials' chain number `index`, whose certificates are
 * `chain`. Otherwise nothing is served, and note says why. */
void tls_staple(gnutls_certificate_credentials_t credentials, unsigned index, const char *file,
                const gnutls_x509_crt_t *chain, unsigned n_chain, char *ret_note, size_t size);

#endif
