/* SPDX-License-Identifier: Apache-2.0 */
/* One FTPS session: a control connection and what hangs on it. Belongs to its shard's loop; only jobs (job.h)
 * and logins are elsewhere for a while, and the struct lives until they, and its draining data channels, are
 * back.
 *
 *   control   GREETING > NAME > SECRET > CHECKING (worker) > READY <> BUSY > BYE
 *             READY > CHECKING: a PASS although a certificate was enough
 *   data      (none) > OFFERED > SHAKING > OPEN > DRAINING > (none)          any > BROKEN          data.h
 *   transfer  exists only between 150 and 226/4xx                                                  transfer.h
 *
 * The state is set by session_enter alone, which knows the legal moves. What a client may say in which state
 * stands in the command table (command.h); what is said too early waits in `input`, in order. */
#ifndef CRADLE_SESSION_H
#define CRADLE_SESSION_H

#include "base/buf.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/stream.h"
#include "base/tls.h"
#include "base/tls_recall.h"
#include "fleet/crowd.h"
#include "fleet/fleet.h"
#include "fleet/login.h"
#include "fleet/principal.h"
#include "ftps/address.h"
#include "ftps/job.h"
#include "ftps/line.h"
#include "ftps/port.h"
#include "ftps/reply.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum session_state {
    SESSION_GREETING, /* the TLS handshake runs; nothing can be said yet */
    SESSION_NAME,     /* nobody is named: USER is waited for */
    SESSION_SECRET,   /* login.user is named, 331 was said: PASS is waited for */
    SESSION_CHECKING, /* a login is with the workers, or its refusal waits for its time; nothing is dispatched
                       */
    SESSION_READY,    /* `who` is known and nothing is under way */
    SESSION_BUSY, /* a job is out, a transfer is under way, a line is held, or a port is waited for; only what
                     is legal in BUSY is dispatched */
    SESSION_BYE,  /* the last word is queued or will never be said; nothing is read any more */
    SESSION_STATES
};

#define SESSION_INPUT_MAX    8192 /* bytes that wait, unread commands included */
#define SESSION_BAD_MAX      50
#define SESSION_FAILURES_MAX 5
#define SESSION_DRAINS_MAX   4

struct shard;
struct command;
struct data;
struct transfer;
struct session {
    struct shard *shard;
    struct session *next, *previous; /* the shard's list */
    enum serves serves;
    enum session_state state;
    struct stream *control; /* NULL once closed */
    struct loop_timer *deadline, *delay;
    struct loop_task
        turn; /* goes on later, so that others get their turn and no callback frees what it stands on */
    bool turn_posted;
    bool leaving; /* the daemon stops: ends as soon as an upload's commit is answered */

    union address local, peer;
    char address[ADDRESS_LIMIT];
    struct crowd_seat seat;
    struct tls_identity *identity; /* for its data connections too, whatever a reload brings */
    struct tls_trust *trust;       /* that `certificate` was examined with */
    gnutls_datum_t ticket_key;     /* of the control connection and its data channels, of nobody else */
    struct tls_recall *recall;     /* likewise, for TLS 1.2 without tickets */
    struct tls_tap tap;            /* of the control connection, for as long as it is there */
    struct tls_peer certificate;

    struct line line;
    bool line_ready;                            /* `line` is complete and waits to be dispatched */
    enum { HOLD_NOT, HOLD_ON, HOLD_OVER } hold; /* it waits for its time (census.h); its time has come */
    struct buf input;                           /* bytes behind it */
    bool input_ended;
    uint64_t received; /* bytes so far */
    uint64_t
        unseen_to; /* a line that ends behind this many bytes was sent after our last upload's reply was */

    struct login login;
    struct loop_task login_back;
    bool login_out;
    int64_t asked_at; /* steady clock: when the login that is under way was asked for */
    int failures, bad;

    struct principal who; /* READY, BUSY; does not change then */
    bool by_certificate;  /* USER was enough */
    uint64_t sender;      /* handsets: the logbook's number; 0 otherwise */

    const struct command *command; /* the one that is being answered */
    struct path path;              /* its A_PATH */
    struct path folder;
    int64_t restart;    /* REST */
    int64_t announced;  /* ALLO, -1: nothing */
    unsigned facts;     /* OPTS MLST */
    bool extended_only; /* EPSV ALL */
    bool abort_asked;

    struct job job;
    struct data *data;              /* offered or in use */
    const struct command *offering; /* BUSY: PASV or EPSV waits for a port; NULL otherwise */
    struct port_wait port_wait;
    struct data *drains[SESSION_DRAINS_MAX];
    bool resumed_before;
    struct transfer *transfer;
    struct loop_task progress;
    atomic_bool progress_posted;
};

/* A connected, non-blocking socket (taken, also on failure). The session is the shard's from then on. */
enum fault_code session_new(struct shard *shard, int fd, const union address *local,
                            const union address *peer, enum serves serves, struct fault *f);
/* Its client must go (evict.h): ends now, transfers and draining data channels too; a commit that is under
 * way can not be taken back, and is not answered. */
void session_evict(struct session *s);
/* The same, with these last words. */
void session_cut(struct session *s, const char *words);
/* The daemon stops: says 421 and ends, an upload whose commit is under way is answered first. */
void session_stop(struct session *s);

/* Trust has changed to this: ends the session if its client certificate does not hold any more as it did. Did
 * it have to look? */
bool session_look_again(struct session *s, const struct tls_trust *trust);

bool session_legal_move(enum session_state from, enum session_state to);
const char *session_state_name(enum session_state state);
void session_enter(struct session *s, enum session_state state);
/* The client is nobody the logbook knows any more. */
void session_drop_sender(struct session *s);
struct fleet *session_fleet(const struct session *s);

/* Replies. The arguments are those of the reply's text (reply.def). session_say_more begins one of several
 * lines. */
void session_say(struct session *s, enum reply reply, ...);
void session_say_more(struct session *s, enum reply reply, ...);
void session_say_middle(struct session *s, const char *text);
void session_say_fault(struct session *s, const struct fault *fault);
/* Says the last words and closes in good order. */
void session_bye(struct session *s, enum reply reply, ...);
/* Closes without a word. Idempotent; the struct stays until its next turn. */
void session_end(struct session *s);
/* The same, without waiting for what is queued. */
void session_leave(struct session *s);

/* The command that kept it BUSY is answered: READY for the next. */
void session_ready(struct session *s);
/* Looks again, soon, at what waits in `input` and whether the session can go. */
void session_again(struct session *s);
/* Takes a data channel that data_finish was called for. */
void session_drain(struct session *s, struct data *data);
void session_drained(void *session, struct data *data); /* data_options.drained */

#endif
