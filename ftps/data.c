/* SPDX-License-Identifier: Apache-2.0 */
#include "ftps/data.h"

#include "base/log.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DATA_ACCEPT_TURN 16

struct data {
    struct data_options options;
    enum data_state state;
    uint16_t port; /* the pool's again when 0 */
    uint16_t told; /* the same, for the reply */
    int listener;  /* -1 once the peer has come */
    struct loop_watch *watch;
    int fd; /* the peer's connection, -1 before; the stream's while there is one, and borrowed then */
    bool begun, was_open;
    bool resumed; /* the control session */
    struct stream *stream;
    struct loop_timer *timer;
    struct fault fault;
};

static void data_close_listener(struct data *d)
{
    loop_watch_free(d->watch);
    d->watch = NULL;
    if (d->listener >= 0)
        close(d->listener);
    d->listener = -1;
    if (d->port != 0)
        port_put(d->options.ports, d->port);
    d->port = 0;
}

static void data_free(struct data *d)
{
    data_close_listener(d);
    loop_timer_free(d->timer);
    if (d->stream)
        stream_free(d->stream);
    else if (d->fd >= 0)
        close(d->fd);
    tls_trust_unref(d->options.trust);
    free(d);
}

/* Tells the owner, who may have freed d when this returns. */
static void data_break(struct data *d, const struct fault *why)
{
    d->fault = *why;
    d->state = DATA_BROKEN;
    loop_timer_stop(d->timer);
    data_close_listener(d);
    d->options.changed(d->options.user);
}

static void data_refused(const struct data *d, const union address *from, const char *why)
{
    char host[ADDRESS_LIMIT], owner[ADDRESS_LIMIT];
    address_text(from, host);
    address_text(&d->options.peer, owner);
    log_event(LOG_FTPS_DATA_REFUSED, "client=%s from=%s why=%s", owner, host, LOG_VALUE(why));
}

/* Who proves nothing gets nothing. NULL: it is the control session's own. */
static const char *data_objection(struct data *d)
{
    const struct data_options *o = &d->options;
    d->resumed = tls_session_continues(stream_session(d->stream), o->control);
    if (d->resumed)
        return NULL; /* the certificate, if any, is the control's */
    if (o->binding == BINDING_REQUIRE)
        return "its TLS does not resume the control session, which is required";
    if (o->binding == BINDING_PREFER && o->resumed_before)
        return "its TLS does not resume the control session, as earlier data connections did";
    if (o->fingerprint[0] == '\0')
        return NULL;
    struct tls_peer peer;
    tls_peer_examine(o->trust, stream_session(d->stream), &peer);
    if (peer.state == TLS_PEER_NONE && o->binding == BINDING_ADDRESS)
        return NULL;
    return strcmp(peer.fingerprint, o->fingerprint) == 0 ? NULL
                                                         : "its certificate is not the control connection's";
}

static void data_shaken(void *user)
{
    struct data *d = user;
    const char *objection = data_objection(d);
    if (objection) {
        struct fault why;
        fault_set(&why, FAULT_TLS, "%s", objection);
        data_refused(d, &d->options.peer, objection);
        data_break(d, &why);
        return;
    }
    d->state = DATA_OPEN;
    d->was_open = true;
    loop_timer_stop(d->timer);
    d->options.changed(d->options.user);
}

static void data_ready(void *user)
{
    struct data *d = user;
    if (d->state == DATA_OPEN)
        d->options.changed(d->options.user);
}

static void data_gone(struct data *d)
{
    d->options.drained(d->options.user, d);
    data_free(d);
}

static void data_broken(void *user, const struct fault *why)
{
    struct data *d = user;
    if (d->state == DATA_DRAINING)
        data_gone(d);
    else if (d->state != DATA_BROKEN)
        data_break(d, why);
}

static void data_closed(void *user)
{
    struct data *d = user;
    if (d->state == DATA_DRAINING)
        data_gone(d);
}

static const struct stream_events data_events = {
    .shaken = data_shaken,
    .readable = data_ready,
    .writable = data_ready,
    .broken = data_broken,
    .closed = data_closed,
};

/* The peer has come. Some wait for 150 before they say a word, some begin at once: we only answer, so both
 * are right. */
