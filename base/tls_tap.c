/* SPDX-License-Identifier: Apache-2.0 */
/* GnuTLS tells nobody that a session ends, but frees the data of its extensions while it is still whole: one
 * that is never sent is the way to learn of it. And on TLS 1.3 it takes an alert in the clear for a record
 * that cannot be decrypted, while OpenSSL's clients, which most are, refuse a certificate by just that: so
 * what comes in is looked at. */
#include "base/tls.h"
#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Of the range for private use (RFC 8446, 11); a client that sends it is not answered. */
#define TLS_TAP_EXTENSION 0xffae

enum { TLS_TAP_HEADER = 5, TLS_TAP_ALERT = 21, TLS_TAP_FATAL = 2, TLS_TAP_HANDSHAKE = 22, TLS_TAP_HELLO = 1 };

/* --- its end --- */

static int tls_tap_received(gnutls_session_t session, const unsigned char *data, size_t n)
{
    (void)session, (void)data, (void)n;
    return 0;
}

static int tls_tap_sent(gnutls_session_t session, gnutls_buffer_t data)
{
    (void)session, (void)data;
    return 0;
}

static void tls_tap_over(gnutls_ext_priv_data_t data)
{
    struct tls_tap *tap = data;
    if (tap != NULL && tap->ended != NULL)
        tap->ended(tap);
}

/* --- what comes in --- */

/* How many bytes of the record that begins with this header are kept: of an alert that may be in the clear
 * (encrypted ones have more than two bytes), and of the first record of a handshake, up to the version in the
 * hello. */
static size_t tls_tap_wanted(const struct tls_tap *tap)
{
    if (tap->got < TLS_TAP_HEADER)
        return TLS_TAP_HEADER;
    size_t length = (size_t)tap->record[3] << 8 | tap->record[4];
    if (tap->record[0] == TLS_TAP_ALERT && length == 2)
        return TLS_TAP_HEADER + 2;
    if (tap->record[0] == TLS_TAP_HANDSHAKE && !tap->greeted && length >= 6)
        return TLS_TAP_HEADER + 6;
    return TLS_TAP_HEADER;
}

/* What was wanted of the record is there. */
static void tls_tap_learn(struct tls_tap *tap)
{
    const unsigned char *body = tap->record + TLS_TAP_HEADER;
    if (tap->record[0] == TLS_TAP_ALERT && body[0] == TLS_TAP_FATAL)
        tap->refused = body[1];
    if (tap->record[0] == TLS_TAP_HANDSHAKE && body[0] == TLS_TAP_HELLO)
        tap->hello = body[4] << 8 | body[5];
}

/* Walks from record to record. */
static void tls_tap_hear(struct tls_tap *tap, const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n;) {
        if (tap->got < tls_tap_wanted(tap)) {
            tap->record[tap->got++] = bytes[i++];
            if (tap->got == TLS_TAP_HEADER)
                tap->rest = (size_t)tap->record[3] << 8 | tap->record[4];
            else if (tap->got > TLS_TAP_HEADER)
                tap->rest--;
            if (tap->got > TLS_TAP_HEADER && tap->got == tls_tap_wanted(tap))
                tls_tap_learn(tap);
        } else {
            size_t some = n - i < tap->rest ? n - i : tap->rest;
            tap->rest -= some;
            i += some;
        }
        if (tap->got >= TLS_TAP_HEADER && tap->rest == 0) {
            tap->got = 0;
            tap->greeted = true;
        }
    }
}

static ssize_t tls_tap_pull(gnutls_transport_ptr_t from, void *out, size_t n)
{
    struct tls_tap *tap = from;
    ssize_t got = recv(tap->fd, out, n, 0);
    if (got > 0)
        tls_tap_hear(tap, out, (size_t)got);
    else if (got < 0 && errno == EAGAIN && tap->dry) {
        tap->dry(tap);
        errno = EAGAIN;
    }
    return got;
}

static ssize_t tls_tap_pull_unheard(gnutls_transport_ptr_t from, void *out, size_t n)
{
    return recv((int)(intptr_t)from, out, n, 0);
}

/* --- what goes out --- */

static ssize_t tls_tap_send(int fd, const giovec_t *parts, int n, int flags)
{
    struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = (size_t)n };
    return sendmsg(fd, &message, flags | MSG_NOSIGNAL);
}

static ssize_t tls_tap_push(gnutls_transport_ptr_t to, const giovec_t *parts, int n)
{
    struct tls_tap *tap = to;
    ssize_t sent = tls_tap_send(tap->fd, parts, n, tap->more ? MSG_MORE : 0);
    if (sent >= 0 && tap->more > 0)
        tap->more--;
    return sent;
}

static ssize_t tls_tap_push_unheard(gnutls_transport_ptr_t to, const giovec_t *parts, int n)
{
    return tls_tap_send((int)(intptr_t)to, parts, n, 0);
}

enum fault_code tls_tap_begin(struct tls_tap *tap, gnutls_session_t session, int fd,
                              void (*ended)(struct tls_tap *tap), struct fault *f)
{
    int rc = gnutls_session_ext_register(session, "cradle-tap", TLS_TAP_EXTENSION, GNUTLS_EXT_TLS,
                                         tls_tap_received, tls_tap_sent, tls_tap_over, NULL, NULL, 0);
    if (rc < 0)
        return fault_set(f, FAULT_TLS, "cannot watch a TLS session: %s", gnutls_strerror(rc));
    *tap = (struct tls_tap){ .session = session, .fd = fd, .ended = ended };
    gnutls_ext_set_data(session, TLS_TAP_EXTENSION, tap);
    gnutls_transport_set_ptr(session, tap);
    gnutls_transport_set_pull_function(session, tls_tap_pull);
    gnutls_transport_set_vec_push_function(session, tls_tap_push);
    return FAULT_OK;
}

void tls_tap_forget(struct tls_tap *tap)
{
    if (tap->session == NULL)
        return;
    tap->ended = NULL;
    gnutls_ext_set_data(tap->session, TLS_TAP_EXTENSION, NULL);
    gnutls_transport_set_int(tap->session, tap->fd);
    gnutls_transport_set_pull_function(tap->session, tls_tap_pull_unheard);
    gnutls_transport_set_vec_push_function(tap->session, tls_tap_push_unheard);
    tap->session = NULL;
}

const char *tls_tap_refusal(const struct tls_tap *tap)
{
    /* Also what GnuTLS has when there was none. */
    gnutls_alert_description_t alert = gnutls_alert_get(tap->session);
    if (alert == GNUTLS_A_CLOSE_NOTIFY)
        alert = (gnutls_alert_description_t)tap->refused;
    return alert == GNUTLS_A_CLOSE_NOTIFY || alert == GNUTLS_A_USER_CANCELED ? NULL : tls_alert_name(alert);
}

const char *tls_tap_too_old(const struct tls_tap *tap)
{
    const int modern = 0x0303; /* TLS 1.2, which clients of TLS 1.3 say too */
    return tap->hello != 0 && tap->hello < modern
               ? "protocol version: the client's TLS is older than this listener takes"
               : NULL;
}
