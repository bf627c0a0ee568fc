/* SPDX-License-Identifier: Apache-2.0 */
#include "base/stream.h"
#include "base/mem.h"
#include "base/stream_inner.h"
#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define STREAM_DISCARD_TURN 65536 /* bytes thrown away before the loop's other users get their turn */
#define STREAM_STALL_MS     30000 /* without progress on what is queued, while closing */
#define STREAM_OTHERS                                                                    \
    16 /* records in a row that carry nothing (warnings) before a peer is called hostile \
        */

static void stream_release(struct stream *s)
{
    if (--s->holds == 0)
        free(s);
}

/* Lets an event come soon, from the loop. */
static void stream_post(struct stream *s)
{
    if (s->posted)
        return;
    s->posted = true;
    s->holds++;
    loop_post(s->loop, &s->task);
}

bool stream_is_open(const struct stream *s)
{
    return s->state == STREAM_IS_OPEN;
}

gnutls_session_t stream_session(struct stream *s)
{
    return s->session;
}

/* What the poll has to look for, and whether something waits that it cannot see. */
void stream_rearm(struct stream *s)
{
    if (s->at_work)
        return;
    int events = 0;
    bool hidden = false;
    bool reads = (s->state == STREAM_IS_OPEN && s->read_on) || (s->state == STREAM_IS_CLOSING && s->bye_sent);
    if (s->state == STREAM_IS_SHAKING)
        events = gnutls_record_get_direction(s->session) ? LOOP_WRITE : LOOP_READ;
    if (s->blocked && (s->state == STREAM_IS_OPEN || s->state == STREAM_IS_CLOSING))
        events |= LOOP_WRITE;
    if (reads && !s->ended) {
        events |= s->read_wants_write ? LOOP_WRITE : LOOP_READ;
        hidden = gnutls_record_check_pending(s->session) > 0;
    }
    loop_watch_set(s->watch, events);
    bool writable = s->owe_writable && s->state == STREAM_IS_OPEN && stream_queued(s) == 0;
    if (hidden || s->owe_broken || s->owe_closed || writable)
        stream_post(s);
}

static void stream_finish(struct stream *s)
{
    s->state = STREAM_IS_DONE;
    s->owe_closed = true;
    loop_timer_stop(s->timer);
}

/* `why` is filled already. Once both our bytes and our close_notify are out, the peer's manners change
 * nothing. */
void stream_break(struct stream *s)
{
    if (s->state == STREAM_IS_CLOSING && s->bye_sent) {
        stream_finish(s);
        return;
    }
    s->state = STREAM_IS_BROKEN;
    s->owe_broken = true;
    loop_timer_stop(s->timer);
}

void stream_explain(struct stream *s, const char *doing, int rc)
{
    tls_fault(s->session, doing, rc, &s->why);
    stream_break(s);
}

/* Handshake */

static void stream_shake(struct stream *s)
{
    for (int others = 0;; others++) {
        errno = 0;
        int rc = gnutls_handshake(s->session);
        if (rc == GNUTLS_E_SUCCESS) {
            s->state = STREAM_IS_OPEN;
            if (s->events->shaken != NULL)
                s->events->shaken(s->user);
            return;
        }
        if (rc == GNUTLS_E_AGAIN)
            return;
        if (rc == GNUTLS_E_INTERRUPTED || (!gnutls_error_is_fatal(rc) && others < STREAM_OTHERS))
            continue;
        stream_explain(s, "TLS handshake", rc);
        /* To one who does not speak TLS not a byte is sent. */
        if ((int)gnutls_handshake_get_last_in(s->session) > 0 && s->why.code == FAULT_TLS)
            (void)gnutls_alert_send_appropriate(s->session, rc);
        return;
    }
}

/* Reading */

void stream_read_on(struct stream *s, bool on)
{
    s->read_on = on;
    stream_rearm(s);
}

/* On TLS 1.3 Java says user_canceled before each close_notify. A receiver should read on (RFC 8446, 6.1), but
 * GnuTLS 3.7 gives the session up. Nobody but the peer can have said it, after all that he sent: it is an end
 * as good as the other. */
static bool stream_was_ended_by_java(const struct stream *s, ssize_t rc)
{
    return (rc == GNUTLS_E_FATAL_ALERT_RECEIVED || rc == GNUTLS_E_WARNING_ALERT_RECEIVED) &&
           gnutls_alert_get(s->session) == GNUTLS_A_USER_CANCELED &&
           gnutls_protocol_get_version(s->session) == GNUTLS_TLS1_3;
}

