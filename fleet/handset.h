/* SPDX-License-Identifier: Apache-2.0 */
/* Handsets: which MACs belong to the fleet, and what was last seen of them. Floor 2; blocking (worker) but
 * for handset_seen. */
#ifndef CRADLE_HANDSET_H
#define CRADLE_HANDSET_H

#include "base/fault.h"
#include "base/mac.h"
#include "fleet/fleet.h"
#include "fleet/principal.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HANDSET_LABEL_LIMIT 128
#define HANDSET_NEAREST     3

struct handset {
    struct mac mac;
    char label[HANDSET_LABEL_LIMIT + 1]; /* free text, UTF-8 without control characters: "Ward 3, desk" */
    bool enabled;
    bool require_binding; /* data_binding = require for this one */
    bool accept_expired;  /* its certificate of the handsets' CAs is taken although its time is over */
    char pinned[65];      /* fingerprint of a self-signed certificate with this MAC that is taken; "" none */
    bool legacy;          /* it may use the listeners for old TLS */
    int64_t legacy_count; /* how often it did, once a minute at most */
    int64_t legacy_last;  /* Unix ms: when last; 0: never */
    int64_t lost;         /* Unix ms: when it was reported lost (lost.h); 0: it was not */
    int64_t created, changed, last_seen; /* Unix ms; last_seen 0: never */
    char last_address[ADDRESS_LIMIT];
    char user_agent[256];         /* as it came, cut, printable ASCII */
    char model[64], firmware[64]; /* parsed tolerantly out of it; "" unknown */
};
struct handset_change {
    const char *label; /* NULL: keep */
    bool set_enabled, enabled;
    bool set_binding, require_binding;
    bool set_expired, accept_expired;
    const char *pinned; /* a fingerprint in any spelling, "" none; NULL: keep */
    bool set_legacy, legacy;
};

/* From `after` (NULL: the first) on, sorted by MAC, at most limit (1 … 1000). *ret_handsets is
 * given (free). */
enum fault_code handset_list(struct fleet *fleet, const struct mac *after, size_t limit,
                             struct handset **ret_handsets, size_t *ret_count, struct fault *f);
enum fault_code handset_get(struct fleet *fleet, const struct mac *mac, struct handset *ret_handset,
                            struct fault *f);
/* Changes. actor: who asks, NULL for the server itself; FAULT_FORBIDDEN unless an administrator.
 * FAULT_CONFLICT: it is registered. FAULT_INPUT: the label, the
 * fingerprint. FAULT_CONFLICT: enabling one that is lost (handset_found). A handset that is
 * disabled, removed or denied an exception is cut off at once (evict.h). */
enum fault_code handset_add(struct fleet *fleet, const struct principal *actor, const struct mac *mac,
                            const struct handset_change *change, struct fault *f);
enum fault_code handset_change(struct fleet *fleet, const struct principal *actor, const struct mac *mac,
                               const struct handset_change *change, struct fault *f);
/* Takes the handset and its accounts out of the fleet; its files and logs stay stored and come back
 * with it. */
enum fault_code handset_remove(struct fleet *fleet, const struct principal *actor, const struct mac *mac,
                               struct fault *f);

/* Inside a read or write that is under way: is it registered? FAULT_ABSENT. *ret_handset may be NULL. */
enum fault_code handset_find(struct db_conn *conn, const struct mac *mac, struct handset *ret_handset,
                             struct fault *f);
/* The registered MACs most like this one, for "did you mean". Inside a read or write that is under way. */
enum fault_code handset_nearest(struct db_conn *conn, const struct mac *mac,
                                struct mac ret_macs[HANDSET_NEAREST], size_t *ret_count, struct fault *f);
/* FAULT_CONTENT "… is not a registered handset; nearest: A, B; …". `how` says how to register it ("add
 * ?create=1", …). */
enum fault_code handset_unregistered(struct db_conn *conn, const struct mac *mac, const char *how,
                                     struct fault *f);

/* A handset was here: kept with the next commit, no fsync of its own. user_agent NULL over FTPS. Never
 * blocks. */
void handset_seen(struct fleet *fleet, const struct principal *who, const char *user_agent);
/* It logged in through a listener for old TLS: the same. */
void handset_seen_legacy(struct fleet *fleet, const struct principal *who);
/* Model and firmware of a User-Agent, tolerantly. Pure. */
void handset_parse_agent(const char *user_agent, char model[64], char firmware[64]);

#endif
