/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/evict.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Evictions that are remembered for loops and logins that are under way; both take milliseconds. */
#define EVICT_LATELY 1024

struct evict_board {
    pthread_mutex_t observers_lock; /* held while observers are called; never taken inside `lock` */
    struct evict_observer *first;
    pthread_mutex_t lock; /* of what follows */
    uint64_t count;
    struct eviction lately[EVICT_LATELY]; /* number n, from 1, at n % EVICT_LATELY */
};

struct evict_board *evict_board_new(void)
{
    struct evict_board *board = calloc(1, sizeof *board);
    if (board == NULL)
        return NULL;
    pthread_mutex_init(&board->observers_lock, NULL);
    pthread_mutex_init(&board->lock, NULL);
    return board;
}

void evict_board_free(struct evict_board *board)
{
    if (board == NULL)
        return;
    pthread_mutex_destroy(&board->observers_lock);
    pthread_mutex_destroy(&board->lock);
    free(board);
}

void evict_observe(struct evict_board *board, struct evict_observer *observer)
{
    pthread_mutex_lock(&board->observers_lock);
    observer->next = board->first;
    board->first = observer;
    pthread_mutex_unlock(&board->observers_lock);
}

void evict_forget(struct evict_board *board, struct evict_observer *observer)
{
    pthread_mutex_lock(&board->observers_lock);
    for (struct evict_observer **at = &board->first; *at != NULL; at = &(*at)->next)
        if (*at == observer) {
            *at = observer->next;
            break;
        }
    pthread_mutex_unlock(&board->observers_lock);
}

void evict(struct evict_board *board, const struct eviction *eviction)
{
    /* First on the board, then told: evict_missed relies on it. */
    pthread_mutex_lock(&board->lock);
    board->count++;
    board->lately[board->count % EVICT_LATELY] = *eviction;
    pthread_mutex_unlock(&board->lock);
    pthread_mutex_lock(&board->observers_lock);
    for (struct evict_observer *observer = board->first; observer != NULL; observer = observer->next)
        observer->evicted(observer, eviction);
    pthread_mutex_unlock(&board->observers_lock);
}

static void tell(struct fleet *fleet, const struct principal *actor, struct eviction *eviction)
{
    if (actor != NULL)
        mem_copy_text(eviction->actor, sizeof eviction->actor, actor->account);
    evict(fleet->evictions, eviction);
}

void evict_handset(struct fleet *fleet, const struct principal *actor, const struct mac *mac)
{
    struct eviction eviction = { .mac = *mac };
    tell(fleet, actor, &eviction);
}

void evict_account(struct fleet *fleet, const struct principal *actor, const char *account)
{
    struct eviction eviction = { .account = "" };
    mem_copy_text(eviction.account, sizeof eviction.account, account);
    tell(fleet, actor, &eviction);
}

void evict_certificate(struct fleet *fleet, const struct principal *actor, const char *fingerprint)
{
    struct eviction eviction = { .account = "" };
    mem_copy_text(eviction.fingerprint, sizeof eviction.fingerprint, fingerprint);
    tell(fleet, actor, &eviction);
}

bool evict_fits(const struct eviction *eviction, const struct principal *who, const char *fingerprint)
{
    if (eviction->mac.text[0] != '\0' && mac_equal(&eviction->mac, &who->mac))
        return true;
    if (eviction->account[0] != '\0' && strcmp(eviction->account, who->account) == 0)
        return true;
    return eviction->fingerprint[0] != '\0' && strcmp(eviction->fingerprint, fingerprint) == 0;
}

uint64_t evict_mark(struct evict_board *board)
{
    pthread_mutex_lock(&board->lock);
    uint64_t count = board->count;
    pthread_mutex_unlock(&board->lock);
    return count;
}

bool evict_missed(struct evict_board *board, uint64_t since, const struct principal *who,
                  const char *fingerprint)
{
    pthread_mutex_lock(&board->lock);
    bool missed = board->count - since >= EVICT_LATELY;
    for (uint64_t n = since + 1; !missed && n <= board->count; n++)
        missed = evict_fits(&board->lately[n % EVICT_LATELY], who, fingerprint);
    pthread_mutex_unlock(&board->lock);
    return missed;
}

bool evict_next(struct evict_board *board, uint64_t *mark, struct eviction *ret_eviction, bool *ret_lost)
{
    pthread_mutex_lock(&board->lock);
    bool any = board->count > *mark;
    bool lost = board->count - *mark >= EVICT_LATELY;
    if (lost)
        *mark = board->count;
    else if (any) {
        ++*mark;
        *ret_eviction = board->lately[*mark % EVICT_LATELY];
    }
    pthread_mutex_unlock(&board->lock);
    if (any)
        *ret_lost = lost;
    return any;
}
