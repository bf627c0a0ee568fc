/* SPDX-License-Identifier: Apache-2.0 */
#include "ftps/port.h"

#include "base/secret.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT_BACKLOG 8
#define PORT_TRIES   32 /* ports in the range that other programs hold, before we give up for now */

struct port_pool {
    pthread_mutex_t lock;
    struct port_wait *first, **last;
    uint64_t returns, freed; /* how often one came back; how often nobody waited for it */
    size_t total, count;     /* free ones, in any order: drawing one is O(1) and uniform */
    uint16_t port[];
};

struct port_pool *port_pool_new(uint16_t low, uint16_t high)
{
    size_t n = (size_t)(high - low) + 1;
    struct port_pool *pool = malloc(sizeof *pool + n * sizeof pool->port[0]);
    if (pool == NULL)
        return NULL;
    pthread_mutex_init(&pool->lock, NULL);
    pool->first = NULL;
    pool->last = &pool->first;
    pool->returns = pool->freed = 0;
    pool->total = pool->count = n;
    for (size_t i = 0; i < n; i++)
        pool->port[i] = (uint16_t)(low + i);
    return pool;
}

void port_pool_free(struct port_pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

/* --- under the lock --- */

static uint16_t take(struct port_pool *pool)
{
    if (pool->count == 0)
        return 0;
    uint32_t i = secret_random_below((uint32_t)pool->count);
    uint16_t port = pool->port[i];
    pool->port[i] = pool->port[--pool->count];
    return port;
}

static void enqueue(struct port_pool *pool, struct port_wait *wait)
{
    wait->returns = pool->returns;
    wait->next = NULL;
    wait->back = pool->last;
    *pool->last = wait;
    pool->last = &wait->next;
}

static void unlink_wait(struct port_pool *pool, struct port_wait *wait)
{
    *wait->back = wait->next;
    if (wait->next != NULL)
        wait->next->back = wait->back;
    else
        pool->last = wait->back;
    wait->back = NULL;
}

static void give(struct port_pool *pool, uint16_t port)
{
    struct port_wait *wait = pool->first;
    if (wait == NULL) {
        pool->port[pool->count++] = port;
        pool->freed++;
        return;
    }
    unlink_wait(pool, wait);
    wait->port = port;
    if (wait->posted) /* for a wait before, that was given up; that run finds this port */
        return;
    wait->posted = true;
    loop_post(wait->loop, &wait->granted);
}

/* --- taking and giving back --- */

uint16_t port_take(struct port_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    uint16_t port = take(pool);
    pthread_mutex_unlock(&pool->lock);
    return port;
}

void port_put(struct port_pool *pool, uint16_t port)
{
    pthread_mutex_lock(&pool->lock);
    pool->returns++;
    give(pool, port);
    pthread_mutex_unlock(&pool->lock);
}

/* 0, or an errno. */
static int port_open(const union address *host, uint16_t port, int *ret_fd)
{
    union address at = *host;
    const int on = 1;
    address_set_port(&at, port);
    int fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    /* Earlier connections of this port linger in TIME_WAIT; a listener of somebody else still excludes us. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, &at.any, address_length(&at)) != 0 || listen(fd, PORT_BACKLOG) != 0) {
        int error = errno;
        close(fd);
        return error;
    }
    *ret_fd = fd;
    return 0;
}

static bool is_held(int error)
{
    return error == EADDRINUSE || error == EACCES;
}

enum attempt { LISTENS, WAITS, FAILED, AGAIN };

/* What another program holds becomes free again, but not for those who wait: they would try it in vain, over
 * and over. When nothing else is left, nobody will ever bring them one, and they may as well learn it. */
static enum attempt put_held(struct port_pool *pool, const uint16_t *held, size_t n, uint64_t freed,
                             struct port_wait *wait)
{
    enum attempt attempt = FAILED;
    pthread_mutex_lock(&pool->lock);
    memcpy(pool->port + pool->count, held, n * sizeof *held);
    pool->count += n;
    if (wait != NULL && pool->freed != freed) {
        attempt = AGAIN;
    } else if (wait != NULL && pool->count < pool->total) {
        enqueue(pool, wait);
        attempt = WAITS;
    } else if (pool->count == pool->total && pool->first != NULL) {
        give(pool, take(pool));
    }
    pthread_mutex_unlock(&pool->lock);
    return attempt;
}

static enum attempt attempt_one(struct port_pool *pool, const union address *host, struct port_wait *wait,
                                int *ret_fd, uint16_t *ret_port, int *ret_error)
{
    /* Kept aside until the end: drawing it again would be in vain. */
    uint16_t held[PORT_TRIES];
    size_t n_held = 0;
    uint16_t port = wait->port;
    pthread_mutex_lock(&pool->lock);
    uint64_t freed = pool->freed;
    bool others = port == 0 && pool->first != NULL;
    if (others)
        enqueue(pool, wait);
    pthread_mutex_unlock(&pool->lock);
    if (others)
        return WAITS;
    wait->port = 0;
    *ret_error = EADDRINUSE;
    while (is_held(*ret_error) && n_held < PORT_TRIES && (port != 0 || (port = port_take(pool)) != 0)) {
        *ret_error = port_open(host, port, ret_fd);
        if (*ret_error == 0)
            *ret_port = port;
        else if (is_held(*ret_error))
            held[n_held++] = port;
        else
            port_put(pool, port);
        port = 0;
    }
    enum attempt attempt = put_held(pool, held, n_held, freed, is_held(*ret_error) ? wait : NULL);
    return *ret_error == 0 ? LISTENS : attempt;
}

enum fault_code port_listen(struct port_pool *pool, const union address *host, struct port_wait *wait,
                            int *ret_fd, uint16_t *ret_port, struct fault *f)
{
    enum attempt attempt;
    int error;
    do
        attempt = attempt_one(pool, host, wait, ret_fd, ret_port, &error);
    while (attempt == AGAIN); /* one came back meanwhile */
    if (attempt == WAITS)
        return fault_set(f, FAULT_BUSY, "no passive port is free now");
    return attempt == LISTENS
               ? FAULT_OK
               : fault_set(f, FAULT_IO, "cannot listen on a passive port: %s", strerror(error));
}

bool port_wait_granted(struct port_pool *pool, struct port_wait *wait)
{
    pthread_mutex_lock(&pool->lock);
    wait->posted = false;
    bool granted = wait->port != 0;
    pthread_mutex_unlock(&pool->lock);
    return granted;
}

bool port_wait_moves(struct port_pool *pool, struct port_wait *wait)
{
    pthread_mutex_lock(&pool->lock);
    bool moves = wait->returns != pool->returns;
    wait->returns = pool->returns;
    pthread_mutex_unlock(&pool->lock);
    return moves;
}

void port_wait_leave(struct port_pool *pool, struct port_wait *wait)
{
    pthread_mutex_lock(&pool->lock);
    if (wait->back != NULL)
        unlink_wait(pool, wait);
    if (wait->port != 0)
        give(pool, wait->port);
    wait->port = 0;
    pthread_mutex_unlock(&pool->lock);
}

bool port_is_exhausted(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}
