/* SPDX-License-Identifier: Apache-2.0 */
/* What all connections of the HTTPS front end share: fleet, TLS, the loop that keeps the time, and the count
 * of work under way, without which it could not stop: a connection that waits for a worker must be resumed
 * before the library beneath may end. Floor 3; any thread, but for what is said to be the loop's. */
#ifndef CRADLE_GATE_H
#define CRADLE_GATE_H

#include "base/fault.h"
#include "base/loop.h"
#include "base/tls.h"
#include "fleet/evict.h"
#include "fleet/fleet.h"
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct connection;
struct drain;
struct park;

/* Something that happens later, on the loop's thread; part of its owner's struct. */
struct gate_delay {
    struct loop_task task;
    struct gate *gate;
    int64_t after_ms;
    void (*over)(struct gate_delay *delay);
    struct loop_timer *timer;
    struct gate_delay *next, **back; /* the loop's */
};

struct gate {
    struct fleet *fleet;
    struct loop *loop;
    struct park *park;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t left;
    size_t held;
    bool stopping;
    struct tls_identity *identity; /* of new connections */
    gnutls_datum_t ticket_key;     /* one for all daemons: a session resumes wherever the kernel sends it */
    int64_t ticket_since;          /* steady ms */
    struct connection *first;
    size_t connections;
    int64_t overload_said; /* steady ms */
    struct evict_observer observer;
    /* the loop's */
    struct loop_task cut, end; /* two: the first may still wait to be run when the other is posted */
    struct loop_timer *tick;
    struct gate_delay *delays;
    struct drain *drains;
    size_t drain_count;
};

enum fault_code gate_new(struct fleet *fleet, struct tls_identity *identity, struct gate **ret_gate,
                         struct fault *f);
/* New connections prove themselves with this from now on; a reference is taken. */
void gate_renew(struct gate *gate, struct tls_identity *identity);
/* A reference to what a new connection proves itself with. */
struct tls_identity *gate_identity(struct gate *gate);
/* tls_session_prepare with what holds for all connections: identity, ALPN, tickets. */
enum fault_code gate_prepare(struct gate *gate, gnutls_session_t session, struct tls_session_options *options,
                             struct fault *f);
/* Lets nobody in any more, cuts delays short, waits until all who are in have left. */
void gate_close(struct gate *gate);
/* All connections are gone. Takes NULL. */
void gate_free(struct gate *gate);

/* Before work for an exchange starts elsewhere; false while stopping: do not start it. */
bool gate_enter(struct gate *gate);
/* It has ended and its connection was resumed: whoever calls this touches the exchange no more. */
void gate_leave(struct gate *gate);
/* Calls delay->over after that time on the loop's thread, or earlier when stopping. */
void gate_later(struct gate *gate, struct gate_delay *delay, int64_t after_ms);

#endif
