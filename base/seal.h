/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing at rest: AES-256-GCM (GnuTLS) of chunks under data keys, and of data keys under a master key that
 * lives in a file outside of the database (R16). The format, byte by byte, is in doc/format.md:
 *
 *   chunk   01 | key id (4, big-endian) | nonce (12, random) | ciphertext | tag (16)
 *           associated data: "cradle chunk" 00 | version 01 | key id (4) | content id (16) | index (8, BE) |
 * last (1) key     01 | nonce (12) | ciphertext (32) | tag (16) associated data: "cradle key" 00 | version 01
 * | key id (4, BE) | purpose
 *
 * A chunk is bound to its content, its place and whether it is the last, so one that was moved, exchanged, or
 * whose successors were cut off does not open. Nonces are random: a restored snapshot must never repeat one.
 * Floor 0; any thread. */
#ifndef CRADLE_SEAL_H
#define CRADLE_SEAL_H

#include "base/fault.h"
#include "base/secret.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_OVERHEAD       33 /* bytes a sealed chunk is longer than its plain text */
#define SEAL_WRAPPED_SIZE   61 /* bytes of a wrapped key */
#define SEAL_CONTENT_ID     16
#define SEAL_BYTES_OVERHEAD 28 /* nonce and tag */

struct seal_place {
    uint8_t content[SEAL_CONTENT_ID]; /* random, never used again */
    uint64_t index;                   /* 0, 1, … */
    bool last;
};

/* Makes a new master key file: 64 hex digits and a line end, mode 0600, written and synced; FAULT_CONFLICT
 * when the file exists. */
enum fault_code seal_master_create(const char *file, struct fault *f);
/* Reads it. FAULT_ABSENT when missing; FAULT_FORBIDDEN when group or others may read it or it belongs to
 * another user (root may own it too); FAULT_INPUT when malformed: each text names the file and the remedy. */
enum fault_code seal_master_load(const char *file, struct secret_key *ret_key, struct fault *f);

/* The mechanism beneath the formats: nonce (12, random) | ciphertext | tag (16), bound to the associated
 * data. For seal_bytes out has room for n + SEAL_BYTES_OVERHEAD bytes; for seal_open_bytes for n less that.
 * FAULT_DAMAGED when it does not open: out is all zero then. */
enum fault_code seal_bytes(const struct secret_key *key, const uint8_t *aad, size_t n_aad, const void *plain,
                           size_t n, uint8_t *out, struct fault *f);
enum fault_code seal_open_bytes(const struct secret_key *key, const uint8_t *aad, size_t n_aad,
                                const uint8_t *sealed, size_t n, void *out, struct fault *f);

enum fault_code seal_wrap(const struct secret_key *master, uint32_t id, const char *purpose,
                          const struct secret_key *key, uint8_t out[SEAL_WRAPPED_SIZE], struct fault *f);
/* FAULT_DAMAGED when it does not open: the wrong master key, another id or purpose, or changed bytes. */
enum fault_code seal_unwrap(const struct secret_key *master, uint32_t id, const char *purpose,
                            const uint8_t *wrapped, size_t n, struct secret_key *ret_key, struct fault *f);

/* out has room for n + SEAL_OVERHEAD bytes. n may be 0. */
enum fault_code seal_chunk(const struct secret_key *key, uint32_t key_id, const struct seal_place *place,
                           const void *plain, size_t n, uint8_t *out, struct fault *f);
/* The key id that a sealed chunk names; FAULT_DAMAGED when it is too short or of an unknown version. */
enum fault_code seal_chunk_key(const uint8_t *sealed, size_t n, uint32_t *ret_key_id, struct fault *f);
/* out has room for n - SEAL_OVERHEAD bytes. FAULT_DAMAGED when it does not open at that place: out
 * is all zero then, never bytes that were not authenticated. */
enum fault_code seal_open_chunk(const struct secret_key *key, const struct seal_place *place,
                                const uint8_t *sealed, size_t n, void *out, struct fault *f);

#endif
