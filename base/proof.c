/* SPDX-License-Identifier: Apache-2.0 */
#include "base/proof.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a record may be bound to. When the one before it was wrong: its stored mac (its bytes were changed),
 * the one that its bytes give (its mac was), and the same of the wrong one before that (the two were
 * exchanged). None can be made to fit without the key. */
#define BEFORE_MAX 4
struct before {
    size_t count; /* 0: it is missing */
    struct secret_digest mac[BEFORE_MAX];
};

/* The first record that is left: proved at the end, once a record told what it was bound to. */
struct opening {
    bool waits;
    int64_t number;
    struct secret_key key;
    struct secret_digest mac;
    size_t n;
    uint8_t record[CHAIN_RECORD_MAX];
};

struct proof {
    proof_told *told;
    void *user;
    size_t keys;
    struct chain_key key[PROOF_KEYS_MAX]; /* sorted by first */
    int64_t keep_since;                   /* 0: none */
    size_t anchors, anchors_room, anchors_seen;
    struct chain_anchor *anchor;     /* sorted by number from the first record on */
    int64_t other_first, other_last; /* heads that do not fit; 0: all do */

    bool keyed;   /* `current` is the key of record last + 1 */
    size_t chain; /* which of the keys it came from */
    struct secret_key current;
    struct before before; /* of record last */
    struct opening opening;
    struct chain_anchor pruned; /* what a proved record says; number 0: none did */

    struct proof_finding pending; /* first 0: none */
    struct proof_sum sum;
};

const char *proof_word(enum proof_kind kind)
{
    static const char *const words[PROOF_KINDS] = { "changed", "missing", "unproved", "cut",
                                                    "other",   "short",   "young",    "unkeyed" };
    return (unsigned)kind < PROOF_KINDS ? words[kind] : "unknown";
}

struct proof *proof_new(proof_told *told, void *user)
{
    struct proof *proof = calloc(1, sizeof *proof);
    if (proof) {
        proof->told = told;
        proof->user = user;
    }
    return proof;
}

void proof_free(struct proof *proof)
{
    if (proof == NULL)
        return;
    free(proof->anchor);
    mem_wipe_free(proof, sizeof *proof);
}

enum fault_code proof_add_key(struct proof *proof, const struct chain_key *key, struct fault *f)
{
    if (proof->keys == PROOF_KEYS_MAX)
        return fault_set(f, FAULT_TOO_LARGE, "more than %d verification keys", PROOF_KEYS_MAX);
    size_t at = proof->keys;
    for (size_t i = 0; i < proof->keys; i++)
        if (proof->key[i].first == key->first)
            return fault_set(f, FAULT_CONFLICT,
                             "two verification keys are for a chain from record %" PRId64 " on", key->first);
    for (; at > 0 && proof->key[at - 1].first > key->first; at--)
        proof->key[at] = proof->key[at - 1];
    proof->key[at] = *key;
    proof->keys++;
    return FAULT_OK;
}

enum fault_code proof_add_anchor(struct proof *proof, const struct chain_anchor *anchor, struct fault *f)
{
    if (proof->anchors == proof->anchors_room) {
        size_t room = proof->anchors_room ? 2 * proof->anchors_room : 64;
        struct chain_anchor *grown = reallocarray(proof->anchor, room, sizeof *grown);
        if (grown == NULL)
            return fault_set(f, FAULT_MEMORY, "out of memory for anchors");
        proof->anchor = grown;
        proof->anchors_room = room;
    }
    proof->anchor[proof->anchors++] = *anchor;
    return FAULT_OK;
}

void proof_keep(struct proof *proof, int64_t since)
{
    proof->keep_since = since;
}

/* --- findings --- */

static void describe(const struct proof *proof, struct proof_finding *p)
{
    static const char *const words[PROOF_KINDS] = {
        [PROOF_CHANGED] = "not what was written, or not in its place",
        [PROOF_MISSING] = "not there any more",
        [PROOF_UNPROVED] = "cannot be proved, because what stood before it is not there",
        [PROOF_CUT] = "the journal knows a later head: the end was cut off, or a former copy put in place",
        [PROOF_OTHER] = "the journal knows another one: a former copy was put in place, and went on",
        [PROOF_SHORT] = "the trail begins behind these, and no record says that they were pruned",
        [PROOF_YOUNG] = "pruned too early: the journal tells of them at a time that is still to be kept",
        [PROOF_UNKEYED] = "of a chain whose verification key was not given",
    };
    const char *text = words[p->kind];
    for (size_t i = 0; p->kind == PROOF_CHANGED && proof->sum.proved == 0 && i < proof->keys; i++)
        if (p->first == proof->key[i].first && p->last > p->first)
            text = "not one of them fits the verification key: it is another catalog's, or the trail was "
                   "replaced";
    snprintf(p->words, sizeof p->words, "%s", text);
}

