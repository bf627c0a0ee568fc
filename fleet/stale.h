/* SPDX-License-Identifier: Apache-2.0 */
/* Open generations of logs that nobody has added to for long. An upload that finds no room (quota) ends them,
 * dated back to their last byte, so that they count among the oldest: a log that is never written again must
 * not hold its place for ever, or a handset that gives its logs new names would in the end be refused for
 * good. For segment.c only. Floor 2. */
#ifndef CRADLE_STALE_H
#define CRADLE_STALE_H

#include "base/fault.h"
#include "base/mac.h"
#include "db/db.h"
#include <stdint.h>

/* What the open generations that were last modified at `until` or before count for in the quota, at least. */
enum fault_code stale_cost(struct db_conn *conn, const struct mac *mac, int64_t until, int64_t *ret_cost,
                           struct fault *f);
/* In a write: ends the oldest of them, until those count for `need`; *ret_ended is how many. */
enum fault_code stale_end(struct db_conn *conn, const struct mac *mac, int64_t until, int64_t need,
                          int64_t *ret_ended, struct fault *f);

#endif