static void data_shake(struct data *d)
{
    const struct tls_session_options tls = {
        .identity = d->options.identity,
        .legacy = d->options.legacy,
        .ask_certificate = d->options.fingerprint[0] != '\0',
        .ticket_key = d->options.ticket_key,
        .manual_tickets = true, /* TLS 1.3: none is ever sent here. TLS 1.2: tls_session_continues */
    };
    struct fault f;
    gnutls_session_t session;
    int fd = d->fd;
    d->state = DATA_SHAKING;
    enum fault_code code = tls_session_new(fd, &tls, &session, &f);
    if (code == FAULT_OK) {
        tls_recall_allow(d->options.recall, session);
        code = stream_new(d->options.loop, fd, session, &data_events, d, &d->stream, &f);
        d->fd = code == FAULT_OK ? fd : -1; /* taken by the stream, also on failure */
    }
    if (code != FAULT_OK)
        data_break(d, &f);
}

/* True: look again. *ret_error: why there is no connection. */
static bool data_accept(struct data *d, int *ret_error)
{
    union address from;
    socklen_t n = sizeof from;
    memset(&from, 0, sizeof from);
    int fd = accept4(d->listener, &from.any, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        *ret_error = errno;
        return errno == ECONNABORTED || errno == EINTR;
    }
    address_unmap(&from);
    if (!address_same_host(&from, &d->options.peer)) {
        data_refused(d, &from, "its address is not the control connection's");
        close(fd);
        return true;
    }
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    d->fd = fd;
    data_close_listener(d);
    return false;
}

static void data_knock(void *user, int events)
{
    struct data *d = user;
    struct fault why;
    int error = 0;
    (void)events;
    for (int i = 0; i < DATA_ACCEPT_TURN && data_accept(d, &error); i++)
        continue;
    if (d->fd >= 0)
        data_shake(d);
    else if (port_is_exhausted(error)) {
        fault_set(&why, FAULT_BUSY, "no descriptor for the data connection: %s", strerror(error));
        data_break(d, &why);
    }
}

static void data_impatient(void *user)
{
    struct data *d = user;
    struct fault why;
    if (d->state != DATA_OFFERED && d->state != DATA_SHAKING)
        return;
    if (d->state == DATA_SHAKING && !d->begun)
        return; /* the peer is here, its command is not: that is the control connection's idle time */
    fault_set(&why, FAULT_TIMEOUT,
              d->fd < 0 ? "the data connection did not come" : "its TLS handshake did not end");
    data_break(d, &why);
}

enum fault_code data_offer(const struct data_options *options, struct data **ret_data, struct fault *f)
{
    struct data *d = calloc(1, sizeof *d);
    if (d == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory for a data channel");
    d->options = *options;
    d->options.trust = tls_trust_ref(options->trust);
    d->fd = d->listener = -1;
    d->state = DATA_OFFERED;
    enum fault_code code =
        port_listen(options->ports, &options->local, options->wait, &d->listener, &d->port, f);
    if (code == FAULT_OK) {
        d->told = d->port;
        d->watch = loop_watch_new(options->loop, d->listener, data_knock, d);
        d->timer = loop_timer_new(options->loop, data_impatient, d);
        if (!d->watch || !d->timer)
            code = fault_set(f, FAULT_MEMORY, "out of memory for a data channel");
    }
    if (code != FAULT_OK) {
        data_free(d);
        return code;
    }
    loop_watch_set(d->watch, LOOP_READ);
    loop_timer_start(d->timer, options->patience_ms);
    *ret_data = d;
    return FAULT_OK;
}

uint16_t data_port(const struct data *data)
{
    return data->told;
}

void data_begin(struct data *d)
{
    d->begun = true;
    if (d->state == DATA_OFFERED || d->state == DATA_SHAKING)
        loop_timer_start(d->timer, d->options.patience_ms);
    else
        d->options.changed(d->options.user);
}

enum data_state data_state(const struct data *data)
{
    return data->state;
}

const struct fault *data_fault(const struct data *data)
{
    return &data->fault;
}

struct stream *data_stream(struct data *data)
{
    return data->stream;
}

bool data_was_open(const struct data *data)
{
    return data->was_open;
}

bool data_resumed(const struct data *data)
{
    return data->resumed;
}

bool data_ended_by_fin(const struct data *data)
{
    struct tcp_info info;
    socklen_t n = sizeof info;
    return data->fd >= 0 && getsockopt(data->fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 &&
           info.tcpi_state == TCP_CLOSE_WAIT;
}

void data_finish(struct data *d, int64_t wait_ms)
{
    d->state = DATA_DRAINING;
    stream_close(d->stream, wait_ms);
}

void data_drop(struct data *d)
{
    if (d)
        data_free(d);
}
