/* SPDX-License-Identifier: Apache-2.0 */
#include "ftps/ftps.h"

#include "base/log.h"
#include "base/mem.h"
#include "fleet/evict.h"
#include "ftps/address.h"
#include "ftps/port.h"
#include "ftps/shard.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FTPS_BACKLOG 4096 /* a whole fleet arrives in the same minute; the system may cut it */

struct ftps {
    struct shard_common common;
    struct settings_listen bound;
    size_t n_shards;
    struct evict_observer observer;
};

static void ftps_evicted(struct evict_observer *observer, const struct eviction *eviction)
{
    struct ftps *ftps = CONTAINER_OF(observer, struct ftps, observer);
    (void)eviction; /* each shard reads it from the board */
    for (size_t i = 0; i < ftps->n_shards; i++)
        shard_evict(ftps->common.shard[i]);
}

/* A listening socket that shares its port with those of the other shards. The port is filled in when it was
 * 0. */
static int ftps_socket(union address *at, bool share)
{
    const int on = 1, off = 0;
    socklen_t n = sizeof *at;
    int fd = socket(at->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (share)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (at->any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, &at->any, address_length(at)) == 0 && getsockname(fd, &at->any, &n) == 0 &&
        (!share || listen(fd, FTPS_BACKLOG) == 0))
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* SO_REUSEPORT would let a second daemon of the same user take half of the first one's clients: without it, a
 * port in use says so. */
static bool ftps_port_is_free(const union address *at)
{
    union address probe = *at;
    int fd = address_port(at) != 0 ? ftps_socket(&probe, false) : -1;
    if (fd < 0)
        return address_port(at) == 0;
    bool free_port = listen(fd, 1) == 0;
    int error = errno;
    close(fd);
    errno = error;
    return free_port;
}

static enum fault_code ftps_listen_at(struct ftps *ftps, const char *host, uint16_t port, enum serves serves,
                                      struct fault *f)
{
    union address at;
    if (!address_parse(host, port, &at))
        return fault_set(f, FAULT_INPUT, "cannot listen for FTPS on %s: not a numeric address", host);
    bool can = ftps_port_is_free(&at);
    for (size_t i = 0; can && i < ftps->n_shards; i++) {
        int fd = ftps_socket(&at, true);
        can = fd >= 0;
        if (!can)
            break;
        enum fault_code code = shard_listen(ftps->common.shard[i], fd, serves, f);
        if (code != FAULT_OK)
            return code;
    }
    if (!can)
        return fault_set(f, FAULT_IO, "cannot listen for FTPS on %s port %u: %s", host, (unsigned)port,
                         strerror(errno));
    if (ftps->bound.count < SETTINGS_LISTEN_MAX) {
        size_t i = ftps->bound.count++;
        memcpy(ftps->bound.at[i].host, host, strlen(host) + 1);
        ftps->bound.at[i].port = address_port(&at);
    }
    return FAULT_OK;
}

static enum fault_code ftps_listen(struct ftps *ftps, const struct settings_listen *listen,
                                   enum serves serves, struct fault *f)
{
    enum fault_code code = FAULT_OK;
    for (size_t i = 0; code == FAULT_OK && i < listen->count; i++)
        code = ftps_listen_at(ftps, listen->at[i].host, listen->at[i].port, serves, f);
    return code;
}

static enum fault_code ftps_make(struct ftps *ftps, struct fault *f)
{
    const struct settings *settings = ftps->common.fleet->settings;
    bool apart = settings->management_listen.count > 0;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t wanted = processors < 1 ? 1 : processors > SHARDS_MAX ? SHARDS_MAX : (size_t)processors;
    enum fault_code code = FAULT_OK;
    ftps->common.ports = port_pool_new(settings->passive_ports.low, settings->passive_ports.high);
    if (ftps->common.ports == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory for the passive ports");
    while (code == FAULT_OK && ftps->n_shards < wanted) {
        code = shard_new(&ftps->common, &ftps->common.shard[ftps->n_shards], f);
        ftps->n_shards += code == FAULT_OK;
    }
    if (code == FAULT_OK)
        code = ftps_listen(ftps, &settings->ftps_listen, apart ? SERVES_HANDSETS : SERVES_ALL, f);
    if (code == FAULT_OK)
        code = ftps_listen(ftps, &settings->legacy_ftps_listen, SERVES_LEGACY, f);
    if (code == FAULT_OK && apart)
        code = ftps_listen(ftps, &settings->management_ftps_listen, SERVES_MANAGEMENT, f);
    else if (code == FAULT_OK && settings->management_ftps_listen.count > 0)
        log_event(LOG_SETTINGS_WARNING,
                  "setting=management_ftps_listen text=\"without effect: management_listen is not set\"");
    for (size_t i = 0; code == FAULT_OK && i < ftps->n_shards; i++)
        code = shard_start(ftps->common.shard[i], i, f);
    if (code == FAULT_OK)
        atomic_store(&ftps->common.n_open, ftps->n_shards);
    return code;
}

enum fault_code ftps_start(struct fleet *fleet, struct tls_identity *identity, struct ftps **ret_ftps,
                           struct fault *f)
{
    struct ftps *ftps = calloc(1, sizeof *ftps);
    if (ftps == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory for the FTPS front end");
    ftps->common.fleet = fleet;
    pthread_mutex_init(&ftps->common.lock, NULL);
    ftps->common.identity = tls_identity_ref(identity);
    enum fault_code code = ftps_make(ftps, f);
    if (code != FAULT_OK) {
        ftps_stop(ftps);
        return code;
    }
    ftps->observer.evicted = ftps_evicted;
    evict_observe(fleet->evictions, &ftps->observer);
    *ret_ftps = ftps;
    return FAULT_OK;
}

const struct settings_listen *ftps_bound(const struct ftps *ftps)
{
    return &ftps->bound;
}

void ftps_renew(struct ftps *ftps, struct tls_identity *identity)
{
    shard_renew(&ftps->common, identity);
}

void ftps_look_again(struct ftps *ftps)
{
    for (size_t i = 0; i < ftps->n_shards; i++)
        shard_look_again(ftps->common.shard[i]);
}

void ftps_stop(struct ftps *ftps)
{
    if (ftps == NULL)
        return;
    evict_forget(ftps->common.fleet->evictions, &ftps->observer);
    for (size_t i = 0; i < ftps->n_shards; i++)
        shard_stop(ftps->common.shard[i]);
    for (size_t i = 0; i < ftps->n_shards; i++)
        shard_await_stop(ftps->common.shard[i]);
    for (size_t i = 0; i < ftps->n_shards; i++)
        shard_free(ftps->common.shard[i]);
    port_pool_free(ftps->common.ports);
    tls_identity_unref(ftps->common.identity);
    pthread_mutex_destroy(&ftps->common.lock);
    free(ftps);
}
