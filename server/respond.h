/* SPDX-License-Identifier: Apache-2.0 */
/* Sends a reply: small contents straight from memory, large ones block by block, fetched by workers while the
 * connection sleeps. Floor 3; the daemon's thread. */
#ifndef CRADLE_RESPOND_H
#define CRADLE_RESPOND_H

#include <stdbool.h>

struct exchange;
/* Queues x->reply, whose body is used up. False: the connection cannot be saved. */
bool respond(struct exchange *x);

#endif
