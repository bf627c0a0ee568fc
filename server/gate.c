/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "server/connection.h"
#include "server/drain.h"
#include "server/park.h"

#include <stdlib.h>

#define TICK_MS 200 /* how exactly deadlines are kept */

/* --- the loop's --- */

/* Whoever has the key can read all that its tickets resume. GnuTLS makes new ones out of it by itself, but it
 * is the same secret. Clients whose ticket is of the former key make a full handshake, once: a session can
 * have one key only. */
static void renew_tickets(struct gate *gate)
{
    struct fault f;
    gnutls_datum_t fresh = { NULL, 0 };
    int64_t now = clock_steady_ms();
    if (now - gate->ticket_since < gate->fleet->settings->ticket_lifetime)
        return; /* only this thread changes ticket_since */
    if (tls_ticket_key_new(&fresh, &f) != FAULT_OK) {
        log_event(LOG_TLS_FAILED, "protocol=https why=%s", LOG_VALUE(f.text));
        return;
    }
    pthread_mutex_lock(&gate->lock);
    gnutls_datum_t former = gate->ticket_key;
    gate->ticket_key = fresh;
    gate->ticket_since = now;
    pthread_mutex_unlock(&gate->lock);
    tls_ticket_key_free(&former);
    log_event(LOG_TLS_TICKETS, "protocol=https");
}

static void gate_tick(void *user)
{
    struct gate *gate = user;
    connection_reap(gate);
    renew_tickets(gate);
    loop_timer_start(gate->tick, TICK_MS);
}

static void delay_over(struct gate_delay *delay)
{
    loop_timer_free(delay->timer);
    delay->timer = NULL;
    *delay->back = delay->next;
    if (delay->next != NULL)
        delay->next->back = delay->back;
    delay->over(delay);
}

static void delay_fired(void *user)
{
    delay_over(user);
}

static void delay_begin(struct loop_task *task)
{
    struct gate_delay *delay = CONTAINER_OF(task, struct gate_delay, task);
    struct gate *gate = delay->gate;
    delay->next = gate->delays;
    delay->back = &gate->delays;
    if (delay->next != NULL)
        delay->next->back = &delay->next;
    gate->delays = delay;
    pthread_mutex_lock(&gate->lock);
    bool stopping = gate->stopping;
    pthread_mutex_unlock(&gate->lock);
    delay->timer = stopping ? NULL : loop_timer_new(gate->loop, delay_fired, delay);
    if (delay->timer == NULL)
        delay_over(delay);
    else
        loop_timer_start(delay->timer, delay->after_ms);
}

static void cut_delays(struct loop_task *task)
{
    struct gate *gate = CONTAINER_OF(task, struct gate, cut);
    while (gate->delays != NULL)
        delay_over(gate->delays);
}

static void close_all(struct loop_task *task)
{
    struct gate *gate = CONTAINER_OF(task, struct gate, end);
    loop_timer_free(gate->tick);
    gate->tick = NULL;
    drain_end_all(gate);
    park_free(gate->park);
}

/* --- any thread --- */

static void gate_evicted(struct evict_observer *observer, const struct eviction *eviction)
{
    connection_evict(CONTAINER_OF(observer, struct gate, observer), eviction);
}

enum fault_code gate_new(struct fleet *fleet, struct tls_identity *identity, struct gate **ret_gate,
                         struct fault *f)
{
    struct gate *gate = calloc(1, sizeof *gate);
    if (gate == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    gate->fleet = fleet;
    gate->identity = tls_identity_ref(identity);
    pthread_mutex_init(&gate->lock, NULL);
    pthread_cond_init(&gate->left, NULL);
    gate->ticket_since = clock_steady_ms();
    enum fault_code code = tls_ticket_key_new(&gate->ticket_key, f);
    if (code == FAULT_OK)
        code = loop_new(&gate->loop, f);
    if (code == FAULT_OK) {
        gate->tick = loop_timer_new(gate->loop, gate_tick, gate);
        if (gate->tick == NULL)
            code = fault_set(f, FAULT_MEMORY, "out of memory");
        else
            loop_timer_start(gate->tick, TICK_MS);
    }
    if (code == FAULT_OK)
        code = park_new(gate, &gate->park, f);
    if (code == FAULT_OK)
        code = loop_start(gate->loop, "https-time", f);
    if (code != FAULT_OK) {
        park_free(gate->park);
        loop_timer_free(gate->tick);
        loop_free(gate->loop);
        gate->loop = NULL;
        gate_free(gate);
        return code;
    }
    gate->observer.evicted = gate_evicted;
    evict_observe(fleet->evictions, &gate->observer);
    *ret_gate = gate;
    return FAULT_OK;
}

void gate_renew(struct gate *gate, struct tls_identity *identity)
{
    tls_identity_ref(identity);
    pthread_mutex_lock(&gate->lock);
    struct tls_identity *former = gate->identity;
    gate->identity = identity;
    pthread_mutex_unlock(&gate->lock);
    tls_identity_unref(former);
}

struct tls_identity *gate_identity(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    struct tls_identity *identity = tls_identity_ref(gate->identity);
    pthread_mutex_unlock(&gate->lock);
    return identity;
}

enum fault_code gate_prepare(struct gate *gate, gnutls_session_t session, struct tls_session_options *options,
                             struct fault *f)
{
    options->alpn = "http/1.1";
    options->ticket_ms = gate->fleet->settings->ticket_lifetime;
    /* Under the lock, because the key may be replaced; it is copied. */
    pthread_mutex_lock(&gate->lock);
    options->ticket_key = &gate->ticket_key;
    enum fault_code code = tls_session_prepare(session, options, f);
    pthread_mutex_unlock(&gate->lock);
    return code;
}

bool gate_enter(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    bool open = !gate->stopping;
    gate->held += open;
    pthread_mutex_unlock(&gate->lock);
    return open;
}

void gate_leave(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    if (--gate->held == 0)
        pthread_cond_broadcast(&gate->left);
    pthread_mutex_unlock(&gate->lock);
}

void gate_later(struct gate *gate, struct gate_delay *delay, int64_t after_ms)
{
    delay->gate = gate;
    delay->after_ms = after_ms;
    delay->task.run = delay_begin;
    loop_post(gate->loop, &delay->task);
}

void gate_close(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->stopping = true;
    pthread_mutex_unlock(&gate->lock);
    gate->cut.run = cut_delays;
    loop_post(gate->loop, &gate->cut);
    park_cut(gate->park);
    pthread_mutex_lock(&gate->lock);
    while (gate->held > 0)
        pthread_cond_wait(&gate->left, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

void gate_free(struct gate *gate)
{
    if (gate == NULL)
        return;
    evict_forget(gate->fleet->evictions, &gate->observer);
    if (gate->loop != NULL) {
        gate->end.run = close_all;
        loop_post(gate->loop, &gate->end);
        loop_stop(gate->loop);
        loop_free(gate->loop);
    }
    tls_ticket_key_free(&gate->ticket_key);
    tls_identity_unref(gate->identity);
    pthread_cond_destroy(&gate->left);
    pthread_mutex_destroy(&gate->lock);
    free(gate);
}
