/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/merge.h"

#include "base/clock.h"

#include <string.h>

struct merge {
    struct db_conn *now, *then, *to;
    const struct merge_news *news;
    int64_t at;
    int64_t administrators; /* that are enabled, in the result */
};

static void tell(struct merge *m, enum merge_kind kind, const char *what, const char *name)
{
    m->news->tell(m->news->user, kind, what, name);
}

/* What the server remembers of a former state must not count: `changed` only grows. */
static int64_t later(struct merge *m, int64_t changed)
{
    return changed < m->at ? m->at : changed + 1;
}

/* --- accounts: name, role, mac, stored, enabled, created, changed --- */

/* Its name may have been given to somebody else. */
static bool same_account(struct db_rows *a, struct db_rows *b)
{
    return strcmp(db_row_text(a, 1), db_row_text(b, 1)) == 0 &&
           strcmp(db_row_text(a, 2), db_row_text(b, 2)) == 0 && db_row_int(a, 5) == db_row_int(b, 5);
}

static enum fault_code merge_account(struct merge *m, struct db_rows *was, struct fault *f)
{
    const char *name = db_row_text(was, 0), *stored = db_row_text(was, 3);
    bool enabled = db_row_int(was, 4) != 0, keep = enabled;
    struct db_rows is;
    db_select(m->now, SQL_ACCOUNT_GET, DB_ARGS(db_text(name)), &is);
    if (!db_next(&is) || !same_account(was, &is)) {
        keep = false;
        stored = "";
        tell(m, MERGE_REMOVED, "account", name);
    } else {
        keep = enabled && db_row_int(&is, 4) != 0;
        if (enabled && !keep)
            tell(m, MERGE_DISABLED, "account", name);
        if (db_row_text(&is, 3)[0] == '\0' && stored[0] != '\0') {
            stored =
                ""; /* taken away since: it must not wait for the day that the account is enabled again */
            tell(m, MERGE_STRICTER, "account", name);
        } else if (strcmp(stored, db_row_text(&is, 3)) != 0)
            tell(m, MERGE_CREDENTIALS, "account", name);
    }
    m->administrators += keep && strcmp(db_row_text(was, 1), "administrator") == 0;
    /* Before the reader's row goes: `stored` may be its. */
    enum fault_code code = db_run(
        m->to, SQL_ACCOUNT_UPDATE,
        DB_ARGS(db_text(name), db_text(stored), db_int(keep), db_int(later(m, db_row_int(was, 6)))), NULL, f);
    enum fault_code ended = db_end(&is, code == FAULT_OK ? f : NULL);
    return code ? code : ended;
}

static enum fault_code merge_accounts(struct merge *m, struct fault *f)
{
    struct db_rows rows;
    enum fault_code code = FAULT_OK;
    db_select(m->then, SQL_ACCOUNT_LIST, DB_NONE, &rows);
    while (code == FAULT_OK && db_next(&rows))
        code = merge_account(m, &rows, f);
    enum fault_code ended = db_end(&rows, code == FAULT_OK ? f : NULL);
    if (code == FAULT_OK && ended == FAULT_OK && m->administrators == 0)
        code = fault_set(f, FAULT_CONFLICT,
                         "all administrators of this backup have been disabled or removed since; to restore "
                         "it nonetheless, move the present catalog to another place first");
    return code ? code : ended;
}

/* --- handsets; columns as in handset.sql --- */

/* Each of these lets more in where it is set. */
static bool withdrawn(struct db_rows *was, struct db_rows *is)
{
    bool expired = db_row_int(was, 9) && !db_row_int(is, 9);
    bool pinned = db_row_text(was, 10)[0] && strcmp(db_row_text(was, 10), db_row_text(is, 10)) != 0;
    bool legacy = db_row_int(was, 11) && !db_row_int(is, 11);
    bool binding = !db_row_int(was, 3) && db_row_int(is, 3);
    return expired || pinned || legacy || binding;
}

static enum fault_code tighten(struct merge *m, struct db_rows *was, struct db_rows *is, struct fault *f)
{
    const char *mac = db_row_text(was, 0), *pinned = db_row_text(was, 10);
    bool enabled = db_row_int(was, 2) != 0, keep = enabled && db_row_int(is, 2) != 0;
    int64_t changed = later(m, db_row_int(was, 5)), lost = db_row_int(is, 12);
    if (enabled && !keep)
        tell(m, MERGE_DISABLED, "handset", mac);
    if (withdrawn(was, is))
        tell(m, MERGE_STRICTER, "handset", mac);
    if (strcmp(pinned, db_row_text(is, 10)) != 0)
        pinned = "";
    enum fault_code code = db_run(m->to, SQL_HANDSET_UPDATE,
                                  DB_ARGS(db_text(mac), db_text(db_row_text(was, 1)), db_int(keep),
                                          db_int(db_row_int(was, 3) || db_row_int(is, 3)), db_int(changed),
                                          db_int(db_row_int(was, 9) && db_row_int(is, 9)), db_text(pinned),
                                          db_int(db_row_int(was, 11) && db_row_int(is, 11))),
                                  NULL, f);
    if (code == FAULT_OK && lost && !db_row_int(was, 12))
        code = db_run(m->to, SQL_HANDSET_LOSE, DB_ARGS(db_text(mac), db_int(lost), db_int(changed)), NULL, f);
    return code;
}

