/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/census.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "fleet/audit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 4
#define SETS (CENSUS_HANDSETS / WAYS)

struct asker {
    struct mac mac; /* "": free */
    char address[ADDRESS_LIMIT];
    uint32_t macs;
    int64_t requests;
    int64_t since; /* steady clock: its window */
    bool told;
    uint32_t seen[CENSUS_MACS]; /* the MACs, hashed */
};

struct census {
    struct secret_key key;
    pthread_mutex_t lock; /* of what follows */
    struct asker asker[SETS][WAYS];
};

struct census *census_new(void)
{
    struct census *census = calloc(1, sizeof *census);
    if (census == NULL)
        return NULL;
    secret_random(&census->key, sizeof census->key);
    pthread_mutex_init(&census->lock, NULL);
    return census;
}

void census_free(struct census *census)
{
    if (census == NULL)
        return;
    pthread_mutex_destroy(&census->lock);
    free(census);
}

static uint32_t hash_of(const struct census *census, const struct mac *mac)
{
    struct secret_digest digest;
    uint32_t hash;
    secret_mac(&census->key, mac->text, MAC_DIGITS, &digest);
    memcpy(&hash, digest.bytes, sizeof hash);
    return hash;
}

/* --- rows --- */

static bool is_over(const struct asker *asker, const struct settings *settings, int64_t now)
{
    return asker->mac.text[0] == '\0' || now - asker->since >= settings->enumeration_window;
}

static bool is_above(const struct asker *asker, const struct settings *settings)
{
    return settings->enumeration_limit > 0 && asker->macs > settings->enumeration_limit;
}

/* This handset's row, a new one if need be: of a window that is over, or of who asked for the fewest. */
static struct asker *row_of(struct census *census, uint32_t hash, const struct principal *who,
                            const struct settings *settings, int64_t now)
{
    struct asker *set = census->asker[hash % SETS], *place = &set[0];
    for (size_t i = 0; i < WAYS; i++)
        if (!is_over(&set[i], settings, now) && mac_equal(&set[i].mac, &who->mac))
            return &set[i];
    for (size_t i = 0; i < WAYS; i++) {
        if (is_over(&set[i], settings, now)) {
            place = &set[i];
            break;
        }
        if (set[i].macs < place->macs)
            place = &set[i];
    }
    memset(place, 0, sizeof *place);
    place->mac = who->mac;
    place->since = now;
    return place;
}

static void note(struct asker *asker, uint32_t hash)
{
    for (size_t i = 0; i < asker->macs; i++)
        if (asker->seen[i] == hash)
            return;
    if (asker->macs < CENSUS_MACS)
        asker->seen[asker->macs++] = hash;
}

static int64_t delay_of(const struct asker *asker, const struct settings *settings)
{
    int64_t delay = CENSUS_DELAY_MIN_MS;
    for (int64_t i = settings->enumeration_limit + 1; i < asker->macs && delay < CENSUS_DELAY_MAX_MS; i++)
        delay *= 2;
    return delay < CENSUS_DELAY_MAX_MS ? delay : CENSUS_DELAY_MAX_MS;
}

/* --- asking --- */

/* The hashes of the foreign MACs in a path; a path has few components. */
static size_t foreign_macs(const struct census *census, const struct mac *own, const struct path *path,
                           uint32_t *ret_hashes, size_t max)
{
    size_t at = 0, n, count = 0;
    const char *component;
    struct mac mac;
    while (count < max && path_next(path, &at, &component, &n))
        if (mac_prefix(component, n, &mac) && !mac_equal(&mac, own))
            ret_hashes[count++] = hash_of(census, &mac);
    return count;
}

int64_t census_count(struct fleet *fleet, const struct principal *who, const struct path *path,
                     bool *ret_news)
{
    struct census *census = fleet->census;
    const struct settings *settings = fleet->settings;
    uint32_t hashes[8];
    *ret_news = false;
    if (who->role != ROLE_HANDSET || settings->enumeration_limit == 0)
        return 0;
    size_t count = foreign_macs(census, &who->mac, path, hashes, ARRAY_LENGTH(hashes));
    if (count == 0)
        return 0;
    uint32_t own = hash_of(census, &who->mac);
    int64_t now = clock_steady_ms(), delay = 0;
    pthread_mutex_lock(&census->lock);
    struct asker *asker = row_of(census, own, who, settings, now);
    (void)mem_copy_text(asker->address, sizeof asker->address, who->address);
    asker->requests++;
    for (size_t i = 0; i < count; i++)
        note(asker, hashes[i]);
    if (is_above(asker, settings)) {
        delay = delay_of(asker, settings);
        *ret_news = !asker->told;
        asker->told = true;
    }
    pthread_mutex_unlock(&census->lock);
    return delay;
}

int64_t census_ask(struct fleet *fleet, const struct principal *who, const struct path *path)
{
    bool news = false;
    int64_t delay = census_count(fleet, who, path, &news);
    if (news) {
        const struct audit_event event = {
            .kind = AUDIT_KIND_ENUMERATION, .who = who, .target = who->mac.text, .outcome = "delayed"
        };
        log_event(LOG_ENUMERATION, "who=%s mac=%s address=%s", LOG_VALUE(principal_name(who)), who->mac.text,
                  who->address);
        audit_note(fleet, &event);
    }
    return delay;
}

/* --- what an operator sees and lifts --- */

static int by_macs(const void *a, const void *b)
{
    const struct census_suspect *x = a, *y = b;
    if (x->macs != y->macs)
        return x->macs < y->macs ? 1 : -1;
    return (x->requests < y->requests) - (x->requests > y->requests);
}

enum fault_code census_list(struct fleet *fleet, struct census_suspect **ret_list, size_t *ret_count,
                            struct fault *f)
{
    struct census *census = fleet->census;
    const struct settings *settings = fleet->settings;
    struct census_suspect *list = calloc(CENSUS_HANDSETS, sizeof *list);
    size_t count = 0;
    if (list == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory for a list");
    int64_t now = clock_steady_ms(), ahead = clock_wall_ms() - now;
    pthread_mutex_lock(&census->lock);
    for (size_t i = 0; i < CENSUS_HANDSETS; i++) {
        const struct asker *asker = &census->asker[i / WAYS][i % WAYS];
        if (is_over(asker, settings, now) || !is_above(asker, settings))
            continue;
        struct census_suspect *out = &list[count++];
        *out = (struct census_suspect){ .mac = asker->mac,
                                        .macs = asker->macs,
                                        .requests = asker->requests,
                                        .since = asker->since + ahead,
                                        .until = asker->since + settings->enumeration_window + ahead };
        (void)mem_copy_text(out->address, sizeof out->address, asker->address);
    }
    pthread_mutex_unlock(&census->lock);
    qsort(list, count, sizeof *list, by_macs);
    *ret_list = list;
    *ret_count = count;
    return FAULT_OK;
}

size_t census_forgive(struct fleet *fleet, const struct mac *mac)
{
    struct census *census = fleet->census;
    const struct settings *settings = fleet->settings;
    int64_t now = clock_steady_ms();
    size_t count = 0;
    pthread_mutex_lock(&census->lock);
    for (size_t i = 0; i < CENSUS_HANDSETS; i++) {
        struct asker *asker = &census->asker[i / WAYS][i % WAYS];
        if (mac != NULL && !mac_equal(&asker->mac, mac))
            continue;
        count += !is_over(asker, settings, now) && is_above(asker, settings);
        memset(asker, 0, sizeof *asker);
    }
    pthread_mutex_unlock(&census->lock);
    return count;
}
