/* SPDX-License-Identifier: Apache-2.0 */
/* What stream.c and stream_write.c share. Floor 0, private to them. */
#ifndef CRADLE_STREAM_INNER_H
#define CRADLE_STREAM_INNER_H

#include "base/buf.h"
#include "base/stream.h"

enum stream_state {
    STREAM_IS_SHAKING,
    STREAM_IS_OPEN,
    STREAM_IS_CLOSING, /* stream_close was called */
    STREAM_IS_BROKEN,  /* `why` says it; neither reads nor writes */
    STREAM_IS_DONE     /* closed; `closed` was or will be told */
};

struct stream {
    struct loop *loop;
    int fd;
    gnutls_session_t session;
    const struct stream_events *events;
    void *user;
    struct loop_watch *watch;
    struct loop_timer *timer; /* only while closing */
    enum stream_state state;

    /* Events that still have to be told; by `task` when no event of the loop is at work. */
    bool owe_broken, owe_closed, owe_writable;
    struct loop_task task;
    bool posted;
    unsigned holds; /* the owner, the posted task, and the event at work: the struct is freed with the last */
    bool at_work;   /* in an event of the loop, which settles at its end */
    bool freed;     /* stream_free was called: nothing but `holds` may be touched */

    bool read_on;
    bool ended;            /* the peer's close_notify was read */
    bool read_wants_write; /* reading cannot go on before the socket takes bytes */

    struct buf out; /* from `sent` on: taken and not known to have left */
    size_t sent;
    bool half;    /* GnuTLS holds an unfinished record of out's first bytes */
    bool more;    /* another record, or the FIN, follows at once: the kernel need not hurry */
    bool last;    /* close_notify follows what is written now */
    bool blocked; /* the socket takes nothing now */
    unsigned corks;
    unsigned tickets; /* still to send, the first perhaps half sent */

    bool bye_sent;
    int64_t wait_ms;
    int unacknowledged; /* bytes in the kernel when the timer was set */
    struct fault why;
};

/* What the poll has to look for, and whether something waits that it cannot see: at the end of each change.
 */
void stream_rearm(struct stream *stream);
/* `why` is filled already. */
void stream_break(struct stream *stream);
/* Fills `why` with what GnuTLS said, and breaks. */
void stream_explain(struct stream *stream, const char *doing, int rc);
/* Makes GnuTLS send through stream_write.c from now on. Who listens to what comes in (tls_tap_begin) goes on
 * doing so. */
void stream_take_over_sending(struct stream *stream);
/* Sends what the socket takes of the tickets and the queue; `blocked` when that was not all. */
void stream_flush(struct stream *stream);

#endif
