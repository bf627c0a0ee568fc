/* SPDX-License-Identifier: Apache-2.0 */
/* Real TLS over a loopback connection: the stream on its loop's thread, a GnuTLS client in the test's own. */
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

static int set_up(void **state)
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

static int tear_down(void **state)
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

static bool frees(struct server *server, enum event event)
{
    if (server->free_in != event)
        return false;
    stream_free(server->stream);
    server->stream = NULL;
    sem_post(&server->done);
    return true;
}

static void source_more(struct server *server)
{
    while (server->at < BULK && stream_queued(server->stream) == 0) {
        size_t n = BULK - server->at < 100000 ? BULK - server->at : 100000;
        assert_int_equal(stream_write(server->stream, bulk + server->at, n, NULL), FAULT_OK);
        server->at += n;
    }
    if (server->at == BULK)
        stream_close(server->stream, server->close_ms);
}

static void on_shaken(void *user)
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
static void sip(struct server *server)
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

static void sip_again(void *user)
{
    struct server *server = user;
    stream_read_on(server->stream, true);
}

static void on_readable(void *user)
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

static void on_writable(void *user)
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

static void on_broken(void *user, const struct fault *why)
{
    struct server *server = user;
    server->broken++;
    if (frees(server, BROKEN))
        return;
    server->why = *why;
    sem_post(&server->done);
}

static void on_closed(void *user)
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

static void server_begin(struct loop_task *task)
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

static void server_end(struct loop_task *task)
{
    struct server *server = CONTAINER_OF(task, struct server, task);
    stream_free(server->stream);
    loop_timer_free(server->timer);
    sem_post(&server->ready);
}

/* A connected pair on the loopback; the first is non-blocking. */
static void connect_pair(int fds[2], bool small_buffers)
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
static int server_start(struct server *server, bool small_buffers)
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
static void server_stop(struct server *server)
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

static int client_shake(struct client *client, int fd, const char *priority, const gnutls_datum_t *resume)
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

static void client_end(struct client *client)
{
    gnutls_deinit(client->session);
    gnutls_certificate_free_credentials(client->credentials);
    if (client->fd >= 0)
        close(client->fd);
}

/* On TLS 1.3 a blocking read gives AGAIN once for each ticket that came. */
static ssize_t client_recv(struct client *client, void *out, size_t n)
{
    ssize_t rc = GNUTLS_E_AGAIN;
    for (int i = 0; i < 4 && rc == GNUTLS_E_AGAIN; i++)
        rc = gnutls_record_recv(client->session, out, n);
    return rc;
}

static int client_bye(struct client *client)
{
    int rc = GNUTLS_E_AGAIN;
    for (int i = 0; i < 4 && rc == GNUTLS_E_AGAIN; i++)
        rc = gnutls_bye(client->session, GNUTLS_SHUT_RDWR);
    return rc;
}

static void client_read_all(struct client *client, unsigned char *out, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t rc = client_recv(client, out + at, n - at);
        if (rc <= 0)
            fail_msg("read %zu of %zu bytes: %s", at, n, rc == 0 ? "close_notify" : gnutls_strerror((int)rc));
        at += (size_t)rc;
    }
}

/* Sends and receives at the same time, so that both directions get stuck now and then. */
static void client_exchange(struct client *client, const unsigned char *data, unsigned char *out, size_t n)
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

static void test_echo(void **state)
{
    (void)state;
    for (size_t v = 0; v < ARRAY_LENGTH(versions); v++)
        for (int small = 0; small < 2; small++) {
            struct server server = { .mode = ECHO, .close_ms = 20000 };
            struct client client;
            assert_int_equal(client_shake(&client, server_start(&server, small != 0), versions[v], NULL), 0);
            unsigned char *out = malloc(BULK);
            client_exchange(&client, bulk, out, 5);
            assert_memory_equal(out, bulk, 5);
            client_exchange(&client, bulk, out, BULK);
            assert_memory_equal(out, bulk, BULK);
            free(out);
            assert_int_equal(client_bye(&client), 0);
            server_stop(&server);
            client_end(&client);
            assert_int_equal(server.shaken, 1);
            assert_int_equal(server.closed, 1);
            assert_int_equal(server.broken, 0);
            assert_true(server.writable > 0);
            assert_true(server.end);
        }
}

