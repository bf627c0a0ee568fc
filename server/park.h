/* SPDX-License-Identifier: Apache-2.0 */
/* Connections whose handshake waits for the client. In epoll mode libmicrohttpd 0.9.75 asks such a one again
 * and again, without a pause: it takes for readable what it has not found empty itself, and in a handshake it
 * does not look. So they are suspended until there is something to read. Floor 3. */
#ifndef CRADLE_PARK_H
#define CRADLE_PARK_H

#include "base/fault.h"

struct connection;
struct gate;
struct park;

/* Before the gate's loop starts; its thread is the one that resumes. */
enum fault_code park_new(struct gate *gate, struct park **ret_park, struct fault *f);
/* Nobody is parked any more. The loop's thread, or when the loop never started. Takes NULL. */
void park_free(struct park *park);

/* The thread of the connection's daemon, in a handshake that found nothing to read. */
void park_enter(struct park *park, struct connection *connection);
/* Shuts down who is parked, so that all are resumed. Nobody enters any more, the gate is stopping. Any
 * thread. */
void park_cut(struct park *park);

#endif