/* Removed since: nothing of what let it in comes back. */
static enum fault_code shut_out(struct merge *m, struct db_rows *was, struct fault *f)
{
    tell(m, MERGE_REMOVED, "handset", db_row_text(was, 0));
    return db_run(m->to, SQL_HANDSET_UPDATE,
                  DB_ARGS(db_text(db_row_text(was, 0)), db_text(db_row_text(was, 1)), db_int(0),
                          db_int(db_row_int(was, 3)), db_int(later(m, db_row_int(was, 5))), db_int(0),
                          db_text(""), db_int(0)),
                  NULL, f);
}

static enum fault_code merge_handsets(struct merge *m, struct fault *f)
{
    struct db_rows rows;
    enum fault_code code = FAULT_OK;
    db_select(m->then, SQL_HANDSET_LIST, DB_ARGS(db_text(""), db_int(INT64_MAX)), &rows);
    while (code == FAULT_OK && db_next(&rows)) {
        struct db_rows is;
        db_select(m->now, SQL_HANDSET_GET, DB_ARGS(db_text(db_row_text(&rows, 0))), &is);
        bool same = db_next(&is) && db_row_int(&rows, 4) == db_row_int(&is, 4); /* when it was made */
        code = same ? tighten(m, &rows, &is, f) : shut_out(m, &rows, f);
        enum fault_code ended = db_end(&is, code == FAULT_OK ? f : NULL);
        code = code ? code : ended;
    }
    enum fault_code ended = db_end(&rows, code == FAULT_OK ? f : NULL);
    return code ? code : ended;
}

/* --- certificates; columns as in certificate.sql --- */

static enum fault_code revoke(struct merge *m, struct db_rows *is, struct fault *f)
{
    const char *fingerprint = db_row_text(is, 0);
    struct db_rows was;
    db_select(m->then, SQL_CERTIFICATE_GET, DB_ARGS(db_text(fingerprint)), &was);
    bool there = db_next(&was), known = there && db_row_int(&was, 9) != 0;
    enum fault_code code = db_end(&was, f);
    if (code || known)
        return code;
    tell(m, MERGE_REVOKED, "certificate", fingerprint);
    if (!there && db_row_text(is, 1)[0] != '\0')
        code =
            db_run(m->to, SQL_CERTIFICATE_SEEN,
                   DB_ARGS(db_text(fingerprint), db_text(db_row_text(is, 1)), db_text(db_row_text(is, 2)),
                           db_text(db_row_text(is, 3)), db_text(db_row_text(is, 4)),
                           db_text(db_row_text(is, 5)), db_int(db_row_int(is, 6)), db_int(db_row_int(is, 7))),
                   NULL, f);
    return code ? code
                : db_run(
                      m->to, SQL_CERTIFICATE_REVOKE,
                      DB_ARGS(db_text(fingerprint), db_int(db_row_int(is, 9)), db_text(db_row_text(is, 10))),
                      NULL, f);
}

static enum fault_code merge_certificates(struct merge *m, struct fault *f)
{
    struct db_rows rows;
    enum fault_code code = FAULT_OK;
    db_select(m->now, SQL_CERTIFICATE_LIST, DB_ARGS(db_text(""), db_text(""), db_int(INT64_MAX)), &rows);
    while (code == FAULT_OK && db_next(&rows))
        if (db_row_int(&rows, 9) != 0)
            code = revoke(m, &rows, f);
    enum fault_code ended = db_end(&rows, code == FAULT_OK ? f : NULL);
    return code ? code : ended;
}

/* --- what the backup does not know --- */

static enum fault_code tell_gone(struct merge *m, enum db_statement list, struct db_args args,
                                 enum db_statement get, const char *what, struct fault *f)
{
    struct db_rows rows;
    enum fault_code code = FAULT_OK;
    db_select(m->now, list, args, &rows);
    while (code == FAULT_OK && db_next(&rows)) {
        struct db_rows was;
        db_select(m->then, get, DB_ARGS(db_text(db_row_text(&rows, 0))), &was);
        if (!db_next(&was))
            tell(m, MERGE_GONE, what, db_row_text(&rows, 0));
        code = db_end(&was, f);
    }
    enum fault_code ended = db_end(&rows, code == FAULT_OK ? f : NULL);
    return code ? code : ended;
}

enum fault_code merge_denials(struct db_conn *now, struct db_conn *then, struct db_conn *to,
                              const struct merge_news *news, struct fault *f)
{
    struct merge m = { .now = now, .then = then, .to = to, .news = news, .at = clock_wall_ms() };
    enum fault_code code = merge_accounts(&m, f);
    if (code == FAULT_OK)
        code = merge_handsets(&m, f);
    if (code == FAULT_OK)
        code = merge_certificates(&m, f);
    if (code == FAULT_OK)
        code = tell_gone(&m, SQL_ACCOUNT_LIST, DB_NONE, SQL_ACCOUNT_GET, "account", f);
    if (code == FAULT_OK)
        code = tell_gone(&m, SQL_HANDSET_LIST, DB_ARGS(db_text(""), db_int(INT64_MAX)), SQL_HANDSET_GET,
                         "handset", f);
    return code;
}
