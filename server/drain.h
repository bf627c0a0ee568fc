/* SPDX-License-Identifier: Apache-2.0 */
/* Closing without destroying the answer: a client that is still sending a body which was refused would get a
 * reset, and could lose the answer that was on its way. Keeps the socket for a moment and throws away what
 * comes (RFC 9112, 9.6). Floor 3. */
#ifndef CRADLE_DRAIN_H
#define CRADLE_DRAIN_H

struct gate;
/* fd is about to be closed by its owner; a copy is kept. Any thread; when anything is missing, nothing
 * happens. */
void drain_on(struct gate *gate, int fd);
/* The loop's thread. */
void drain_end_all(struct gate *gate);

#endif
