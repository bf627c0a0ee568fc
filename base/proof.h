/* SPDX-License-Identifier: Apache-2.0 */
/* Verifying the audit trail (base/chain.h) from what somebody hands over: the records in order, the
 * verification keys of its chains, and heads that the journal knows. The one who hands the records over need
 * not be trusted. Finds what was changed, moved, removed, cut off at the end or at the beginning, and a
 * former copy put in the trail's place. Knows neither files nor the server. Floor 0; an object belongs to one
 * thread. */
#ifndef CRADLE_PROOF_H
#define CRADLE_PROOF_H

#include "base/chain.h"
#include "base/fault.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum proof_kind {
    PROOF_CHANGED,  /* not what was written, or not in its place */
    PROOF_MISSING,  /* not there */
    PROOF_UNPROVED, /* behind one that is missing: what it was bound to is needed to prove it */
    PROOF_CUT,      /* the journal knows a later head than the trail's end */
    PROOF_OTHER,  /* the journal knows another record of this number: a former copy was put in place and went
                     on */
    PROOF_SHORT,  /* the beginning is missing, and no record says that it was pruned */
    PROOF_YOUNG,  /* pruned, although the journal told a head of them lately (proof_keep) */
    PROOF_UNKEYED /* of a chain whose key was not given: a warning, nothing was found in them */
};
#define PROOF_KINDS 8
const char *proof_word(enum proof_kind kind); /* "changed", "missing", … */

/* Told as they are found, neighbours of one kind together: records first … last. */
struct proof_finding {
    enum proof_kind kind;
    int64_t first, last;
    char words[200]; /* plain; holds nothing that came from a record */
};
typedef void proof_told(void *user, const struct proof_finding *finding);

struct proof;
struct proof *proof_new(proof_told *told, void *user); /* NULL if out of memory */
void proof_free(struct proof *proof);                  /* wipes; takes NULL */

#define PROOF_KEYS_MAX 64
/* Before the first record. FAULT_CONFLICT: another key for a chain that begins there; FAULT_TOO_LARGE: too
 * many. */
enum fault_code proof_add_key(struct proof *proof, const struct chain_key *key, struct fault *f);
/* Copied; before the first record. FAULT_MEMORY. */
enum fault_code proof_add_anchor(struct proof *proof, const struct chain_anchor *anchor, struct fault *f);

/* What the journal told as a head at `since` (Unix ms) or later must not be pruned: whoever takes the server
 * over can have it prune, and then the journal alone tells that it was too early. Default: no such time. */
void proof_keep(struct proof *proof, int64_t since);

/* The next record, in the order of their numbers, as the catalog has it. */
void proof_record(struct proof *proof, int64_t number, const void *record, size_t n,
                  const struct secret_digest *mac);

struct proof_sum {
    int64_t first, last; /* numbers; 0: there is none */
    int64_t proved;      /* records that are what was written */
    int64_t anchors;     /* heads of the journal that fit */
    int64_t passed;      /* heads that could not be looked at: of pruned records */
    size_t wrong;        /* findings but for PROOF_UNKEYED */
    size_t warnings;     /* PROOF_UNKEYED */
};
/* There are no more. Tells the last findings. */
void proof_end(struct proof *proof, struct proof_sum *ret_sum);

#endif
