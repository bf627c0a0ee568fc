/* SPDX-License-Identifier: Apache-2.0 */
/* Has this come before? Whether a new segment of a log only repeats what is there, because its client could
 * not know that it had arrived. Looks, in a write, and changes nothing. For segment.c only. Floor 2. */
#ifndef CRADLE_RESEND_H
#define CRADLE_RESEND_H

#include "base/fault.h"
#include "db/db.h"
#include "fleet/fleet.h"
#include "fleet/segment.h"
#include <stdint.h>

/* Both look at the newest generation, which is open. *ret_repeats is set to the segment that is repeated, and
 * left alone when there is none. */
enum fault_code resend_append(struct fleet *fleet, struct db_conn *conn, const struct segment_new *segment,
                              const struct segment_generation *open, int64_t *ret_repeats, struct fault *f);
enum fault_code resend_replace(struct fleet *fleet, struct db_conn *conn, const struct segment_new *segment,
                               const struct segment_generation *open, int64_t *ret_repeats, struct fault *f);

#endif
