/* SPDX-License-Identifier: Apache-2.0 */
/* What the audit trail does by itself while the daemon serves, on a thread of its own: tells the journal its
 * head, writes what a flood left to be told, removes what is older than audit_keep. */
#include "fleet/audit_inner.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS     5000
#define PRUNE_MS    (24 * 3600 * 1000)
#define PRUNE_BATCH 1000

/* --- the head --- */

/* One at a time; it goes from the loop to the writer and back. */
struct audit_head {
    struct db_write write;
    struct loop_task back;
    struct fleet *fleet;
    struct audit_place place;
    int64_t told; /* the number that was told last */
    bool out;     /* with the writer, or on its way back */
};

/* Tells it if it has moved. Not before it is on disk: the journal must never know more than the catalog. */
static void tell(struct audit_head *head)
{
    char hex[2 * SECRET_DIGEST_SIZE + 1], when[32];
    int64_t number = head->place.number - 1;
    if (number < 1 || number == head->told)
        return;
    head->told = number;
    secret_hex(head->place.mac.bytes, sizeof head->place.mac.bytes, hex);
    clock_rfc3339(clock_wall_ms(), when, sizeof when);
    log_event(LOG_AUDIT_HEAD, "head=%" PRId64 ":%s time=%s", number, hex, when);
}

static enum fault_code run_head(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct audit_head *head = CONTAINER_OF(write, struct audit_head, write);
    enum fault_code code = audit_place(conn, &head->place, f);
    /* The keys of the records since the last head were overwritten: now they leave the write-ahead log too.
     */
    if (code == FAULT_OK && head->place.number - 1 != head->told)
        db_scrub(conn);
    return code;
}

static void head_back(struct loop_task *task)
{
    struct audit_head *head = CONTAINER_OF(task, struct audit_head, back);
    head->out = false;
    tell(head);
}

static void done_head(struct db_write *write, const struct fault *result)
{
    struct audit_head *head = CONTAINER_OF(write, struct audit_head, write);
    if (result->code != FAULT_OK)
        head->place.number = 0;
    loop_post(head->fleet->audit->loop, &head->back);
}

static void ask_head(struct audit_head *head)
{
    if (head->out)
        return;
    head->out = true;
    head->write.run = run_head;
    head->write.done = done_head;
    head->back.run = head_back;
    db_submit_lazy(head->fleet->db, &head->write);
}

/* --- pruning --- */

struct prune_write {
    struct db_write write;
    struct fleet *fleet;
    bool full;
};

/* The last of the oldest records, at most a batch of them, that are older than `before`; 0: there is none. A
 * clock that once went wrong ends the run at the first record that is not old enough, so that no gap can come
 * of it. */
static enum fault_code find_old(struct db_conn *conn, int64_t before, struct audit_place *ret_last,
                                bool *ret_full, struct fault *f)
{
    struct db_rows rows;
    struct audit_place last = { 0 };
    size_t count = 0;
    db_select(conn, SQL_AUDIT_OLDEST, DB_ARGS(db_int(PRUNE_BATCH)), &rows);
    for (; db_next(&rows) && db_row_int(&rows, 1) < before; count++) {
        size_t n = 0;
        const void *mac = db_row_blob(&rows, 2, &n);
        last.number = db_row_int(&rows, 0);
        if (n == sizeof last.mac.bytes)
            memcpy(last.mac.bytes, mac, n);
    }
    enum fault_code code = db_end(&rows, f);
    if (code == FAULT_OK) {
        *ret_last = last;
        *ret_full = count == PRUNE_BATCH;
    }
    return code;
}

/* The removal is itself a record, so that nobody else can shorten the trail from its beginning. */
static enum fault_code run_prune(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct prune_write *w = CONTAINER_OF(write, struct prune_write, write);
    int64_t keep = w->fleet->settings->audit_keep;
    struct audit_place last = { 0 };
    char hex[2 * SECRET_DIGEST_SIZE + 1], detail[128];
    enum fault_code code = find_old(conn, clock_wall_ms() - keep, &last, &w->full, f);
    if (code != FAULT_OK || last.number == 0)
        return code;
    secret_hex(last.mac.bytes, sizeof last.mac.bytes, hex);
    snprintf(detail, sizeof detail, "through=%" PRId64 ":%s", last.number, hex);
    const struct audit_event event = { .kind = AUDIT_KIND_AUDIT_PRUNED, .detail = detail };
    code = db_run(conn, SQL_AUDIT_PRUNE, DB_ARGS(db_int(last.number)), NULL, f);
    return code == FAULT_OK ? audit_add(w->fleet, conn, &event, f) : code;
}

