/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/lost.h"

#include "base/clock.h"
#include "base/mem.h"
#include "fleet/audit.h"
#include "fleet/certificate.h"
#include "fleet/evict.h"
#include "fleet/grant.h"
#include "fleet/handset.h"

#include <stdio.h>

struct lost_write {
    struct db_write write;
    struct fleet *fleet;
    const struct principal *actor;
    const struct mac *mac;
    struct lost_outcome outcome;
};

/* Grows although the clock may stand still: what was remembered of the accounts counts no longer. */
static int64_t change_after(int64_t changed)
{
    int64_t now = clock_wall_ms();
    return now > changed ? now : changed + 1;
}

static enum fault_code record(const struct lost_write *w, struct db_conn *conn, enum audit_kind kind,
                              const char *detail, struct fault *f)
{
    const struct audit_event event = {
        .kind = kind, .who = w->actor, .target = w->mac->text, .detail = detail
    };
    return audit_add(w->fleet, conn, &event, f);
}

static enum fault_code run_lost(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct lost_write *w = CONTAINER_OF(write, struct lost_write, write);
    struct handset h;
    char detail[64];
    int64_t now = clock_wall_ms();
    enum fault_code code = handset_find(conn, w->mac, &h, f);
    if (code == FAULT_OK)
        code = db_run(conn, SQL_HANDSET_LOSE,
                      DB_ARGS(db_text(w->mac->text), db_int(h.lost > 0 ? h.lost : now),
                              db_int(change_after(h.changed))),
                      NULL, f);
    if (code == FAULT_OK)
        code = db_run(conn, SQL_ACCOUNT_DENY_OF_HANDSET, DB_ARGS(db_text(w->mac->text), db_int(now)),
                      &w->outcome.accounts, f);
    if (code == FAULT_OK)
        code = certificate_revoke_of(conn, w->mac, h.pinned, "its handset was lost", &w->outcome.certificates,
                                     f);
    snprintf(detail, sizeof detail, "accounts=%lld certificates=%lld", (long long)w->outcome.accounts,
             (long long)w->outcome.certificates);
    return code == FAULT_OK ? record(w, conn, AUDIT_KIND_HANDSET_LOST, detail, f) : code;
}

static enum fault_code run_found(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct lost_write *w = CONTAINER_OF(write, struct lost_write, write);
    struct handset h;
    enum fault_code code = handset_find(conn, w->mac, &h, f);
    if (code == FAULT_OK && h.lost == 0)
        code = fault_set(f, FAULT_CONFLICT, "%s was not reported lost", w->mac->text);
    if (code == FAULT_OK)
        code = db_run(conn, SQL_HANDSET_FIND_AGAIN,
                      DB_ARGS(db_text(w->mac->text), db_int(change_after(h.changed))), NULL, f);
    if (code == FAULT_OK)
        code = db_run(conn, SQL_ACCOUNT_ALLOW_OF_HANDSET,
                      DB_ARGS(db_text(w->mac->text), db_int(clock_wall_ms())), NULL, f);
    return code == FAULT_OK ? record(w, conn, AUDIT_KIND_HANDSET_FOUND, NULL, f) : code;
}

enum fault_code lost_report(struct fleet *fleet, const struct principal *actor, const struct mac *mac,
                            struct lost_outcome *ret_outcome, struct fault *f)
{
    struct lost_write w = { .write.run = run_lost, .fleet = fleet, .actor = actor, .mac = mac };
    enum fault_code code = actor ? grant_role(actor, GRANT_ADMINISTER, f) : FAULT_OK;
    if (code == FAULT_OK)
        code = db_write_wait(fleet->db, &w.write, f);
    if (code != FAULT_OK)
        return code;
    evict_handset(fleet, actor, mac);
    *ret_outcome = w.outcome;
    return FAULT_OK;
}

enum fault_code lost_found(struct fleet *fleet, const struct principal *actor, const struct mac *mac,
                           struct fault *f)
{
    struct lost_write w = { .write.run = run_found, .fleet = fleet, .actor = actor, .mac = mac };
    enum fault_code code = actor ? grant_role(actor, GRANT_ADMINISTER, f) : FAULT_OK;
    return code == FAULT_OK ? db_write_wait(fleet->db, &w.write, f) : code;
}
