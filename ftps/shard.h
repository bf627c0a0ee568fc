/* SPDX-License-Identifier: Apache-2.0 */
/* One loop of the FTPS front end with listening sockets of its own (SO_REUSEPORT) and the sessions that came
 * through them, which stay. Floor 3; belongs to its loop's thread once started. */
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

/* What all shards share; set before any starts. */
struct shard_common {
    struct fleet *fleet;
    struct port_pool *ports;
    atomic_long sessions;
    pthread_mutex_t lock;          /* of what follows */
    struct tls_identity *identity; /* of new sessions */
};
/* New sessions prove themselves with this from now on; a reference is taken. Any thread. */
void shard_renew(struct shard_common *common, struct tls_identity *identity);
/* A reference to what a new session proves itself with. */
struct tls_identity *shard_identity(struct shard_common *common);

struct shard;
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
/* Closes its listeners and ends its sessions; shard_free waits until that is done. Any thread. */
void shard_stop(struct shard *shard);
/* Looks again at the client certificate of each session, soon. Any thread; not once shard_stop was called. */
void shard_look_again(struct shard *shard);
/* Ends, soon, the sessions that the fleet's evictions name. Any thread; likewise. */
void shard_evict(struct shard *shard);
void shard_free(struct shard *shard); /* takes NULL and a half-built one */

/* Called by sessions. */
void shard_add(struct shard *shard, struct session *session);
void shard_remove(struct shard *shard, struct session *session);

#endif
