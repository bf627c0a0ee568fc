/* SPDX-License-Identifier: Apache-2.0 */
/* What the present catalog denies, carried into one that came out of a backup: a restore lets nobody back in.
 * What is stricter in either of both holds. Floor 2; blocking. */
#ifndef CRADLE_MERGE_H
#define CRADLE_MERGE_H

#include "base/fault.h"
#include "db/db.h"
#include <stdint.h>

enum merge_kind {
    MERGE_CREDENTIALS, /* an account whose password is another one than in the backup, which holds now */
    MERGE_DISABLED,    /* an account or handset that the backup had enabled, disabled since */
    MERGE_REMOVED,     /* one that was removed, or given to somebody else, since: it comes back disabled */
    MERGE_STRICTER,    /* a handset from which an exception was taken since */
    MERGE_REVOKED,     /* a certificate that was revoked since */
    MERGE_GONE,        /* an account or handset that was made since: it is gone */
    MERGE_KINDS
};
struct merge_news {
    /* `what`: "account", "handset" or "certificate"; both texts are borrowed for the call. */
    void (*tell)(void *user, enum merge_kind kind, const char *what, const char *name);
    void *user;
};

/* In a write on the restored catalog: `to` is its writer, `now` and `then` are readers of the present and of
 * the restored one. FAULT_CONFLICT: no enabled administrator would be left. */
enum fault_code merge_denials(struct db_conn *now, struct db_conn *then, struct db_conn *to,
                              const struct merge_news *news, struct fault *f);

#endif