static void test_source(void **state)
{
    (void)state;
    for (size_t v = 0; v < ARRAY_LENGTH(versions); v++) {
        struct server server = { .mode = SOURCE, .close_ms = 20000 };
        struct client client;
        assert_int_equal(client_shake(&client, server_start(&server, true), versions[v], NULL), 0);
        unsigned char *out = malloc(BULK);
        client_read_all(&client, out, BULK);
        assert_memory_equal(out, bulk, BULK);
        assert_int_equal(client_recv(&client, out, 1), 0); /* close_notify */
        free(out);
        gnutls_bye(client.session, GNUTLS_SHUT_WR);
        server_stop(&server);
        client_end(&client);
        assert_int_equal(server.closed, 1);
        assert_int_equal(server.broken, 0);
    }
}

/* Closing throws away what the peer still says, and ends although it never answers. */
static void test_close_without_answer(void **state)
{
    (void)state;
    struct server server = { .mode = CLOSES, .close_ms = 50 };
    struct client client;
    assert_int_equal(client_shake(&client, server_start(&server, false), TLS12, NULL), 0);
    assert_int_equal(gnutls_record_send(client.session, bulk, 10000), 10000);
    char byte;
    assert_int_equal(client_recv(&client, &byte, 1), 0);
    assert_int_equal(read(client.fd, &byte, 1), 0); /* the FIN came too, before the stream was freed */
    server_stop(&server);
    client_end(&client);
    assert_int_equal(server.closed, 1);
    assert_int_equal(server.broken, 0);
}

static void test_close_sends_the_queue(void **state)
{
    (void)state;
    struct server server = { .mode = OVERFLOWS, .close_ms = 20000 };
    struct client client;
    assert_int_equal(client_shake(&client, server_start(&server, true), TLS13, NULL), 0);
    unsigned char *out = malloc(STREAM_QUEUE_MAX);
    client_read_all(&client, out, STREAM_QUEUE_MAX);
    assert_memory_equal(out, bulk, STREAM_QUEUE_MAX);
    free(out);
    assert_int_equal(client_bye(&client), 0);
    server_stop(&server);
    client_end(&client);
    assert_int_equal(server.closed, 1);
}

/* The peer goes away while bytes are still to be sent: that is no orderly end. */
static void test_peer_gone_while_closing(void **state)
{
    (void)state;
    struct server server = { .mode = OVERFLOWS, .close_ms = 20000 };
    struct client client;
    assert_int_equal(client_shake(&client, server_start(&server, true), TLS13, NULL), 0);
    client_end(&client); /* with unread bytes: RST */
    server_stop(&server);
    assert_int_equal(server.closed, 0);
    assert_int_equal(server.broken, 1);
    assert_int_equal(server.why.code, FAULT_CUT);
}

static void test_cut(void **state)
{
    (void)state;
    for (size_t v = 0; v < ARRAY_LENGTH(versions); v++)
        for (int reset = 0; reset < 2; reset++) {
            struct server server = { .mode = ECHO };
            struct client client;
            assert_int_equal(client_shake(&client, server_start(&server, false), versions[v], NULL), 0);
            unsigned char out[5];
            client_exchange(&client, bulk, out, 5);
            const struct linger linger = { .l_onoff = 1, .l_linger = 0 };
            if (reset)
                setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
            close(client.fd); /* without close_notify */
            client.fd = -1;
            server_stop(&server);
            client_end(&client);
            assert_int_equal(server.why.code, FAULT_CUT);
            assert_int_equal(server.broken, 0); /* stream_read told it */
            assert_int_equal(server.closed, 0);
            assert_false(server.end);
        }
}