/* One read; STREAM_BROKEN leaves the reason in `why`. */
static enum stream_got stream_pull(struct stream *s, void *out, size_t n, size_t *ret_n)
{
    s->read_wants_write = false;
    for (int others = 0;; others++) {
        errno = 0;
        ssize_t rc = gnutls_record_recv(s->session, out, n);
        if (rc > 0) {
            *ret_n = (size_t)rc;
            return STREAM_SOME;
        }
        if (rc == 0) {
            s->ended = true;
            return STREAM_END;
        }
        if (rc == GNUTLS_E_AGAIN) {
            s->read_wants_write = gnutls_record_get_direction(s->session) != 0;
            return STREAM_AGAIN;
        }
        if (rc == GNUTLS_E_INTERRUPTED)
            continue;
        if (stream_was_ended_by_java(s, rc)) {
            s->ended = true;
            return STREAM_END;
        }
        if (rc == GNUTLS_E_REHANDSHAKE || gnutls_error_is_fatal((int)rc) || others >= STREAM_OTHERS) {
            stream_explain(s, "reading", (int)rc);
            return STREAM_BROKEN;
        }
    }
}

enum stream_got stream_read(struct stream *s, void *out, size_t n, size_t *ret_n, struct fault *f)
{
    enum stream_got got = STREAM_BROKEN;
    if (s->state != STREAM_IS_BROKEN && s->ended)
        return STREAM_END;
    if ((s->state != STREAM_IS_OPEN && s->state != STREAM_IS_BROKEN) || n == 0)
        return STREAM_AGAIN;
    if (s->state == STREAM_IS_OPEN)
        got = stream_pull(s, out, n, ret_n);
    if (got == STREAM_BROKEN) {
        s->owe_broken = false;
        fault_set(f, s->why.code, "%s", s->why.text);
    }
    stream_rearm(s);
    return got;
}

/* Events of the loop: each entry is between these two */

static void stream_begin_event(struct stream *s)
{
    s->holds++;
    s->at_work = true;
}

/* Tells what is owed. Each of the owner's functions may free the stream. */
static void stream_end_event(struct stream *s)
{
    if (!s->freed && s->owe_broken) {
        s->owe_broken = false;
        if (s->events->broken != NULL)
            s->events->broken(s->user, &s->why);
    }
    if (!s->freed && s->owe_writable && s->state == STREAM_IS_OPEN && stream_queued(s) == 0) {
        s->owe_writable = false;
        if (s->events->writable != NULL)
            s->events->writable(s->user);
    }
    if (!s->freed && s->owe_closed) {
        s->owe_closed = false;
        if (s->events->closed != NULL)
            s->events->closed(s->user);
    }
    s->at_work = false;
    if (!s->freed)
        stream_rearm(s);
    stream_release(s);
}

/* Closing */

static void stream_discard(struct stream *s)
{
    char junk[4096];
    for (size_t total = 0; total < STREAM_DISCARD_TURN && s->state == STREAM_IS_CLOSING && !s->ended;) {
        size_t n = 0;
        if (stream_pull(s, junk, sizeof junk, &n) != STREAM_SOME)
            return;
        total += n;
    }
}

/* While bytes are queued, the time without progress counts, and a handset that roams is given
 * STREAM_STALL_MS; after that, the time that the peer takes for its close_notify. */
static void stream_time(struct stream *s)
{
    int64_t ms = !s->bye_sent && s->wait_ms < STREAM_STALL_MS ? STREAM_STALL_MS : s->wait_ms;
    if (ioctl(s->fd, SIOCOUTQ, &s->unacknowledged) != 0)
        s->unacknowledged = 0;
    loop_timer_start(s->timer, ms);
}

static void stream_time_over(void *user)
{
    struct stream *s = user;
    if (s->state != STREAM_IS_CLOSING)
        return;
    stream_begin_event(s);
    int before = s->unacknowledged;
    if (!s->bye_sent && ioctl(s->fd, SIOCOUTQ, &s->unacknowledged) == 0 && s->unacknowledged < before)
        stream_time(s); /* the poll tells only when a third of the socket's buffer is free again */
    else {
        if (!s->bye_sent)
            fault_set(&s->why, FAULT_CUT, "writing: the peer takes nothing any more");
        stream_break(s);
    }
    stream_end_event(s);
}

