/* SPDX-License-Identifier: Apache-2.0 */
/* What strangers did lately: keeps a flood of refusals from flooding the audit trail. The first of its kind
 * is told at once; those alike within a minute are counted and told together when the minute is over. Who
 * comes with many names shares one record from the seventeenth on, and when too many addresses come, all that
 * are left share one. So a minute makes at most a few hundred records, whatever happens. Floor 2; any thread;
 * never blocks. */
#ifndef CRADLE_FLOOD_H
#define CRADLE_FLOOD_H

#include "base/chain.h"
#include <stdbool.h>
#include <stdint.h>

#define FLOOD_MS      60000
#define FLOOD_NAMES   16 /* records of one address and event in a minute that have a name of their own */
#define FLOOD_SEVERAL "(several)"
#define FLOOD_RECORDS 512 /* what a minute makes at most: each place is told when taken and when left */

struct flood;
struct flood *flood_new(void);        /* NULL if out of memory */
void flood_free(struct flood *flood); /* takes NULL */
/* True: write *record, which may have become one of several. False: it was counted. */
bool flood_is_news(struct flood *flood, struct chain_record *record);
/* A record for what was counted in a minute that is over (`all`: or not yet); false when there is none left.
 */
bool flood_due(struct flood *flood, bool all, struct chain_record *ret_record);

#endif
