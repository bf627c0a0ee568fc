/* SPDX-License-Identifier: Apache-2.0 */
/* The audit trail as bytes: how a record is written, how each is bound to all before it, and how that is
 * verified (doc/format.md, "Audit trail"). A forward-secure chain: the key moves on by a one-way step with
 * each record and the old one is erased, so whoever takes the server over at record n cannot rewrite what
 * came before n, while whoever holds the first key, which left the server when the chain began, can verify
 * everything.
 *
 *   mac n   = HMAC-SHA-256(key n, "cradle audit" 00 | 01 | mac n-1 | record n)
 *   key n+1 = HKDF-SHA-256(key n, "cradle audit step")
 *
 * Shared by the daemon and cradlectl. Floor 0; pure; any thread. */
#ifndef CRADLE_CHAIN_H
#define CRADLE_CHAIN_H

#include "base/fault.h"
#include "base/secret.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Texts are UTF-8 without control characters; "" is a legal value of each. */
struct chain_record {
    int64_t number;       /* from 1, without gaps, over all chains of a catalog */
    int64_t at;           /* Unix ms */
    char event[33];       /* a name of fleet/audit.def */
    char who[129];        /* account, MAC, or a name that was only claimed; "" the server itself */
    char role[17];        /* "" when nobody was identified */
    char address[47];     /* of the client */
    char certificate[65]; /* SHA-256 fingerprint, hex */
    char target[1025];    /* what it was done to: an account, a MAC, a path */
    char outcome[33];     /* "ok", "refused", … */
    char detail[513];     /* in plain words or name=value */
};
#define CHAIN_FIELDS     8
#define CHAIN_RECORD_MAX 1888 /* bytes of the longest encoded record */

/* The texts of a record in the order of their encoding; NULL from CHAIN_FIELDS on. */
const char *chain_field(const struct chain_record *record, size_t field, const char **ret_name);
/* Copies a text into a member of a record: what cannot stand there (invalid UTF-8, controls) becomes \xHH,
 * what is too long is cut at a whole character and ends in "…". NULL counts as "". */
void chain_text(const char *text, char *out, size_t size);

/* FAULT_INPUT: a number below 1, a text that is no clean UTF-8 (defects of the caller). */
enum fault_code chain_encode(const struct chain_record *record, uint8_t out[CHAIN_RECORD_MAX], size_t *ret_n,
                             struct fault *f);
/* FAULT_DAMAGED unless these are exactly the bytes that chain_encode makes of some record. */
enum fault_code chain_decode(const uint8_t *data, size_t n, struct chain_record *ret_record, struct fault *f);

/* Where a chain stands: what the next record needs. */
struct chain_state {
    int64_t number;           /* of the next record */
    struct secret_key key;    /* its key */
    struct secret_digest mac; /* of the record before it; all zero before record 1 */
};
/* The mac of the next record (its encoding); the state moves on, the old key is gone from it. */
void chain_step(struct chain_state *state, const void *record, size_t n, struct secret_digest *ret_mac);
/* Moves a key `steps` (>= 0) records on, some microseconds each. */
void chain_skip(struct secret_key *key, int64_t steps);

/* The verification key of one chain as text, "cradle-audit-1:NUMBER:64 hex digits": the number of its first
 * record and that record's key. */
#define CHAIN_KEY_TEXT 104
struct chain_key {
    int64_t first;
    struct secret_key key;
};
void chain_key_print(const struct chain_key *key, char out[CHAIN_KEY_TEXT]);
/* Blanks and a line end at the end are overlooked. FAULT_INPUT. */
enum fault_code chain_key_parse(const char *text, struct chain_key *ret_key, struct fault *f);

/* A head that was told to the journal, "NUMBER:64 hex digits": the mac of that record. */
struct chain_anchor {
    int64_t number;
    int64_t at; /* Unix ms: when it was told; 0: not known, as chain_anchor_parse leaves it */
    struct secret_digest mac;
};
enum fault_code chain_anchor_parse(const char *text, struct chain_anchor *ret_anchor, struct fault *f);

#endif
