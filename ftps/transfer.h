/* SPDX-License-Identifier: Apache-2.0 */
/* A transfer: exists between the reply 150 and the one that ends it. transfer_advance alone looks at both
 * sides, the data channel and the file, and runs after every event of either. Floor 3; the session's loop.
 *
 * A download is over (226) when all its bytes and close_notify have left for the kernel; an upload when the
 * client's close_notify has come and the commit is on disk. Anything else that ends it leaves nothing behind.
 */
#ifndef CRADLE_TRANSFER_H
#define CRADLE_TRANSFER_H

#include "base/buf.h"
#include "fleet/reader.h"
#include "fleet/upload.h"
#include <stdbool.h>
#include <stddef.h>

#define TRANSFER_PIECE 131072 /* bytes handled in one go */

struct session;

/* What is to be sent is the session's job's reader, from this offset on; or these bytes (taken). The session
 * is BUSY. */
void transfer_send_file(struct session *s, int64_t offset);
void transfer_send_bytes(struct session *s, struct buf *bytes);
/* What comes goes into the session's job's upload. */
void transfer_receive(struct session *s);

void transfer_advance(struct session *s);
/* upload_options.progress; user is the session. Any thread. */
void transfer_progress(void *session);
/* Is it an upload that is complete and being committed? Then it cannot be aborted any more. */
bool transfer_is_committing(const struct session *s);
/* ABOR: ends it with 426. */
void transfer_abort(struct session *s);
/* Without a word: the session ends. */
void transfer_drop(struct session *s);
/* For STAT. */
void transfer_describe(const struct session *s, char *out, size_t size);

#endif
