/* SPDX-License-Identifier: Apache-2.0 */
/* Taking in a backup (backup.h): out of the archive into a file beside the catalog, judged there, and only
 * then, in one step, in the catalog's place. The state folder's lock is held throughout (state_lock), and no
 * daemon runs. Floor 2; blocking. */
#ifndef CRADLE_RESTORE_H
#define CRADLE_RESTORE_H

#include "base/archive.h"
#include "base/fault.h"
#include "base/settings.h"
#include "db/db.h"
#include "fleet/merge.h"
#include "fleet/state.h"
#include "fleet/vault.h"
#include "fleet/verify.h"

/* A catalog that came out of an archive, or the stopped one; all zero: none. */
struct restore {
    const struct settings *settings; /* borrowed */
    struct archive_about about;
    struct db *db;
    struct vault *vault;
    bool incoming; /* it lies in STATE_INCOMING, which restore_end removes */
};

/* Decrypts the archive `file` into STATE_INCOMING and opens it: a whole catalog of a version that this
 * program knows, without anything else in it; an older one is brought up to date. FAULT_FORBIDDEN: made under
 * another master key than those that master_key and master_key_next name; FAULT_DAMAGED; FAULT_INPUT: no
 * archive. Whatever is returned, restore_end follows. */
enum fault_code restore_begin(const struct settings *settings, const char *file, struct restore *restore,
                              struct fault *f);
/* The stopped catalog, for the same looks. FAULT_CONFLICT: it is of an older schema, which only a start
 * changes. restore_end follows. */
enum fault_code restore_stopped(const struct settings *settings, struct restore *restore, struct fault *f);
/* Closes; removes what came out of the archive unless restore_finish has put it into its place. */
void restore_end(struct restore *restore);

/* What has come in takes the catalog's place. With a catalog that is there goes: what it denies, and its
 * audit trail, are carried over (merge.h), and it is kept as *ret_kept ("" when there was none). A new data
 * key seals from now on. FAULT_CONFLICT: the catalog that is there is another one, or nobody could administer
 * the result. A kill leaves the old catalog or the new one, each whole; state_clean removes the rest. */
enum fault_code restore_finish(struct restore *restore, const struct merge_news *news,
                               char ret_kept[STATE_PATH], struct fault *f);

#endif
