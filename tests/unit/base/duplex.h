/* SPDX-License-Identifier: Apache-2.0 */
/* Real TLS over a loopback connection: the stream on its loop's thread, a GnuTLS client in the test's own. */
#ifndef CRADLE_TEST_DUPLEX_H
#define CRADLE_TEST_DUPLEX_H

#include "base/loop.h"
#include "base/mem.h"
#include "base/stream.h"
#include "base/tls.h"

#include "certificates.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <unistd.h>

#define BULK  (1 << 20)
#define TLS12 "NORMAL:-VERS-ALL:+VERS-TLS1.2"
#define TLS13 "NORMAL:-VERS-ALL:+VERS-TLS1.3"

static const char *const versions[] = { TLS12, TLS13 };

static char folder[] = "/tmp/cradle-test-stream-XXXXXX";
static struct tls_identity *identity;
static gnutls_datum_t ticket_key;
static struct loop *loop;
static unsigned char bulk[BULK];

static inline int set_up(void **state)
{
    (void)state;
    assert_int_equal(tls_init(NULL), FAULT_OK);
    assert_non_null(mkdtemp(folder));
    char chain[64], key[64];
    snprintf(chain, sizeof chain, "%s/chain.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    struct made made = make_certificate(&(struct wanted){ .cn = "localhost", .dns = "localhost" });
    append_certificate(chain, &made);
    append_key(key, &made);
    unmake(&made);
    const struct tls_identity_files files = { .chain = { chain }, .key = { key } };
    assert_int_equal(tls_identity_load(&files, &identity, NULL), FAULT_OK);
    assert_int_equal(tls_ticket_key_new(&ticket_key, NULL), FAULT_OK);
    unlink(chain);
    unlink(key);
    rmdir(folder);
    for (size_t i = 0; i < BULK; i++)
        bulk[i] = (unsigned char)(i * 2654435761U >> 13);
    assert_int_equal(loop_new(&loop, NULL), FAULT_OK);
    assert_int_equal(loop_start(loop, "test-stream", NULL), FAULT_OK);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    loop_stop(loop);
    loop_free(loop);
    tls_identity_unref(identity);
    tls_ticket_key_free(&ticket_key);
    return 0;
}

/* The server's side: one behaviour for each mode, on the loop's thread. */

enum mode { ECHO, SOURCE, CORKS, SIPS, TICKET, CLOSES, OVERFLOWS };
enum event { NEVER, SHAKEN, READABLE, WRITABLE, BROKEN, CLOSED };

struct server {
    enum mode mode;
    enum event free_in; /* the event that frees the stream */
    bool manual_tickets;
    int64_t close_ms;
    struct stream *stream;
    struct loop_timer *timer;
    struct loop_task task;
    int fd;
    size_t at; /* bytes of bulk written, or read by SIPS */
    int shaken, closed, broken, writable;
    bool resumed, matches, end;
    struct fault why;
    sem_t ready, done;
};

static inline bool frees(struct server *server, enum event event)
{
    if (server->free_in != event)
        return false;
    stream_free(server->stream);
    server->stream = NULL;
    sem_post(&server->done);
    return true;
}

static inline void source_more(struct server *server)
{
    while (server->at < BULK && stream_queued(server->stream) == 0) {
        size_t n = BULK - server->at < 100000 ? BULK - server->at : 100000;
        assert_int_equal(stream_write(server->stream, bulk + server->at, n, NULL), FAULT_OK);
        server->at += n;
    }
    if (server->at == BULK)
        stream_close(server->stream, server->close_ms);
}

static inline void on_shaken(void *user)
{
    struct server *server = user;
    server->shaken++;
    server->resumed = gnutls_session_is_resumed(stream_session(server->stream)) != 0;
    assert_true(stream_is_open(server->stream));
    if (frees(server, SHAKEN))
        return;
    if (server->mode == SOURCE)
        source_more(server);
    else if (server->mode == CLOSES)
        stream_close(server->stream, server->close_ms);
    else if (server->mode == OVERFLOWS) {
        struct fault f;
        stream_cork(server->stream);
        assert_int_equal(stream_write(server->stream, bulk, STREAM_QUEUE_MAX, &f), FAULT_OK);
        assert_int_equal(stream_write(server->stream, bulk, 1, &f), FAULT_TOO_LARGE);
        assert_int_equal(stream_queued(server->stream), STREAM_QUEUE_MAX);
        stream_close(server->stream, server->close_ms); /* the cork does not hold it */
        assert_int_equal(stream_write(server->stream, bulk, 1, &f), FAULT_CUT);
    } else
        stream_read_on(server->stream, true);
}

/* One sip for each event, and every second one only after reading was off for a while: what is left over
 * waits inside TLS, where no poll sees it. */
static inline void sip(struct server *server)
{
    unsigned char bytes[1000];
    size_t n = 0;
    enum stream_got got = stream_read(server->stream, bytes, sizeof bytes, &n, &server->why);
    if (got == STREAM_SOME) {
        server->matches =
            server->matches && server->at + n <= BULK && memcmp(bulk + server->at, bytes, n) == 0;
        server->at += n;
        if ((server->at / sizeof bytes) % 2 == 0) {
            stream_read_on(server->stream, false);
            loop_timer_start(server->timer, 0);
        }
    } else if (got == STREAM_END)
        stream_close(server->stream, server->close_ms);
}

static inline void sip_again(void *user)
{
    struct server *server = user;
    stream_read_on(server->stream, true);
}

static inline void on_readable(void *user)
{
    struct server *server = user;
    if (frees(server, READABLE))
        return;
    if (server->mode == SIPS) {
        sip(server);
        return;
    }
    char bytes[20000];
    size_t n = 0;
    enum stream_got got;
    while ((got = stream_read(server->stream, bytes, sizeof bytes, &n, &server->why)) == STREAM_SOME) {
        if (server->mode == CORKS) {
            stream_cork(server->stream);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(stream_write(server->stream, &bytes[i], 1, NULL), FAULT_OK);
            stream_uncork(server->stream);
            continue;
        }
        if (server->mode == TICKET)
            stream_send_ticket(server->stream);
        assert_int_equal(stream_write(server->stream, bytes, n, NULL), FAULT_OK);
        if (stream_queued(server->stream) > 100000) {
            stream_read_on(server->stream, false);
            return;
        }
    }
    if (got == STREAM_END) {
        server->end = true;
        assert_int_equal(stream_read(server->stream, bytes, sizeof bytes, &n, NULL), STREAM_END);
        stream_close(server->stream, server->close_ms);
    } else if (got == STREAM_BROKEN) {
        assert_int_equal(stream_read(server->stream, bytes, sizeof bytes, &n, NULL), STREAM_BROKEN);
        stream_free(server->stream);
        server->stream = NULL;
        sem_post(&server->done);
    }
}

static inline void on_writable(void *user)
{
    struct server *server = user;
    server->writable++;
    assert_int_equal(stream_queued(server->stream), 0);
    if (frees(server, WRITABLE))
        return;
    if (server->mode == SOURCE)
        source_more(server);
    else if (server->mode == ECHO)
        stream_read_on(server->stream, true);
}

static inline void on_broken(void *user, const struct fault *why)
{
    struct server *server = user;
    server->broken++;
    if (frees(server, BROKEN))
        return;
    server->why = *why;
    sem_post(&server->done);
}

static inline void on_closed(void *user)
{
    struct server *server = user;
    server->closed++;
    if (!frees(server, CLOSED))
        sem_post(&server->done);
}

static const struct stream_events server_events = { .shaken = on_shaken,
                                                    .readable = on_readable,
                                                    .writable = on_writable,
                                                    .broken = on_broken,
                                                    .closed = on_closed };

static inline void server_begin(struct loop_task *task)
{
    struct server *server = CONTAINER_OF(task, struct server, task);
    const struct tls_session_options options = { .identity = identity,
                                                 .alpn = "ftp",
                                                 .ticket_key = &ticket_key,
                                                 .manual_tickets = server->manual_tickets };
    gnutls_session_t session = NULL;
    assert_int_equal(tls_session_new(server->fd, &options, &session, NULL), FAULT_OK);
    server->timer = loop_timer_new(loop, sip_again, server);
    server->matches = true;
    assert_int_equal(stream_new(loop, server->fd, session, &server_events, server, &server->stream, NULL),
                     FAULT_OK);
    assert_false(stream_is_open(server->stream));
    assert_int_equal(stream_write(server->stream, "x", 1, NULL), FAULT_INTERNAL);
    sem_post(&server->ready);
}

static inline void server_end(struct loop_task *task)
{
    struct server *server = CONTAINER_OF(task, struct server, task);
    stream_free(server->stream);
    loop_timer_free(server->timer);
    sem_post(&server->ready);
}

/* A connected pair on the loopback; the first is non-blocking. */
static inline void connect_pair(int fds[2], bool small_buffers)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int bytes = 8192;
    if (small_buffers) {
        assert_int_equal(setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), 0);
        assert_int_equal(setsockopt(fds[1], SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes), 0);
    }
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(connect(fds[1], (struct sockaddr *)&address, size), 0);
    fds[0] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(fds[0] >= 0);
    close(listener);
}

