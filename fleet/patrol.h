/* SPDX-License-Identifier: Apache-2.0 */
/* Verifying the catalog that is served (verify.h), in the background: on a thread of its own with the lowest
 * priority, which rests as long as it works. It is asked for, never begins by itself, and what it found is
 * kept until it is asked for again. Like login.c it logs: nobody above learns of it. Floor 2; any thread. */
#ifndef CRADLE_PATROL_H
#define CRADLE_PATROL_H

#include "base/fault.h"
#include "fleet/fleet.h"
#include "fleet/principal.h"
#include "fleet/verify.h"

#define PATROL_NAMED 100 /* so many damages are told in full; all are counted, and in the log */

enum patrol_state {
    PATROL_IDLE,    /* nobody asked since the start */
    PATROL_RUNNING, /* counts grow */
    PATROL_DONE,    /* all was looked at */
    PATROL_FAILED   /* it could not go on: `words` say why */
};
struct patrol_report {
    enum patrol_state state;
    int64_t started, ended; /* Unix ms; 0: not yet */
    struct verify_counts counts;
    char words[240];
    size_t named;
    struct verify_damage *damage; /* given (free) */
};

struct patrol;
struct patrol *patrol_new(struct fleet *fleet); /* NULL if out of memory */
/* Stops what is under way. Before the catalog is closed. Takes NULL. */
void patrol_free(struct patrol *patrol);

/* FAULT_CONFLICT: it is under way already. FAULT_FORBIDDEN unless an administrator asks. */
enum fault_code patrol_begin(struct fleet *fleet, const struct principal *actor, struct fault *f);
enum fault_code patrol_look(struct fleet *fleet, struct patrol_report *ret_report, struct fault *f);

#endif
