/* SPDX-License-Identifier: Apache-2.0 */
/* The data keys, unwrapped and in memory: for chunks (several: the newest seals, a sealed chunk names its
 * own), for digests and for the passwords that the server makes (R16, R17); and the master key, which wraps
 * new ones. Keys of single contents (own keys, R20) are never kept here: they are unwrapped for one use. No
 * data key leaves this module but the digests' and the passwords', which live as long as the vault. Kept out
 * of swap and core dumps as far as the system allows, and wiped when they go. Floor 2; any thread; a lock
 * that is held for a copy. */
#ifndef CRADLE_VAULT_H
#define CRADLE_VAULT_H

#include "base/fault.h"
#include "base/seal.h"
#include "base/secret.h"
#include "db/db.h"
#include <stdbool.h>
#include <stdint.h>

/* Chunk keys at once: far more than rotations that wait for an earlier one. */
#define VAULT_KEYS 64

struct vault;

/* In a write, once in a catalog's life: one new key of each purpose, wrapped by the master key. */
enum fault_code vault_make(struct db_conn *conn, const struct secret_key *master, struct fault *f);
/* FAULT_ABSENT: there are no keys, the catalog was never finished. FAULT_DAMAGED: one does not open; the text
 * says that the master key may be another catalog's. *ret_vault is given. */
enum fault_code vault_load(struct db *db, const struct secret_key *master, struct vault **ret_vault,
                           struct fault *f);
void vault_free(struct vault *vault); /* takes NULL */

/* Is this the key that wraps? Constant time. */
bool vault_is_master(struct vault *vault, const struct secret_key *key);
/* A copy of it, for what is sealed outside of the catalog (backup.c). The caller wipes it. */
void vault_master(struct vault *vault, struct secret_key *ret_key);

/* --- chunks --- */

/* Seals under the newest key; *ret_key is its number. out has room for n + SEAL_OVERHEAD bytes. */
enum fault_code vault_seal(struct vault *vault, const struct seal_place *place, const void *plain, size_t n,
                           uint8_t *out, uint32_t *ret_key, struct fault *f);
/* FAULT_DAMAGED also when the chunk's key is not here. out has room for n - SEAL_OVERHEAD bytes. */
enum fault_code vault_open(struct vault *vault, const struct seal_place *place, const uint8_t *sealed,
                           size_t n, void *out, struct fault *f);
uint32_t vault_current(struct vault *vault); /* the number of the newest chunk key */

/* Who seals chunks that no row of the catalog tells of yet, says so: until vault_leave no key from this
 * number on is let go of. */
uint32_t vault_enter(struct vault *vault);
void vault_leave(struct vault *vault, uint32_t key);

/* --- changing keys --- */

struct vault_new {
    uint32_t id;
    struct secret_key key; /* wiped by vault_take and vault_drop */
};
/* In a write: a new chunk key's row. FAULT_CONFLICT: there are VAULT_KEYS. After the commit vault_take makes
 * it the one that seals; vault_drop forgets it, when there was none. */
enum fault_code vault_rotate(struct vault *vault, struct db_conn *conn, struct vault_new *ret_new,
                             struct fault *f);
void vault_take(struct vault *vault, struct vault_new *taken);
void vault_drop(struct vault_new *dropped);
/* The lowest chunk key; false when it is the newest one, or somebody who entered may still need it. */
bool vault_oldest(struct vault *vault, uint32_t *ret_key);
bool vault_has_older(struct vault *vault); /* than the newest */
/* Wipes a chunk key whose row is gone, and that no reader's snapshot can name any more. Never the newest. */
void vault_forget(struct vault *vault, uint32_t key);

/* In a write, its last step: wraps every key of the catalog under `master`, and takes that for the one that
 * wraps. Both it and the former one open wrapped keys until vault_rewrapped, which is told how the commit
 * ended: on the writer's thread, before another write can run. vault_settle wipes the former one, when no
 * reader's snapshot is older than the commit. */
enum fault_code vault_rewrap(struct vault *vault, struct db_conn *conn, const struct secret_key *master,
                             struct fault *f);
void vault_rewrapped(struct vault *vault, bool committed);
void vault_settle(struct vault *vault);

/* --- keys of single contents (R20) --- */

/* In a write: a new key that is used for one content and nothing else. The caller wipes it. */
enum fault_code vault_own_make(struct vault *vault, struct db_conn *conn, uint32_t *ret_id,
                               struct secret_key *ret_key, struct fault *f);
/* FAULT_DAMAGED: there is none of that number, or it does not open. The caller wipes it. */
enum fault_code vault_own_get(struct vault *vault, struct db_conn *conn, uint32_t id,
                              struct secret_key *ret_key, struct fault *f);

/* --- keys that never change; borrowed until vault_free --- */

const struct secret_key *vault_digest_key(const struct vault *vault);
const struct secret_key *vault_row_key(const struct vault *vault); /* MACs of contents' rows */
const struct secret_key *vault_password_key(const struct vault *vault);

#endif
