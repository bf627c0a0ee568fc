/* SPDX-License-Identifier: Apache-2.0 */
/* The range of passive ports: each is handed out to one session at a time, in an order that nobody can
 * foresee. Shared by all loops. Floor 3; any thread. */
#ifndef CRADLE_PORT_H
#define CRADLE_PORT_H

#include "base/fault.h"
#include "ftps/address.h"
#include <stdbool.h>
#include <stdint.h>

struct port_pool;
/* low <= high. NULL: out of memory. */
struct port_pool *port_pool_new(uint16_t low, uint16_t high);
void port_pool_free(struct port_pool *pool); /* takes NULL */

/* A random free port, the caller's until port_put; 0 when none is free. */
uint16_t port_take(struct port_pool *pool);
void port_put(struct port_pool *pool, uint16_t port);

/* Takes a port and listens on it at this host: *ret_fd is non-blocking and the caller's. FAULT_BUSY when the
 * range is used up, FAULT_IO. */
enum fault_code port_listen(struct port_pool *pool, const union address *host, int *ret_fd,
                            uint16_t *ret_port, struct fault *f);
/* Does this errno of accept(2) say that the system has nothing left for a connection? It stays in the queue
 * then, and the listener readable: who goes on polling spins. */
bool port_is_exhausted(int error);

#endif
