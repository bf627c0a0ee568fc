/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/handset.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf.h"
#include "fleet/audit.h"
#include "fleet/certificate.h"
#include "fleet/evict.h"
#include "fleet/grant.h"
#include "fleet/sighting.h"

#include <stdlib.h>
#include <string.h>

#define LIST_MAX 1000

static enum fault_code not_registered(const struct mac *mac, struct fault *f)
{
    return fault_set(f, FAULT_ABSENT, "%s is not a registered handset", mac->text);
}

static enum fault_code may_change(const struct principal *actor, struct fault *f)
{
    return actor ? grant_role(actor, GRANT_ADMINISTER, f) : FAULT_OK;
}

/* Columns as db/sql/handset.sql lists them. */
static void from_row(struct db_rows *rows, struct handset *ret_handset)
{
    struct handset h = { 0 };
    mem_copy_text(h.mac.text, sizeof h.mac.text, db_row_text(rows, 0));
    mem_copy_text(h.label, sizeof h.label, db_row_text(rows, 1));
    h.enabled = db_row_int(rows, 2) != 0;
    h.require_binding = db_row_int(rows, 3) != 0;
    h.created = db_row_int(rows, 4);
    h.changed = db_row_int(rows, 5);
    h.last_seen = db_row_int(rows, 6);
    mem_copy_text(h.last_address, sizeof h.last_address, db_row_text(rows, 7));
    mem_copy_text(h.user_agent, sizeof h.user_agent, db_row_text(rows, 8));
    handset_parse_agent(h.user_agent, h.model, h.firmware);
    h.accept_expired = db_row_int(rows, 9) != 0;
    mem_copy_text(h.pinned, sizeof h.pinned, db_row_text(rows, 10));
    h.legacy = db_row_int(rows, 11) != 0;
    h.lost = db_row_int(rows, 12);
    h.legacy_count = db_row_int(rows, 13);
    h.legacy_last = db_row_int(rows, 14);
    *ret_handset = h;
}

enum fault_code handset_find(struct db_conn *conn, const struct mac *mac, struct handset *ret_handset,
                             struct fault *f)
{
    struct db_rows rows;
    struct handset found;
    bool any = false;
    db_select(conn, SQL_HANDSET_GET, DB_ARGS(db_text(mac->text)), &rows);
    while (db_next(&rows)) {
        from_row(&rows, &found);
        any = true;
    }
    enum fault_code code = db_end(&rows, f);
    if (code != FAULT_OK)
        return code;
    if (!any)
        return not_registered(mac, f);
    if (ret_handset)
        *ret_handset = found;
    return FAULT_OK;
}

enum fault_code handset_get(struct fleet *fleet, const struct mac *mac, struct handset *ret_handset,
                            struct fault *f)
{
    struct db_conn *conn;
    enum fault_code code = db_read_begin(fleet->db, &conn, f);
    if (code != FAULT_OK)
        return code;
    code = handset_find(conn, mac, ret_handset, f);
    db_read_end(fleet->db, conn);
    return code;
}

