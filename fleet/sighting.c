/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/sighting.h"

#include "base/clock.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#define PLACES 16384

/* The time and what was seen in one word, so that it changes in one step: the upper half is the minute, the
 * lower a hash. */
struct sighting {
    _Atomic uint64_t place[PLACES];
};

struct sighting *sighting_new(void)
{
    return calloc(1, sizeof(struct sighting));
}

void sighting_free(struct sighting *sightings)
{
    free(sightings);
}

/* FNV-1a */
static uint64_t add(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return (hash ^ 0xff) * 1099511628211u;
}

bool sighting_is_news(struct sighting *sightings, const char *who, const char *address,
                      const char *user_agent)
{
    uint64_t whose = add(14695981039346656037u, who);
    uint64_t what = add(add(whose, address), user_agent ? user_agent : "");
    uint64_t now = ((uint64_t)(clock_steady_ms() / SIGHTING_MS + 1) << 32) | (uint32_t)(what ^ what >> 32);
    return atomic_exchange(&sightings->place[(whose ^ whose >> 32) % PLACES], now) != now;
}
