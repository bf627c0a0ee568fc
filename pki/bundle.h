/* SPDX-License-Identifier: Apache-2.0 */
/* What others must know of a PKI: the CAs and lists that a RADIUS server trusts for EAP-TLS (R27), and who
 * may log in with it. Floor 1; any thread. */
#ifndef CRADLE_BUNDLE_H
#define CRADLE_BUNDLE_H

#include "base/buf.h"
#include "base/fault.h"
#include "pki/store.h"

#include <stddef.h>
#include <stdint.h>

/* Appends PEM: the root, the handsets' intermediate, and both lists of revocations. FAULT_INPUT: a list is
 * over at `now` (Unix seconds), and every login would fail. */
enum fault_code bundle_radius(const struct store *store, int64_t now, struct buf *pem, struct fault *f);

/* Appends the common names of the handsets' certificates that hold at `now`, each once, sorted, one a line.
 */
enum fault_code bundle_identities(const struct store *store, int64_t now, struct buf *text, size_t *ret_count,
                                  struct fault *f);

#endif
