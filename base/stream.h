/* SPDX-License-Identifier: Apache-2.0 */
/* A TLS connection as a stream of bytes on a loop: the same type for an FTPS control channel and a data
 * channel. Never carries clear text: until the handshake is done nothing can be written. Owns socket and
 * session. Floor 0; belongs to its loop's thread.
 *
 *   SHAKING > OPEN > CLOSING > (closed callback)          any > BROKEN
 *
 * After stream_new the handshake runs by itself. Events tell, they carry no data: on `readable` call
 * stream_read until it says STREAM_AGAIN, or stop earlier: `readable` comes again while there is something
 * left, also when it waits inside TLS where no poll sees it. Events come from the loop only, never from
 * inside a call of a stream_ function. */
#ifndef CRADLE_STREAM_H
#define CRADLE_STREAM_H

#include "base/fault.h"
#include "base/loop.h"
#include "base/tls.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct stream;
/* Each may be NULL. */
struct stream_events {
    void (*shaken)(void *user);   /* the handshake is done: the stream is OPEN */
    void (*readable)(void *user); /* only while stream_read_on; bytes, or the end, can be read */
    void (*writable)(
        void *user); /* all that stream_write took has left for the kernel; after each write, if only later */
    /* handshake failed, or reading or writing broke: FAULT_CUT, FAULT_TLS or FAULT_IO. The stream is BROKEN;
     * free it (now or later). Not called after it said so through stream_read. `why` lives as long as the
     * stream. */
    void (*broken)(void *user, const struct fault *why);
    void (*closed)(
        void *user); /* stream_close has finished: both close_notify exchanged, or its time is over */
};

/* Takes fd (non-blocking) and session, also on failure. user is borrowed until stream_free. */
enum fault_code stream_new(struct loop *loop, int fd, gnutls_session_t session,
                           const struct stream_events *events, void *user, struct stream **ret_stream,
                           struct fault *f);
/* Closes at once, without a word, whatever the state. Takes NULL. May be called from an event. */
void stream_free(struct stream *s);

enum stream_got { STREAM_SOME, STREAM_AGAIN, STREAM_END /* close_notify */, STREAM_BROKEN };
/* Reads up to n bytes. END only after close_notify: a bare FIN or RST is BROKEN with FAULT_CUT. */
enum stream_got stream_read(struct stream *s, void *out, size_t n, size_t *ret_n, struct fault *f);
/* Whether `readable` is wanted (back-pressure). Off at first. */
void stream_read_on(struct stream *s, bool on);
/* Queues bytes; all of them are taken or none. Sends what the socket takes; `writable` comes when the queue
 * is empty again. FAULT_TOO_LARGE when more than STREAM_QUEUE_MAX would wait: write less, wait for
 * `writable`. FAULT_CUT when broken. */
#define STREAM_QUEUE_MAX 262144
enum fault_code stream_write(struct stream *s, const void *data, size_t n, struct fault *f);
size_t stream_queued(const struct stream *s);
/* The next write is the last, and stream_close follows as soon as it has left: its end may wait for that, at
 * most 200 ms, and goes in one packet with close_notify and FIN. */
void stream_write_last(struct stream *s);
/* Holds small writes back until stream_uncork (one record, one segment). Counts nest. */
void stream_cork(struct stream *s);
void stream_uncork(struct stream *s);
/* Sends what is queued (`broken` if that fails, or stalls for 30 s or wait_ms, the longer), then close_notify
 * and FIN, waits up to wait_ms for the peer's, then `closed`. Discards what the peer still sends. Only
 * `broken` or `closed` follow. */
void stream_close(struct stream *s, int64_t wait_ms);

bool stream_is_open(const struct stream *s);
gnutls_session_t stream_session(struct stream *s); /* borrowed; for base/ and tls_peer_examine */
/* TLS 1.3: sends one fresh session ticket (needs manual_tickets); nothing on 1.2. */
void stream_send_ticket(struct stream *s);

#endif
