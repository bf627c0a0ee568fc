/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that refuse *us*: a TLS alert such as "unknown CA" is all that a handset says about why it will not
 * be served, and it says it to nobody else. Beside them those whose TLS is too old to be spoken to. Counted
 * for each handset, when one was seen lately at that address and no other, otherwise for the address. At most
 * REFUSAL_ROWS_MAX are kept, the newest. Floor 2; blocking (worker) but for refusal_note. */
#ifndef CRADLE_REFUSAL_H
#define CRADLE_REFUSAL_H

#include "base/fault.h"
#include "fleet/fleet.h"
#include "fleet/principal.h"
#include <stddef.h>
#include <stdint.h>

#define REFUSAL_ROWS_MAX    1000
#define REFUSAL_WORDS_LIMIT 127
#define REFUSAL_LATELY_MS \
    ((int64_t)7 * 86400 * 1000) /* a handset seen at an address longer ago may be another by now */

struct refusal {
    char who[ADDRESS_LIMIT]; /* a MAC, or an address */
    char protocol[8];
    char words[REFUSAL_WORDS_LIMIT + 1];
    int64_t count, first, last; /* Unix ms */
};

struct refusal_board;
struct refusal_board *refusal_board_new(void);        /* NULL: out of memory */
void refusal_board_free(struct refusal_board *board); /* after the catalog was closed; takes NULL */

/* Somebody at this numeric address refused us over "https" or "ftps". Kept with the next commit, no fsync of
 * its own; many of the same at once are one note, and of more than some dozens of different ones at once some
 * are lost. Never blocks. */
void refusal_note(struct fleet *fleet, const char *address, const char *protocol, const char *words);

/* The newest first; at most REFUSAL_ROWS_MAX. *ret_refusals is given (free). */
enum fault_code refusal_list(struct fleet *fleet, struct refusal **ret_refusals, size_t *ret_count,
                             struct fault *f);
/* Forgets all of them, or those of a MAC or an address. FAULT_FORBIDDEN unless an administrator. */
enum fault_code refusal_clear(struct fleet *fleet, const struct principal *actor, const char *who,
                              struct fault *f);

#endif
