/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: its TLS as Cradle wants it, who its certificate says it is, and its deadlines, because the
 * library knows inactivity only. Floor 3; belongs to its daemon's thread; the loop's thread reads the phase
 * and may shut the socket down, nothing more.
 *
 *   SHAKING > HEADER > (BODY <> WORKING) > SENDING > IDLE > HEADER …
 */
#ifndef CRADLE_CONNECTION_H
#define CRADLE_CONNECTION_H

#include "base/tls.h"
#include "fleet/crowd.h"
#include "fleet/evict.h"
#include "fleet/principal.h"
#include "server/gate.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum connection_phase {
    PHASE_SHAKING, /* handshake_timeout */
    PHASE_HEADER,  /* header_timeout, from the handshake's end, or from the request line of a later request */
    PHASE_BODY,    /* min_rate, looked at every data_timeout */
    PHASE_WORKING, /* we are busy, the client waits: no deadline */
    PHASE_SENDING, /* min_rate of what the client acknowledges, looked at every data_timeout */
    PHASE_IDLE,    /* idle_timeout_https */
    PHASE_OVER     /* shut down already */
};
#define PHASE_COUNT 7

struct MHD_Connection;
struct connection {
    struct gate *gate;
    struct MHD_Connection *mhd; /* set by who made it */
    enum serves serves;
    int fd; /* borrowed */
    char address[ADDRESS_LIMIT];
    struct crowd_seat seat;
    struct tls_identity *identity;
    gnutls_session_t session; /* borrowed; gone when connection_free is called */
    struct tls_trust *trust;  /* that `peer` was examined with; NULL before */
    struct tls_peer peer;
    struct tls_tap tap;
    const char *refusal; /* why the client does not get along with us, once the session has ended; or NULL */
    _Atomic int phase;
    _Atomic int64_t since;           /* steady ms: the phase, or the last time that it showed progress */
    _Atomic int64_t bytes;           /* of the body, since then */
    uint64_t acknowledged;           /* the loop's */
    struct connection *next, **back; /* under the gate's lock, with what follows */
    struct principal who;            /* whose request was let in last; empty before */
    char shown[65];                  /* the fingerprint of the certificate that came with it, or "" */
    bool parked;                     /* park.h */
};

/* NULL when it cannot be served (out of memory, too many, TLS): shut it down. */
struct connection *connection_new(struct gate *gate, enum serves serves, int fd,
                                  const struct sockaddr *address, gnutls_session_t session);
/* The socket is still open. Takes NULL. */
void connection_free(struct connection *connection);

void connection_enter(struct connection *connection, enum connection_phase phase);
void connection_received(struct connection *connection, size_t bytes);
/* What the client certificate proves; examined again when the fleet's trust has changed since. The daemon's
 * thread. */
const struct tls_peer *connection_peer(struct connection *connection);

/* A login over it was granted (its mark: login->since). False: whoever it is has to go again, refuse him. Any
 * thread. */
bool connection_belongs(struct connection *connection, const struct principal *who, const char *fingerprint,
                        uint64_t since);
/* Shuts down what an eviction names. Any thread. */
void connection_evict(struct gate *gate, const struct eviction *eviction);
/* Shuts down what passed its deadline. The loop's thread. */
void connection_reap(struct gate *gate);
/* A function that retrieves no certificate, for daemons, which want one to start; sessions get their
 * credentials from connection_new. */
void *connection_no_certificate(void);

#endif
