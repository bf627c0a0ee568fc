/* SPDX-License-Identifier: Apache-2.0 */
/* Guessing made slow, at nobody else's expense. A failed login is charged to the pair of account (as it was
 * said) and address (origin.h): the delay of its refusal doubles with each failure, and until it is over the
 * pair is in its penalty. An address that fails at many accounts is charged too, for all it has not got in
 * with lately.
 *
 * The charge decides how long a refusal waits and in which lane an attempt waits for its password hash. It
 * never refuses: a right credential gets in from wherever it comes, and secrets made here and certificates
 * never wait at all. So nobody can lock out a ward by failing in its name: from another address it is another
 * pair, and from the same address what got in from there before goes first.
 *
 *   FIRST  known: account, address and password fit to what got in before. Ahead of all others, a few at a
 * time OPEN   nothing speaks against it SLOW   a suspect: one worker for all of them, and few places AWAY   a
 * suspect whose pair had its turn within refusal_delay: it is told to come back
 *
 * Whether an account exists makes no difference to anything here. Fixed size; places are found by keyed
 * hashes, and a full place gives up its mildest offender. Of a password that got in, eight bits of a keyed
 * hash are kept: enough to choose a lane by (a guess passes one time in 256, and is then checked like any
 * other), too few to learn it by. Floor 2; any thread; never blocks for long. */
#ifndef CRADLE_THROTTLE_H
#define CRADLE_THROTTLE_H

#include "base/fault.h"
#include "fleet/fleet.h"
#include "fleet/origin.h"
#include "fleet/principal.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum throttle_lane { THROTTLE_FIRST, THROTTLE_OPEN, THROTTLE_SLOW, THROTTLE_AWAY };

#define THROTTLE_PAIRS     4096 /* failing pairs that are remembered */
#define THROTTLE_ADDRESSES 2048 /* addresses with failing accounts */
#define THROTTLE_KNOWN     65536
#define THROTTLE_KNOWN_MS  (INT64_C(7) * 86400 * 1000) /* since it last got in; a handset polls daily */
#define THROTTLE_FIRSTS \
    16 /* of one pair that go first within THROTTLE_FIRSTS_MS: a former password is known too */
#define THROTTLE_FIRSTS_MS 1000
#define THROTTLE_TELL      5 /* failures of a pair after which it is told of */

struct throttle;
struct throttle *throttle_new(void);           /* NULL if out of memory */
void throttle_free(struct throttle *throttle); /* wipes; takes NULL */

/* One attempt; a value. */
struct throttle_try {
    bool begun;
    struct origin origin;
    char account[ACCOUNT_NAME_LIMIT + 1]; /* in the catalog's spelling, or made safe to be shown */
    uint64_t pair[2], address;
    uint8_t tag; /* of pair and password */
};

/* account: as it was said; "" for what can be nobody's. FAULT_MEMORY. */
enum fault_code throttle_begin(struct fleet *fleet, const char *account, const char *password,
                               const char *address, struct throttle_try *ret_try, struct fault *f);
/* Does it fit to what got in from there? Then whether it is remembered may be looked up at once; what is not
 * known must wait its turn for that as well, or guesses would be tried against the memory as fast as they
 * come. */
bool throttle_knows(struct fleet *fleet, const struct throttle_try *attempt);
/* Where it is to wait. SLOW takes the pair's turn, FIRST one of its firsts. */
enum throttle_lane throttle_lane(struct fleet *fleet, const struct throttle_try *attempt);

struct throttle_charge {
    int64_t delay;        /* ms from the question to its refusal */
    int64_t failures;     /* of the pair, this one included */
    bool pair_is_news;    /* it has just failed THROTTLE_TELL times */
    bool address_is_news; /* it has just failed at more than throttle_accounts */
    int64_t accounts;     /* that the address failed at */
};
/* The password is wrong. `admitted`: a certificate let the client in all the same; only the pair is charged
 * then. An attempt that was not begun is charged to nobody. */
void throttle_failed(struct fleet *fleet, const struct throttle_try *attempt, bool admitted,
                     struct throttle_charge *ret_charge);
/* It is right: the pair is cleared. `keep`: it is known from now on; not for secrets made here, which never
 * wait.
 */
void throttle_succeeded(struct fleet *fleet, const struct throttle_try *attempt, bool keep);

struct throttle_suspect {
    bool is_address;                      /* an address above throttle_accounts, without an account */
    char account[ACCOUNT_NAME_LIMIT + 1]; /* as it was said, safe to be shown */
    char address[ORIGIN_TEXT_LIMIT];
    int64_t failures; /* of the pair; of an address, accounts that it failed at */
    int64_t last;     /* Unix ms: the last failure */
    int64_t until;    /* Unix ms: when its penalty is over; an address's: when it is forgotten */
};
/* *ret_list is given (free), the worst first. Pairs that are not forgotten, and addresses that are throttled.
 */
enum fault_code throttle_list(struct fleet *fleet, struct throttle_suspect **ret_list, size_t *ret_count,
                              struct fault *f);
/* Forgets what is charged; account, address: as the list shows them, NULL for any. Addresses are forgotten
 * when no account is named. Gives how many pairs and addresses. */
size_t throttle_forgive(struct fleet *fleet, const char *account, const char *address);

#endif
