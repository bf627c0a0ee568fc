/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a stored file, a log generation, or all generations of a log: a fixed run of bytes that does not
 * change while the reader lives, whatever is replaced meanwhile. Made by tree_open; also other bytes in that
 * shape (backup.h). Floor 2; one thread at a
 * time. */
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
/* A reader of other bytes than stored contents: read from front to end, once, and never hot. read is called
 * with offsets that follow each other; it may block. Takes user, also on failure. */
struct reader_origin {
    enum fault_code (*read)(void *user, int64_t offset, void *out, size_t n, size_t *ret_n, struct fault *f);
    void (*free)(void *user);
    void *user;
};
enum fault_code reader_over(const struct reader_origin *origin, int64_t size, struct reader **ret_reader,
                            struct fault *f);
int64_t reader_size(const struct reader *reader);
/* Copies up to n bytes from offset; *ret_n is 0 only at the end. Blocking: catalog reads and AES, unless
 * reader_is_hot. FAULT_DAMAGED, FAULT_BUSY, FAULT_IO; FAULT_ABSENT never (what was opened stays readable, or
 * is damaged). */
enum fault_code reader_read(struct reader *reader, int64_t offset, void *out, size_t n, size_t *ret_n,
                            struct fault *f);
/* All its bytes lie in memory: reader_read cannot block. */
const void *reader_hot(const struct reader *reader); /* NULL when not hot; valid until reader_free */
void reader_free(struct reader *reader);             /* takes NULL */

#endif
