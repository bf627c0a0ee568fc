/* SPDX-License-Identifier: Apache-2.0 */
/* From bytes that a client sent to the handlers of its commands, in their order: look-up, state, shape of the
 * argument, path, hiding, counting of nonsense. Floor 3; the session's loop. */
#ifndef CRADLE_DISPATCH_H
#define CRADLE_DISPATCH_H

struct session;
/* Dispatches what may be dispatched now of the session's input; the rest waits. */
void dispatch_input(struct session *s);
/* The time of the line that was held has come. */
void dispatch_release(struct session *s);

#endif
