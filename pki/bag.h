/* SPDX-License-Identifier: Apache-2.0 */
/* A key with its certificates as PKCS #12 (RFC 7292), under a passphrase: PBES2 with AES-256, a MAC with
 * SHA-256. Floor 1; any thread. */
#ifndef CRADLE_BAG_H
#define CRADLE_BAG_H

#include "base/buf.h"
#include "base/fault.h"
#include "pki/key.h"

#include <gnutls/x509.h>
#include <stddef.h>

/* Appends DER: the key, and certificates[0 … count-1], the key's own first. name: shown by programs that list
 * such files. */
enum fault_code bag_make(gnutls_x509_privkey_t key, const gnutls_x509_crt_t *certificates, size_t count,
                         const char *name, const struct passphrase *passphrase, struct buf *out,
                         struct fault *f);

#endif
