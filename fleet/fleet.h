/* SPDX-License-Identifier: Apache-2.0 */
/* The fleet as a whole: what the modules of this floor share. It knows no socket and no protocol.
 * Made once at start, ended last; its fields are set before any thread starts and never change. Floor 2; any
 * thread.
 *
 * Unless a header says otherwise, functions of this floor read the catalog or wait for its writer: they
 * block, so call them on a worker. */
#ifndef CRADLE_FLEET_H
#define CRADLE_FLEET_H

#include "base/fault.h"
#include "base/settings.h"
#include "base/tls.h"
#include "base/work.h"
#include "db/db.h"

struct vault;    /* data keys (vault.h) */
struct cache;    /* hot contents (cache.h) */
struct memory;   /* verified credentials (memory.h) */
struct trouble;  /* handsets whose file could not be read lately (trouble.h) */
struct sighting; /* handsets that were noted as seen lately (sighting.h) */
struct logbook;  /* senders whose last reply may be unseen (logbook.h) */

struct fleet {
    const struct settings *settings;
    struct db *db;
    struct work_pool *work;   /* for what can block; queue bounded */
    struct work_pool *hashes; /* password hashes; hash_workers threads, hash_queue places */
    struct tls_trust *trust;
    struct vault *vault;
    struct cache *cache;
    struct memory *memory;
    struct trouble *trouble;
    struct sighting *sightings;
    struct logbook *logbook;
    int lock;        /* the state folder's, held while it is open */
    int64_t cleaned; /* unfinished uploads that were removed when the catalog was opened */
    int upgraded;    /* steps that its schema took then */
};

/* The catalog's file in the folder `state`. */
#define FLEET_CATALOG "catalog.db"

/* Makes the state: folder (0700), master key (one that is there already is used), catalog, data keys.
 * FAULT_CONFLICT when there is one already; one whose making was interrupted is finished. FAULT_ABSENT: the
 * folder above is missing. */
enum fault_code fleet_init(const struct settings *settings, struct fault *f);
/* Opens it: master key, catalog, data keys, trust; removes what a crash left in staging. settings is borrowed
 * until fleet_close. FAULT_BUSY (of fleet_init too): another process has it open. */
enum fault_code fleet_open(const struct settings *settings, struct fleet **ret_fleet, struct fault *f);
/* All front ends have ended before. Takes NULL. */
void fleet_close(struct fleet *fleet);

#endif
