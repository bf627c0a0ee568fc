/* SPDX-License-Identifier: Apache-2.0 */
/* Who must go: a client that was let in and may not stay, because its handset was lost or disabled, its
 * account changed or its certificate was revoked. Whoever decides that says it here, after the catalog holds
 * it; the front ends, which know the connections, end what fits. It decides nothing itself and knows no
 * socket. Floor 2; any thread; never blocks for long.
 *
 * No login slips through between the two: a front end takes evict_mark before the catalog is asked (login.c
 * does), notes whom a connection belongs to, and only then asks evict_missed. */
#ifndef CRADLE_EVICT_H
#define CRADLE_EVICT_H

#include "fleet/fleet.h"
#include "fleet/principal.h"
#include <stdbool.h>
#include <stdint.h>

/* Whatever of these is not empty fits on its own. */
struct eviction {
    struct mac mac;
    char account[ACCOUNT_NAME_LIMIT + 1];
    char fingerprint[65];
    /* The account that asked for it, or "": over HTTPS, where each request proves itself anew, its own
     * connections stay, for the answer goes through one of them. */
    char actor[ACCOUNT_NAME_LIMIT + 1];
};

/* A front end. Part of its owner's struct. */
struct evict_observer {
    /* On the thread of whoever called evict; must neither block nor call evict_*. */
    void (*evicted)(struct evict_observer *observer, const struct eviction *eviction);
    struct evict_observer *next; /* evict.c's */
};

struct evict_board;
struct evict_board *evict_board_new(void);        /* NULL: out of memory */
void evict_board_free(struct evict_board *board); /* nobody observes any more; takes NULL */

void evict_observe(struct evict_board *board, struct evict_observer *observer);
/* It is not called any more when this returns. An observer that never observed is ignored. */
void evict_forget(struct evict_board *board, struct evict_observer *observer);

/* Tells every front end. When it returns all of them know; FTPS sessions end within a turn of their loops. */
void evict(struct evict_board *board, const struct eviction *eviction);
void evict_handset(struct fleet *fleet, const struct principal *actor, const struct mac *mac);
void evict_account(struct fleet *fleet, const struct principal *actor, const char *account);
void evict_certificate(struct fleet *fleet, const struct principal *actor, const char *fingerprint);

/* Does it name this client, by what it showed or turned out to be? fingerprint: of the certificate that the
 * connection showed, "" for none. Pure. */
bool evict_fits(const struct eviction *eviction, const struct principal *who, const char *fingerprint);

/* How many there were so far. */
uint64_t evict_mark(struct evict_board *board);
/* Was there one since, that fits? True also when there were too many to tell. */
bool evict_missed(struct evict_board *board, uint64_t since, const struct principal *who,
                  const char *fingerprint);
/* The next one after *mark, which moves on. False: there is none. *ret_lost: there were too many, anybody may
 * be meant. */
bool evict_next(struct evict_board *board, uint64_t *mark, struct eviction *ret_eviction, bool *ret_lost);

#endif
