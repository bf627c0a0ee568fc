/* SPDX-License-Identifier: Apache-2.0 */
/* The master key of a catalog: where the settings say it is, whether it opens the catalog, and its change
 * while serving. A change walks stage (the new key is safe beside the old one), commit (every data key is
 * wrapped under it), finish (it takes the old one's place); an end between any two of these loses nothing:
 * master_open looks at both. Floor 2; blocking. */
#ifndef CRADLE_MASTER_H
#define CRADLE_MASTER_H

#include "base/archive.h"
#include "base/fault.h"
#include "base/settings.h"
#include "db/db.h"
#include "fleet/fleet.h"
#include "fleet/principal.h"
#include "fleet/vault.h"

/* For a new catalog: makes the key where there is none (a file, an envelope), and reads it. The caller
 * wipes it. */
enum fault_code master_make(const struct settings *settings, struct secret_key *ret_key, struct fault *f);
/* The vault of a catalog, opened by the key that master_key or master_key_next names, or that a change left
 * beside them; that change is finished then. The fault is that of master_key itself. */
enum fault_code master_open(const struct settings *settings, struct db *db, struct vault **ret_vault,
                            struct fault *f);

/* The key of this fingerprint (archive_fingerprint), in any of these places; changes nothing.
 * FAULT_FORBIDDEN: it is in none of them. The caller wipes it. */
enum fault_code master_find(const struct settings *settings, const uint8_t fingerprint[ARCHIVE_ID],
                            struct secret_key *ret_key, struct fault *f);

/* A new master key wraps all data keys: a random one in the place of the old one; or, when master_key_next is
 * set, there: what a file or credential holds already, otherwise a random one. *ret_move: make that one
 * master_key now. FAULT_CONFLICT: it is the same key; or a credential cannot be changed. */
enum fault_code master_rewrap(struct fleet *fleet, const struct principal *who, bool *ret_move,
                              struct fault *f);

#endif
