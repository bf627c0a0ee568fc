/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a stored file, a log generation, or all generations of a log: a fixed run of bytes that does not
 * change while the reader lives, whatever is replaced meanwhile. Made by tree_open; also other bytes in that
 * shape (backup.h). Floor 2; one thread at a time. */
#ifndef CRADLE_READER_H
#define CRADLE_READER_H

#include "base/fault.h"
#include <stddef.h>
#include <stdint.h>

struct reader;
struct content;
struct db_conn;
struct fleet;
/* content_reader (content.h) is how it is made outside of content.c. */
enum fault_code reader_new(struct fleet *fleet, struct db_conn *conn, const struct content *contents,
                           size_t count, struct reader **ret_reader, struct fault *f);
/* A reader of other bytes than stored contents: read from front to end, once, and never hot. read gives up to
 * n bytes (*ret_n 0: the end), is called with offsets that follow each other, and may block. Takes user, also
 * on failure. */
struct reader_origin {
    enum fault_code (*read)(void *user, int64_t offset, void *out, size_t n, size_t *ret_n, struct fault *f);
    void (*free)(void *user);
    void *user;
};
enum fault_code reader_over(const struct reader_origin *origin, int64_t size, struct reader **ret_reader,
                            struct fault *f);
/* Of one content, if all its bytes lie in the cache. Never blocks. NULL: they do not, or no memory. */
struct reader *reader_new_hot(struct fleet *fleet, const struct content *content);
int64_t reader_size(const struct reader *reader);
/* All its bytes, when they lie in memory as a whole; NULL: they do not. Valid until reader_free. */
const void *reader_hot(const struct reader *reader);
/* The bytes from offset on, as many as lie in memory in one run. Never blocks. NULL, with *ret_n 0:
 * reader_load has to be asked, or the end is reached. Valid until the next call for this reader. */
const void *reader_at(struct reader *reader, int64_t offset, size_t *ret_n);
/* Brings bytes from offset on, which lies before the end, into memory: afterwards reader_at has some.
 * Blocking: catalog reads and AES. FAULT_DAMAGED, FAULT_BUSY, FAULT_IO, FAULT_MEMORY; FAULT_ABSENT never
 * (what was opened stays readable, or is damaged). */
enum fault_code reader_load(struct reader *reader, int64_t offset, struct fault *f);
void reader_free(struct reader *reader); /* takes NULL */

#endif
