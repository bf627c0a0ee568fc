/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool failed(struct wire *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool failed(struct wire *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(w->why, sizeof w->why, format, args);
    va_end(args);
    ERR_clear_error();
    return false;
}

/* --- TLS --- */

/* TLS 1.3 brings tickets when it likes; each is good for one resumption. */
static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
    struct wire *w = SSL_get_app_data(ssl);
    if (w == NULL || w->server->resume == WIRE_NONE)
        return 0;
    SSL_SESSION_free(w->ticket);
    w->ticket = session;
    return 1;
}

SSL_CTX *wire_context(const char *ca, const char *tls)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    int version = strcmp(tls, "1.3") == 0 ? TLS1_3_VERSION : TLS1_2_VERSION;
    if (context == NULL || SSL_CTX_load_verify_locations(context, ca, NULL) != 1 ||
        SSL_CTX_set_min_proto_version(context, version) != 1 ||
        SSL_CTX_set_max_proto_version(context, version) != 1)
        return NULL;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_ticket);
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    return context;
}

static int dial(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct timeval patience = { .tv_sec = 120 };
    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)(const void *)address, sizeof *address) == 0)
        return fd;
    close(fd);
    return -1;
}

static SSL *shake(struct wire *w, int fd, SSL_SESSION *resume)
{
    SSL *ssl = SSL_new(w->server->context);
    if (ssl == NULL)
        return NULL;
    SSL_set_app_data(ssl, w);
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), "127.0.0.1");
    if (resume != NULL)
        SSL_set_session(ssl, resume);
    if (SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1)
        return ssl;
    char words[120];
    ERR_error_string_n(ERR_peek_error(), words, sizeof words);
    (void)failed(w, "TLS: %s", words);
    SSL_free(ssl);
    return NULL;
}

/* Our close_notify, and theirs when it is waited for: a connection that breaks meanwhile would spoil the
 * session for the next one. */
static void end_tls(SSL *ssl, bool wait)
{
    if (ssl != NULL && SSL_shutdown(ssl) == 0 && wait)
        (void)SSL_shutdown(ssl);
    SSL_free(ssl);
    ERR_clear_error();
}

/* --- bytes --- */

static bool fill(struct wire *w)
{
    int n = w->ssl != NULL ? SSL_read(w->ssl, w->in, sizeof w->in) : (int)recv(w->fd, w->in, sizeof w->in, 0);
    w->at = 0;
    w->used = n > 0 ? (size_t)n : 0;
    return n > 0 || failed(w, "the server ended the connection");
}

static bool send_all(struct wire *w, const char *data, size_t n)
{
    if (w->ssl == NULL)
        return send(w->fd, data, n, MSG_NOSIGNAL) == (ssize_t)n || failed(w, "cannot send");
    return SSL_write(w->ssl, data, (int)n) == (int)n || failed(w, "cannot send");
}

static bool read_line(struct wire *w, char *line, size_t size)
{
    size_t n = 0;
    for (;;) {
        if (w->at == w->used && !fill(w))
            return false;
        char c = w->in[w->at++];
        if (c == '\n')
            break;
        if (c != '\r' && n + 1 < size)
            line[n++] = c;
    }
    line[n] = '\0';
    return true;
}

static bool holds(struct wire *w, const struct wire_expected *expected, size_t at, const char *data, size_t n)
{
    w->read += (int64_t)n;
    return expected == NULL || (at + n <= expected->size && memcmp(expected->bytes + at, data, n) == 0);
}

/* --- FTPS --- */

static int reply(struct wire *w, char *line, size_t size)
{
    char code[4] = "";
    do {
        if (!read_line(w, line, size))
            return -1;
        if (code[0] == '\0' && strlen(line) >= 4)
            memcpy(code, line, 3);
    } while (strncmp(line, code, 3) != 0 || line[3] != ' ');
    return (int)strtol(code, NULL, 10);
}

