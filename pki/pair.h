/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate that goes with the private key in one text. Floor 1; any thread. */
#ifndef CRADLE_PAIR_H
#define CRADLE_PAIR_H

#include <stdbool.h>
#include <stddef.h>

#define PAIR_FINGERPRINT 65 /* SHA-256 in lower-case hex, as struct tls_peer has it */

/* Looks through PEM blocks, whatever stands between them. False: there is no key that can be read (it is
 * encrypted, or none), or no certificate of it. */
bool pair_find(const char *text, size_t n, char fingerprint[PAIR_FINGERPRINT]);

#endif
