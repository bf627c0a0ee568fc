/* SPDX-License-Identifier: Apache-2.0 */
#include "duplex.h"

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
