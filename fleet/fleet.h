/* SPDX-License-Identifier: Apache-2.0 */
/* The fleet as a whole: what the modules of this floor share. It knows no socket and no protocol.
 * Made once at start, ended last; its fields are set before any thread starts and never change, but for
 * settings and trust, which a reload swaps whole. Floor 2; any thread.
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
#include "fleet/adopt.h"
#include <pthread.h>
#include <stdatomic.h>

struct delivery;      /* private keys on their way (delivery.h) */
struct reseal;        /* the thread that re-seals (reseal.h) */
struct patrol;        /* verifying in the background (patrol.h) */
struct vault;         /* data keys (vault.h) */
struct cache;         /* hot contents (cache.h) */
struct memory;        /* verified credentials (memory.h) */
struct trouble;       /* handsets whose file could not be read lately (trouble.h) */
struct sighting;      /* handsets and certificates that were noted as seen lately (sighting.h) */
struct evict_board;   /* clients that must go (evict.h) */
struct refusal_board; /* clients that refuse us (refusal.h) */
struct throttle;      /* failed logins (throttle.h) */
struct census;        /* handsets that ask for others' names (census.h) */
struct crowd;         /* sessions and handshakes, by address (crowd.h) */
struct logbook;       /* senders whose last reply may be unseen (logbook.h) */

struct audit;          /* who did what (audit.h) */
struct fleet_snapshot; /* settings that a reload brought (fleet.c) */

struct fleet {
    /* The snapshot that is in force: read anew for each thing that is decided, so that two reads belong
     * together only through a local pointer. What it points to lives until fleet_close. */
    _Atomic(const struct settings *) settings;
    struct db *db;
    struct work_pool *work;     /* for what can block; queue bounded */
    struct work_pool *hashes;   /* password hashes; hash_workers threads, hash_queue places */
    struct work_pool *suspects; /* those of suspects (throttle.h): one thread, throttle_queue places */
    struct vault *vault;
    struct delivery *delivery;
    struct reseal *reseal; /* while it serves */
    struct patrol *patrol;
    _Atomic bool backing_up; /* backup.c: one at a time */
    struct cache *cache;
    struct memory *memory;
    struct trouble *trouble;
    struct sighting *sightings, *certificates;
    struct logbook *logbook;
    struct evict_board *evictions;
    struct refusal_board *refusals;
    struct throttle *throttle;
    struct census *census;
    struct crowd *crowd;
    struct audit *audit;
    int lock;                    /* the state folder's, held while it is open */
    int64_t cleaned;             /* unfinished uploads that were removed when the catalog was opened */
    int upgraded;                /* steps that its schema took then */
    struct adopt_result adopted; /* contents of schema 1 that got their MAC then */
    /* fleet.c's own */
    pthread_mutex_t swap; /* of what follows; never held for long */
    struct tls_trust *trust;
    struct fleet_snapshot *snapshots;
};

/* Makes the state: folder (0700), master key (one that is there already is used), catalog, data keys.
 * FAULT_CONFLICT when there is one already; one whose making was interrupted is finished. FAULT_ABSENT: the
 * folder above is missing. */
enum fault_code fleet_init(const struct settings *settings, struct fault *f);
/* Opens it: master key, catalog, data keys, trust; removes what a crash left in staging. settings is kept
 * until fleet_close, borrowed. FAULT_BUSY (of fleet_init too): another process has it open. */
enum fault_code fleet_open(const struct settings *settings, struct fleet **ret_fleet, struct fault *f);
/* All front ends have ended before. Takes NULL. */
void fleet_close(struct fleet *fleet);

/* The trust that the settings describe, CAs and CRLs. FAULT_INPUT as tls_trust_load. */
enum fault_code fleet_trust_load(const struct settings *settings, struct tls_trust **ret_trust,
                                 struct fault *f);
/* Whom client certificates make, as of now: a reference, which the caller gives back with tls_trust_unref.
 * Whoever remembers what was examined keeps it and compares: another pointer means that it must be examined
 * again. */
struct tls_trust *fleet_trust(struct fleet *fleet);
/* Takes a reference of its own; the former trust lives on with those who hold it. */
void fleet_trust_set(struct fleet *fleet, struct tls_trust *trust);
/* Takes settings over (also on failure). Former snapshots live until fleet_close; one that is equal to a
 * former one is freed and that one used again, so that many reloads do not pile up. FAULT_MEMORY. */
enum fault_code fleet_settings_set(struct fleet *fleet, struct settings *settings, struct fault *f);

#endif