enum fault_code handset_list(struct fleet *fleet, const struct mac *after, size_t limit,
                             struct handset **ret_handsets, size_t *ret_count, struct fault *f)
{
    if (limit < 1 || limit > LIST_MAX)
        return fault_set(f, FAULT_INPUT, "a list of handsets has a limit from 1 to %d", LIST_MAX);
    struct handset *handsets = calloc(limit, sizeof *handsets);
    if (handsets == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    struct db_conn *conn;
    enum fault_code code = db_read_begin(fleet->db, &conn, f);
    if (code != FAULT_OK) {
        free(handsets);
        return code;
    }
    size_t count = 0;
    struct db_rows rows;
    db_select(conn, SQL_HANDSET_LIST, DB_ARGS(db_text(after ? after->text : ""), db_int((int64_t)limit)),
              &rows);
    while (db_next(&rows) && count < limit)
        from_row(&rows, &handsets[count++]);
    code = db_end(&rows, f);
    db_read_end(fleet->db, conn);
    if (code != FAULT_OK) {
        free(handsets);
        return code;
    }
    *ret_handsets = handsets;
    *ret_count = count;
    return FAULT_OK;
}

/* --- changes --- */

static enum fault_code check_label(const char *label, struct fault *f)
{
    size_t n = strlen(label);
    if (n > HANDSET_LABEL_LIMIT)
        return fault_set(f, FAULT_INPUT, "a label has at most %d bytes", HANDSET_LABEL_LIMIT);
    if (!utf_is_plain(label, n))
        return fault_set(f, FAULT_INPUT, "a label is UTF-8 text without control characters");
    return FAULT_OK;
}

struct change_write {
    struct db_write write;
    struct fleet *fleet;
    const struct principal *actor;
    const struct mac *mac;
    const struct handset_change *change;
    char pinned[65]; /* change->pinned in our spelling */
};

static enum fault_code record(const struct change_write *w, struct db_conn *conn, enum audit_kind kind,
                              struct fault *f)
{
    const struct handset_change *c = w->change;
    char detail[HANDSET_LABEL_LIMIT + 192] = "";
    size_t n = 0;
    if (c && c->set_enabled)
        n += (size_t)snprintf(detail + n, sizeof detail - n, " enabled=%d", c->enabled);
    if (c && c->set_binding)
        n += (size_t)snprintf(detail + n, sizeof detail - n, " require_binding=%d", c->require_binding);
    if (c && c->set_expired)
        n += (size_t)snprintf(detail + n, sizeof detail - n, " accept_expired=%d", c->accept_expired);
    if (c && c->set_legacy)
        n += (size_t)snprintf(detail + n, sizeof detail - n, " legacy=%d", c->legacy);
    if (c && c->pinned)
        n += (size_t)snprintf(detail + n, sizeof detail - n, " pinned=%s", w->pinned);
    if (c && c->label)
        snprintf(detail + n, sizeof detail - n, " label=%s", c->label);
    const struct audit_event event = {
        .kind = kind, .who = w->actor, .target = w->mac->text, .detail = detail[0] ? detail + 1 : ""
    };
    return audit_add(w->fleet, conn, &event, f);
}

static enum fault_code run_add(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct change_write *w = CONTAINER_OF(write, struct change_write, write);
    const struct handset_change *c = w->change;
    int64_t inserted = 0;
    enum fault_code code =
        db_run(conn, SQL_HANDSET_INSERT,
               DB_ARGS(db_text(w->mac->text), db_text(c && c->label ? c->label : ""),
                       db_int(c && c->set_enabled ? c->enabled : true),
                       db_int(c && c->set_binding ? c->require_binding : false), db_int(clock_wall_ms()),
                       db_int(c && c->set_expired ? c->accept_expired : false), db_text(w->pinned),
                       db_int(c && c->set_legacy ? c->legacy : false)),
               &inserted, f);
    if (code == FAULT_OK && inserted == 0)
        code = fault_set(f, FAULT_CONFLICT, "%s is registered already", w->mac->text);
    return code == FAULT_OK ? record(w, conn, AUDIT_KIND_HANDSET_ADDED, f) : code;
}

static enum fault_code run_change(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct change_write *w = CONTAINER_OF(write, struct change_write, write);
    const struct handset_change *c = w->change;
    struct handset h;
    enum fault_code code = handset_find(conn, w->mac, &h, f);
    if (code != FAULT_OK)
        return code;
    if (h.lost > 0 && c->set_enabled && c->enabled)
        return fault_set(f, FAULT_CONFLICT,
                         "%s was reported lost: say that it was found, which enables it again", w->mac->text);
    int64_t now = clock_wall_ms();
    code = db_run(conn, SQL_HANDSET_UPDATE,
                  DB_ARGS(db_text(w->mac->text), db_text(c->label ? c->label : h.label),
                          db_int(c->set_enabled ? c->enabled : h.enabled),
                          db_int(c->set_binding ? c->require_binding : h.require_binding),
                          db_int(now > h.changed ? now : h.changed + 1),
                          db_int(c->set_expired ? c->accept_expired : h.accept_expired),
                          db_text(c->pinned ? w->pinned : h.pinned),
                          db_int(c->set_legacy ? c->legacy : h.legacy)),
                  NULL, f);
    return code == FAULT_OK ? record(w, conn, AUDIT_KIND_HANDSET_CHANGED, f) : code;
}

static enum fault_code run_remove(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct change_write *w = CONTAINER_OF(write, struct change_write, write);
    int64_t removed = 0;
    enum fault_code code =
        db_run(conn, SQL_ACCOUNT_REMOVE_OF_HANDSET, DB_ARGS(db_text(w->mac->text)), NULL, f);
    if (code == FAULT_OK)
        code = db_run(conn, SQL_HANDSET_REMOVE, DB_ARGS(db_text(w->mac->text)), &removed, f);
    if (code == FAULT_OK && removed == 0)
        code = not_registered(w->mac, f);
    return code == FAULT_OK ? record(w, conn, AUDIT_KIND_HANDSET_REMOVED, f) : code;
}

static enum fault_code check_change(const struct handset_change *change, char pinned[65], struct fault *f)
{
    enum fault_code code = change && change->label ? check_label(change->label, f) : FAULT_OK;
    if (code == FAULT_OK && change && change->pinned && change->pinned[0] != '\0' &&
        !certificate_canonical(change->pinned, pinned))
        code = fault_set(f, FAULT_INPUT,
                         "a pinned certificate is given by its SHA-256 fingerprint: 64 hex digits");
    return code;
}

/* Something is denied that was allowed: whoever is connected may be so by that. */
static bool denies(const struct handset_change *c)
{
    return (c->set_enabled && !c->enabled) || (c->set_expired && !c->accept_expired) || c->pinned ||
           (c->set_legacy && !c->legacy);
}

enum fault_code handset_add(struct fleet *fleet, const struct principal *actor, const struct mac *mac,
                            const struct handset_change *change, struct fault *f)
{
    struct change_write w = {
        .write.run = run_add, .fleet = fleet, .actor = actor, .mac = mac, .change = change
    };
    enum fault_code code = may_change(actor, f);
    if (code == FAULT_OK && mac->text[0] == '\0')
        code = fault_set(f, FAULT_INPUT, "a handset has a MAC: 12 hex digits, not all zero");
    if (code == FAULT_OK)
        code = check_change(change, w.pinned, f);
    return code == FAULT_OK ? db_write_wait(fleet->db, &w.write, f) : code;
}

enum fault_code handset_change(struct fleet *fleet, const struct principal *actor, const struct mac *mac,
                               const struct handset_change *change, struct fault *f)
{
    struct change_write w = {
        .write.run = run_change, .fleet = fleet, .actor = actor, .mac = mac, .change = change
    };
    enum fault_code code = may_change(actor, f);
    if (code == FAULT_OK)
        code = check_change(change, w.pinned, f);
    if (code == FAULT_OK)
        code = db_write_wait(fleet->db, &w.write, f);
    if (code == FAULT_OK && denies(change))
        evict_handset(fleet, actor, mac);
    return code;
}

enum fault_code handset_remove(struct fleet *fleet, const struct principal *actor, const struct mac *mac,
                               struct fault *f)
{
    struct change_write w = { .write.run = run_remove, .fleet = fleet, .actor = actor, .mac = mac };
    enum fault_code code = may_change(actor, f);
    if (code == FAULT_OK)
        code = db_write_wait(fleet->db, &w.write, f);
    if (code == FAULT_OK)
        evict_handset(fleet, actor, mac);
    return code;
}

/* --- did you mean --- */

enum fault_code handset_nearest(struct db_conn *conn, const struct mac *mac,
                                struct mac ret_macs[HANDSET_NEAREST], size_t *ret_count, struct fault *f)
{
    struct mac nearest[HANDSET_NEAREST];
    int distance[HANDSET_NEAREST];
    size_t count = 0;
    struct db_rows rows;
    db_select(conn, SQL_HANDSET_MACS, DB_NONE, &rows);
    while (db_next(&rows)) {
        struct mac candidate = { "" };
        if (!mem_copy_text(candidate.text, sizeof candidate.text, db_row_text(&rows, 0)))
            continue;
        int far = mac_distance(mac, &candidate);
        size_t at = count;
        while (at > 0 && distance[at - 1] > far)
            at--;
        if (at == HANDSET_NEAREST)
            continue;
        if (count < HANDSET_NEAREST)
            count++;
        for (size_t i = count - 1; i > at; i--) {
            nearest[i] = nearest[i - 1];
            distance[i] = distance[i - 1];
        }
        nearest[at] = candidate;
        distance[at] = far;
    }
    enum fault_code code = db_end(&rows, f);
    if (code != FAULT_OK)
        return code;
    memcpy(ret_macs, nearest, count * sizeof nearest[0]);
    *ret_count = count;
    return FAULT_OK;
}

enum fault_code handset_unregistered(struct db_conn *conn, const struct mac *mac, const char *how,
                                     struct fault *f)
{
    struct mac nearest[HANDSET_NEAREST];
    size_t count = 0;
    enum fault_code code = handset_nearest(conn, mac, nearest, &count, f);
    if (code != FAULT_OK)
        return code;
    char names[HANDSET_NEAREST * (MAC_DIGITS + 2) + 1];
    size_t used = 0;
    names[0] = '\0';
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", nearest[i].text);
    return fault_set(f, FAULT_CONTENT, "%s is not a registered handset; %s%s; %s", mac->text,
                     count ? "nearest: " : "none is registered yet", names, how);
}

/* --- seen --- */

struct seen_write {
    struct db_write write;
    struct mac mac;
    int64_t now;
    char address[ADDRESS_LIMIT];
    bool has_agent;
    char agent[256];
};

static enum fault_code run_seen(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    const struct seen_write *w = CONTAINER_OF(write, struct seen_write, write);
    return db_run(conn, SQL_HANDSET_SEEN,
                  DB_ARGS(db_text(w->mac.text), db_int(w->now), db_text(w->address),
                          db_text(w->has_agent ? w->agent : NULL)),
                  NULL, f);
}

/* A note that was lost is not worth a word: the handset will be here again. */
static void done_seen(struct db_write *write, const struct fault *result)
{
    (void)result;
    free(CONTAINER_OF(write, struct seen_write, write));
}

/* Whatever a client calls itself becomes printable ASCII, so that no reader of it has to be careful. */
static void copy_agent(const char *agent, char out[256])
{
    size_t n = 0;
    for (; agent[n] != '\0' && n < 255; n++)
        out[n] = agent[n] >= ' ' && agent[n] <= '~' ? agent[n] : '?';
    out[n] = '\0';
}

void handset_seen(struct fleet *fleet, const struct principal *who, const char *user_agent)
{
    if (who->role != ROLE_HANDSET ||
        !sighting_is_news(fleet->sightings, who->mac.text, who->address, user_agent))
        return;
    struct seen_write *w = calloc(1, sizeof *w);
    if (w == NULL)
        return;
    w->write.run = run_seen;
    w->write.done = done_seen;
    w->mac = who->mac;
    w->now = clock_wall_ms();
    mem_copy_text(w->address, sizeof w->address, who->address);
    w->has_agent = user_agent != NULL;
    if (user_agent)
        copy_agent(user_agent, w->agent);
    db_submit_lazy(fleet->db, &w->write);
}

static enum fault_code run_seen_legacy(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    const struct seen_write *w = CONTAINER_OF(write, struct seen_write, write);
    return db_run(conn, SQL_HANDSET_SEEN_LEGACY, DB_ARGS(db_text(w->mac.text), db_int(w->now)), NULL, f);
}

void handset_seen_legacy(struct fleet *fleet, const struct principal *who)
{
    char key[sizeof who->mac.text + 8];
    snprintf(key, sizeof key, "legacy:%s", who->mac.text);
    if (!sighting_is_news(fleet->sightings, key, who->address, NULL))
        return;
    struct seen_write *w = calloc(1, sizeof *w);
    if (w == NULL)
        return;
    w->write.run = run_seen_legacy;
    w->write.done = done_seen;
    w->mac = who->mac;
    w->now = clock_wall_ms();
    db_submit_lazy(fleet->db, &w->write);
    log_event(LOG_LOGIN_LEGACY, "handset=%s address=%s", who->mac.text, who->address);
}

static void copy_word(const char *from, const char *to, char out[64])
{
    size_t n = (size_t)(to - from);
    if (n > 63)
        n = 63;
    for (size_t i = 0; i < n; i++)
        out[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
    out[n] = '\0';
}

/* "FileTransport PRODUCT-MODEL-UA/VERSION (…) …": what stands around "-UA/". */
void handset_parse_agent(const char *user_agent, char model[64], char firmware[64])
{
    model[0] = firmware[0] = '\0';
    const char *mark = strstr(user_agent, "-UA/");
    if (mark == NULL)
        return;
    const char *start = mark;
    while (start > user_agent && start[-1] != ' ')
        start--;
    const char *hyphen = memchr(start, '-', (size_t)(mark - start));
    copy_word(hyphen ? hyphen + 1 : start, mark, model);
    const char *version = mark + strlen("-UA/");
    copy_word(version, version + strcspn(version, " "), firmware);
}
