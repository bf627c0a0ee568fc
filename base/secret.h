/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers, keyed hashes, passwords. What GnuTLS and libxcrypt do; nothing home-made beneath it.
 * Secrets live in memory that is wiped, are never logged and are compared in constant time. Floor 0; any
 * thread. */
#ifndef CRADLE_SECRET_H
#define CRADLE_SECRET_H

#include "base/fault.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECRET_KEY_SIZE     32
#define SECRET_DIGEST_SIZE  32
#define SECRET_MADE_LENGTH  26  /* a–z 2–7: 130 random bits, typeable and safe in a URL */
#define SECRET_PASSWORD_MAX 256 /* longer passwords are refused before any hashing */
#define SECRET_STORED_MAX   384 /* longest crypt(3) hash, CRYPT_OUTPUT_SIZE */

struct secret_key {
    uint8_t bytes[SECRET_KEY_SIZE];
};
struct secret_digest {
    uint8_t bytes[SECRET_DIGEST_SIZE];
};

/* n random bytes from the system's generator; ends the process if there is none (nothing is safe then). */
void secret_random(void *out, size_t n);
/* A uniformly random number below `bound` (> 0). */
uint32_t secret_random_below(uint32_t bound);
bool secret_equal(const void *a, const void *b, size_t n); /* constant time */
/* Lower-case hex of n bytes into out (2n+1 bytes). */
void secret_hex(const void *data, size_t n, char *out);

/* HMAC-SHA-256 (RFC 2104), at once and in steps. */
void secret_mac(const struct secret_key *key, const void *data, size_t n, struct secret_digest *ret_digest);
struct secret_mac_state;
struct secret_mac_state *secret_mac_new(const struct secret_key *key); /* NULL if out of memory */
void secret_mac_add(struct secret_mac_state *state, const void *data, size_t n);
/* The digest so far; more may be added afterwards. */
void secret_mac_peek(const struct secret_mac_state *state, struct secret_digest *ret_digest);
void secret_mac_free(struct secret_mac_state *state); /* takes NULL */
/* A key for one purpose from another one (HKDF-SHA-256, RFC 5869; `purpose` is the info). */
void secret_derive(const struct secret_key *from, const char *purpose, struct secret_key *ret_key);

/* A new random secret, SECRET_MADE_LENGTH characters and a NUL. */
void secret_make(char out[SECRET_MADE_LENGTH + 1]);

/* How a password is stored: "$made$" + 64 hex digits of its HMAC under `key` for a secret made here,
 * or a crypt(3) string (crypt(5)) for one that a person chose. `stored` holds SECRET_STORED_MAX bytes. */
void secret_store_made(const struct secret_key *key, const char *made, char *stored);
/* yescrypt with libxcrypt's default cost: some 17 ms of CPU; call it on a worker. FAULT_INPUT for an empty
 * password, one with control characters or longer than SECRET_PASSWORD_MAX. */
enum fault_code secret_store_chosen(const char *password, char *stored, struct fault *f);
/* Can this text be imported as a stored password: a crypt(3) hash that libxcrypt can check and does not call
 * disabled or too weak to exist (plain DES)? FAULT_INPUT with the reason. */
enum fault_code secret_check_import(const char *stored, struct fault *f);
/* Is it of the cheap kind, so that verifying costs microseconds? */
bool secret_is_made(const char *stored);
/* True when password matches. An empty or over-long password, an empty or malformed `stored` never match.
 * Costs what the hash costs. A NULL `stored` runs a dummy yescrypt of the default cost and gives false. */
bool secret_verify(const struct secret_key *key, const char *password, const char *stored);

#endif