/* One step after the other: queue, close_notify, the peer's close_notify. */
static void stream_advance_close(struct stream *s)
{
    if (!s->bye_sent) {
        size_t before = stream_queued(s);
        stream_flush(s);
        if (s->state != STREAM_IS_CLOSING)
            return;
        if (stream_queued(s) < before)
            stream_time(s);
        if (s->blocked)
            return;
        int rc;
        s->more = true; /* the FIN takes it along */
        do
            rc = gnutls_bye(s->session, GNUTLS_SHUT_WR);
        while (rc == GNUTLS_E_INTERRUPTED);
        s->blocked = rc == GNUTLS_E_AGAIN;
        if (s->blocked)
            return;
        s->bye_sent = true; /* also when it failed: all that was queued is out, the rest is manners */
        if (rc < 0) {
            stream_finish(s);
            return;
        }
        /* Some peers wait for the FIN and never answer the close_notify. */
        (void)shutdown(s->fd, SHUT_WR);
        stream_time(s);
    }
    if (!s->ended)
        stream_discard(s);
    if (s->ended && s->state == STREAM_IS_CLOSING)
        stream_finish(s);
}

static void stream_begin_close(struct stream *s)
{
    s->timer = loop_timer_new(s->loop, stream_time_over, s);
    if (s->timer == NULL) {
        fault_set(&s->why, FAULT_MEMORY, "no memory for a timer");
        stream_break(s);
        return;
    }
    s->state = STREAM_IS_CLOSING;
    s->last = true;
    stream_time(s);
    if (!s->blocked)
        stream_advance_close(s);
}

void stream_close(struct stream *s, int64_t wait_ms)
{
    s->wait_ms = wait_ms;
    s->owe_writable = false;
    if (s->state == STREAM_IS_OPEN)
        stream_begin_close(s);
    else if (s->state == STREAM_IS_SHAKING || (s->state == STREAM_IS_BROKEN && !s->owe_broken))
        stream_finish(s);
    stream_rearm(s);
}

/* What the loop calls, and life */

static void stream_tell_readable(struct stream *s)
{
    if (s->state == STREAM_IS_OPEN && s->read_on && !s->ended && s->events->readable != NULL)
        s->events->readable(s->user);
}

static void stream_ready(void *user, int events)
{
    struct stream *s = user;
    stream_begin_event(s);
    if (s->state == STREAM_IS_SHAKING)
        stream_shake(s);
    else if (s->state == STREAM_IS_OPEN) {
        bool reads = (events & LOOP_READ) || s->read_wants_write;
        if ((events & LOOP_WRITE) && s->blocked)
            stream_flush(s);
        if (reads)
            stream_tell_readable(s);
    } else if (s->state == STREAM_IS_CLOSING)
        stream_advance_close(s);
    stream_end_event(s);
}

static void stream_run_task(struct loop_task *task)
{
    struct stream *s = CONTAINER_OF(task, struct stream, task);
    s->posted = false;
    if (!s->freed) {
        stream_begin_event(s);
        if (s->state == STREAM_IS_OPEN && !s->ended && gnutls_record_check_pending(s->session) > 0)
            stream_tell_readable(s);
        else if (s->state == STREAM_IS_CLOSING && s->bye_sent)
            stream_advance_close(s);
        stream_end_event(s);
    }
    stream_release(s); /* the task's own hold */
}

enum fault_code stream_new(struct loop *loop, int fd, gnutls_session_t session,
                           const struct stream_events *events, void *user, struct stream **ret_stream,
                           struct fault *f)
{
    struct stream *s = calloc(1, sizeof *s);
    if (s != NULL)
        s->watch = loop_watch_new(loop, fd, stream_ready, s);
    if (s == NULL || s->watch == NULL) {
        free(s);
        tls_session_free(session);
        close(fd);
        return fault_set(f, FAULT_MEMORY, "cannot watch a connection: out of memory or descriptors");
    }
    s->loop = loop;
    s->fd = fd;
    s->session = session;
    s->events = events;
    s->user = user;
    s->holds = 1;
    s->task.run = stream_run_task;
    buf_init(&s->out, STREAM_QUEUE_MAX);
    s->state = STREAM_IS_SHAKING;
    stream_take_over_sending(s);
    stream_rearm(s);
    *ret_stream = s;
    return FAULT_OK;
}

void stream_free(struct stream *s)
{
    if (s == NULL)
        return;
    s->freed = true;
    loop_timer_free(s->timer);
    loop_watch_free(s->watch);
    tls_session_free(s->session);
    close(s->fd);
    buf_fini(&s->out);
    stream_release(s);
}
