/* SPDX-License-Identifier: Apache-2.0 */
/* Handsets that ask for others' names. Everything that carries another handset's MAC is absent to a handset
 * whether it exists or not, so asking teaches nothing; but whoever asks for many different ones is looking
 * for something, with credentials that may be stolen: it is counted, told of once in a window, and slowed
 * down.
 *
 * Counted are different foreign MACs (names that begin with one, at any place of a path) for each handset
 * that is identified, whatever it wants with them. Its own names, shared ones and the fall-back
 * (000000000000) are none, so that a boot with all its missing files counts nothing. Administrators and
 * operators may ask for all of them. Clients that are not identified get the same refusal whatever they ask
 * for; their guesses are throttle.h's. The delay is decided from the shape of the name, before any look-up:
 * unknown, foreign and forbidden names wait alike, and names without a foreign MAC never do.
 *
 * Fixed size; places and MACs are kept as keyed hashes; a full place gives up who asked for the fewest.
 * Floor 2; any thread; never blocks for long. */
#ifndef CRADLE_CENSUS_H
#define CRADLE_CENSUS_H

#include "base/fault.h"
#include "base/path.h"
#include "fleet/fleet.h"
#include "fleet/principal.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CENSUS_HANDSETS     2048
#define CENSUS_MACS         128 /* of one handset; above enumeration_limit's maximum */
#define CENSUS_DELAY_MIN_MS 100 /* for the first MAC too many; doubles with each further one */
#define CENSUS_DELAY_MAX_MS 5000

struct census;
struct census *census_new(void);         /* NULL if out of memory */
void census_free(struct census *census); /* takes NULL */

/* `who` asks for something at this path: call it once a request. Gives the milliseconds that its answer must
 * be put off, 0 for nearly everybody. Logs and records, once in a window, who went above the limit: nobody
 * above learns of it. */
int64_t census_ask(struct fleet *fleet, const struct principal *who, const struct path *path);
/* The same without a word; *ret_news: it has just gone above. */
int64_t census_count(struct fleet *fleet, const struct principal *who, const struct path *path,
                     bool *ret_news);

struct census_suspect {
    struct mac mac;              /* the handset that asked */
    char address[ADDRESS_LIMIT]; /* the last that it asked from */
    int64_t macs;                /* different ones, CENSUS_MACS at most */
    int64_t requests;            /* for foreign names in this window */
    int64_t since, until;        /* Unix ms: the window */
};
/* Who is above enumeration_limit now, the most first. *ret_list is given (free). */
enum fault_code census_list(struct fleet *fleet, struct census_suspect **ret_list, size_t *ret_count,
                            struct fault *f);
/* Forgets what that handset asked for; NULL: what all did. Gives how many were above the limit. */
size_t census_forgive(struct fleet *fleet, const struct mac *mac);

#endif
