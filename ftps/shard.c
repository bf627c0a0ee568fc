/* SPDX-License-Identifier: Apache-2.0 */
#include "ftps/shard.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "fleet/evict.h"
#include "ftps/address.h"
#include "ftps/session.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SHARD_ACCEPT_TURN 32
#define SHARD_LOOKS_TURN  64 /* chains that are verified again before others get their turn */
#define SHARD_PAUSE_MS    100
#define SHARD_COMPLAIN_MS 1000 /* an overload is not logged more often */
#define SHARD_LOOK_MS     100  /* how busy a shard was in this time counts for the next */
#define SHARD_BUSY        95   /* per cent of a processor */
#define SHARD_LEAD        100  /* sessions that one may have more; when all have so many, it is a crowd */

static void shard_complain(struct shard *shard, const char *what)
{
    int64_t now = clock_steady_ms();
    if (shard->complained_at != 0 && now - shard->complained_at < SHARD_COMPLAIN_MS)
        return;
    shard->complained_at = now;
    log_event(LOG_OVERLOAD, "protocol=ftps what=%s", LOG_VALUE(what));
}

/* --- accepting --- */

static void shard_watch(struct shard *shard, int events)
{
    for (size_t i = 0; i < shard->n_listeners; i++)
        if (shard->listener[i].watch)
            loop_watch_set(shard->listener[i].watch, events);
}

static void shard_resume(void *user)
{
    shard_watch(user, LOOP_READ);
}

/* The connection is there and readable, but there is no descriptor for it: without a pause the loop would
 * spin. */
static void shard_exhausted(struct shard *shard, int error)
{
    shard_complain(shard, strerror(error));
    shard_watch(shard, 0);
    loop_timer_start(shard->pause, SHARD_PAUSE_MS);
}

static void shard_welcome(struct shard *shard, int fd, const union address *peer, enum serves serves)
{
    struct shard_common *common = shard->common;
    union address local, from = *peer;
    socklen_t n = sizeof local;
    const int on = 1;
    struct fault f;
    memset(&local, 0, sizeof local);
    if (atomic_load(&common->sessions) >= common->fleet->settings->max_sessions) {
        shard_complain(shard, "max_sessions is reached");
        close(fd); /* no byte in the clear, and a handshake just to say it would cost what we have not got */
        return;
    }
    if (getsockname(fd, &local.any, &n) != 0) {
        close(fd);
        return;
    }
    address_unmap(&local);
    address_unmap(&from);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    /* A handset that roamed away cannot say so. Its session must not live on for minutes: until it ends, a
     * resend of what it sent last would count as new bytes. */
    const unsigned patience = (unsigned)common->fleet->settings->data_timeout;
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
    if (session_new(shard, fd, &local, &from, serves, &f) != FAULT_OK)
        shard_complain(shard, f.text);
}

/* --- placing --- */

/* Under the lock. */
static void shard_look_how_busy(struct shard_common *common, size_t n)
{
    int64_t passed = clock_steady_ms() - common->looked_at;
    if (passed < SHARD_LOOK_MS)
        return;
    common->looked_at += passed;
    for (size_t i = 0; i < n; i++) {
        struct shard *shard = common->shard[i];
        int64_t cpu_us = loop_cpu_us(shard->loop);
        shard->busy = (cpu_us - shard->cpu_us) / 10 >= passed * SHARD_BUSY;
        shard->cpu_us = cpu_us;
    }
}

/* The first one that has time. Two loops that are half idle cost more than one that is busy: each goes to
 * sleep, and is woken, for every line. A crowd comes faster than one can look, and chance spreads it evenly
 * (SO_REUSEPORT): it stays where it came, and nobody is let in by one shard faster than another serves. */
static struct shard *shard_with_time(struct shard *here)
{
    struct shard_common *common = here->common;
    size_t n = atomic_load(&common->n_open);
    struct shard *least = here, *with_time = NULL;
    pthread_mutex_lock(&common->lock);
    shard_look_how_busy(common, n);
    for (size_t i = 0; i < n; i++)
        if (atomic_load(&common->shard[i]->load) < atomic_load(&least->load))
            least = common->shard[i];
    if (atomic_load(&least->load) >= SHARD_LEAD)
        with_time = here;
    for (size_t i = 0; i < n && with_time == NULL; i++)
        if (!common->shard[i]->busy &&
            atomic_load(&common->shard[i]->load) < atomic_load(&least->load) + SHARD_LEAD)
            with_time = common->shard[i];
    pthread_mutex_unlock(&common->lock);
    return with_time != NULL ? with_time : least;
}

