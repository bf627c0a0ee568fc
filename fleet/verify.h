/* SPDX-License-Identifier: Apache-2.0 */
/* Looking whether everything that a catalog stores is sound: each content's row, each chunk's seal, each
 * digest, and whether every name has its content. The catalog may be the one that is served, a stopped one,
 * or one that came out of a backup. Changes nothing. patrol.h runs it in the background. Floor 2; blocking,
 * on a thread that has the time. */
#ifndef CRADLE_VERIFY_H
#define CRADLE_VERIFY_H

#include "base/fault.h"
#include "base/path.h"
#include "base/seal.h"
#include "db/db.h"
#include <stdbool.h>
#include <stdint.h>

struct vault;

struct verify_counts {
    int64_t contents, bytes; /* there are that many, as counted at the start */
    int64_t done, done_bytes;
    int64_t damaged; /* contents, and names without one */
};
struct verify_damage {
    char content[2 * SEAL_CONTENT_ID + 1]; /* hex */
    char place[PATH_LIMIT + 64]; /* what it belongs to, as an administrator reads it; "" : nothing */
    char words[240];
};
struct verify_walk {
    /* After each content and within large ones; false: stop. May be NULL, may take its time. */
    bool (*pace)(void *user, const struct verify_counts *counts);
    /* Once for each name of what is damaged. */
    void (*damaged)(void *user, const struct verify_damage *damage);
    void *user;
};

/* FAULT_OK when all was looked at, whatever was found: counts->damaged tells. FAULT_CUT: pace said stop. What
 * is removed meanwhile is not missed. */
enum fault_code verify_all(struct db *db, struct vault *vault, const struct verify_walk *walk,
                           struct verify_counts *ret_counts, struct fault *f);

#endif