static void done_prune(struct db_write *write, const struct fault *result)
{
    struct prune_write *w = CONTAINER_OF(write, struct prune_write, write);
    /* What could not be removed today is tomorrow. */
    atomic_store(&w->fleet->audit->prune_more, w->full && result->code == FAULT_OK);
    free(w);
}

void audit_prune(struct fleet *fleet)
{
    struct prune_write *w = calloc(1, sizeof *w);
    if (w == NULL)
        return;
    *w = (struct prune_write){ .write = { .run = run_prune, .done = done_prune }, .fleet = fleet };
    db_submit_lazy(fleet->db, &w->write);
}

/* --- now and then --- */

static void write_left(struct fleet *fleet, bool all)
{
    struct audit *audit = fleet->audit;
    struct chain_record record;
    while (flood_due(audit->flood, all, &record))
        audit_queue(fleet, &record);
    /* Not while what would tell of it would be lost as well. */
    if (atomic_load(&audit->waiting) >= AUDIT_WAITING_MAX)
        return;
    uint64_t lost = atomic_exchange(&audit->lost, 0);
    if (lost == 0)
        return;
    char detail[64];
    snprintf(detail, sizeof detail, "%" PRIu64 " records could not be written", lost);
    const struct audit_event event = { .kind = AUDIT_KIND_AUDIT_LOST, .outcome = "failed", .detail = detail };
    audit_note(fleet, &event);
}

static void tick(void *user)
{
    struct fleet *fleet = user;
    struct audit *audit = fleet->audit;
    int64_t now = clock_steady_ms(), anchor = fleet->settings->audit_anchor;
    write_left(fleet, false);
    if (now - audit->told_at >= anchor) {
        audit->told_at = now;
        ask_head(audit->head);
    }
    if (now - audit->pruned_at >= PRUNE_MS || atomic_exchange(&audit->prune_more, false)) {
        audit->pruned_at = now;
        audit_prune(fleet);
    }
    loop_timer_start(audit->tick, anchor < TICK_MS ? anchor : TICK_MS);
}

/* In its place when the loop does not run: at the start and at the end. */
static void tell_now(struct fleet *fleet)
{
    struct audit_head *head = fleet->audit->head;
    struct db_conn *conn;
    if (db_read_begin(fleet->db, &conn, NULL) != FAULT_OK)
        return;
    if (audit_place(conn, &head->place, NULL) == FAULT_OK)
        tell(head);
    db_read_end(fleet->db, conn);
}

enum fault_code audit_serve(struct fleet *fleet, const char *version, struct fault *f)
{
    struct audit *audit = fleet->audit;
    const struct audit_event start = { .kind = AUDIT_KIND_DAEMON_START, .detail = version };
    bool handed = false;
    audit->head = calloc(1, sizeof *audit->head);
    if (audit->head == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory at start");
    audit->head->fleet = fleet;
    enum fault_code code = audit_record(fleet, &start, f);
    /* A full disk is no reason not to serve what is there; a trail that cannot go on is. */
    if (code != FAULT_OK && code != FAULT_DAMAGED) {
        atomic_fetch_add(&audit->lost, 1);
        code = FAULT_OK;
    }
    if (code == FAULT_OK)
        code = audit_is_handed(fleet, &handed, f);
    if (code == FAULT_OK)
        code = loop_new(&audit->loop, f);
    if (code != FAULT_OK)
        return code;
    audit->tick = loop_timer_new(audit->loop, tick, fleet);
    if (audit->tick == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory at start");
    if (!handed)
        log_event(
            LOG_AUDIT_WARNING,
            "text=\"nobody can verify the audit trail: its key was never handed out; stop the daemon and run "
            "cradled audit-key\"");
    tell_now(fleet);
    audit->told_at = clock_steady_ms();
    audit->pruned_at = audit->told_at - PRUNE_MS;
    loop_timer_start(audit->tick, TICK_MS);
    return loop_start(audit->loop, "cradle-audit", f);
}

void audit_stop(struct fleet *fleet)
{
    struct audit *audit = fleet->audit;
    if (audit == NULL || audit->loop == NULL)
        return;
    const struct audit_event stop = { .kind = AUDIT_KIND_DAEMON_STOP };
    loop_stop(audit->loop);
    db_flush(fleet->db);
    write_left(fleet, true);
    audit_record(fleet, &stop, NULL);
    db_flush(fleet->db);    /* whoever posts to the loop has done it now */
    loop_free(audit->loop); /* with its timer */
    audit->loop = NULL;
    audit->tick = NULL;
    tell_now(fleet);
    free(audit->head);
    audit->head = NULL;
}