static void flush(struct proof *proof)
{
    struct proof_finding *p = &proof->pending;
    if (p->first == 0)
        return;
    describe(proof, p);
    if (p->kind == PROOF_UNKEYED)
        proof->sum.warnings++;
    else
        proof->sum.wrong++;
    proof->told(proof->user, p);
    *p = (struct proof_finding){ 0 };
}

static void find(struct proof *proof, enum proof_kind kind, int64_t first, int64_t last)
{
    struct proof_finding *p = &proof->pending;
    if (p->first != 0 && p->kind == kind && p->last + 1 == first) {
        p->last = last;
        return;
    }
    flush(proof);
    *p = (struct proof_finding){ .kind = kind, .first = first, .last = last };
}

/* --- records --- */

/* Takes the key of the chain that the record belongs to; skips what is missing. */
static void choose_key(struct proof *proof, int64_t number, int64_t missing)
{
    size_t chain = proof->keys;
    while (chain > 0 && proof->key[chain - 1].first > number)
        chain--;
    if (chain == 0) {
        proof->keyed = false;
        return;
    }
    const struct chain_key *key = &proof->key[chain - 1];
    if (proof->keyed && proof->chain == chain - 1) {
        chain_skip(&proof->current, missing);
        return;
    }
    /* A chain that was ended is not taken up again. */
    if (!proof->keyed && proof->chain == chain - 1 && proof->sum.last >= key->first)
        return;
    proof->keyed = true;
    proof->chain = chain - 1;
    proof->current = key->key;
    chain_skip(&proof->current, number - key->first);
}

static bool fits(const struct secret_key *key, const struct secret_digest *before, const void *record,
                 size_t n, const struct secret_digest *mac, struct secret_digest *ret_own)
{
    struct chain_state at = { .number = 1, .key = *key, .mac = *before };
    chain_step(&at, record, n, ret_own);
    mem_wipe(&at, sizeof at);
    return secret_equal(ret_own->bytes, mac->bytes, sizeof mac->bytes);
}

/* What a proved record says about the trail itself. */
static void heed(struct proof *proof, const struct chain_record *record)
{
    struct chain_anchor pruned;
    if (strcmp(record->event, "audit.end") == 0)
        proof->keyed = false;
    if (strcmp(record->event, "audit.pruned") == 0 && strncmp(record->detail, "through=", 8) == 0 &&
        chain_anchor_parse(record->detail + 8, &pruned, NULL) == FAULT_OK)
        proof->pruned = pruned;
}

static void remember(struct before *before, const struct secret_digest *mac)
{
    if (before->count == BEFORE_MAX)
        memmove(before->mac, before->mac + 1, --before->count * sizeof before->mac[0]);
    before->mac[before->count++] = *mac;
}

/* The key has moved on by one afterwards. */
static void prove(struct proof *proof, int64_t number, const void *record, size_t n,
                  const struct secret_digest *mac)
{
    struct before *before = &proof->before;
    struct chain_record decoded;
    struct secret_digest own = *mac;
    bool good = false, bound = before->count > 0;
    for (size_t i = 0; !good && i < before->count; i++)
        good = fits(&proof->current, &before->mac[i], record, n, mac, &own);
    chain_skip(&proof->current, 1);
    good = good && chain_decode(record, n, &decoded, NULL) == FAULT_OK && decoded.number == number;
    if (good) {
        proof->sum.proved++;
        heed(proof, &decoded);
        before->count = 0;
    } else {
        find(proof, bound ? PROOF_CHANGED : PROOF_UNPROVED, number, number);
    }
    remember(before, mac);
    if (!good && bound)
        remember(before, &own);
}

