/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/tally.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>

/* A fleet of 20,000 fills a third of it: more than eight of them in one set are rare. */
#define SETS 8192
#define WAYS 8

struct place {
    uint64_t hash;
    int64_t since; /* steady ms; 0: empty */
    uint64_t more;
};
struct tally {
    pthread_mutex_t lock;
    struct place place[SETS][WAYS];
};

struct tally *tally_new(void)
{
    struct tally *tally = calloc(1, sizeof *tally);
    if (tally)
        pthread_mutex_init(&tally->lock, NULL);
    return tally;
}

void tally_free(struct tally *tally)
{
    if (tally == NULL)
        return;
    pthread_mutex_destroy(&tally->lock);
    free(tally);
}

/* FNV-1a; an end of text is hashed as a byte that no text has. */
uint64_t tally_hash(const char *const *texts, unsigned count)
{
    uint64_t hash = 14695981039346656037u;
    for (unsigned i = 0; i < count; i++) {
        for (const char *c = texts[i] ? texts[i] : ""; *c != '\0'; c++)
            hash = (hash ^ (unsigned char)*c) * 1099511628211u;
        hash = (hash ^ 0xff) * 1099511628211u;
    }
    return hash;
}

/* Its place, or the one that it may have: the oldest of its set. */
static struct place *find(struct tally *tally, uint64_t hash)
{
    struct place *set = tally->place[(hash ^ hash >> 32) % SETS], *oldest = set;
    for (struct place *p = set; p < set + WAYS; p++) {
        if (p->since != 0 && p->hash == hash)
            return p;
        if (p->since < oldest->since)
            oldest = p;
    }
    return oldest;
}

bool tally_is_news(struct tally *tally, uint64_t hash, int64_t interval_ms, uint64_t *ret_more)
{
    int64_t now = clock_steady_ms() + 1; /* never 0 */
    pthread_mutex_lock(&tally->lock);
    struct place *p = find(tally, hash);
    bool known = p->since != 0 && p->hash == hash;
    bool news = !known || now - p->since >= interval_ms;
    if (news) {
        *ret_more = known ? p->more : 0;
        *p = (struct place){ .hash = hash, .since = now };
    } else {
        p->more++;
    }
    pthread_mutex_unlock(&tally->lock);
    return news;
}
