/* SPDX-License-Identifier: Apache-2.0 */
/* GnuTLS tells nobody that a session ends, but frees the data of its extensions while it is still whole: one
 * that is never sent is the way to learn of it. And on TLS 1.3 it takes an alert in the clear for a record
 * that cannot be decrypted, while OpenSSL's clients, which most are, refuse a certificate by just that: so
 * what comes in is looked at. */
#include "base/tls.h"
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Of the range for private use (RFC 8446, 11); a client that sends it is not answered. */
#define TLS_TAP_EXTENSION 0xffae

enum { TLS_TAP_HEADER = 5, TLS_TAP_ALERT = 21, TLS_TAP_FATAL = 2 };

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

/* One byte of a record's header, or of an alert that may be in the clear: encrypted ones have more than two.
 */
static void tls_tap_take(struct tls_tap *tap, unsigned char byte)
{
    tap->record[tap->got++] = byte;
    if (tap->got < TLS_TAP_HEADER)
        return;
    if (tap->got == TLS_TAP_HEADER)
        tap->rest = (size_t)tap->record[3] << 8 | tap->record[4];
    else
        tap->rest--;
    if (tap->got == TLS_TAP_HEADER + 2 && tap->record[TLS_TAP_HEADER] == TLS_TAP_FATAL)
        tap->refused = tap->record[TLS_TAP_HEADER + 1];
}

/* Walks from record to record. */
static void tls_tap_hear(struct tls_tap *tap, const unsigned char *bytes, size_t n)
{
    while (n > 0) {
        bool header = tap->got < TLS_TAP_HEADER;
        bool alert = !header && tap->record[0] == TLS_TAP_ALERT && tap->record[3] == 0 && tap->record[4] == 2;
        size_t some = header || alert ? 1 : n < tap->rest ? n : tap->rest;
        if (header || alert)
            tls_tap_take(tap, *bytes);
        else
            tap->rest -= some;
        bytes += some;
        n -= some;
        if (tap->got >= TLS_TAP_HEADER && tap->rest == 0)
            tap->got = 0;
    }
}

static ssize_t tls_tap_pull(gnutls_transport_ptr_t from, void *out, size_t n)
{
    struct tls_tap *tap = from;
    ssize_t got = recv(tap->fd, out, n, 0);
    if (got > 0)
        tls_tap_hear(tap, out, (size_t)got);
    return got;
}

static ssize_t tls_tap_pull_unheard(gnutls_transport_ptr_t from, void *out, size_t n)
{
    return recv((int)(intptr_t)from, out, n, 0);
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
    gnutls_transport_set_ptr2(session, tap, (gnutls_transport_ptr_t)(intptr_t)fd);
    gnutls_transport_set_pull_function(session, tls_tap_pull);
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
