/* SPDX-License-Identifier: Apache-2.0 */
/* Taking the audit trail along when a catalog is replaced by an older one: what was recorded since must not
 * be lost with a restore, and the chain goes on. Floor 2; blocking; neither catalog is in use otherwise. */
#ifndef CRADLE_AUDIT_CARRY_H
#define CRADLE_AUDIT_CARRY_H

#include "base/fault.h"
#include "db/db.h"
#include <stdint.h>

/* Makes the trail of `to` the one of `from`, state and all; both are catalogs of the same keys. Nothing is
 * done when `from` has none. *ret_records: how many. A failure in the middle leaves `to` unfit: throw it
 * away. */
enum fault_code audit_carry(struct db *from, struct db *to, int64_t *ret_records, struct fault *f);

#endif
