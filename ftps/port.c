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
    size_t count; /* free ones, in any order: drawing one is O(1) and uniform */
    uint16_t port[];
};

struct port_pool *port_pool_new(uint16_t low, uint16_t high)
{
    size_t n = (size_t)(high - low) + 1;
    struct port_pool *pool = malloc(sizeof *pool + n * sizeof pool->port[0]);
    if (pool == NULL)
        return NULL;
    pthread_mutex_init(&pool->lock, NULL);
    pool->count = n;
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

uint16_t port_take(struct port_pool *pool)
{
    uint16_t port = 0;
    pthread_mutex_lock(&pool->lock);
    if (pool->count > 0) {
        uint32_t i = secret_random_below((uint32_t)pool->count);
        port = pool->port[i];
        pool->port[i] = pool->port[--pool->count];
    }
    pthread_mutex_unlock(&pool->lock);
    return port;
}

void port_put(struct port_pool *pool, uint16_t port)
{
    pthread_mutex_lock(&pool->lock);
    pool->port[pool->count++] = port;
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

enum fault_code port_listen(struct port_pool *pool, const union address *host, int *ret_fd,
                            uint16_t *ret_port, struct fault *f)
{
    /* What another program holds is kept aside until the end: drawing it again would be in vain. */
    uint16_t held[PORT_TRIES];
    size_t n_held = 0;
    enum fault_code code = FAULT_OK;
    for (;;) {
        uint16_t port = n_held < PORT_TRIES ? port_take(pool) : 0;
        if (port == 0) {
            code = fault_set(f, FAULT_BUSY, "no passive port is free now");
            break;
        }
        int error = port_open(host, port, ret_fd);
        if (error == 0) {
            *ret_port = port;
            break;
        }
        held[n_held++] = port;
        if (error != EADDRINUSE && error != EACCES) {
            code = fault_set(f, FAULT_IO, "cannot listen on a passive port: %s", strerror(error));
            break;
        }
    }
    while (n_held > 0)
        port_put(pool, held[--n_held]);
    return code;
}

bool port_is_exhausted(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}
