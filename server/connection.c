/* SPDX-License-Identifier: Apache-2.0 */
#include "server/connection.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "fleet/login.h"
#include "fleet/refusal.h"
#include "server/drain.h"
#include "server/park.h"

#include <arpa/inet.h>
#include <gnutls/abstract.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define REAP_AT_ONCE      32
#define OVERLOAD_AGAIN_MS 1000

static const char *const phase_names[PHASE_COUNT] = {
    [PHASE_SHAKING] = "handshake", [PHASE_HEADER] = "header",   [PHASE_BODY] = "body",
    [PHASE_WORKING] = "working",   [PHASE_SENDING] = "sending", [PHASE_IDLE] = "idle",
    [PHASE_OVER] = "over",
};

static int no_certificate(gnutls_session_t session, const gnutls_datum_t *authorities, int n_authorities,
                          const gnutls_pk_algorithm_t *algorithms, int n_algorithms, gnutls_pcert_st **chain,
                          unsigned int *chain_length, gnutls_privkey_t *key)
{
    (void)session, (void)authorities, (void)n_authorities, (void)algorithms, (void)n_algorithms;
    (void)chain, (void)chain_length, (void)key;
    return -1;
}

void *connection_no_certificate(void)
{
    gnutls_certificate_retrieve_function2 *function = no_certificate;
    return (void *)function;
}

/* Runs in the daemon's thread, for the client's Finished and for ours. A TLS 1.3 client with Nagle's
 * algorithm holds its request back until its Finished is acknowledged, and nothing that we send does that. */
static int shaken(gnutls_session_t session, unsigned int type, unsigned int when, unsigned int incoming,
                  const gnutls_datum_t *message)
{
    (void)type, (void)when, (void)message;
    struct connection *connection = gnutls_session_get_ptr(session);
    int on = 1;
    (void)setsockopt(connection->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    if (incoming) {
        crowd_shaken(connection->gate->fleet, &connection->seat);
        connection_enter(connection, PHASE_HEADER);
    }
    return 0;
}

static void write_address(const struct sockaddr *address, char out[ADDRESS_LIMIT])
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
    const void *bytes =
        address->sa_family == AF_INET6 ? (const void *)&v6->sin6_addr : (const void *)&v4->sin_addr;
    int family = address->sa_family;
    if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        bytes = &v6->sin6_addr.s6_addr[12];
        family = AF_INET;
    }
    if (inet_ntop(family, bytes, out, ADDRESS_LIMIT) == NULL)
        out[0] = '\0';
}

/* Said once in a while, not of each who is turned away. */
static void complain(struct gate *gate, const struct connection *connection, const char *why)
{
    int64_t now = clock_steady_ms();
    pthread_mutex_lock(&gate->lock);
    bool say = now - gate->overload_said >= OVERLOAD_AGAIN_MS;
    if (say)
        gate->overload_said = now;
    pthread_mutex_unlock(&gate->lock);
    if (say)
        log_event(LOG_OVERLOAD, "what=connections protocol=https address=%s why=%s", connection->address,
                  LOG_VALUE(why));
}

/* False when there are as many as the settings allow. */
static bool admit(struct gate *gate, struct connection *connection)
{
    pthread_mutex_lock(&gate->lock);
    bool room = gate->connections < (size_t)gate->fleet->settings->max_connections && !gate->stopping;
    if (room) {
        gate->connections++;
        connection->next = gate->first;
        connection->back = &gate->first;
        if (connection->next != NULL)
            connection->next->back = &connection->next;
        gate->first = connection;
    }
    pthread_mutex_unlock(&gate->lock);
    if (!room)
        complain(gate, connection, "max_connections is reached");
    return room;
}

/* The library frees the session before it says that the connection is over. */
static void session_ended(struct tls_tap *tap)
{
    struct connection *connection = CONTAINER_OF(tap, struct connection, tap);
    connection->refusal = tls_tap_refusal(tap);
    if (connection->refusal == NULL && connection->phase == PHASE_SHAKING)
        connection->refusal = tls_tap_too_old(tap);
}

static void handshake_waits(struct tls_tap *tap)
{
    struct connection *connection = CONTAINER_OF(tap, struct connection, tap);
    if (connection->phase == PHASE_SHAKING)
        park_enter(connection->gate->park, connection);
}

