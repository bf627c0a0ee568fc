/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/live.h"

#include "base/mem.h"
#include "base/tls.h"
#include "base/value.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PATIENCE_S 10 /* for the connection, and for the handshake */

/* "host", "host:port", "[address]", "[address]:port" */
static bool take_authority(char *text, struct live_target *target)
{
    char *host = text, *rest;
    int64_t port = 0;
    if (text[0] == '[') {
        host = text + 1;
        rest = strchr(host, ']');
        if (rest == NULL)
            return false;
        *rest++ = '\0';
    } else {
        rest = text + strcspn(text, ":");
    }
    if (rest[0] == ':') {
        *rest++ = '\0';
        if (value_number(rest, 1, 65535, &port, NULL) != FAULT_OK)
            return false;
        snprintf(target->port, sizeof target->port, "%u", (unsigned)port & 0xffff);
    } else if (rest[0] != '\0') {
        return false;
    }
    return host[0] != '\0' && strpbrk(host, "@[] ") == NULL &&
           mem_copy_text(target->host, sizeof target->host, host);
}

enum fault_code live_parse(const char *url, struct live_target *ret_target, struct fault *f)
{
    struct live_target target = { .ftps = strncmp(url, "ftps://", 7) == 0, .port = "443" };
    char authority[sizeof target.host + 16];
    bool known = target.ftps || strncmp(url, "https://", 8) == 0;
    const char *at = known ? strstr(url, "://") + 3 : "";
    size_t n = strcspn(at, "/?#");
    if (target.ftps)
        (void)mem_copy_text(target.port, sizeof target.port, "990");
    if (!known || (at[n] != '\0' && strcmp(at + n, "/") != 0) ||
        !mem_copy_bytes(authority, sizeof authority, at, n) || !take_authority(authority, &target))
        return fault_set(f, FAULT_INPUT, "\"%.80s\" is not https://HOST[:PORT] or ftps://HOST[:PORT]", url);
    *ret_target = target;
    return FAULT_OK;
}

/* The first address that answers. */
static enum fault_code connect_to(const struct live_target *target, int *ret_fd, struct fault *f)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    const struct timeval patience = { .tv_sec = PATIENCE_S };
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(target->host, target->port, &hints, &found), why = 0;
    if (rc != 0)
        return fault_set(f, FAULT_INPUT, "%s does not resolve: %s", target->host, gai_strerror(rc));
    int fd = -1;
    for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (fd < 0)
            continue;
        /* Linux counts this for connect too. */
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        if (connect(fd, at->ai_addr, at->ai_addrlen) == 0)
            break;
        why = errno == EINPROGRESS ? ETIMEDOUT : errno;
        close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    if (fd < 0)
        return fault_set(f, FAULT_IO, "cannot connect to %s port %s: %s", target->host, target->port,
                         strerror(why));
    *ret_fd = fd;
    return FAULT_OK;
}

static void read_names(struct live_certificate *certificate)
{
    const gnutls_datum_t der = { certificate->der, (unsigned)certificate->size };
    size_t subject = sizeof certificate->subject, issuer = sizeof certificate->issuer;
    gnutls_x509_crt_t crt;
    certificate->until = -1;
    if (gnutls_x509_crt_init(&crt) < 0)
        return;
    if (gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER) >= 0) {
        if (gnutls_x509_crt_get_dn(crt, certificate->subject, &subject) < 0)
            certificate->subject[0] = '\0';
        if (gnutls_x509_crt_get_issuer_dn(crt, certificate->issuer, &issuer) < 0)
            certificate->issuer[0] = '\0';
        certificate->until = gnutls_x509_crt_get_expiration_time(crt);
    }
    gnutls_x509_crt_deinit(crt);
}

static enum fault_code take_chain(gnutls_session_t session, struct live *live, struct fault *f)
{
    unsigned n = 0;
    const gnutls_datum_t *sent = gnutls_certificate_get_peers(session, &n);
    for (unsigned i = 0; sent && i < n && i < LIVE_CERTIFICATES; i++) {
        struct live_certificate *certificate = &live->sent[live->count];
        certificate->der = malloc(sent[i].size ? sent[i].size : 1);
        if (certificate->der == NULL)
            return fault_set(f, FAULT_MEMORY, "out of memory");
        memcpy(certificate->der, sent[i].data, sent[i].size);
        certificate->size = sent[i].size;
        live->count++;
        read_names(certificate);
    }
    return FAULT_OK;
}

static int prepare(gnutls_session_t session, gnutls_certificate_credentials_t credentials,
                   const struct live_target *target, int fd)
{
    unsigned char address[16];
    const char *name = target->ftps ? "ftp" : "http/1.1";
    const gnutls_datum_t alpn = { (unsigned char *)(uintptr_t)name, (unsigned)strlen(name) };
    bool numeric =
        inet_pton(AF_INET, target->host, address) == 1 || inet_pton(AF_INET6, target->host, address) == 1;
    int rc = gnutls_set_default_priority(session);
    if (rc >= 0)
        rc = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    if (rc >= 0)
        rc = gnutls_alpn_set_protocols(session, &alpn, 1, 0);
    if (rc >= 0 && !numeric) /* RFC 6066, 3: a name, never an address */
        rc = gnutls_server_name_set(session, GNUTLS_NAME_DNS, target->host, strlen(target->host));
    gnutls_transport_set_int(session, fd);
    gnutls_handshake_set_timeout(session, PATIENCE_S * 1000);
    return rc;
}

static enum fault_code shake_hands(gnutls_session_t session, struct live *live, struct fault *f)
{
    int rc;
    do {
        errno = 0;
        rc = gnutls_handshake(session);
    } while (rc < 0 && !gnutls_error_is_fatal(rc));
    if (rc == GNUTLS_E_TIMEDOUT)
        return fault_set(f, FAULT_TIMEOUT, "the TLS handshake did not end within %d s", PATIENCE_S);
    if (rc < 0)
        return tls_fault(session, "TLS handshake", rc, f);
    const char *protocol = gnutls_protocol_get_name(gnutls_protocol_get_version(session));
    const char *cipher = gnutls_cipher_get_name(gnutls_cipher_get(session));
    (void)mem_copy_text(live->protocol, sizeof live->protocol, protocol ? protocol : "");
    (void)mem_copy_text(live->cipher, sizeof live->cipher, cipher ? cipher : "");
    enum fault_code code = take_chain(session, live, f);
    (void)gnutls_bye(session, GNUTLS_SHUT_WR);
    return code;
}

enum fault_code live_look(const struct live_target *target, struct live *ret_live, struct fault *f)
{
    int fd = -1;
    struct live live = { 0 };
    gnutls_session_t session = NULL;
    gnutls_certificate_credentials_t credentials = NULL;
    enum fault_code code = connect_to(target, &fd, f);
    if (code != FAULT_OK)
        return code;
    if (gnutls_certificate_allocate_credentials(&credentials) < 0 ||
        gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL) < 0 ||
        prepare(session, credentials, target, fd) < 0)
        code = fault_set(f, FAULT_TLS, "cannot set a TLS session up");
    if (code == FAULT_OK)
        code = shake_hands(session, &live, f);
    if (session != NULL)
        gnutls_deinit(session);
    if (credentials != NULL)
        gnutls_certificate_free_credentials(credentials);
    close(fd);
    if (code == FAULT_OK)
        *ret_live = live;
    else
        live_fini(&live);
    return code;
}

void live_fini(struct live *live)
{
    for (size_t i = 0; i < live->count; i++)
        free(live->sent[i].der);
    *live = (struct live){ 0 };
}
