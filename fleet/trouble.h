/* SPDX-License-Identifier: Apache-2.0 */
/* Handsets whose own file could not be read lately, though nothing says that it is absent. Until that is
 * TROUBLE_MS ago they get no fall-back file (000000000000*): a phone that boots from it loses its
 * registration. tree.c marks what it sees itself; a front end marks what stopped a read afterwards (overload,
 * a fault of reader_read). Floor 2; any thread; never blocks.
 *
 * Fixed size whatever happens: a filter that forgets nobody, and in a disaster may count a handset in by
 * mistake, which is then told to come back later. */
#ifndef CRADLE_TROUBLE_H
#define CRADLE_TROUBLE_H

#include "base/mac.h"
#include "fleet/fleet.h"
#include <stdbool.h>

#define TROUBLE_MS 60000

struct trouble *trouble_new(void); /* NULL if out of memory */
void trouble_free(struct trouble *trouble);

/* An empty MAC is ignored. */
void trouble_mark(struct fleet *fleet, const struct mac *mac);
bool trouble_is_marked(const struct fleet *fleet, const struct mac *mac);

#endif