static void begin_at(struct proof *proof, int64_t number, const void *record, size_t n,
                     const struct secret_digest *mac)
{
    struct opening *o = &proof->opening;
    proof->sum.first = number;
    /* Before record 1 there is nothing, which is known. */
    proof->before = (struct before){ .count = number == 1 };
    if (number == 1 || !proof->keyed)
        return;
    *o = (struct opening){ .waits = true, .number = number, .key = proof->current, .mac = *mac };
    if (n <= sizeof o->record) {
        memcpy(o->record, record, n);
        o->n = n;
    }
    chain_skip(&proof->current, 1);
    proof->before = (struct before){ 1, { *mac } };
}

static int by_number(const void *a, const void *b)
{
    int64_t x = ((const struct chain_anchor *)a)->number, y = ((const struct chain_anchor *)b)->number;
    return (x > y) - (x < y);
}

static void look_at_anchors(struct proof *proof, int64_t number, const struct secret_digest *mac)
{
    for (; proof->anchors_seen < proof->anchors; proof->anchors_seen++) {
        const struct chain_anchor *anchor = &proof->anchor[proof->anchors_seen];
        if (anchor->number > number)
            return;
        if (anchor->number < number)
            continue; /* that one is pruned or missing */
        if (secret_equal(anchor->mac.bytes, mac->bytes, sizeof mac->bytes)) {
            proof->sum.anchors++;
            continue;
        }
        proof->other_first = proof->other_first ? proof->other_first : number;
        proof->other_last = number;
    }
}

void proof_record(struct proof *proof, int64_t number, const void *record, size_t n,
                  const struct secret_digest *mac)
{
    int64_t last = proof->sum.last;
    if (last == 0 && proof->anchors > 1)
        qsort(proof->anchor, proof->anchors, sizeof *proof->anchor, by_number);
    if (number <= last) {
        find(proof, PROOF_CHANGED, number, number);
        return;
    }
    int64_t missing = last > 0 ? number - last - 1 : 0;
    if (missing > 0) {
        find(proof, PROOF_MISSING, last + 1, number - 1);
        proof->before.count = 0;
    }
    choose_key(proof, number, missing);
    if (last == 0)
        begin_at(proof, number, record, n, mac);
    if (!proof->keyed) {
        find(proof, PROOF_UNKEYED, number, number);
        proof->before = (struct before){ 1, { *mac } };
    } else if (!proof->opening.waits || proof->opening.number != number) {
        prove(proof, number, record, n, mac);
    }
    proof->sum.last = number;
    look_at_anchors(proof, number, mac);
}

/* --- the end --- */

/* The beginning is missing: was it pruned? Then the record that says so also says what the first that is left
 * was bound to. */
static void end_opening(struct proof *proof)
{
    const struct opening *o = &proof->opening;
    struct secret_digest own;
    if (!o->waits)
        return;
    if (proof->pruned.number < o->number - 1)
        find(proof, PROOF_SHORT, proof->pruned.number + 1, o->number - 1);
    else if (proof->pruned.number >= o->number) /* what was pruned is there again */
        find(proof, PROOF_CHANGED, o->number, proof->pruned.number);
    else if (fits(&o->key, &proof->pruned.mac, o->record, o->n, &o->mac, &own))
        proof->sum.proved++;
    else
        find(proof, PROOF_CHANGED, o->number, o->number);
}

static void end_anchors(struct proof *proof)
{
    int64_t beyond = 0, young = 0;
    for (size_t i = 0; i < proof->anchors; i++) {
        const struct chain_anchor *anchor = &proof->anchor[i];
        bool passed = anchor->number < proof->sum.first;
        proof->sum.passed += passed;
        if (passed && proof->keep_since > 0 && anchor->at >= proof->keep_since && young == 0)
            young = anchor->number;
        if (anchor->number > beyond)
            beyond = anchor->number;
    }
    if (young != 0)
        find(proof, PROOF_YOUNG, young, proof->sum.first - 1);
    if (proof->other_first != 0)
        find(proof, PROOF_OTHER, proof->other_first, proof->other_last);
    if (beyond > proof->sum.last)
        find(proof, PROOF_CUT, proof->sum.last + 1, beyond);
}

void proof_end(struct proof *proof, struct proof_sum *ret_sum)
{
    flush(proof);
    end_opening(proof);
    flush(proof);
    end_anchors(proof);
    flush(proof);
    *ret_sum = proof->sum;
}
