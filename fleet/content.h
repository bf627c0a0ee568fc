/* SPDX-License-Identifier: Apache-2.0 */
/* Contents: immutable runs of bytes, split in chunks of CONTENT_CHUNK plain bytes (the last one shorter, at
 * least one even when empty), each sealed and bound to its place. A content is staged until the transaction
 * that gives it a name; what is still staged at start is removed. Knows neither files nor logs. Floor 2. */
#ifndef CRADLE_CONTENT_H
#define CRADLE_CONTENT_H

#include "base/fault.h"
#include "base/seal.h"
#include "base/secret.h"
#include "db/db.h"
#include "fleet/fleet.h"
#include "fleet/reader.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTENT_CHUNK 65536
/* Far above any setting, and so small that millions of them can be added. */
#define CONTENT_SIZE_MAX ((int64_t)1 << 40)
#define CONTENT_HOT_MAX  1048576 /* contents up to this size are cached whole and read at once */

enum content_kind {
    CONTENT_SEGMENT, /* of a log */
    CONTENT_FILE,    /* equal ones are stored once */
    CONTENT_BEARER   /* a file that bears a private key (R20): sealed under a key of its own, never shared */
};
struct content {
    uint8_t id[SEAL_CONTENT_ID];
    enum content_kind kind;
    int64_t size;
    uint32_t key; /* none of its chunks is under a data key of a lower number; for content_settle */
    struct secret_digest
        digest; /* HMAC-SHA-256 under the vault's digest key: equal bytes, equal digest, telling nothing */
};

/* Reads a content from six columns of a row (id, size, digest, kind, chunks, mac) and checks the MAC over
 * them. FAULT_DAMAGED, naming the content. */
enum fault_code content_row(struct vault *vault, struct db_rows *rows, int column,
                            struct content *ret_content, struct fault *f);
/* The MAC of a row: under the vault's row key, over id, kind, size, number of chunks and digest. */
void content_mac(struct vault *vault, const struct content *content, struct secret_digest *ret_mac);

/* In a write. The chunk is sealed already (the caller seals outside of the writer's thread). */
enum fault_code content_stage(struct db_conn *conn, const uint8_t id[SEAL_CONTENT_ID], uint32_t key,
                              int64_t created, struct fault *f);
enum fault_code content_add_chunk(struct db_conn *conn, const uint8_t id[SEAL_CONTENT_ID], int64_t index,
                                  const void *sealed, size_t n, struct fault *f);
/* The content is complete: no longer staged (it need not have been staged before). */
enum fault_code content_settle(struct vault *vault, struct db_conn *conn, const struct content *content,
                               int64_t created, struct fault *f);
/* In a write: a file's content of the same bytes that the catalog has already. FAULT_ABSENT. *ret_sound: it
 * is small (CONTENT_HOT_MAX), and every chunk of it opens: it can be named instead. Otherwise the new bytes
 * take over its names (content_rename), which heals what may be damaged, and costs a large one no second
 * reading. */
enum fault_code content_equal(struct vault *vault, struct db_conn *conn, const struct content *content,
                              struct content *ret_equal, bool *ret_sound, struct fault *f);
/* In a write: the content of a small file (CONTENT_CHUNK at most) that the server makes itself; one of the
 * same bytes is used again. */
enum fault_code content_store(struct vault *vault, struct db_conn *conn, const void *plain, size_t n,
                              int64_t now, struct content *ret_content, struct fault *f);
/* In a write: every file and former version that names `from` names `to` from now on, and `from` goes. */
enum fault_code content_rename(struct db_conn *conn, const uint8_t from[SEAL_CONTENT_ID],
                               const uint8_t to[SEAL_CONTENT_ID], struct fault *f);
/* A file lets go of its content: it is removed when no other name is left. */
enum fault_code content_release(struct db_conn *conn, const uint8_t id[SEAL_CONTENT_ID], struct fault *f);
/* Nothing names the content any more: it goes, at once, or, while a reader holds it (hold.h), as soon as the
 * last one is freed; until then it counts as staged, so that a crash does not leave it behind. */
enum fault_code content_remove(struct db_conn *conn, const uint8_t id[SEAL_CONTENT_ID], struct fault *f);
/* The same for a content that never had a name: whatever was staged of it goes. */
enum fault_code content_discard(struct db_conn *conn, const uint8_t id[SEAL_CONTENT_ID], struct fault *f);
/* At start: removes what is staged: unfinished uploads, and what readers held. */
enum fault_code content_clean(struct db_conn *conn, int64_t *ret_removed, struct fault *f);
/* A reader lets go of a content that it held: removes it, by a write of its own, when it was removed
 * meanwhile. Never blocks. */
void content_let_go(struct db *db, const uint8_t id[SEAL_CONTENT_ID]);

/* How many chunks a content of that size has, and how many plain bytes are in one of them. */
int64_t content_chunks(int64_t size);
size_t content_chunk_size(int64_t size, int64_t index);
/* Opens one chunk into out, which has room for content_chunk_size() bytes. FAULT_DAMAGED, naming content and
 * chunk. */
enum fault_code content_chunk(struct vault *vault, struct db_conn *conn, const struct content *content,
                              int64_t index, void *out, struct fault *f);
/* All of it into out, which has room for content->size bytes. */
enum fault_code content_load(struct vault *vault, struct db_conn *conn, const struct content *content,
                             void *out, struct fault *f);

/* A reader over these contents, one after the other; copies the array. What is small altogether
 * (CONTENT_HOT_MAX) is loaded from conn, or the cache, at once. Large ones are held (hold.h) and read chunk
 * by chunk, each with a short read of its own: a slow client occupies no reader of the pool and keeps no
 * snapshot alive. FAULT_BUSY: see hold_take. */
enum fault_code content_reader(struct fleet *fleet, struct db_conn *conn, const struct content *contents,
                               size_t count, struct reader **ret_reader, struct fault *f);

#endif