/* The client's end of the socket; *server lives until server_stop. */
static inline int server_start(struct server *server, bool small_buffers)
{
    int fds[2];
    connect_pair(fds, small_buffers);
    server->fd = fds[0];
    sem_init(&server->ready, 0, 0);
    sem_init(&server->done, 0, 0);
    server->task.run = server_begin;
    loop_post(loop, &server->task);
    sem_wait(&server->ready);
    return fds[1];
}

/* Waits until it closed, broke or freed its stream. */
static inline void server_stop(struct server *server)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    int rc;
    while ((rc = sem_timedwait(&server->done, &until)) != 0 && errno == EINTR)
        ;
    server->task.run = server_end;
    loop_post(loop, &server->task);
    sem_wait(&server->ready);
    sem_destroy(&server->ready);
    sem_destroy(&server->done);
    if (rc != 0)
        fail_msg("the stream has neither closed nor broken");
}

/* The client's side */

struct client {
    int fd;
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
};

static inline int client_shake(struct client *client, int fd, const char *priority,
                               const gnutls_datum_t *resume)
{
    client->fd = fd;
    struct timeval limit = { .tv_sec = 20 };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    assert_int_equal(gnutls_init(&client->session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL), 0);
    assert_int_equal(gnutls_certificate_allocate_credentials(&client->credentials), 0);
    assert_int_equal(gnutls_credentials_set(client->session, GNUTLS_CRD_CERTIFICATE, client->credentials), 0);
    assert_int_equal(gnutls_priority_set_direct(client->session, priority, NULL), 0);
    if (resume != NULL)
        assert_int_equal(gnutls_session_set_data(client->session, resume->data, resume->size), 0);
    gnutls_transport_set_int(client->session, fd);
    return gnutls_handshake(client->session);
}

