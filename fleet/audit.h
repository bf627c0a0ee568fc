/* SPDX-License-Identifier: Apache-2.0 */
/* The audit trail: who did what to what, from where, with which certificate, with which outcome. Records
 * stand in the catalog, chained (base/chain.h): the key of the next one, sealed, is the only key that is
 * kept, and moves on in the transaction of the record. What is recorded stands in audit.def. No record holds
 * a secret: callers see to it.
 *
 * A change records itself in its own transaction (audit_add), so that neither is there without the other; all
 * else is noted on its way (audit_note). The trail tells the journal its head at the start, at the end and
 * every audit_anchor, and removes what is older than audit_keep. Of this floor this module logs, like
 * login.c: nobody above learns of it. Floor 2. */
#ifndef CRADLE_AUDIT_H
#define CRADLE_AUDIT_H

#include "base/chain.h"
#include "base/fault.h"
#include "fleet/fleet.h"
#include "fleet/principal.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum audit_kind {
#define X(id, name, told, meaning) AUDIT_KIND_##id,
#include "fleet/audit.def"
#undef X
    AUDIT_KIND_COUNT
};
const char *audit_kind_name(enum audit_kind kind);
const char *audit_kind_meaning(enum audit_kind kind);

/* What happened. All texts are borrowed, may be NULL, and may be anything that a peer sent: they are made
 * clean and cut to fit. */
struct audit_event {
    enum audit_kind kind;
    const struct principal *who; /* NULL: nobody that is known, or the server itself */
    /* In the place of what *who says, for who is not known: a name that was only claimed, and so on. */
    const char *name, *address, *certificate;
    const char *target;  /* what it was done to: an account, a MAC, a path, a protocol */
    const char *outcome; /* NULL: "ok" */
    const char *detail;  /* plain words or name=value; never a secret */
};

/* Any thread; never blocks: written with the next commit that somebody else causes, or a few seconds later.
 * When that fails, or thousands wait already, the loss is counted, told in the log and recorded. */
void audit_note(struct fleet *fleet, const struct audit_event *event);
/* In a write that is under way: with it, or not at all. */
enum fault_code audit_add(struct fleet *fleet, struct db_conn *conn, const struct audit_event *event,
                          struct fault *f);
/* In a write of its own: FAULT_OK when it is on disk. Blocking. */
enum fault_code audit_record(struct fleet *fleet, const struct audit_event *event, struct fault *f);

/* A verification key for a new chain, from the next record on; changes nothing. The caller brings it to
 * safety, then calls audit_renew, and wipes it. Blocking. */
enum fault_code audit_offer(struct fleet *fleet, struct chain_key *ret_key, struct fault *f);
/* Ends the chain that there is, if any, and begins the new one. FAULT_CONFLICT: the trail has moved on since
 * the offer. Blocking. */
enum fault_code audit_renew(struct fleet *fleet, const struct chain_key *key, struct fault *f);
/* Does the chain that there is have a verification key that somebody was given? Blocking. */
enum fault_code audit_is_handed(struct fleet *fleet, bool *ret_handed, struct fault *f);

/* --- life --- */

struct audit;
/* Part of fleet_open, once the vault is there. Does not begin a chain: the first record does, and that
 * chain's verification key is nobody's. */
enum fault_code audit_open(struct fleet *fleet, struct fault *f);
/* The daemon serves from now on: records it, tells the head, warns when the chain's key was never handed out;
 * begins what goes on by itself. */
enum fault_code audit_serve(struct fleet *fleet, const char *version, struct fault *f);
/* Part of fleet_close, before the catalog is closed: records the end, tells the head. audit_free comes after.
 */
void audit_stop(struct fleet *fleet);
void audit_free(struct audit *audit); /* takes NULL */

/* Soon, in the background: removes what is older than audit_keep, a batch at most. By itself once a day. */
void audit_prune(struct fleet *fleet);

/* --- reading --- */

struct audit_row {
    int64_t number;
    struct secret_digest mac;
    size_t n;
    uint8_t record[CHAIN_RECORD_MAX]; /* as stored: for chain_decode */
};
/* The records behind number `after` that are not older than `since` (Unix ms), at most limit (1 … 1000), in
 * order. *ret_rows is given (free). A row that cannot be a record has n 0. Blocking. */
enum fault_code audit_list(struct fleet *fleet, int64_t after, int64_t since, size_t limit,
                           struct audit_row **ret_rows, size_t *ret_count, struct fault *f);

#endif
