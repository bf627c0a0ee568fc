/* SPDX-License-Identifier: Apache-2.0 */
/* Revoking certificates of a PKI folder, and publishing the lists that say so. Floor 1; a store belongs to
 * one thread at a time. */
#ifndef CRADLE_REVOKE_H
#define CRADLE_REVOKE_H

#include "base/fault.h"
#include "pki/store.h"

#include <stddef.h>

#define REVOKE_CRL_DAYS     30 /* how long a list holds, unless told otherwise */
#define REVOKE_CRL_DAYS_MAX 3650

/* Marks in the index all certificates of the profile that have this common name, or the one with this serial
 * number (any profile), and are not revoked yet; *ret_count: how many. profile is NULL for a serial.
 * FAULT_ABSENT: none; FAULT_CONFLICT: all are revoked already; FAULT_INPUT: the root, which nobody can
 * revoke. *ret_ca: whose list must be published now. */
enum fault_code revoke_mark(struct store *store, const struct profile *profile, const char *which,
                            enum crl_reason reason, enum profile_id *ret_ca, size_t *ret_count,
                            struct fault *f);

/* Writes the list of a CA anew, with a number above the last one's. Certificates stay in it for good: a
 * handset may be accepted although its certificate is over, but never one that was revoked. *ret_count
 * (unless NULL): its entries. */
enum fault_code revoke_publish(const struct store *store, enum profile_id ca, const struct issuer *issuer,
                               int days, size_t *ret_count, struct fault *f);

#endif