struct connection *connection_new(struct gate *gate, enum serves serves, int fd,
                                  const struct sockaddr *address, gnutls_session_t session)
{
    struct fault f;
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        return NULL;
    connection->gate = gate;
    connection->serves = serves;
    connection->fd = fd;
    connection->session = session;
    write_address(address, connection->address);
    if (crowd_enter(gate->fleet, connection->address, &connection->seat, &f) != FAULT_OK) {
        complain(gate, connection, f.text);
        free(connection);
        return NULL;
    }
    connection->identity = gate_identity(gate);
    connection_enter(connection, PHASE_SHAKING);
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct tls_session_options options = {
        .identity = connection->identity,
        .ask_certificate = login_asks_certificate(gate->fleet->settings, serves),
        .legacy = serves == SERVES_LEGACY,
    };
    bool admitted = false;
    if (gate_prepare(gate, session, &options, &f) != FAULT_OK ||
        tls_tap_begin(&connection->tap, session, fd, session_ended, &f) != FAULT_OK) {
        log_event(LOG_TLS_FAILED, "protocol=https address=%s why=%s", connection->address, LOG_VALUE(f.text));
    } else {
        gnutls_session_set_ptr(session, connection);
        connection->tap.dry = handshake_waits;
        gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST, shaken);
        admitted = admit(gate, connection);
    }
    if (!admitted) {
        crowd_leave(gate->fleet, &connection->seat);
        /* The session lives a little longer than this object. */
        tls_tap_forget(&connection->tap);
        gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST, NULL);
        tls_identity_unref(connection->identity);
        free(connection);
        return NULL;
    }
    return connection;
}

/* On TLS 1.3 the client's alert may come after the handshake has ended for us, but before any request. */
static void say_handshake(const struct connection *connection)
{
    bool before = connection->phase == PHASE_SHAKING || connection->phase == PHASE_HEADER;
    if (connection->refusal != NULL && before) {
        log_event(LOG_TLS_FAILED, "protocol=https address=%s why=\"refused: %s\"", connection->address,
                  connection->refusal);
        refusal_note(connection->gate->fleet, connection->address, "https", connection->refusal);
    } else if (connection->phase == PHASE_SHAKING) {
        log_event(LOG_TLS_FAILED, "protocol=https address=%s why=\"the handshake failed or was given up\"",
                  connection->address);
    }
}

void connection_free(struct connection *connection)
{
    if (connection == NULL)
        return;
    struct gate *gate = connection->gate;
    pthread_mutex_lock(&gate->lock);
    gate->connections--;
    *connection->back = connection->next;
    if (connection->next != NULL)
        connection->next->back = connection->back;
    bool stopping = gate->stopping;
    pthread_mutex_unlock(&gate->lock);
    say_handshake(connection);
    if (connection->phase != PHASE_OVER && !stopping)
        drain_on(gate, connection->fd);
    crowd_leave(gate->fleet, &connection->seat);
    tls_trust_unref(connection->trust);
    tls_identity_unref(connection->identity);
    free(connection);
}

void connection_enter(struct connection *connection, enum connection_phase phase)
{
    if (connection->phase == PHASE_OVER)
        return;
    /* In this order: a new phase is never seen with the old time. */
    connection->bytes = 0;
    connection->since = clock_steady_ms();
    connection->phase = phase;
}

void connection_received(struct connection *connection, size_t bytes)
{
    connection->bytes += (int64_t)bytes;
}

const struct tls_peer *connection_peer(struct connection *connection)
{
    struct tls_trust *trust = fleet_trust(connection->gate->fleet);
    if (trust != connection->trust)
        tls_peer_examine(trust, connection->session, &connection->peer);
    tls_trust_unref(connection->trust);
    connection->trust = trust;
    return &connection->peer;
}

/* --- deadlines --- */

