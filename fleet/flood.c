/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/flood.h"

#include "base/clock.h"
#include "base/mem.h"
#include "fleet/tally.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Three tiers: of one name at one address; of several names at one address; of several addresses. The last
 * has a place for each event that strangers can cause. */
#define TIERS 3
static const size_t tier_begin[TIERS + 1] = { 0, 192, 240, 256 };
#define PLACES 256

_Static_assert(FLOOD_RECORDS == 2 * PLACES, "a place is told at most twice in a minute");

struct place {
    bool taken;
    uint64_t hash;
    int64_t since; /* steady ms */
    uint64_t more;
    struct chain_record record;
};
struct flood {
    pthread_mutex_t lock;
    struct place place[PLACES];
};

struct flood *flood_new(void)
{
    struct flood *flood = calloc(1, sizeof *flood);
    if (flood)
        pthread_mutex_init(&flood->lock, NULL);
    return flood;
}

void flood_free(struct flood *flood)
{
    if (flood == NULL)
        return;
    pthread_mutex_destroy(&flood->lock);
    free(flood);
}

static uint64_t hash_of(const struct chain_record *r)
{
    const char *const texts[] = { r->event, r->who, r->address, r->target, r->outcome, r->detail };
    return tally_hash(texts, ARRAY_LENGTH(texts));
}

/* A place whose minute is over and that was told in full is free. */
static bool is_free(const struct place *p, int64_t now)
{
    return !p->taken || (p->more == 0 && now - p->since >= FLOOD_MS);
}

/* Counts it where its like is, or takes a free place (*ret_news). False: there is no place for it in this
 * tier. */
static bool place_in(struct flood *flood, unsigned tier, const struct chain_record *record, bool *ret_news)
{
    int64_t now = clock_steady_ms();
    uint64_t hash = hash_of(record);
    struct place *place = NULL;
    size_t names = 0;
    for (size_t i = tier_begin[tier]; i < tier_begin[tier + 1]; i++) {
        struct place *p = &flood->place[i];
        if (is_free(p, now)) {
            place = place ? place : p;
            continue;
        }
        if (p->hash == hash) {
            p->more++;
            p->record.at = record->at;
            *ret_news = false;
            return true;
        }
        names +=
            strcmp(p->record.address, record->address) == 0 && strcmp(p->record.event, record->event) == 0;
    }
    if (place == NULL || (tier == 0 && names >= FLOOD_NAMES))
        return false;
    *place = (struct place){ .taken = true, .hash = hash, .since = now, .record = *record };
    *ret_news = true;
    return true;
}

/* What differs between several is left out, so that they are alike. */
static void make_one_of_several(struct chain_record *record, unsigned tier)
{
    mem_copy_text(record->who, sizeof record->who, FLOOD_SEVERAL);
    record->certificate[0] = record->detail[0] = '\0';
    if (tier > 1)
        mem_copy_text(record->address, sizeof record->address, FLOOD_SEVERAL);
    if (tier > 1)
        record->target[0] = record->outcome[0] = '\0';
}

bool flood_is_news(struct flood *flood, struct chain_record *record)
{
    bool news = true, placed = false;
    pthread_mutex_lock(&flood->lock);
    for (unsigned tier = 0; !placed && tier < TIERS; tier++) {
        if (tier > 0)
            make_one_of_several(record, tier);
        placed = place_in(flood, tier, record, &news);
    }
    pthread_mutex_unlock(&flood->lock);
    return placed && news;
}

static void add_count(struct chain_record *record, uint64_t more)
{
    size_t n = strlen(record->detail);
    char words[64];
    int length =
        snprintf(words, sizeof words, "%s%llu more within a minute", n ? "; " : "", (unsigned long long)more);
    if (length > 0 && n + (size_t)length < sizeof record->detail)
        memcpy(record->detail + n, words, (size_t)length + 1);
}

bool flood_due(struct flood *flood, bool all, struct chain_record *ret_record)
{
    int64_t now = clock_steady_ms();
    bool found = false;
    pthread_mutex_lock(&flood->lock);
    for (size_t i = 0; !found && i < PLACES; i++) {
        struct place *p = &flood->place[i];
        if (!p->taken || p->more == 0 || (!all && now - p->since < FLOOD_MS))
            continue;
        found = true;
        p->taken = false;
        *ret_record = p->record;
        add_count(ret_record, p->more);
    }
    pthread_mutex_unlock(&flood->lock);
    return found;
}