static int ask(struct wire *w, char *line, size_t size, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static int ask(struct wire *w, char *line, size_t size, const char *format, ...)
{
    char out[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(out, sizeof out - 2, format, args);
    va_end(args);
    memcpy(out + n, "\r\n", 3);
    return send_all(w, out, (size_t)n + 2) ? reply(w, line, size) : -1;
}

static bool wants(struct wire *w, int got, int want, const char *line)
{
    return got == want || (got > 0 && failed(w, "%d was expected, not %.100s", want, line));
}

static bool log_in(struct wire *w)
{
    char line[512];
    const struct wire_server *s = w->server;
    if (!s->explicit && !wants(w, reply(w, line, sizeof line), 220, line))
        return false;
    return wants(w, ask(w, line, sizeof line, "USER %s", s->user), 331, line) &&
           wants(w, ask(w, line, sizeof line, "PASS %s", s->password), 230, line) &&
           /* Not all servers protect the data channel of implicit TLS by themselves. */
           wants(w, ask(w, line, sizeof line, "PBSZ 0"), 200, line) &&
           wants(w, ask(w, line, sizeof line, "PROT P"), 200, line) &&
           wants(w, ask(w, line, sizeof line, "TYPE I"), 200, line);
}

static int passive(struct wire *w)
{
    char line[512];
    int a[6];
    if (!wants(w, ask(w, line, sizeof line, "PASV"), 227, line))
        return -1;
    const char *open = strchr(line, '(');
    if (open == NULL || sscanf(open, "(%d,%d,%d,%d,%d,%d)", &a[0], &a[1], &a[2], &a[3], &a[4], &a[5]) != 6) {
        (void)failed(w, "no address in %.100s", line);
        return -1;
    }
    struct sockaddr_in address = *w->server->address;
    address.sin_port = htons((uint16_t)(a[4] << 8 | a[5]));
    int fd = dial(&address);
    if (fd < 0)
        (void)failed(w, "no data connection: %s", strerror(errno));
    return fd;
}

/* The data channel of a transfer whose 150 was read. */
static SSL *open_data(struct wire *w, int fd)
{
    SSL_SESSION *session = NULL;
    if (w->server->resume != WIRE_NONE)
        session = SSL_version(w->ssl) == TLS1_3_VERSION ? w->ticket : SSL_get_session(w->ssl);
    return shake(w, fd, session);
}

static bool ftp_get(struct wire *w, const char *name, const struct wire_expected *expected)
{
    char line[512], data[16384];
    size_t at = 0;
    bool same = true;
    int fd = passive(w);
    if (fd < 0)
        return false;
    int code = ask(w, line, sizeof line, "RETR %s", name);
    bool good = code == 150 || code == 125 || wants(w, code, 150, line);
    SSL *ssl = good ? open_data(w, fd) : NULL;
    for (int n; ssl != NULL && (n = SSL_read(ssl, data, sizeof data)) > 0; at += (size_t)n)
        same = holds(w, expected, at, data, (size_t)n) && same;
    good = ssl != NULL;
    end_tls(ssl, true);
    close(fd);
    if (!good || !wants(w, reply(w, line, sizeof line), 226, line))
        return false;
    return (same && (expected == NULL || at == expected->size)) ||
           failed(w, "%s: other bytes than expected", name);
}

static bool ftp_append(struct wire *w, const char *name, const char *bytes, size_t n)
{
    char line[512];
    int fd = passive(w);
    if (fd < 0)
        return false;
    int code = ask(w, line, sizeof line, "APPE %s", name);
    bool good = code == 150 || code == 125 || wants(w, code, 150, line);
    SSL *ssl = good ? open_data(w, fd) : NULL;
    good = ssl != NULL && (SSL_write(ssl, bytes, (int)n) == (int)n || failed(w, "cannot send data"));
    end_tls(ssl, true);
    close(fd);
    return good && wants(w, reply(w, line, sizeof line), 226, line);
}

/* --- HTTPS --- */

/* "user:password" in base64, as Basic wants it (RFC 7617). */
static void basic(const struct wire_server *server, char out[512])
{
    char both[380];
    int n = snprintf(both, sizeof both, "%s:%s", server->user, server->password);
    EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)both, n);
}

static bool http_answer(struct wire *w, const char *name, const struct wire_expected *expected)
{
    char line[1024];
    long status = 0;
    size_t length = 0, at = 0;
    bool same = true;
    if (!read_line(w, line, sizeof line) || sscanf(line, "HTTP/1.1 %ld", &status) != 1)
        return failed(w, "no answer");
    while (read_line(w, line, sizeof line) && line[0] != '\0')
        if (strncasecmp(line, "Content-Length:", 15) == 0)
            length = strtoul(line + 15, NULL, 10);
    while (at < length) {
        if (w->at == w->used && !fill(w))
            return false;
        size_t n = w->used - w->at < length - at ? w->used - w->at : length - at;
        same = holds(w, expected, at, w->in + w->at, n) && same;
        w->at += n;
        at += n;
    }
    if (status < 200 || status > 299)
        return failed(w, "%s: status %ld", name, status);
    return (same && (expected == NULL || at == expected->size)) ||
           failed(w, "%s: other bytes than expected", name);
}

static bool http_get(struct wire *w, const char *name, const struct wire_expected *expected)
{
    char out[2048], credentials[512];
    basic(w->server, credentials);
    int n =
        snprintf(out, sizeof out, "GET /%s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic %s\r\n\r\n",
                 name, credentials);
    return send_all(w, out, (size_t)n) && http_answer(w, name, expected);
}

static bool http_put(struct wire *w, const char *name, const char *bytes, size_t size)
{
    char out[2048], credentials[512];
    basic(w->server, credentials);
    int n = snprintf(
        out, sizeof out,
        "PUT /%s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic %s\r\nContent-Length: %zu\r\n\r\n", name,
        credentials, size);
    return send_all(w, out, (size_t)n) && send_all(w, bytes, size) && http_answer(w, name, NULL);
}

/* --- both --- */

bool wire_open(struct wire *w)
{
    char line[512];
    w->at = w->used = 0;
    w->fd = dial(w->server->address);
    if (w->fd < 0)
        return failed(w, "cannot connect: %s", strerror(errno));
    if (w->server->ftp && w->server->explicit &&
        (!wants(w, reply(w, line, sizeof line), 220, line) ||
         !wants(w, ask(w, line, sizeof line, "AUTH TLS"), 234, line)))
        return false;
    SSL_SESSION *resume = w->server->resume == WIRE_ALL ? w->ticket : NULL;
    w->ssl = shake(w, w->fd, resume);
    if (w->ssl == NULL)
        return false;
    return !w->server->ftp || log_in(w);
}

void wire_close(struct wire *w)
{
    char line[512];
    if (w->ssl != NULL && w->server->ftp)
        (void)ask(w, line, sizeof line, "QUIT");
    end_tls(w->ssl, w->server->ftp);
    w->ssl = NULL;
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
    if (w->server->resume != WIRE_ALL) {
        SSL_SESSION_free(w->ticket);
        w->ticket = NULL;
    }
}

bool wire_get(struct wire *w, const char *name, const struct wire_expected *expected)
{
    return w->server->ftp ? ftp_get(w, name, expected) : http_get(w, name, expected);
}

bool wire_append(struct wire *w, const char *name, const char *bytes, size_t n)
{
    return w->server->ftp ? ftp_append(w, name, bytes, n) : http_put(w, name, bytes, n);
}
