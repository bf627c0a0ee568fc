/* SPDX-License-Identifier: Apache-2.0 */
/* What the audit trail says of files and logs: what administrators store and remove, and what administrators
 * and operators read. What handsets do with their own is not in it. For tree*.c and upload.c. Floor 2. */
#ifndef CRADLE_AUDIT_FILE_H
#define CRADLE_AUDIT_FILE_H

#include "fleet/found.h"
#include "fleet/put.h"
#include "fleet/tree.h"

/* In the write of the change. */
enum fault_code audit_stored(struct fleet *fleet, struct db_conn *conn, const struct put_target *target,
                             const struct upload_outcome *outcome, bool unchecked, struct fault *f);
enum fault_code audit_removed(struct fleet *fleet, struct db_conn *conn, const struct principal *who,
                              const struct place *place, struct fault *f);
/* It was opened for reading. Never blocks. */
void audit_opened(struct fleet *fleet, const struct principal *who, const struct path *path,
                  const struct found *found, const struct tree_open *wish);

#endif
