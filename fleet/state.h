/* SPDX-License-Identifier: Apache-2.0 */
/* The state folder: who has it, what is where in it, what a crash left there. Knows nothing of what the files
 * mean. Floor 2; any thread. */
#ifndef CRADLE_STATE_H
#define CRADLE_STATE_H

#include "base/fault.h"
#include "base/settings.h"
#include "db/db.h"
#include <stdbool.h>
#include <stddef.h>

#define STATE_PATH (sizeof(settings_kind_PATH) + 64) /* room for a path in the folder */

#define STATE_CATALOG  "catalog.db"
#define STATE_ENVELOPE "master.envelope" /* the master key, encrypted to a token's (seal_source.h) */
#define STATE_SNAPSHOT "backup.tmp"      /* a backup under way; see state_clean */
#define STATE_INCOMING "restore.tmp"     /* a backup that is being verified or restored */
#define STATE_KEPT     "catalog.db.before-restore-" /* and a time: what a restore has replaced */

/* FAULT_INPUT: the folder's path is too long. */
enum fault_code state_path(const struct settings *settings, const char *name, char out[STATE_PATH],
                           struct fault *f);

/* One process at a time: a second one would take the first one's unfinished uploads for what a crash left,
 * and the first would not learn of the second one's changes. The lock ends with the process. FAULT_BUSY;
 * *ret_lock is -1 when there is no folder. */
enum fault_code state_lock(const struct settings *settings, int *ret_lock, struct fault *f);
void state_unlock(int lock); /* takes -1 */

enum state_how { /* see db_options */
                 STATE_PLAIN,
                 STATE_CREATE,
                 STATE_ERASE,
                 STATE_AS_IT_IS
};
/* Opens the catalog `name`, STATE_CATALOG or a copy. */
enum fault_code state_open(const struct settings *settings, const char *name, enum state_how how,
                           struct db **ret_db, int *ret_upgraded, struct fault *f);
/* FAULT_CONFLICT: beside the database `name`, which nobody has open, lies a write-ahead log. It holds a part
 * of it, and would be taken for a part of any other that gets this name. */
enum fault_code state_is_closed(const struct settings *settings, const char *name, struct fault *f);

/* Removes a database with what SQLite puts beside it. */
void state_remove(const struct settings *settings, const char *name);
/* Removes what a backup or restore that was killed left behind, a second name of the catalog included. The
 * lock is held, and neither runs. */
void state_clean(const struct settings *settings);

#endif
