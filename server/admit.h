/* SPDX-License-Identifier: Apache-2.0 */
/* Which route a request takes, and whether this client may take it: what the dispatcher decides before a
 * handler runs. In this order: malformed, 404, 405, 401, 403, 413. Floor 3. */
#ifndef CRADLE_ADMIT_H
#define CRADLE_ADMIT_H

struct exchange;

/* The guards have spoken: target, query, route. Sets a reply, or leaves it. The daemon's thread. */
void admit_head(struct exchange *x, const char *method);
/* Identifies the client and, unless a JSON body comes first, runs the handler. exchange_begin was called
 * before; ends with exchange_done, at once or from another thread. Never blocks. */
void admit_start(struct exchange *x);
/* Gives the handler to a worker; likewise. */
void admit_work(struct exchange *x);

#endif
