/* SPDX-License-Identifier: Apache-2.0 */
/* TLS handshakes over a socket pair, both sides in the test's own thread. */
#ifndef CRADLE_TEST_MEETING_H
#define CRADLE_TEST_MEETING_H

#include "base/tls.h"
#include "certificates.h"

#include <sys/socket.h>
#include <unistd.h>

struct meeting {
    int fds[2];
    gnutls_session_t server, client;
    gnutls_certificate_credentials_t credentials; /* the client's */
    int server_rc, client_rc;
};

struct client {
    const char *priority;
    const char *alpn;
    const struct made *certificate, *issuer;
    const gnutls_datum_t *resume;
};

static inline void shake(struct meeting *m)
{
    m->server_rc = m->client_rc = GNUTLS_E_AGAIN;
    for (int i = 0; i < 100 && (m->server_rc == GNUTLS_E_AGAIN || m->client_rc == GNUTLS_E_AGAIN); i++) {
        if (m->client_rc == GNUTLS_E_AGAIN)
            m->client_rc = gnutls_handshake(m->client);
        if (m->server_rc == GNUTLS_E_AGAIN)
            m->server_rc = gnutls_handshake(m->server);
        if (m->server_rc < 0 && m->server_rc != GNUTLS_E_AGAIN)
            gnutls_alert_send_appropriate(m->server, m->server_rc);
        if (m->client_rc < 0 && m->client_rc != GNUTLS_E_AGAIN)
            gnutls_alert_send_appropriate(m->client, m->client_rc);
    }
}

static inline struct meeting meet(const struct tls_session_options *options, const struct client *client)
{
    struct meeting m = { 0 };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, m.fds), 0);
    assert_int_equal(tls_session_new(m.fds[0], options, &m.server, NULL), FAULT_OK);
    assert_int_equal(gnutls_init(&m.client, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_FORCE_CLIENT_CERT), 0);
    assert_int_equal(gnutls_certificate_allocate_credentials(&m.credentials), 0);
    if (client->certificate != NULL) {
        gnutls_x509_crt_t chain[2] = { client->certificate->crt,
                                       client->issuer ? client->issuer->crt : NULL };
        assert_int_equal(gnutls_certificate_set_x509_key(m.credentials, chain, client->issuer ? 2 : 1,
                                                         client->certificate->key),
                         0);
    }
    assert_int_equal(gnutls_credentials_set(m.client, GNUTLS_CRD_CERTIFICATE, m.credentials), 0);
    assert_int_equal(
        gnutls_priority_set_direct(m.client, client->priority ? client->priority : "NORMAL", NULL), 0);
    if (client->alpn != NULL) {
        const gnutls_datum_t alpn = { (unsigned char *)client->alpn, (unsigned)strlen(client->alpn) };
        assert_int_equal(gnutls_alpn_set_protocols(m.client, &alpn, 1, 0), 0);
    }
    if (client->resume != NULL)
        assert_int_equal(gnutls_session_set_data(m.client, client->resume->data, client->resume->size), 0);
    gnutls_transport_set_int(m.client, m.fds[1]);
    shake(&m);
    return m;
}

static inline void part(struct meeting *m)
{
    tls_session_free(m->server);
    gnutls_deinit(m->client);
    gnutls_certificate_free_credentials(m->credentials);
    close(m->fds[0]);
    close(m->fds[1]);
}

#endif