static inline void client_end(struct client *client)
{
    gnutls_deinit(client->session);
    gnutls_certificate_free_credentials(client->credentials);
    if (client->fd >= 0)
        close(client->fd);
}

/* On TLS 1.3 a blocking read gives AGAIN once for each ticket that came. */
static inline ssize_t client_recv(struct client *client, void *out, size_t n)
{
    ssize_t rc = GNUTLS_E_AGAIN;
    for (int i = 0; i < 4 && rc == GNUTLS_E_AGAIN; i++)
        rc = gnutls_record_recv(client->session, out, n);
    return rc;
}

static inline int client_bye(struct client *client)
{
    int rc = GNUTLS_E_AGAIN;
    for (int i = 0; i < 4 && rc == GNUTLS_E_AGAIN; i++)
        rc = gnutls_bye(client->session, GNUTLS_SHUT_RDWR);
    return rc;
}

static inline void client_read_all(struct client *client, unsigned char *out, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t rc = client_recv(client, out + at, n - at);
        if (rc <= 0)
            fail_msg("read %zu of %zu bytes: %s", at, n, rc == 0 ? "close_notify" : gnutls_strerror((int)rc));
        at += (size_t)rc;
    }
}

/* Sends and receives at the same time, so that both directions get stuck now and then. */
static inline void client_exchange(struct client *client, const unsigned char *data, unsigned char *out,
                                   size_t n)
{
    fcntl(client->fd, F_SETFL, O_NONBLOCK);
    size_t sent = 0, got = 0;
    while (got < n) {
        ssize_t s = sent < n
                        ? gnutls_record_send(client->session, data + sent, n - sent < 5000 ? n - sent : 5000)
                        : GNUTLS_E_AGAIN;
        assert_true(s > 0 || s == GNUTLS_E_AGAIN);
        if (s > 0)
            sent += (size_t)s;
        ssize_t r = gnutls_record_recv(client->session, out + got, n - got);
        assert_true(r > 0 || r == GNUTLS_E_AGAIN);
        if (r > 0)
            got += (size_t)r;
        struct pollfd wait = { .fd = client->fd, .events = (short)(sent < n ? POLLIN | POLLOUT : POLLIN) };
        if (s < 0 && r < 0 && poll(&wait, 1, 20000) != 1)
            fail_msg("stuck after %zu bytes sent and %zu received", sent, got);
    }
    fcntl(client->fd, F_SETFL, 0);
}

#endif
