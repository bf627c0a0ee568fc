/* SPDX-License-Identifier: Apache-2.0 */
/* Backups: the catalog as it is at one moment, while it is used, as one sealed archive (base/archive.h).
 * Contents that bear a private key stay out of it, with the keys that are theirs alone. Floor 2; blocking
 * (worker). */
#ifndef CRADLE_BACKUP_H
#define CRADLE_BACKUP_H

#include "base/archive.h"
#include "base/fault.h"
#include "fleet/fleet.h"
#include "fleet/principal.h"
#include "fleet/reader.h"

/* Copies the catalog (db_snapshot: that much free space is needed, and given back when the reader is freed;
 * after a kill, at the next start) and gives a reader over the archive, which seals as it is read, from front
 * to end. FAULT_FORBIDDEN unless an administrator asks; FAULT_BUSY while there is another one; FAULT_QUOTA:
 * the disk is full; FAULT_DAMAGED: the master key that is there does not open this catalog. */
enum fault_code backup_open(struct fleet *fleet, const struct principal *actor, struct reader **ret_reader,
                            struct fault *f);

/* The id that an archive's header carries for the catalog of this vault. */
void backup_catalog_id(struct vault *vault, uint8_t ret_id[ARCHIVE_ID]);

#endif
