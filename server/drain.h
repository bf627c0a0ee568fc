/* SPDX-License-Identifier: Apache-2.0 */
/* Closing without destroying the answer: whoever has sent, or still sends, what nobody will read would get a
 * reset, and lose what it has not taken yet of the answer. Keeps such a socket for a moment, longer while the
 * client takes something, and throws away what comes (RFC 9112, 9.6). Floor 3. */
#ifndef CRADLE_DRAIN_H
#define CRADLE_DRAIN_H

struct gate;
/* fd is about to be closed by its owner; a copy is kept when there is need. Any thread; when anything is
 * missing, nothing happens. */
void drain_on(struct gate *gate, int fd);
/* The loop's thread. */
void drain_end_all(struct gate *gate);

#endif
