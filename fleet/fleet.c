/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/fleet.h"

#include "base/mem.h"
#include "base/seal.h"
#include "base/secret.h"
#include "fleet/audit.h"
#include "fleet/cache.h"
#include "fleet/census.h"
#include "fleet/content.h"
#include "fleet/crowd.h"
#include "fleet/delivery.h"
#include "fleet/evict.h"
#include "fleet/logbook.h"
#include "fleet/master.h"
#include "fleet/memory.h"
#include "fleet/patrol.h"
#include "fleet/refusal.h"
#include "fleet/reseal.h"
#include "fleet/sighting.h"
#include "fleet/state.h"
#include "fleet/throttle.h"
#include "fleet/trouble.h"
#include "fleet/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fleet_snapshot {
    struct settings *settings;
    struct fleet_snapshot *next;
};

/* --- making it --- */

static enum fault_code init_folder(const struct settings *settings, struct fault *f)
{
    if (mkdir(settings->state, 0700) == 0)
        return FAULT_OK;
    if (errno == ENOENT)
        return fault_set(f, FAULT_ABSENT,
                         "cannot make the state folder %s: the folder above it is missing; make that first",
                         settings->state);
    struct stat st;
    if (errno == EEXIST && stat(settings->state, &st) == 0 && S_ISDIR(st.st_mode))
        return FAULT_OK;
    return fault_set(f, FAULT_IO, "cannot make the state folder %s: %s", settings->state, strerror(errno));
}

/* The catalog's companions take over its mode: nobody else shall read even sealed contents and names. */
static enum fault_code init_file(const struct settings *settings, struct fault *f)
{
    char file[STATE_PATH];
    enum fault_code code = state_path(settings, STATE_CATALOG, file, f);
    if (code)
        return code;
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fault_set(f, FAULT_IO, "cannot make %s: %s", file, strerror(errno));
    close(fd);
    return FAULT_OK;
}

static enum fault_code init_has_keys(struct db *db, bool *ret_has, struct fault *f)
{
    struct db_conn *conn;
    struct db_rows rows;
    enum fault_code code = db_read_begin(db, &conn, f);
    if (code)
        return code;
    db_select(conn, SQL_KEY_LIST, DB_NONE, &rows);
    bool has = db_next(&rows);
    code = db_end(&rows, f);
    db_read_end(db, conn);
    if (code == FAULT_OK)
        *ret_has = has;
    return code;
}

struct init_keys {
    struct db_write write;
    struct secret_key master;
};
static enum fault_code init_keys_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    return vault_make(conn, &((struct init_keys *)(void *)write)->master, f);
}

static enum fault_code init_keys(const struct settings *settings, struct db *db, struct fault *f)
{
    struct init_keys job = { .write.run = init_keys_run };
    enum fault_code code = master_make(settings, &job.master, f);
    if (code == FAULT_OK)
        code = db_write_wait(db, &job.write, f);
    mem_wipe(&job.master, sizeof job.master);
    return code;
}

enum fault_code fleet_init(const struct settings *settings, struct fault *f)
{
    struct db *db = NULL;
    bool has_keys = false;
    int lock = -1;
    enum fault_code code = init_folder(settings, f);
    if (code == FAULT_OK)
        code = state_lock(settings, &lock, f);
    if (code == FAULT_OK)
        code = init_file(settings, f);
    if (code == FAULT_OK)
        code = state_open(settings, STATE_CATALOG, STATE_CREATE, &db, NULL, f);
    if (code == FAULT_OK)
        code = init_has_keys(db, &has_keys, f);
    /* The master key comes after this look: a new one beside a catalog that has keys would only hide that its
     * own is lost. */
    if (code == FAULT_OK && has_keys)
        code = fault_set(f, FAULT_CONFLICT, "there is a catalog in %s already", settings->state);
    if (code == FAULT_OK)
        code = init_keys(settings, db, f);
    db_close(db);
    state_unlock(lock);
    return code;
}

/* --- opening it --- */

struct open_clean {
    struct db_write write;
    int64_t removed;
};
static enum fault_code open_clean_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    return content_clean(conn, &((struct open_clean *)(void *)write)->removed, f);
}

static enum fault_code open_clean(struct fleet *fleet, struct fault *f)
{
    struct open_clean job = { .write.run = open_clean_run };
    enum fault_code code = db_write_wait(fleet->db, &job.write, f);
    fleet->cleaned = job.removed;
    return code;
}

static enum fault_code open_pools(struct fleet *fleet, struct fault *f)
{
    const struct settings *s = fleet->settings;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t hashers =
        s->hash_workers > 0 ? (size_t)s->hash_workers : (size_t)(processors > 0 ? processors : 1);
    /* A boot storm may bring one job from each client at once, and all of them are to be served. */
    size_t queue = (size_t)(s->max_sessions + s->max_connections);
    enum fault_code code = work_pool_new("work", (size_t)s->workers, queue, &fleet->work, f);
    if (code == FAULT_OK)
        code = work_pool_new("hash", hashers, (size_t)s->hash_queue, &fleet->hashes, f);
    return code ? code : work_pool_new("suspects", 1, (size_t)s->throttle_queue, &fleet->suspects, f);
}

