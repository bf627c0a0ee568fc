/* SPDX-License-Identifier: Apache-2.0 */
/* What goes out: the queue, records, tickets. The rest of a stream is stream.c. */
#include "base/stream.h"
#include "base/stream_inner.h"
#include <errno.h>
#include <sys/socket.h>

#define STREAM_RECORD 16384

size_t stream_queued(const struct stream *s)
{
    return s->out.used - s->sent;
}

static ssize_t stream_send(gnutls_transport_ptr_t user, const giovec_t *parts, int n)
{
    struct stream *s = user;
    struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = (size_t)n };
    return sendmsg(s->fd, &message, MSG_NOSIGNAL | (s->more ? MSG_MORE : 0));
}

void stream_take_over_sending(struct stream *s)
{
    gnutls_transport_ptr_t from, to;
    gnutls_transport_get_ptr2(s->session, &from, &to);
    gnutls_transport_set_ptr2(s->session, from, s);
    gnutls_transport_set_vec_push_function(s->session, stream_send);
}

/* True when the ticket is out or cannot be sent at all; the client then shakes hands in full. */
static bool stream_push_ticket(struct stream *s)
{
    int rc;
    do
        rc = gnutls_session_ticket_send(s->session, 1, 0);
    while (rc == GNUTLS_E_INTERRUPTED);
    if (rc != GNUTLS_E_AGAIN)
        s->tickets--;
    return rc != GNUTLS_E_AGAIN;
}

void stream_flush(struct stream *s)
{
    s->blocked = false;
    while (s->half || s->tickets > 0 || stream_queued(s) > 0) {
        /* An unfinished record goes first: tickets and records must not mix. */
        if (!s->half && s->tickets > 0) {
            s->more = s->tickets > 1 || stream_queued(s) > 0 || s->last;
            s->blocked = !stream_push_ticket(s);
            if (s->blocked)
                return;
            continue;
        }
        size_t n = stream_queued(s) < STREAM_RECORD ? stream_queued(s) : STREAM_RECORD;
        s->more = n < stream_queued(s) || s->last;
        errno = 0;
        ssize_t rc = s->half ? gnutls_record_send(s->session, NULL, 0)
                             : gnutls_record_send(s->session, s->out.data + s->sent, n);
        s->half = rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED;
        if (rc == GNUTLS_E_AGAIN) {
            s->blocked = true;
            return;
        }
        if (rc < 0 && rc != GNUTLS_E_INTERRUPTED) {
            stream_explain(s, "writing", (int)rc);
            return;
        }
        if (rc > 0)
            s->sent += (size_t)rc;
    }
    s->more = false;
    buf_fini(&s->out); /* thousands of idle sessions keep no memory for it */
    s->sent = 0;
}

/* Sends straight from the caller's memory, as long as whole records leave. *ret_n: how much of it is done. A
 * record that stays half sent is not: it is queued, and GnuTLS finishes it from its own copy. */
static void stream_write_through(struct stream *s, const char *data, size_t n, size_t *ret_n)
{
    size_t done = 0;
    while (done < n) {
        size_t piece = n - done < STREAM_RECORD ? n - done : STREAM_RECORD;
        s->more = piece < n - done || s->last;
        errno = 0;
        ssize_t rc = gnutls_record_send(s->session, data + done, piece);
        s->half = rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED;
        s->blocked = rc == GNUTLS_E_AGAIN;
        if (s->half)
            break;
        if (rc < 0) {
            stream_explain(s, "writing", (int)rc);
            break;
        }
        done += (size_t)rc;
    }
    s->more = false;
    *ret_n = done;
}

enum fault_code stream_write(struct stream *s, const void *data, size_t n, struct fault *f)
{
    if (s->state == STREAM_IS_SHAKING)
        return fault_set(f, FAULT_INTERNAL, "writing before the TLS handshake is done");
    if (s->state != STREAM_IS_OPEN)
        return fault_set(f, FAULT_CUT, "%s",
                         s->state == STREAM_IS_BROKEN ? s->why.text : "the stream was closed");
    if (n > STREAM_QUEUE_MAX - stream_queued(s))
        return fault_set(f, FAULT_TOO_LARGE, "more than %d bytes wait to be sent", STREAM_QUEUE_MAX);
    if (n == 0)
        return FAULT_OK;
    size_t done = 0;
    if (stream_queued(s) == 0 && s->tickets == 0 && s->corks == 0)
        stream_write_through(s, data, n, &done);
    if (s->state == STREAM_IS_OPEN && done < n) {
        if (s->sent > 0 && n - done > s->out.limit - s->out.used) {
            buf_consume(&s->out, s->sent);
            s->sent = 0;
        }
        if (buf_add(&s->out, (const char *)data + done, n - done, &s->why) != FAULT_OK) {
            /* Nothing was sent: all or none holds. Otherwise the peer would see a gap. */
            if (done == 0 && !s->half)
                return fault_set(f, s->why.code, "%s", s->why.text);
            stream_break(s);
        } else if (s->corks == 0 && !s->blocked)
            stream_flush(s);
    }
    if (s->state == STREAM_IS_OPEN)
        s->owe_writable = s->events->writable != NULL;
    stream_rearm(s);
    return s->state == STREAM_IS_OPEN ? FAULT_OK : fault_set(f, s->why.code, "%s", s->why.text);
}

void stream_write_last(struct stream *s)
{
    s->last = true;
}

void stream_cork(struct stream *s)
{
    s->corks++;
}

void stream_uncork(struct stream *s)
{
    if ((s->corks > 0 && --s->corks > 0) || s->state != STREAM_IS_OPEN)
        return;
    if (!s->blocked)
        stream_flush(s);
    stream_rearm(s);
}

void stream_send_ticket(struct stream *s)
{
    if (s->state != STREAM_IS_OPEN || gnutls_protocol_get_version(s->session) != GNUTLS_TLS1_3)
        return;
    s->tickets++;
    if (s->corks == 0 && !s->blocked)
        stream_flush(s);
    stream_rearm(s);
}