struct arrival {
    struct loop_task task;
    struct shard *shard;
    int fd;
    union address peer;
    enum serves serves;
};

static void shard_arrived(struct loop_task *task)
{
    struct arrival *arrival = CONTAINER_OF(task, struct arrival, task);
    if (arrival->shard->stopping)
        close(arrival->fd);
    else
        shard_welcome(arrival->shard, arrival->fd, &arrival->peer, arrival->serves);
    atomic_fetch_sub(&arrival->shard->load, 1);
    free(arrival);
}

static void shard_place(struct shard *here, int fd, const union address *peer, enum serves serves)
{
    struct shard *shard = shard_with_time(here);
    struct arrival *arrival = shard != here ? malloc(sizeof *arrival) : NULL;
    if (arrival == NULL) {
        shard_welcome(here, fd, peer, serves);
        return;
    }
    *arrival = (struct arrival){
        .task.run = shard_arrived, .shard = shard, .fd = fd, .peer = *peer, .serves = serves
    };
    atomic_fetch_add(&shard->load, 1);
    loop_post(shard->loop, &arrival->task);
}

static void shard_knock(void *user, int events)
{
    struct listener *listener = user;
    (void)events;
    for (int i = 0; i < SHARD_ACCEPT_TURN; i++) {
        union address peer;
        socklen_t n = sizeof peer;
        memset(&peer, 0, sizeof peer);
        int fd = accept4(listener->fd, &peer.any, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            shard_place(listener->shard, fd, &peer, listener->serves);
            continue;
        }
        if (port_is_exhausted(errno))
            shard_exhausted(listener->shard, errno);
        if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

/* --- what they share --- */

void shard_renew(struct shard_common *common, struct tls_identity *identity)
{
    tls_identity_ref(identity);
    pthread_mutex_lock(&common->lock);
    struct tls_identity *former = common->identity;
    common->identity = identity;
    pthread_mutex_unlock(&common->lock);
    tls_identity_unref(former);
}

struct tls_identity *shard_identity(struct shard_common *common)
{
    pthread_mutex_lock(&common->lock);
    struct tls_identity *identity = tls_identity_ref(common->identity);
    pthread_mutex_unlock(&common->lock);
    return identity;
}

/* --- sessions --- */

void shard_add(struct shard *shard, struct session *session)
{
    atomic_fetch_add(&shard->common->sessions, 1);
    atomic_fetch_add(&shard->load, 1);
    session->previous = NULL;
    session->next = shard->sessions;
    if (session->next)
        session->next->previous = session;
    shard->sessions = session;
}

static void shard_check_stopped(struct shard *shard)
{
    if (shard->stopping && shard->sessions == NULL)
        sem_post(&shard->stopped);
}

void shard_remove(struct shard *shard, struct session *session)
{
    atomic_fetch_sub(&shard->common->sessions, 1);
    atomic_fetch_sub(&shard->load, 1);
    if (session->previous)
        session->previous->next = session->next;
    else
        shard->sessions = session->next;
    if (session->next)
        session->next->previous = session->previous;
    shard_check_stopped(shard);
}

/* --- life --- */

static void shard_close_listeners(struct shard *shard)
{
    for (size_t i = 0; i < shard->n_listeners; i++) {
        loop_watch_free(shard->listener[i].watch);
        close(shard->listener[i].fd);
    }
    shard->n_listeners = 0;
    loop_timer_free(shard->pause);
    shard->pause = NULL;
}

static void shard_stop_here(struct loop_task *task)
{
    struct shard *shard = CONTAINER_OF(task, struct shard, stop_task);
    shard_close_listeners(shard);
    /* Sessions leave the list in later turns only. */
    for (struct session *s = shard->sessions; s; s = s->next)
        session_stop(s);
    shard->stopping = true;
    shard_check_stopped(shard);
}

void shard_look_again(struct shard *shard)
{
    if (shard->started && !atomic_exchange(&shard->look_posted, true))
        loop_post(shard->loop, &shard->look_task);
}

static void shard_evict_here(struct loop_task *task)
{
    struct shard *shard = CONTAINER_OF(task, struct shard, evict_task);
    struct eviction eviction;
    bool lost;
    atomic_store(&shard->evict_posted, false);
    while (evict_next(shard->common->fleet->evictions, &shard->evict_mark, &eviction, &lost))
        /* Sessions leave the list in later turns only. Whoever may be meant goes: he can come again. */
        for (struct session *s = shard->sessions; s; s = s->next)
            if (lost || evict_fits(&eviction, &s->who, s->certificate.fingerprint))
                session_evict(s);
}

void shard_evict(struct shard *shard)
{
    if (shard->started && !atomic_exchange(&shard->evict_posted, true))
        loop_post(shard->loop, &shard->evict_task);
}

static void shard_look_here(struct loop_task *task)
{
    struct shard *shard = CONTAINER_OF(task, struct shard, look_task);
    struct tls_trust *trust = fleet_trust(shard->common->fleet);
    int looks = 0;
    /* Before the look: a change during it is one more reason to look. */
    atomic_store(&shard->look_posted, false);
    for (struct session *s = shard->sessions; s && looks < SHARD_LOOKS_TURN; s = s->next)
        looks += session_look_again(s, trust);
    tls_trust_unref(trust);
    if (looks == SHARD_LOOKS_TURN)
        shard_look_again(shard);
}

enum fault_code shard_new(struct shard_common *common, struct shard **ret_shard, struct fault *f)
{
    struct shard *shard = calloc(1, sizeof *shard);
    if (shard == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory for the FTPS listener");
    shard->common = common;
    shard->stop_task.run = shard_stop_here;
    shard->look_task.run = shard_look_here;
    shard->evict_task.run = shard_evict_here;
    shard->evict_mark = evict_mark(common->fleet->evictions);
    sem_init(&shard->stopped, 0, 0);
    enum fault_code code = loop_new(&shard->loop, f);
    if (code == FAULT_OK) {
        shard->pause = loop_timer_new(shard->loop, shard_resume, shard);
        if (shard->pause == NULL)
            code = fault_set(f, FAULT_MEMORY, "out of memory for the FTPS listener");
    }
    if (code != FAULT_OK) {
        shard_free(shard);
        return code;
    }
    *ret_shard = shard;
    return FAULT_OK;
}

enum fault_code shard_listen(struct shard *shard, int fd, enum serves serves, struct fault *f)
{
    if (shard->n_listeners == SHARD_LISTENERS_MAX) {
        close(fd);
        return fault_set(f, FAULT_INPUT, "more than %d FTPS listeners", SHARD_LISTENERS_MAX);
    }
    struct listener *listener = &shard->listener[shard->n_listeners];
    *listener = (struct listener){ .shard = shard, .fd = fd, .serves = serves };
    listener->watch = loop_watch_new(shard->loop, fd, shard_knock, listener);
    if (listener->watch == NULL) {
        close(fd);
        return fault_set(f, FAULT_MEMORY, "out of memory for the FTPS listener");
    }
    shard->n_listeners++;
    loop_watch_set(listener->watch, LOOP_READ);
    return FAULT_OK;
}

enum fault_code shard_start(struct shard *shard, size_t number, struct fault *f)
{
    char name[16];
    snprintf(name, sizeof name, "ftps-%zu", number % 1000);
    enum fault_code code = loop_start(shard->loop, name, f);
    shard->started = code == FAULT_OK;
    return code;
}

void shard_stop(struct shard *shard)
{
    if (shard->started)
        loop_post(shard->loop, &shard->stop_task);
}

void shard_await_stop(struct shard *shard)
{
    while (shard->started && sem_wait(&shard->stopped) != 0)
        continue;
}

void shard_free(struct shard *shard)
{
    if (shard == NULL)
        return;
    if (shard->started)
        loop_stop(shard->loop);
    else
        shard_close_listeners(shard);
    loop_free(shard->loop);
    sem_destroy(&shard->stopped);
    free(shard);
}
