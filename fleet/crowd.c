/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/crowd.h"

#include "base/secret.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct crowd_place {
    struct origin origin;
    int64_t sessions, handshakes;
    struct crowd_place *next, **back; /* of its bucket, or of the spare ones */
};

struct crowd {
    struct secret_key key; /* so that nobody can choose addresses that share a bucket */
    size_t n_places, n_buckets;
    pthread_mutex_t lock; /* of what follows */
    struct crowd_count count;
    struct crowd_place *spare;
    struct crowd_place *place;
    struct crowd_place **bucket;
};

struct crowd *crowd_new(size_t places)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    if (crowd == NULL)
        return NULL;
    pthread_mutex_init(&crowd->lock, NULL);
    secret_random(&crowd->key, sizeof crowd->key);
    crowd->n_places = places;
    crowd->n_buckets = places;
    crowd->place = calloc(places, sizeof *crowd->place);
    crowd->bucket = calloc(crowd->n_buckets, sizeof *crowd->bucket);
    if (crowd->place == NULL || crowd->bucket == NULL) {
        crowd_free(crowd);
        return NULL;
    }
    for (size_t i = 0; i < places; i++) {
        crowd->place[i].next = crowd->spare;
        crowd->spare = &crowd->place[i];
    }
    return crowd;
}

void crowd_free(struct crowd *crowd)
{
    if (crowd == NULL)
        return;
    pthread_mutex_destroy(&crowd->lock);
    free(crowd->bucket);
    free(crowd->place);
    free(crowd);
}

static struct crowd_place **bucket_of(const struct crowd *crowd, const struct origin *origin)
{
    struct secret_digest digest;
    uint64_t hash;
    secret_mac(&crowd->key, origin, sizeof *origin, &digest);
    memcpy(&hash, digest.bytes, sizeof hash);
    return &crowd->bucket[hash % crowd->n_buckets];
}

static struct crowd_place *find(struct crowd_place *const *bucket, const struct origin *origin)
{
    struct crowd_place *place = *bucket;
    while (place != NULL && !origin_equal(&place->origin, origin))
        place = place->next;
    return place;
}

/* A spare place becomes this address's. */
static struct crowd_place *take(struct crowd *crowd, struct crowd_place **bucket, const struct origin *origin)
{
    struct crowd_place *place = crowd->spare;
    if (place == NULL)
        return NULL;
    crowd->spare = place->next;
    *place = (struct crowd_place){ .origin = *origin, .next = *bucket, .back = bucket };
    if (place->next != NULL)
        place->next->back = &place->next;
    *bucket = place;
    return place;
}

static void give_back(struct crowd *crowd, struct crowd_place *place)
{
    *place->back = place->next;
    if (place->next != NULL)
        place->next->back = place->back;
    place->next = crowd->spare;
    crowd->spare = place;
}

/* NULL: there is room for one more. */
static const char *why_not(const struct crowd *crowd, const struct crowd_place *place,
                           const struct settings *settings, bool *ret_address)
{
    int64_t sessions = place ? place->sessions : 0, handshakes = place ? place->handshakes : 0;
    *ret_address = false;
    if (crowd->count.handshakes >= settings->max_handshakes)
        return "max_handshakes";
    *ret_address = true;
    if (handshakes >= settings->max_handshakes_per_address)
        return "max_handshakes_per_address";
    if (sessions >= settings->max_sessions_per_address)
        return "max_sessions_per_address";
    return NULL;
}

enum fault_code crowd_enter(struct fleet *fleet, const char *address, struct crowd_seat *seat,
                            struct fault *f)
{
    struct crowd *crowd = fleet->crowd;
    struct origin origin;
    bool by_address = false;
    origin_parse(address, &origin);
    struct crowd_place **bucket = bucket_of(crowd, &origin);
    pthread_mutex_lock(&crowd->lock);
    struct crowd_place *place = find(bucket, &origin);
    const char *limit = why_not(crowd, place, fleet->settings, &by_address);
    if (limit == NULL && place == NULL)
        place = take(crowd, bucket, &origin);
    if (limit == NULL && place != NULL) {
        place->sessions++;
        place->handshakes++;
        crowd->count.sessions++;
        crowd->count.handshakes++;
    } else {
        crowd->count.turned_away++;
    }
    pthread_mutex_unlock(&crowd->lock);
    if (limit != NULL && by_address) {
        char text[ORIGIN_TEXT_LIMIT];
        origin_text(&origin, text);
        return fault_set(f, FAULT_BUSY, "%s is reached for %s", limit, text);
    }
    if (limit != NULL)
        return fault_set(f, FAULT_BUSY, "%s is reached", limit);
    if (place == NULL)
        return fault_set(f, FAULT_BUSY, "max_sessions and max_connections are reached");
    *seat = (struct crowd_seat){ .place = place, .shaking = true };
    return FAULT_OK;
}

/* Under the lock. */
static void end_handshake(struct crowd *crowd, struct crowd_seat *seat)
{
    if (!seat->shaking)
        return;
    seat->shaking = false;
    seat->place->handshakes--;
    crowd->count.handshakes--;
}

void crowd_shaken(struct fleet *fleet, struct crowd_seat *seat)
{
    if (seat->place == NULL)
        return;
    pthread_mutex_lock(&fleet->crowd->lock);
    end_handshake(fleet->crowd, seat);
    pthread_mutex_unlock(&fleet->crowd->lock);
}

void crowd_leave(struct fleet *fleet, struct crowd_seat *seat)
{
    struct crowd *crowd = fleet->crowd;
    if (seat->place == NULL)
        return;
    pthread_mutex_lock(&crowd->lock);
    end_handshake(crowd, seat);
    crowd->count.sessions--;
    if (--seat->place->sessions == 0)
        give_back(crowd, seat->place);
    pthread_mutex_unlock(&crowd->lock);
    seat->place = NULL;
}

void crowd_count(struct fleet *fleet, struct crowd_count *ret_count)
{
    pthread_mutex_lock(&fleet->crowd->lock);
    *ret_count = fleet->crowd->count;
    pthread_mutex_unlock(&fleet->crowd->lock);
}

size_t crowd_largest(struct fleet *fleet, struct crowd_address *out, size_t max)
{
    struct crowd *crowd = fleet->crowd;
    size_t count = 0;
    pthread_mutex_lock(&crowd->lock);
    for (size_t i = 0; i < crowd->n_places; i++) {
        const struct crowd_place *place = &crowd->place[i];
        size_t at = count;
        if (place->sessions == 0)
            continue;
        while (at > 0 && out[at - 1].sessions < place->sessions)
            at--;
        if (at == max)
            continue;
        count += count < max;
        memmove(&out[at + 1], &out[at], (count - at - 1) * sizeof *out);
        out[at] = (struct crowd_address){ .sessions = place->sessions, .handshakes = place->handshakes };
        origin_text(&place->origin, out[at].address);
    }
    pthread_mutex_unlock(&crowd->lock);
    return count;
}
