/* SPDX-License-Identifier: Apache-2.0 */
/* Client certificates that were seen, and those that nobody gets in with any more, whatever their CA says:
 * the catalog's own deny list, which works without a CRL and at once. By fingerprint (SHA-256, 64 lower-case
 * hex digits). Floor 2; blocking (worker) but for certificate_seen. */
#ifndef CRADLE_CERTIFICATE_H
#define CRADLE_CERTIFICATE_H

#include "base/fault.h"
#include "base/tls.h"
#include "fleet/fleet.h"
#include "fleet/principal.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CERTIFICATE_REASON_LIMIT 160

struct certificate {
    char fingerprint[65];
    char role[16];                     /* that it made; "" for one that was revoked before it was ever seen */
    char name[ACCOUNT_NAME_LIMIT + 1]; /* the MAC or the account */
    char subject[160], issuer[160], serial[65];
    int64_t not_after, first_seen, last_seen; /* Unix ms; 0: not known */
    int64_t revoked;                          /* 0: it is not */
    char reason[CERTIFICATE_REASON_LIMIT + 1];
};

/* A fingerprint in any usual spelling (upper case, colons) into ours. Pure. */
bool certificate_canonical(const char *text, char ret_fingerprint[65]);

/* From the fingerprint `after` ("": the first) on, at most limit (1 … 1000), of `name` only unless it is "".
 * *ret_certificates is given (free). */
enum fault_code certificate_list(struct fleet *fleet, const char *after, const char *name, size_t limit,
                                 struct certificate **ret_certificates, size_t *ret_count, struct fault *f);
/* FAULT_ABSENT. */
enum fault_code certificate_get(struct fleet *fleet, const char *fingerprint,
                                struct certificate *ret_certificate, struct fault *f);
/* For good; also one that was never seen. Who is connected with it has to go (evict.h). actor: who asks, NULL
 * for the server itself; FAULT_FORBIDDEN unless an administrator. reason: words for people, may be "".
 * FAULT_INPUT: no fingerprint, an unfit reason. */
enum fault_code certificate_revoke(struct fleet *fleet, const struct principal *actor,
                                   const char *fingerprint, const char *reason, struct fault *f);

/* Inside a read or write that is under way. */
enum fault_code certificate_is_revoked(struct db_conn *conn, const char *fingerprint, bool *ret_revoked,
                                       struct fault *f);
/* Inside a write: all of a handset's that were seen, and what is more, `also` (may be ""). */
enum fault_code certificate_revoke_of(struct db_conn *conn, const struct mac *mac, const char *also,
                                      const char *reason, int64_t *ret_count, struct fault *f);

/* It let somebody in: noted with the next commit, no fsync of its own, at most once a minute. Never blocks.
 */
void certificate_seen(struct fleet *fleet, const struct tls_peer *peer, enum role role, const char *name);

#endif
