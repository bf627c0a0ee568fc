/* SPDX-License-Identifier: Apache-2.0 */
/* Handsets' logs: segments in generations (R12–R14). Append adds a segment to the newest generation, replace
 * starts a new one; a generation that would pass log_rotate ends by itself; ending destroys nothing. A resend
 * after a lost reply is recognised by what is kept with the newest segment: who sent it, and whether that
 * sender said anything afterwards. Floor 2. */
#ifndef CRADLE_LOGBOOK_H
#define CRADLE_LOGBOOK_H

#include "base/fault.h"
#include "base/mac.h"
#include "fleet/fleet.h"
#include "fleet/principal.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The senders that are alive, and which of them have an upload whose reply may be unseen. After a start none
 * is alive. */
struct logbook *logbook_new(void);          /* NULL if out of memory */
void logbook_free(struct logbook *logbook); /* takes NULL */

/* A sender is one FTPS control session. Its number is random and never 0. Any thread; never blocks. */
uint64_t logbook_sender_new(struct fleet *fleet);
/* The client said something more (any command line) after the reply to its last upload: that reply was seen.
 * Kept with the next commit, no fsync of its own. Cheap and idempotent: call it for every command line. Any
 * thread; never blocks. */
void logbook_sender_said(struct fleet *fleet, uint64_t sender);
/* The session is over: from now on its last unseen segment may be resent. Any thread; never blocks. */
void logbook_sender_gone(struct fleet *fleet, uint64_t sender);

/* For segment.c: may this sender still say something? */
bool logbook_sender_alive(struct fleet *fleet, uint64_t sender);
/* For upload.c: a segment of this sender is on disk. Called before the front end can know, so that whatever
 * the client says after our reply finds it. */
void logbook_sender_stored(struct fleet *fleet, uint64_t sender);

/* What is kept of one handset's logs, for the API. Blocking (worker). */
struct logbook_segment {
    int64_t segment, size, received; /* number from 1, bytes, Unix ms */
    bool repeat;                     /* a resend of `of`, no bytes of its own */
    int64_t of;
    bool seen;
    char author[ACCOUNT_NAME_LIMIT + 1];
};
struct logbook_generation {
    char path[1024];
    int64_t generation, size, started, modified, closed; /* closed 0: the open, newest one */
    int64_t segments, repeats;
};
enum fault_code logbook_list(struct fleet *fleet, const struct mac *mac,
                             struct logbook_generation **ret_generations, size_t *ret_count, struct fault *f);
/* FAULT_ABSENT: there is no such generation. */
enum fault_code logbook_segments(struct fleet *fleet, const struct mac *mac, const char *path,
                                 int64_t generation, struct logbook_segment **ret_segments, size_t *ret_count,
                                 struct fault *f);

#endif
