/* SPDX-License-Identifier: Apache-2.0 */
/* Files that bear a handset's private key (R20), from their storing to their end: sealed under a key of their
 * own, named by one file only, and destroyed, with that key, when the handset has proved that it has the
 * private key: by its first login with the certificate in the same file. An empty fragment with the same root
 * element takes the file's place, so that a handset that asks for it finds what it can read. Floor 2. */
#ifndef CRADLE_DELIVERY_H
#define CRADLE_DELIVERY_H

#include "base/fault.h"
#include "db/db.h"
#include "fleet/content.h"
#include "fleet/fleet.h"
#include "fleet/put.h"

struct delivery; /* fingerprints that are waited for */

/* Part of fleet_open and fleet_close. */
enum fault_code delivery_open(struct fleet *fleet, struct fault *f);
void delivery_free(struct delivery *delivery); /* takes NULL */

/* In the write of an upload: settles the content (id, size and digest are filled; at most CONTENT_CHUNK
 * bytes) as CONTENT_BEARER, and what is waited for. */
enum fault_code delivery_store(struct fleet *fleet, struct db_conn *conn, const struct put_target *target,
                               struct content *content, const void *plain, int64_t now, struct fault *f);
/* Somebody logged in with this certificate, verified. Costs a comparison of a number when nothing is waited
 * for. Any thread; never blocks: the file ends a moment later. */
void delivery_done(struct fleet *fleet, const char *fingerprint);

#endif