static void test_plain_text(void **state)
{
    (void)state;
    static const struct {
        const char *sent;
        enum fault_code code;
    } rows[] = {
        { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", FAULT_TLS },
        { "USER admin\r\n", FAULT_TLS },
        { "\x16\x03\x01", FAULT_CUT },
        { "", FAULT_CUT },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct server server = { .mode = ECHO };
        int fd = server_start(&server, false);
        assert_int_equal(write(fd, rows[i].sent, strlen(rows[i].sent)), strlen(rows[i].sent));
        shutdown(fd, SHUT_WR);
        server_stop(&server);
        char byte;
        assert_true(read(fd, &byte, 1) <= 0); /* not a byte, least of all a readable one */
        close(fd);
        assert_int_equal(server.shaken, 0);
        assert_int_equal(server.broken, 1);
        assert_int_equal(server.why.code, rows[i].code);
    }
}

static void test_alpn_refused(void **state)
{
    (void)state;
    struct server server = { .mode = ECHO };
    int fd = server_start(&server, false);
    struct client client = { .fd = fd };
    assert_int_equal(gnutls_init(&client.session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL), 0);
    assert_int_equal(gnutls_certificate_allocate_credentials(&client.credentials), 0);
    gnutls_credentials_set(client.session, GNUTLS_CRD_CERTIFICATE, client.credentials);
    gnutls_set_default_priority(client.session);
    const gnutls_datum_t alpn = { (unsigned char *)"http/1.1", 8 };
    gnutls_alpn_set_protocols(client.session, &alpn, 1, 0);
    gnutls_transport_set_int(client.session, fd);
    assert_int_equal(gnutls_handshake(client.session), GNUTLS_E_FATAL_ALERT_RECEIVED);
    assert_int_equal(gnutls_alert_get(client.session), GNUTLS_A_NO_APPLICATION_PROTOCOL);
    server_stop(&server);
    client_end(&client);
    assert_int_equal(server.broken, 1);
    assert_int_equal(server.why.code, FAULT_TLS);
}

static void test_alert(void **state)
{
    (void)state;
    struct server server = { .mode = ECHO };
    struct client client;
    assert_int_equal(client_shake(&client, server_start(&server, false), TLS13, NULL), 0);
    assert_int_equal(gnutls_alert_send(client.session, GNUTLS_AL_FATAL, GNUTLS_A_UNKNOWN_CA), 0);
    server_stop(&server);
    client_end(&client);
    assert_int_equal(server.why.code, FAULT_TLS);
    assert_non_null(strstr(server.why.text, "does not hold our root"));
}

/* As Java ends a stream on TLS 1.3: all that came before counts, as with a close_notify alone. */
static void test_user_canceled(void **state)
{
    (void)state;
    for (size_t v = 0; v < ARRAY_LENGTH(versions); v++) {
        struct server server = { .mode = ECHO, .close_ms = 20000 };
        struct client client;
        unsigned char out[5];
        assert_int_equal(client_shake(&client, server_start(&server, false), versions[v], NULL), 0);
        client_exchange(&client, bulk, out, 5);
        assert_memory_equal(out, bulk, 5);
        assert_int_equal(gnutls_alert_send(client.session, GNUTLS_AL_WARNING, GNUTLS_A_USER_CANCELED), 0);
        gnutls_bye(client.session, GNUTLS_SHUT_WR);
        server_stop(&server);
        client_end(&client);
        assert_true(server.end);
        assert_int_equal(server.broken, 0);
    }
}

static void test_renegotiation_refused(void **state)
{
    (void)state;
    struct server server = { .mode = ECHO };
    struct client client;
    assert_int_equal(client_shake(&client, server_start(&server, false), TLS12, NULL), 0);
    assert_true(gnutls_handshake(client.session) < 0);
    server_stop(&server);
    client_end(&client);
    assert_int_equal(server.why.code, FAULT_TLS);
    assert_non_null(strstr(server.why.text, "renegotiate"));
}

static void test_cork(void **state)
{
    (void)state;
    struct server server = { .mode = CORKS, .close_ms = 20000 };
    struct client client;
    assert_int_equal(client_shake(&client, server_start(&server, false), TLS13, NULL), 0);
    unsigned char out[200];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(gnutls_record_send(client.session, bulk, 100), 100);
        assert_int_equal(client_recv(&client, out, sizeof out), 100); /* 100 writes, one record */
        assert_memory_equal(out, bulk, 100);
    }
    assert_int_equal(client_bye(&client), 0);
    server_stop(&server);
    client_end(&client);
}

