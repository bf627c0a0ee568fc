/* SPDX-License-Identifier: Apache-2.0 */
/* A handset that is out of our hands: denied by everything that it could show, at once, until it is found.
 * Which shared secrets it takes along is exposure.h's. Floor 2; blocking (worker). */
#ifndef CRADLE_LOST_H
#define CRADLE_LOST_H

#include "base/fault.h"
#include "base/mac.h"
#include "fleet/fleet.h"
#include "fleet/principal.h"
#include <stdint.h>

struct lost_outcome {
    int64_t accounts;     /* whose passwords are gone */
    int64_t certificates; /* that were revoked now */
};

/* Disables the handset and its accounts, whose passwords are gone for good; revokes every certificate that it
 * was seen with, and its pinned one; ends its exceptions; cuts its sessions. Any certificate with its MAC is
 * refused from now on, whatever else is shown. May be said again: what came meanwhile is denied too.
 * FAULT_ABSENT, FAULT_FORBIDDEN. */
enum fault_code lost_report(struct fleet *fleet, const struct principal *actor, const struct mac *mac,
                            struct lost_outcome *ret_outcome, struct fault *f);
/* It may come back: handset and accounts are enabled. Passwords must be made anew, certificates stay revoked.
 * FAULT_CONFLICT: it was not lost. */
enum fault_code lost_found(struct fleet *fleet, const struct principal *actor, const struct mac *mac,
                           struct fault *f);

#endif
