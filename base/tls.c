/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tls.h"
#include "base/mem.h"
#include "base/tls_inner.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

enum fault_code tls_init(struct fault *f)
{
    int rc = gnutls_global_init();
    if (rc != GNUTLS_E_SUCCESS)
        return fault_set(f, FAULT_TLS, "GnuTLS does not start: %s", gnutls_strerror(rc));
    if (gnutls_check_version("3.7.0") == NULL)
        return fault_set(f, FAULT_TLS, "GnuTLS %s is too old: 3.7.0 is needed", gnutls_check_version(NULL));
    return FAULT_OK;
}

/* Sessions */

/* On TLS 1.3 GnuTLS sends its tickets before the client's Finished, and nothing then acknowledges that; a
 * client with Nagle's algorithm on holds its request back until the delayed acknowledgement, 40 ms later. Has
 * no effect on a socket that is not TCP. */
static int tls_acknowledge_now(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                               const gnutls_datum_t *message)
{
    (void)type;
    (void)when;
    (void)incoming;
    (void)message;
    int on = 1, from, to;
    gnutls_transport_get_int2(session, &from, &to);
    (void)setsockopt(to, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    return 0;
}

enum fault_code tls_session_prepare(gnutls_session_t session, const struct tls_session_options *options,
                                    struct fault *f)
{
    const struct tls_offer *offer = options->legacy ? &options->identity->legacy : &options->identity->usual;
    int rc = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, offer->credentials);
    if (rc >= 0)
        rc = gnutls_priority_set(session, offer->priority);
    if (rc >= 0 && options->alpn != NULL) {
        const gnutls_datum_t alpn = { .data = (unsigned char *)options->alpn,
                                      .size = (unsigned)strlen(options->alpn) };
        rc = gnutls_alpn_set_protocols(session, &alpn, 1, GNUTLS_ALPN_MANDATORY);
    }
    if (options->ticket_ms > 0)
        gnutls_db_set_cache_expiration(session, (int)(options->ticket_ms / 1000));
    if (rc >= 0 && options->ticket_key != NULL)
        rc = gnutls_session_ticket_enable_server(session, options->ticket_key);
    if (rc < 0)
        return fault_set(f, FAULT_TLS, "cannot set a TLS session up: %s", gnutls_strerror(rc));
    gnutls_certificate_server_set_request(session, options->ask_certificate ? GNUTLS_CERT_REQUEST
                                                                            : GNUTLS_CERT_IGNORE);
    if (options->ticket_key != NULL && !options->manual_tickets)
        gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST,
                                           tls_acknowledge_now);
    return FAULT_OK;
}

enum fault_code tls_session_new(int fd, const struct tls_session_options *options,
                                gnutls_session_t *ret_session, struct fault *f)
{
    unsigned flags = GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL;
    if (options->manual_tickets)
        flags |= GNUTLS_NO_AUTO_SEND_TICKET;
    gnutls_session_t session = NULL;
    int rc = gnutls_init(&session, flags);
    if (rc < 0)
        return fault_set(f, FAULT_TLS, "cannot make a TLS session: %s", gnutls_strerror(rc));
    gnutls_session_set_ptr(session, tls_identity_ref(options->identity));
    gnutls_transport_set_int(session, fd);
    enum fault_code code = tls_session_prepare(session, options, f);
    if (code == FAULT_OK)
        *ret_session = session;
    else
        tls_session_free(session);
    return code;
}

void tls_session_free(gnutls_session_t session)
{
    if (session == NULL)
        return;
    struct tls_identity *identity = gnutls_session_get_ptr(session);
    gnutls_deinit(session);
    tls_identity_unref(identity);
}

enum tls_version tls_version_of(gnutls_protocol_t protocol)
{
    switch (protocol) {
    case GNUTLS_TLS1_0:
        return TLS_1_0;
    case GNUTLS_TLS1_1:
        return TLS_1_1;
    case GNUTLS_TLS1_2:
        return TLS_1_2;
    case GNUTLS_TLS1_3:
        return TLS_1_3;
    default:
        return TLS_VERSION_NONE;
    }
}

const char *tls_version_name(enum tls_version version)
{
    switch (version) {
    case TLS_1_0:
        return "1.0";
    case TLS_1_1:
        return "1.1";
    case TLS_1_2:
        return "1.2";
    case TLS_1_3:
        return "1.3";
    case TLS_VERSION_NONE:
        break;
    }
    return "unknown";
}

