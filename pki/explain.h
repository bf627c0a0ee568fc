/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a file of certificates, in plain words: certificates, requests, lists of revocations, PKCS #12.
 * Of keys it tells that they are there and what kind they are, and nothing else. Floor 1; any thread. */
#ifndef CRADLE_EXPLAIN_H
#define CRADLE_EXPLAIN_H

#include "base/buf.h"
#include "base/fault.h"
#include "pki/key.h"

#include <stdint.h>

/* Appends the words for a file, PEM or DER. now (Unix seconds) says what is over. source is asked for the
 * passphrase of a PKCS #12; NULL: those are not opened. FAULT_ABSENT; FAULT_INPUT: nothing that is known. */
enum fault_code explain_file(const char *file, int64_t now, const struct passphrase_source *source,
                             struct buf *out, struct fault *f);

#endif
