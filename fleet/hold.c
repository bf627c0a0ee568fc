/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/hold.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HOLD_BUCKETS 1024
/* What was let go of lately: a reader whose snapshot is older than that write could still ask for it.
 * Snapshots that only look names up live for milliseconds; a ring of this length and time is plenty. */
#define HOLD_GOING    4096
#define HOLD_GOING_MS 60000

struct hold {
    uint8_t id[SEAL_CONTENT_ID];
    size_t count;
    bool doomed;
    struct hold *chained;
};
struct going {
    uint8_t id[SEAL_CONTENT_ID];
    int64_t since; /* steady ms */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct hold *bucket[HOLD_BUCKETS];
static struct going going[HOLD_GOING];
static size_t going_total; /* ever; the next one goes to going[going_total % HOLD_GOING] */

static struct hold **hold_link(const uint8_t *id)
{
    unsigned hash = (unsigned)id[0] << 8 | id[1];
    struct hold **link = &bucket[hash % HOLD_BUCKETS];
    while (*link && memcmp((*link)->id, id, SEAL_CONTENT_ID) != 0)
        link = &(*link)->chained;
    return link;
}

static bool hold_is_going(const uint8_t *id)
{
    int64_t now = clock_steady_ms();
    size_t kept = going_total < HOLD_GOING ? going_total : HOLD_GOING;
    for (size_t i = 1; i <= kept; i++) {
        const struct going *g = &going[(going_total - i) % HOLD_GOING];
        if (now - g->since > HOLD_GOING_MS)
            return false;
        if (memcmp(g->id, id, SEAL_CONTENT_ID) == 0)
            return true;
    }
    return false;
}

enum fault_code hold_take(const uint8_t id[SEAL_CONTENT_ID], struct fault *f)
{
    enum fault_code code = FAULT_OK;
    pthread_mutex_lock(&lock);
    struct hold **link = hold_link(id);
    if (*link) {
        (*link)->count++;
    } else if (hold_is_going(id)) {
        code = fault_set(f, FAULT_BUSY, "the content was replaced this moment; ask again");
    } else {
        struct hold *hold = calloc(1, sizeof *hold);
        if (hold) {
            memcpy(hold->id, id, SEAL_CONTENT_ID);
            hold->count = 1;
            *link = hold;
        } else {
            code = fault_set(f, FAULT_MEMORY, "out of memory for a reader");
        }
    }
    pthread_mutex_unlock(&lock);
    return code;
}

bool hold_drop(const uint8_t id[SEAL_CONTENT_ID])
{
    bool last_of_doomed = false;
    pthread_mutex_lock(&lock);
    struct hold **link = hold_link(id);
    struct hold *hold = *link;
    if (hold && --hold->count == 0) {
        last_of_doomed = hold->doomed;
        *link = hold->chained;
        free(hold);
    }
    pthread_mutex_unlock(&lock);
    return last_of_doomed;
}

bool hold_claim(const uint8_t id[SEAL_CONTENT_ID])
{
    pthread_mutex_lock(&lock);
    struct hold *hold = *hold_link(id);
    if (hold) {
        hold->doomed = true;
    } else {
        struct going *g = &going[going_total++ % HOLD_GOING];
        memcpy(g->id, id, SEAL_CONTENT_ID);
        g->since = clock_steady_ms();
    }
    pthread_mutex_unlock(&lock);
    return hold != NULL;
}

uint64_t hold_mark(void)
{
    pthread_mutex_lock(&lock);
    uint64_t mark = going_total;
    pthread_mutex_unlock(&lock);
    return mark;
}

void hold_revive(const uint8_t id[SEAL_CONTENT_ID], uint64_t mark)
{
    pthread_mutex_lock(&lock);
    for (uint64_t i = going_total > HOLD_GOING ? going_total - HOLD_GOING : 0; i < mark && i < going_total;
         i++)
        if (memcmp(going[i % HOLD_GOING].id, id, SEAL_CONTENT_ID) == 0)
            memset(going[i % HOLD_GOING].id, 0, SEAL_CONTENT_ID); /* which is no content's */
    pthread_mutex_unlock(&lock);
}
