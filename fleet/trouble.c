/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/trouble.h"

#include "base/clock.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

/* Two places a MAC: both must be marked. With 1,000 handsets in trouble at once another one is taken for
 * troubled with a probability of (2,000/65,536)² = 0.1 %. */
#define PLACES 65536

struct trouble {
    _Atomic int64_t until[PLACES]; /* steady clock; 0: never marked */
};

struct trouble *trouble_new(void)
{
    return calloc(1, sizeof(struct trouble));
}

void trouble_free(struct trouble *trouble)
{
    free(trouble);
}

/* FNV-1a, then two 16-bit pieces of a mix of it. */
static void places_of(const struct mac *mac, size_t ret_places[2])
{
    uint64_t h = 14695981039346656037u;
    for (const char *p = mac->text; *p != '\0'; p++)
        h = (h ^ (unsigned char)*p) * 1099511628211u;
    h ^= h >> 32;
    h *= 0x9e3779b97f4a7c15u;
    ret_places[0] = (size_t)(h >> 48) % PLACES;
    ret_places[1] = (size_t)(h >> 32) % PLACES;
}

void trouble_mark(struct fleet *fleet, const struct mac *mac)
{
    if (mac->text[0] == '\0')
        return;
    size_t places[2];
    places_of(mac, places);
    int64_t until = clock_steady_ms() + TROUBLE_MS;
    for (size_t i = 0; i < 2; i++)
        atomic_store(&fleet->trouble->until[places[i]], until);
}

bool trouble_is_marked(const struct fleet *fleet, const struct mac *mac)
{
    if (mac->text[0] == '\0')
        return false;
    size_t places[2];
    places_of(mac, places);
    int64_t now = clock_steady_ms();
    return atomic_load(&fleet->trouble->until[places[0]]) > now &&
           atomic_load(&fleet->trouble->until[places[1]]) > now;
}
