/* SPDX-License-Identifier: Apache-2.0 */
/* What audit.c (records and the chain) and audit_keep.c (what goes on by itself while the daemon serves)
 * share. Floor 2, private to both. */
#ifndef CRADLE_AUDIT_INNER_H
#define CRADLE_AUDIT_INNER_H

#include "base/loop.h"
#include "fleet/audit.h"
#include "fleet/flood.h"
#include "fleet/tally.h"
#include <stdatomic.h>

#define AUDIT_WAITING_MAX 8192 /* notes: 16 MiB */

struct audit {
    struct secret_key wrap; /* what the chain's key is sealed under */
    struct tally *tally;
    struct flood *flood;
    atomic_uint waiting;   /* notes that are queued */
    _Atomic uint64_t lost; /* notes that were not written, since the last record of it */

    /* audit_keep.c's own: NULL and 0 unless the daemon serves */
    struct loop *loop;
    struct loop_timer *tick;
    int64_t told_at, pruned_at; /* steady ms */
    atomic_bool prune_more;     /* the last batch was a full one */
    struct audit_head *head;
};

/* In a write that is under way. The record's number is filled in. */
enum fault_code audit_append(struct audit *audit, struct db_conn *conn, struct chain_record *record,
                             struct fault *f);
/* Queues a record, lazily; counts it as lost when it cannot. */
void audit_queue(struct fleet *fleet, const struct chain_record *record);
/* The record of an event, as of now. Its number is not set. */
void audit_describe(const struct audit_event *event, struct chain_record *ret_record);
/* Where the chain stands, without its key. FAULT_ABSENT: there is none yet. Inside a read or write. */
struct audit_place {
    int64_t number; /* of the next record */
    struct secret_digest mac;
    bool handed;
};
enum fault_code audit_place(struct db_conn *conn, struct audit_place *ret_place, struct fault *f);

#endif
