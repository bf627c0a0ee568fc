/* SPDX-License-Identifier: Apache-2.0 */
/* Rotation of data keys (R17): a new key seals from now on, and a thread of its own seals anew, in the
 * background, what lies under older ones, at seal_rate, in small writes; then destroys the older keys. The
 * catalog is all its state (content.key), so it goes on after any end. Old keys go when no content, no upload
 * under way and no reader's snapshot needs them. A content that does not open keeps its key: what is not
 * certain to be lost is not made so. Of this floor this module logs, as login.c does: nobody above learns of
 * it. Floor 2. */
#ifndef CRADLE_RESEAL_H
#define CRADLE_RESEAL_H

#include "base/fault.h"
#include "fleet/fleet.h"
#include "fleet/principal.h"
#include "fleet/vault.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reseal;

/* Starts the thread; at once it looks for what an earlier one left. Part of serving, not of fleet_open: what
 * only looks at a catalog changes nothing in it. */
enum fault_code reseal_start(struct fleet *fleet, struct fault *f);
/* Ends it after the write that is under way. Part of fleet_close. */
void reseal_stop(struct fleet *fleet);

/* A new data key, at once; wakes the thread. FAULT_CONFLICT: too many wait to be retired. Blocking. */
enum fault_code reseal_rotate(struct fleet *fleet, const struct principal *who, uint32_t *ret_key,
                              struct fault *f);

struct reseal_key {
    uint32_t id;
    char purpose[16]; /* "chunk", "digest" or "password" */
    int64_t created;
    int64_t contents, bytes; /* of contents that may have chunks under it; chunk keys */
    bool current;            /* it seals, or is the only one of its purpose */
};
struct reseal_status {
    size_t count;
    struct reseal_key key[VAULT_KEYS + 8];
    int64_t own;         /* keys of single contents that bear private keys */
    bool running;        /* something is left to be done */
    int64_t done, total; /* bytes of the pass that is under way, or was last */
    int64_t damaged;     /* contents of it that do not open, and keep their keys */
    bool scrubbing;      /* a destroyed key is still in the write-ahead log */
};
/* Blocking: counts rows. */
enum fault_code reseal_status(struct fleet *fleet, struct reseal_status *ret_status, struct fault *f);

#endif