static void test_sips(void **state)
{
    (void)state;
    for (size_t v = 0; v < ARRAY_LENGTH(versions); v++) {
        struct server server = { .mode = SIPS, .close_ms = 20000 };
        struct client client;
        assert_int_equal(client_shake(&client, server_start(&server, false), versions[v], NULL), 0);
        for (size_t at = 0; at < 160000; at += 16000)
            assert_int_equal(gnutls_record_send(client.session, bulk + at, 16000), 16000);
        assert_int_equal(client_bye(&client), 0);
        server_stop(&server);
        client_end(&client);
        assert_int_equal(server.at, 160000);
        assert_true(server.matches);
        assert_int_equal(server.closed, 1);
    }
}

/* TLS 1.3: no ticket comes by itself; each stream_send_ticket sends one, which resumes one session. */
static void test_tickets(void **state)
{
    (void)state;
    gnutls_datum_t data = { NULL, 0 };
    for (int round = 0; round < 4; round++) {
        struct server server = { .mode = TICKET, .manual_tickets = true, .close_ms = 20000 };
        struct client client;
        assert_int_equal(
            client_shake(&client, server_start(&server, false), TLS13, data.data != NULL ? &data : NULL), 0);
        assert_int_equal(gnutls_session_is_resumed(client.session) != 0, round > 0);
        assert_int_equal(gnutls_session_get_flags(client.session) & GNUTLS_SFLAGS_SESSION_TICKET, 0);
        unsigned char out[5];
        client_exchange(&client, bulk, out, 5);
        assert_int_not_equal(gnutls_session_get_flags(client.session) & GNUTLS_SFLAGS_SESSION_TICKET, 0);
        gnutls_free(data.data);
        assert_int_equal(gnutls_session_get_data2(client.session, &data), 0);
        assert_int_equal(client_bye(&client), 0);
        server_stop(&server);
        client_end(&client);
        assert_int_equal(server.resumed, round > 0);
    }
    gnutls_free(data.data);
}

static void test_resume_12(void **state)
{
    (void)state;
    gnutls_datum_t data = { NULL, 0 };
    for (int round = 0; round < 2; round++) {
        struct server server = { .mode = TICKET, .manual_tickets = true, .close_ms = 20000 };
        struct client client;
        assert_int_equal(
            client_shake(&client, server_start(&server, false), TLS12, data.data != NULL ? &data : NULL), 0);
        unsigned char out[5];
        client_exchange(&client, bulk, out, 5); /* stream_send_ticket does nothing here */
        gnutls_free(data.data);
        assert_int_equal(gnutls_session_get_data2(client.session, &data), 0);
        assert_int_equal(client_bye(&client), 0);
        server_stop(&server);
        client_end(&client);
        assert_int_equal(server.resumed, round > 0);
    }
    gnutls_free(data.data);
}

/* The owner may free the stream inside of every event. What goes wrong then is for the sanitizers to see. */
static void test_free_in_events(void **state)
{
    (void)state;
    static const enum event events[] = { SHAKEN, READABLE, WRITABLE, BROKEN, CLOSED };
    for (size_t i = 0; i < ARRAY_LENGTH(events); i++) {
        struct server server = { .mode = ECHO, .free_in = events[i], .close_ms = 20000 };
        int fd = server_start(&server, false);
        if (events[i] == BROKEN) {
            assert_int_equal(write(fd, "HELP\r\n", 6), 6);
            server_stop(&server);
            close(fd);
            continue;
        }
        struct client client;
        assert_int_equal(client_shake(&client, fd, TLS13, NULL), 0);
        assert_true(gnutls_record_send(client.session, bulk, 16000) > 0 || events[i] == SHAKEN);
        if (events[i] == CLOSED)
            gnutls_bye(client.session, GNUTLS_SHUT_WR);
        server_stop(&server);
        client_end(&client);
        assert_null(server.stream);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_source),
        cmocka_unit_test(test_close_without_answer),
        cmocka_unit_test(test_close_sends_the_queue),
        cmocka_unit_test(test_peer_gone_while_closing),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_plain_text),
        cmocka_unit_test(test_alpn_refused),
        cmocka_unit_test(test_alert),
        cmocka_unit_test(test_user_canceled),
        cmocka_unit_test(test_renegotiation_refused),
        cmocka_unit_test(test_cork),
        cmocka_unit_test(test_sips),
        cmocka_unit_test(test_tickets),
        cmocka_unit_test(test_resume_12),
        cmocka_unit_test(test_free_in_events),
    };
    return cmocka_run_group_tests_name("stream", tests, set_up, tear_down);
}
