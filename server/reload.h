/* SPDX-License-Identifier: Apache-2.0 */
/* Reading everything again while the daemon serves: settings, certificates, keys, bundles. All of it is read
 * and checked first, and only then swapped; when anything is wrong, everything stays as it was, but for
 * the CRLs of the CAs that are in force: a revocation does not wait for somebody to mend a typing error.
 * Connections and sessions go on; new ones use what is new; those whose client certificate does not hold any
 * more end. Floor 4; the main thread. */
#ifndef CRADLE_RELOAD_H
#define CRADLE_RELOAD_H

#include "fleet/fleet.h"
#include "ftps/ftps.h"
#include "server/https.h"
#include "server/load.h"

/* What runs while the daemon serves. */
struct serving {
    struct fleet *fleet;
    struct https *https;
    struct ftps *ftps;
};

/* Logs one event: reload.done, or reload.failed with the reason; and the warnings as at start. `cause` is
 * what it was asked by: "signal" or "change". */
void reload(const struct load_source *source, struct watch *watch, const struct serving *serving,
            const char *cause);

#endif
