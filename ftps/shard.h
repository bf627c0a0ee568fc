/* SPDX-License-Identifier: Apache-2.0 */
/* One loop of the FTPS front end with listening sockets of its own (SO_REUSEPORT), and sessions, which stay.
 * What a listener accepts goes to the shard that has time for it. Floor 3; belongs to its loop's thread once
 * started. */
#ifndef CRADLE_SHARD_H
#define CRADLE_SHARD_H

#include "base/fault.h"
#include "base/loop.h"
#include "base/tls.h"
#include "fleet/fleet.h"
#include "fleet/principal.h"
#include "ftps/port.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARD_LISTENERS_MAX (3 * SETTINGS_LISTEN_MAX)
#define SHARDS_MAX          32

struct shard;
/* What all shards share; set before any starts, but for `n_open`. */
struct shard_common {
    struct fleet *fleet;
    struct port_pool *ports;
    atomic_long sessions;
    struct shard *shard[SHARDS_MAX];
    atomic_size_t n_open;          /* the shards, once all have started; 0 before */
    pthread_mutex_t lock;          /* of what follows */
    struct tls_identity *identity; /* of new sessions */
    int64_t looked_at;             /* steady ms: how busy the shards are */
};
/* New sessions prove themselves with this from now on; a reference is taken. Any thread. */
void shard_renew(struct shard_common *common, struct tls_identity *identity);
/* A reference to what a new session proves itself with. */
struct tls_identity *shard_identity(struct shard_common *common);

struct session;
struct listener {
    struct shard *shard;
    int fd;
    enum serves serves;
    struct loop_watch *watch;
};
struct shard {
    struct shard_common *common;
    struct loop *loop;
    bool started;
    struct listener listener[SHARD_LISTENERS_MAX];
    size_t n_listeners;
    struct loop_timer *pause; /* accepts nothing until then: the system has no descriptors left */
    struct session *sessions;
    atomic_long load; /* sessions, and those that are on their way here */
    int64_t cpu_us;   /* of its loop at the last look; under the common lock, as the next */
    bool busy;
    int64_t complained_at; /* steady clock: the last overload that was logged */
    bool stopping;
    struct loop_task stop_task, look_task, evict_task;
    atomic_bool look_posted, evict_posted;
    uint64_t evict_mark; /* the evictions up to this one were done */
    sem_t stopped;
};

enum fault_code shard_new(struct shard_common *common, struct shard **ret_shard, struct fault *f);
/* A listening, non-blocking socket (taken). Before shard_start. */
enum fault_code shard_listen(struct shard *shard, int fd, enum serves serves, struct fault *f);
enum fault_code shard_start(struct shard *shard, size_t number, struct fault *f);
/* Closes its listeners and ends its sessions. Any thread. */
void shard_stop(struct shard *shard);
/* Waits until one that was started has done so. */
void shard_await_stop(struct shard *shard);
/* Looks again at the client certificate of each session, soon. Any thread; not once shard_stop was called. */
void shard_look_again(struct shard *shard);
/* Ends, soon, the sessions that the fleet's evictions name. Any thread; likewise. */
void shard_evict(struct shard *shard);
/* All have stopped: one that has not might still send a session here. Takes NULL and a half-built one. */
void shard_free(struct shard *shard);

/* Called by sessions. */
void shard_add(struct shard *shard, struct session *session);
void shard_remove(struct shard *shard, struct session *session);

#endif
