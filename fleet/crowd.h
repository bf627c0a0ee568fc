/* SPDX-License-Identifier: Apache-2.0 */
/* How many clients are here: sessions (FTPS control connections and HTTPS connections alike) and the
 * handshakes among them, from each address and in all. Counts exactly: what entered is counted until it
 * leaves, once, whatever happened to it. It turns nobody away by itself: the front end closes whom it does
 * not let in, without a byte. Fixed size; the place of an address is found by a keyed hash. Floor 2; any
 * thread; never blocks for long.
 *
 * The limits per address are generous by design: a ward, or a hospital, may be behind one address, and boots
 * in one minute (settings max_handshakes, max_handshakes_per_address, max_sessions_per_address). */
#ifndef CRADLE_CROWD_H
#define CRADLE_CROWD_H

#include "base/fault.h"
#include "fleet/fleet.h"
#include "fleet/origin.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct crowd;
struct crowd_place;
/* One client's seat: part of its owner's struct, zero before it enters. */
struct crowd_seat {
    struct crowd_place *place; /* NULL: not in */
    bool shaking;
};

/* Room for so many addresses at once. NULL if out of memory. */
struct crowd *crowd_new(size_t places);
void crowd_free(struct crowd *crowd); /* everybody has left; takes NULL */

/* A connection was accepted and its handshake begins. FAULT_BUSY: one more would be too many; the text names
 * the setting, and the address where it is that one's limit. */
enum fault_code crowd_enter(struct fleet *fleet, const char *address, struct crowd_seat *seat,
                            struct fault *f);
/* Its handshake is over. Only the first call counts. */
void crowd_shaken(struct fleet *fleet, struct crowd_seat *seat);
/* It is gone, with or without a handshake. Takes a seat that never got in. */
void crowd_leave(struct fleet *fleet, struct crowd_seat *seat);

struct crowd_count {
    int64_t sessions, handshakes; /* now */
    int64_t turned_away;          /* since the start */
};
struct crowd_address {
    char address[ORIGIN_TEXT_LIMIT];
    int64_t sessions, handshakes;
};
void crowd_count(struct fleet *fleet, struct crowd_count *ret_count);
/* The addresses with the most sessions, those first; at most max. Gives how many it wrote. */
size_t crowd_largest(struct fleet *fleet, struct crowd_address *out, size_t max);

#endif
