/* SPDX-License-Identifier: Apache-2.0 */
/* Which handsets and certificates were noted as seen lately, so that a boot of twenty requests makes one note
 * in the catalog and not twenty. Fixed size: a handset that shares a place with another is noted more often,
 * never less. Floor 2; any thread; never blocks. */
#ifndef CRADLE_SIGHTING_H
#define CRADLE_SIGHTING_H

#include <stdbool.h>

#define SIGHTING_MS 60000

struct sighting;
struct sighting *sighting_new(void);            /* NULL if out of memory */
void sighting_free(struct sighting *sightings); /* takes NULL */
/* True when this is worth a note: the first sight of `who` (a handset's MAC, a certificate's fingerprint) at
 * this address with this user agent (may be NULL) for SIGHTING_MS. */
bool sighting_is_news(struct sighting *sightings, const char *who, const char *address,
                      const char *user_agent);

#endif