/* Bytes that the client has acknowledged since the last look. */
static int64_t acknowledged(struct connection *connection)
{
    struct tcp_info info = { 0 };
    socklen_t size = sizeof info;
    if (getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return 0;
    int64_t progress = (int64_t)(info.tcpi_bytes_acked - connection->acknowledged);
    connection->acknowledged = info.tcpi_bytes_acked;
    return progress;
}

static bool is_late(struct connection *connection, const struct settings *settings, int64_t now)
{
    int64_t waited = now - connection->since;
    int64_t wanted = settings->min_rate * settings->data_timeout / 1000;
    int64_t progress = -1;
    switch ((enum connection_phase)connection->phase) {
    case PHASE_SHAKING:
        return waited >= settings->handshake_timeout;
    case PHASE_HEADER:
        return waited >= settings->header_timeout;
    case PHASE_IDLE:
        return waited >= settings->idle_timeout_https;
    case PHASE_BODY:
        if (waited >= settings->data_timeout)
            progress = connection->bytes;
        break;
    case PHASE_SENDING:
        if (waited >= settings->data_timeout)
            progress = acknowledged(connection);
        break;
    case PHASE_WORKING:
    case PHASE_OVER:
        return false;
    }
    if (progress < 0)
        return false;
    if (progress < (wanted > 0 ? wanted : 1))
        return true;
    connection->bytes = 0;
    connection->since = now;
    return false;
}

/* What was shut down and is still to be logged: not under the lock. */
struct late {
    char address[ADDRESS_LIMIT];
    int phase;
};

static size_t shut_down_late(struct gate *gate, struct late *ret_late, size_t max)
{
    int64_t now = clock_steady_ms();
    size_t count = 0;
    pthread_mutex_lock(&gate->lock);
    for (struct connection *c = gate->first; c != NULL && count < max; c = c->next) {
        if (!is_late(c, gate->fleet->settings, now))
            continue;
        mem_copy_text(ret_late[count].address, sizeof ret_late[count].address, c->address);
        ret_late[count++].phase = c->phase;
        if (c->phase != PHASE_SHAKING)
            c->phase = PHASE_OVER;
        else
            c->since = INT64_MAX / 2; /* stays a failed handshake, and is not shut down twice */
        shutdown(c->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&gate->lock);
    return count;
}

void connection_reap(struct gate *gate)
{
    struct late late[REAP_AT_ONCE];
    size_t count;
    do {
        count = shut_down_late(gate, late, REAP_AT_ONCE);
        for (size_t i = 0; i < count; i++)
            if (late[i].phase != PHASE_IDLE) /* the end of an idle connection is no event */
                log_event(LOG_HTTPS_STALLED, "address=%s phase=%s", late[i].address,
                          phase_names[late[i].phase]);
    } while (count == REAP_AT_ONCE);
}

/* --- evictions --- */

bool connection_belongs(struct connection *connection, const struct principal *who, const char *fingerprint,
                        uint64_t since)
{
    struct gate *gate = connection->gate;
    pthread_mutex_lock(&gate->lock);
    connection->who = *who;
    mem_copy_text(connection->shown, sizeof connection->shown, fingerprint);
    pthread_mutex_unlock(&gate->lock);
    return !evict_missed(gate->fleet->evictions, since, who, fingerprint);
}

static bool must_go(const struct connection *c, const struct eviction *eviction)
{
    if (c->phase == PHASE_OVER || c->who.address[0] == '\0' || !evict_fits(eviction, &c->who, c->shown))
        return false;
    return eviction->actor[0] == '\0' || strcmp(eviction->actor, c->who.account) != 0;
}

static size_t shut_down_evicted(struct gate *gate, const struct eviction *eviction, struct principal *ret_who,
                                size_t max)
{
    size_t count = 0;
    pthread_mutex_lock(&gate->lock);
    for (struct connection *c = gate->first; c != NULL && count < max; c = c->next) {
        if (!must_go(c, eviction))
            continue;
        ret_who[count] = c->who;
        mem_copy_text(ret_who[count++].fingerprint, sizeof ret_who->fingerprint, c->shown);
        c->phase = PHASE_OVER;
        shutdown(c->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&gate->lock);
    return count;
}

void connection_evict(struct gate *gate, const struct eviction *eviction)
{
    struct principal gone[REAP_AT_ONCE];
    size_t count;
    do {
        count = shut_down_evicted(gate, eviction, gone, REAP_AT_ONCE);
        for (size_t i = 0; i < count; i++)
            log_event(LOG_EVICTED, "protocol=https address=%s who=%s fingerprint=%s", gone[i].address,
                      LOG_VALUE(principal_name(&gone[i])),
                      gone[i].fingerprint[0] ? gone[i].fingerprint : "-");
    } while (count == REAP_AT_ONCE);
}
