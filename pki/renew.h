/* SPDX-License-Identifier: Apache-2.0 */
/* Renewing: another certificate for the same name under the same profile, with the same alternative names.
 * What was there stays, as NAME.<first 8 digits of its serial number>.pem and so on; it is not revoked. Floor
 * 1; a store belongs to one thread at a time. */
#ifndef CRADLE_RENEW_H
#define CRADLE_RENEW_H

#include "base/fault.h"
#include "pki/issue.h"

#include <stdbool.h>
#include <stddef.h>

/* The certificates of a profile that are to be renewed: those of one name, or (name NULL) those whose last
 * one ends before `until` (Unix seconds). Of each name's files the last certificate only, unless it is
 * revoked. The indices into store->ledger are given (free). FAULT_ABSENT: the name has none. */
enum fault_code renew_find(const struct store *store, const struct profile *profile, const char *name,
                           int64_t until, size_t **ret_lines, size_t *ret_count, struct fault *f);

/* order: as for issue_certificate; its name, base, names, role and force are taken from what is renewed. With
 * a NAME.key there, or any of order->forms: a new key, unless keep_key. A CA's key is always kept: everything
 * it signed goes on verifying. Without a key here: for the same public key. */
enum fault_code renew_certificate(struct store *store, const struct issuer *issuer, size_t line,
                                  const struct issue_order *order, bool keep_key,
                                  const struct passphrase_source *source, struct issue_result *ret_result,
                                  struct fault *f);

#endif
