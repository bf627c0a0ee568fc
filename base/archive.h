/* SPDX-License-Identifier: Apache-2.0 */
/* The format of a backup: one run of bytes, sealed frame by frame under a key of its own, which is wrapped by
 * the master key (doc/format.md tells it byte by byte). Written and read front to end, in pieces of any size.
 * Knows nothing of what is in it, and touches no file.
 *
 *   header  "CRADLEBK" | version 01 | flags 00 | schema (2) | created (8) | archive id (16) | catalog id (16)
 *           | fingerprint of the master key (16) | wrapped key (61)
 *   frame   kind | plain length (4) | nonce (12) | ciphertext | tag (16)
 *           kind 01: data, 65,536 bytes, only the last one less; kind 02: the end, 8 bytes: how many there
 *           were. Associated data: "cradle backup" 00 | header | index (8) | kind
 *
 * So an archive that was cut, put together from others, reordered or changed anywhere, its header included,
 * does not open to the end. Floor 0; an object belongs to one thread. */
#ifndef CRADLE_ARCHIVE_H
#define CRADLE_ARCHIVE_H

#include "base/fault.h"
#include "base/secret.h"
#include <stddef.h>
#include <stdint.h>

#define ARCHIVE_ID       16
#define ARCHIVE_CHUNK    65536 /* plain bytes of a frame */
#define ARCHIVE_HEADER   129
#define ARCHIVE_OVERHEAD 33 /* bytes a frame is longer than its plain text */
#define ARCHIVE_FRAME    (ARCHIVE_CHUNK + ARCHIVE_OVERHEAD)

/* What a header tells to everybody. Only with the master key is it known to be true. */
struct archive_about {
    int64_t created;             /* Unix ms */
    unsigned schema;             /* of the catalog inside; up to 65,535 */
    uint8_t id[ARCHIVE_ID];      /* random */
    uint8_t catalog[ARCHIVE_ID]; /* whose backup it is */
    uint8_t master[ARCHIVE_ID];  /* fingerprint of the master key that opens it */
};

/* Tells two master keys apart, and nothing else about either. */
void archive_fingerprint(const struct secret_key *master, uint8_t ret_fingerprint[ARCHIVE_ID]);
/* How many bytes an archive of so many plain ones has. */
int64_t archive_size(int64_t plain);

/* --- writing --- */

struct archive_writer;
/* Takes created, schema and catalog from `about`; the rest is made. *ret_writer is given. */
enum fault_code archive_writer_new(const struct secret_key *master, const struct archive_about *about,
                                   struct archive_writer **ret_writer, struct fault *f);
void archive_writer_free(struct archive_writer *writer); /* takes NULL; wipes */
/* ARCHIVE_HEADER bytes: what goes out first. Borrowed until archive_writer_free. */
const uint8_t *archive_writer_header(const struct archive_writer *writer);
/* The next frame, of 1 to ARCHIVE_CHUNK plain bytes (fewer than that only in the last one), into out, which
 * has room for ARCHIVE_FRAME. */
enum fault_code archive_write(struct archive_writer *writer, const void *plain, size_t n, uint8_t *out,
                              size_t *ret_n, struct fault *f);
/* The frame that ends it. */
enum fault_code archive_write_end(struct archive_writer *writer, uint8_t *out, size_t *ret_n,
                                  struct fault *f);

/* --- reading --- */

/* FAULT_INPUT: no archive, or of a version that this program does not know; the text says which. */
enum fault_code archive_read_header(const void *header, size_t n, struct archive_about *ret_about,
                                    struct fault *f);

/* Receives the plain bytes of a frame once they are authentic; what it returns other than FAULT_OK ends the
 * reading. That nothing is missing is known only when archive_reader_end says so. */
typedef enum fault_code archive_sink(void *user, const void *plain, size_t n, struct fault *f);

struct archive_reader;
/* With a NULL master only the shape is checked (lengths, order, the end), nothing is opened, and sink is not
 * called. *ret_reader is given. */
enum fault_code archive_reader_new(const struct secret_key *master, archive_sink *sink, void *user,
                                   struct archive_reader **ret_reader, struct fault *f);
void archive_reader_free(struct archive_reader *reader); /* takes NULL; wipes */
/* The next bytes, however many. FAULT_INPUT as archive_read_header; FAULT_FORBIDDEN: made under another
 * master key; FAULT_DAMAGED: changed, reordered, mixed with another one, or bytes after the end. After a
 * failure the reader is of no more use. */
enum fault_code archive_read(struct archive_reader *reader, const void *data, size_t n, struct fault *f);
/* All bytes have come: FAULT_DAMAGED when the end was not among them. */
enum fault_code archive_reader_end(const struct archive_reader *reader, struct fault *f);

#endif
