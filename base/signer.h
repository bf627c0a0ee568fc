/* SPDX-License-Identifier: Apache-2.0 */
/* RSA signatures by libcrypto, for a private key that came from a file: several times faster than GnuTLS's
 * own. The only user of OpenSSL. Floor 0; a key signs in any thread, several at once. */
#ifndef CRADLE_SIGNER_H
#define CRADLE_SIGNER_H

#include "base/fault.h"
#include <gnutls/abstract.h>

/* Replaces *key, an RSA key that GnuTLS read from a file, by one that signs TLS handshakes through libcrypto
 * (PKCS#1 and RSAE-PSS) and cannot decrypt or be exported. On a fault *key stays as it was. */
enum fault_code signer_take(gnutls_privkey_t *key, struct fault *f);

#endif