static enum fault_code open_memories(struct fleet *fleet, struct fault *f)
{
    fleet->cache = cache_new(fleet->settings->cache);
    fleet->memory = memory_new(fleet->settings);
    fleet->trouble = trouble_new();
    fleet->sightings = sighting_new();
    fleet->certificates = sighting_new();
    fleet->logbook = logbook_new();
    fleet->evictions = evict_board_new();
    fleet->refusals = refusal_board_new();
    fleet->throttle = throttle_new();
    fleet->census = census_new();
    fleet->patrol = patrol_new(fleet);
    /* An address that has a place has a session. */
    fleet->crowd = crowd_new((size_t)(fleet->settings->max_sessions + fleet->settings->max_connections));
    if (fleet->cache && fleet->memory && fleet->trouble && fleet->sightings && fleet->certificates &&
        fleet->logbook && fleet->evictions && fleet->refusals && fleet->throttle && fleet->census &&
        fleet->crowd && fleet->patrol)
        return FAULT_OK;
    return fault_set(f, FAULT_MEMORY, "out of memory at start");
}

enum fault_code fleet_trust_load(const struct settings *settings, struct tls_trust **ret_trust,
                                 struct fault *f)
{
    const struct tls_trust_files files = {
        .ca = { settings->ca_handset, settings->ca_administrator, settings->ca_operator },
        .crl = { settings->crl_handset, settings->crl_administrator, settings->crl_operator },
    };
    return tls_trust_load(&files, ret_trust, f);
}

enum fault_code fleet_open(const struct settings *settings, struct fleet **ret_fleet, struct fault *f)
{
    struct fleet *fleet = calloc(1, sizeof *fleet);
    if (fleet == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory at start");
    fleet->settings = settings;
    fleet->lock = -1;
    pthread_mutex_init(&fleet->swap, NULL);
    enum fault_code code = fleet_trust_load(settings, &fleet->trust, f);
    if (code == FAULT_OK)
        code = state_lock(settings, &fleet->lock, f);
    if (code == FAULT_OK)
        state_clean(settings);
    if (code == FAULT_OK)
        code = state_open(settings, STATE_CATALOG, STATE_PLAIN, &fleet->db, &fleet->upgraded, f);
    if (code == FAULT_OK)
        code = master_open(settings, fleet->db, &fleet->vault, f);
    if (code == FAULT_OK)
        code = open_memories(fleet, f);
    if (code == FAULT_OK)
        code = delivery_open(fleet, f);
    if (code == FAULT_OK)
        code = audit_open(fleet, f);
    if (code == FAULT_OK)
        code = open_clean(fleet, f);
    if (code == FAULT_OK)
        code = adopt_contents(fleet->db, fleet->vault, &fleet->adopted, f);
    if (code == FAULT_OK)
        code = open_pools(fleet, f);
    if (code) {
        fleet_close(fleet);
        return code;
    }
    *ret_fleet = fleet;
    return FAULT_OK;
}

static void free_snapshots(struct fleet_snapshot *snapshot)
{
    while (snapshot != NULL) {
        struct fleet_snapshot *next = snapshot->next;
        settings_free(snapshot->settings);
        free(snapshot);
        snapshot = next;
    }
}

void fleet_close(struct fleet *fleet)
{
    if (fleet == NULL)
        return;
    reseal_stop(fleet);
    patrol_free(fleet->patrol);
    /* Work gives to the hashes, and they to the suspects, never the other way; all use the catalog, and its
     * last writes the logbook.
     */
    work_pool_free(fleet->work);
    work_pool_free(fleet->hashes);
    work_pool_free(fleet->suspects);
    audit_stop(fleet);
    db_close(fleet->db);
    delivery_free(fleet->delivery);
    audit_free(fleet->audit);
    logbook_free(fleet->logbook);
    evict_board_free(fleet->evictions);
    refusal_board_free(fleet->refusals);
    crowd_free(fleet->crowd);
    census_free(fleet->census);
    throttle_free(fleet->throttle);
    trouble_free(fleet->trouble);
    sighting_free(fleet->sightings);
    sighting_free(fleet->certificates);
    memory_free(fleet->memory);
    cache_free(fleet->cache);
    vault_free(fleet->vault);
    tls_trust_unref(fleet->trust);
    free_snapshots(fleet->snapshots);
    pthread_mutex_destroy(&fleet->swap);
    state_unlock(fleet->lock);
    free(fleet);
}

/* --- what a reload swaps --- */

struct tls_trust *fleet_trust(struct fleet *fleet)
{
    pthread_mutex_lock(&fleet->swap);
    struct tls_trust *trust = tls_trust_ref(fleet->trust);
    pthread_mutex_unlock(&fleet->swap);
    return trust;
}

void fleet_trust_set(struct fleet *fleet, struct tls_trust *trust)
{
    tls_trust_ref(trust);
    pthread_mutex_lock(&fleet->swap);
    struct tls_trust *former = fleet->trust;
    fleet->trust = trust;
    pthread_mutex_unlock(&fleet->swap);
    tls_trust_unref(former);
}

/* Makes a snapshot the one in force: an equal one that is kept already, or this. */
static void use_snapshot(struct fleet *fleet, struct fleet_snapshot *fresh)
{
    pthread_mutex_lock(&fleet->swap);
    struct fleet_snapshot *kept = fleet->snapshots;
    while (kept != NULL && !settings_equal(kept->settings, fresh->settings))
        kept = kept->next;
    if (kept == NULL) {
        fresh->next = fleet->snapshots;
        fleet->snapshots = kept = fresh;
    }
    fleet->settings = kept->settings;
    memory_settings(fleet->memory, kept->settings);
    pthread_mutex_unlock(&fleet->swap);
    if (kept != fresh)
        free_snapshots(fresh);
}

enum fault_code fleet_settings_set(struct fleet *fleet, struct settings *settings, struct fault *f)
{
    struct fleet_snapshot *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        settings_free(settings);
        return fault_set(f, FAULT_MEMORY, "out of memory for the settings");
    }
    fresh->settings = settings;
    use_snapshot(fleet, fresh);
    return FAULT_OK;
}
