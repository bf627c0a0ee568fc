/* SPDX-License-Identifier: Apache-2.0 */
/* The data keys, unwrapped and in memory: for chunks (several; a sealed chunk names its own), for digests and
 * for the passwords that the server makes (R16). Knows nothing of what they protect. The keys are kept out of
 * swap and core dumps as far as the system allows, and wiped at the end. Floor 2; immutable once loaded: any
 * thread. */
#ifndef CRADLE_VAULT_H
#define CRADLE_VAULT_H

#include "base/fault.h"
#include "base/secret.h"
#include "db/db.h"
#include <stdint.h>

struct vault;

/* In a write, once in a catalog's life: one new key of each purpose, wrapped by the master key. */
enum fault_code vault_make(struct db_conn *conn, const struct secret_key *master, struct fault *f);
/* FAULT_ABSENT: there are no keys, the catalog was never finished. FAULT_DAMAGED: one does not open; the text
 * says that the master key may be another catalog's. *ret_vault is given. */
enum fault_code vault_load(struct db *db, const struct secret_key *master, struct vault **ret_vault,
                           struct fault *f);
void vault_free(struct vault *vault); /* takes NULL */

/* All keys are borrowed until vault_free. */
const struct secret_key *vault_chunk_key(const struct vault *vault,
                                         uint32_t id); /* NULL: there is none of that number */
/* The one that new chunks are sealed under. */
const struct secret_key *vault_current(const struct vault *vault, uint32_t *ret_id);
const struct secret_key *vault_digest_key(const struct vault *vault);
const struct secret_key *vault_password_key(const struct vault *vault);

#endif
