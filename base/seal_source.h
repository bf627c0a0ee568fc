/* SPDX-License-Identifier: Apache-2.0 */
/* Where a master key lives, as a setting names it:
 *
 *   /path            a file (seal_master_create)
 *   credential:NAME  the file NAME in $CREDENTIALS_DIRECTORY, put there by the service manager; only read
 *   pkcs11:…         an RSA key in a token; the master key lies in an envelope, encrypted to that key
 *
 * A new one is staged beside the one that there is, and takes its place in one step (rename), so that at any
 * moment there is one that opens the catalog. Which of the two does, only the catalog tells. The envelope
 * is in doc/format.md. Floor 0; any thread; blocking. */
#ifndef CRADLE_SEAL_SOURCE_H
#define CRADLE_SEAL_SOURCE_H

#include "base/fault.h"
#include "base/secret.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seal_source {
    const char *text;     /* the setting; all borrowed */
    const char *envelope; /* the envelope's file, for a key in a token */
    const char *pin_file; /* see token.h; "" for none */
};
enum seal_place_kind { SEAL_IN_PLACE, SEAL_STAGED };

/* Does the setting name something other than a file? */
bool seal_source_is_named(const char *text);
/* As it may be shown: without a PIN. Returns out. */
const char *seal_source_shown(const char *text, char *out, size_t size);

/* Reads the key. FAULT_ABSENT: it is not there; else as seal_master_load, and FAULT_INPUT for a token that
 * does not give it. */
enum fault_code seal_source_load(const struct seal_source *source, enum seal_place_kind which,
                                 struct secret_key *ret_key, struct fault *f);
/* Writes the key beside the one that is there, synced. FAULT_CONFLICT for a credential: that is only read. */
enum fault_code seal_source_stage(const struct seal_source *source, const struct secret_key *key,
                                  struct fault *f);
/* The staged one takes the place, for good when this returns. */
enum fault_code seal_source_finish(const struct seal_source *source, struct fault *f);
/* Removes a staged one, if there is any: only when the one in its place opens the catalog. */
void seal_source_drop(const struct seal_source *source);

/* The envelope's form, for tests: its key id and the encrypted part; FAULT_DAMAGED. */
#define SEAL_ENVELOPE_KEY_ID 32
#define SEAL_ENVELOPE_MAX    1100
enum fault_code seal_envelope_parse(const uint8_t *data, size_t n, const uint8_t **ret_key_id,
                                    const uint8_t **ret_sealed, size_t *ret_sealed_n, struct fault *f);

#endif