bool tls_session_continues(gnutls_session_t session, gnutls_session_t original)
{
    gnutls_datum_t a = { NULL, 0 }, b = { NULL, 0 };
    gnutls_protocol_t version = gnutls_protocol_get_version(session);
    if (!gnutls_session_is_resumed(session) || version != gnutls_protocol_get_version(original))
        return false;
    if (version == GNUTLS_TLS1_3) /* tickets are only given out where they are asked for */
        return true;
    /* What a session and its resumptions share (RFC 5246, 8.1 and F.1.4). */
    gnutls_session_get_master_secret(session, &a);
    gnutls_session_get_master_secret(original, &b);
    return a.size > 0 && a.size == b.size && gnutls_memcmp(a.data, b.data, a.size) == 0;
}

enum fault_code tls_ticket_key_new(gnutls_datum_t *ret_key, struct fault *f)
{
    gnutls_datum_t key = { NULL, 0 };
    int rc = gnutls_session_ticket_key_generate(&key);
    if (rc < 0)
        return fault_set(f, FAULT_TLS, "cannot make a key for session tickets: %s", gnutls_strerror(rc));
    *ret_key = key;
    return FAULT_OK;
}

void tls_ticket_key_free(gnutls_datum_t *key)
{
    if (key->data != NULL) {
        mem_wipe(key->data, key->size);
        gnutls_free(key->data);
    }
    key->data = NULL;
    key->size = 0;
}

const char *tls_alert_name(gnutls_alert_description_t alert)
{
    static const struct {
        gnutls_alert_description_t alert;
        const char *words;
    } table[] = {
        { GNUTLS_A_UNKNOWN_CA, "unknown CA: the client does not hold our root" },
        { GNUTLS_A_BAD_CERTIFICATE, "bad certificate: the client rejects ours, often for its name" },
        { GNUTLS_A_CERTIFICATE_EXPIRED, "certificate expired: ours is, or the client's clock is wrong" },
        { GNUTLS_A_CERTIFICATE_REVOKED, "certificate revoked: the client holds ours for revoked" },
        { GNUTLS_A_CERTIFICATE_UNKNOWN, "certificate unknown: the client rejects ours without saying why" },
        { GNUTLS_A_UNSUPPORTED_CERTIFICATE, "unsupported certificate: the client cannot use our key type" },
        { GNUTLS_A_PROTOCOL_VERSION, "protocol version: the client wants another version of TLS" },
        { GNUTLS_A_HANDSHAKE_FAILURE, "handshake failure: no cipher or key type in common" },
        { GNUTLS_A_INSUFFICIENT_SECURITY, "insufficient security: the client wants stronger ciphers" },
        { GNUTLS_A_DECRYPT_ERROR, "decrypt error: the client rejects our signature" },
        { GNUTLS_A_ACCESS_DENIED, "access denied: the client does not want us" },
        { GNUTLS_A_USER_CANCELED, "cancelled by the user" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++)
        if (table[i].alert == alert)
            return table[i].words;
    const char *name = gnutls_alert_get_name(alert);
    return name != NULL ? name : "an alert of an unknown kind";
}

const char *tls_alert_words(gnutls_session_t session, int rc)
{
    if (rc != GNUTLS_E_FATAL_ALERT_RECEIVED && rc != GNUTLS_E_WARNING_ALERT_RECEIVED)
        return NULL;
    return tls_alert_name(gnutls_alert_get(session));
}

enum fault_code tls_fault(gnutls_session_t session, const char *doing, int rc, struct fault *f)
{
    int error = errno;
    const char *alert = tls_alert_words(session, rc);
    if (alert != NULL)
        return fault_set(f, FAULT_TLS, "%s: the peer refused: %s", doing, alert);
    if (rc == GNUTLS_E_PREMATURE_TERMINATION)
        return fault_set(f, FAULT_CUT, "%s: the peer ended the connection without close_notify", doing);
    if (rc == GNUTLS_E_REHANDSHAKE)
        return fault_set(f, FAULT_TLS, "%s: the peer asked to renegotiate, which is never done", doing);
    if (rc != GNUTLS_E_PULL_ERROR && rc != GNUTLS_E_PUSH_ERROR && rc != GNUTLS_E_SESSION_EOF)
        return fault_set(f, FAULT_TLS, "%s: %s", doing, gnutls_strerror(rc));
    bool gone =
        error == 0 || error == ECONNRESET || error == EPIPE || error == ETIMEDOUT || error == EHOSTUNREACH;
    return fault_set(f, gone ? FAULT_CUT : FAULT_IO, "%s: the connection broke: %s", doing,
                     error == 0 ? gnutls_strerror(rc) : strerror(error));
}
