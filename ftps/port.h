/* SPDX-License-Identifier: Apache-2.0 */
/* The range of passive ports: each is handed out to one session at a time, in an order that nobody can
 * foresee; when all are lent, who comes first gets the first that comes back. Shared by all loops. Floor 3;
 * any thread. */
#ifndef CRADLE_PORT_H
#define CRADLE_PORT_H

#include "base/fault.h"
#include "base/loop.h"
#include "ftps/address.h"
#include <stdbool.h>
#include <stdint.h>

struct port_pool;
/* low <= high. NULL: out of memory. */
struct port_pool *port_pool_new(uint16_t low, uint16_t high);
void port_pool_free(struct port_pool *pool); /* takes NULL */

/* A random free port, the caller's until port_put; 0 when none is free. */
uint16_t port_take(struct port_pool *pool);
/* To whom has waited longest, or among the free ones. */
void port_put(struct port_pool *pool, uint16_t port);

/* A place in the queue: part of its owner's struct, zeroed but for the first two members. */
struct port_wait {
    struct loop *loop;        /* the owner's, on whose thread all of this is */
    struct loop_task granted; /* its `run` is called there, and asks port_wait_granted */
    bool posted;              /* that is under way: the struct must stay */
    /* the pool's */
    uint16_t port; /* that was granted */
    uint64_t returns;
    struct port_wait *next, **back;
};
/* Takes a port, the one that was granted to `wait` first, and listens on it at this host: *ret_fd is
 * non-blocking and the caller's. FAULT_BUSY: all are lent, and `wait` is in the queue now. FAULT_IO: other
 * programs hold what is left, or it cannot be. */
enum fault_code port_listen(struct port_pool *pool, const union address *host, struct port_wait *wait,
                            int *ret_fd, uint16_t *ret_port, struct fault *f);
/* Is there one? Then try again, with this wait, or leave. False: the wait that it was for was given up. */
bool port_wait_granted(struct port_pool *pool, struct port_wait *wait);
/* Has a port come back since this wait began, or since it was last asked? Who waits although none does, waits
 * in vain. */
bool port_wait_moves(struct port_pool *pool, struct port_wait *wait);
/* Out of the queue; gives back what was granted. Harmless outside. */
void port_wait_leave(struct port_pool *pool, struct port_wait *wait);

/* Does this errno of accept(2) say that the system has nothing left for a connection? It stays in the queue
 * then, and the listener readable: who goes on polling spins. */
bool port_is_exhausted(int error);

#endif
