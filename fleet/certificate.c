/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/certificate.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf.h"
#include "fleet/audit.h"
#include "fleet/evict.h"
#include "fleet/grant.h"
#include "fleet/sighting.h"

#include <stdlib.h>
#include <string.h>

#define LIST_MAX 1000

bool certificate_canonical(const char *text, char ret_fingerprint[65])
{
    char out[65];
    size_t n = 0;
    for (; *text != '\0'; text++) {
        char c = *text;
        if (c == ':')
            continue;
        if (c >= 'A' && c <= 'F')
            c = (char)(c - 'A' + 'a');
        if (n == 64 || !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        out[n++] = c;
    }
    return n == 64 && mem_copy_bytes(ret_fingerprint, 65, out, n);
}

/* --- reading --- */

/* Columns as db/sql/certificate.sql lists them. */
static void from_row(struct db_rows *rows, struct certificate *ret_certificate)
{
    struct certificate c = { 0 };
    mem_copy_text(c.fingerprint, sizeof c.fingerprint, db_row_text(rows, 0));
    mem_copy_text(c.role, sizeof c.role, db_row_text(rows, 1));
    mem_copy_text(c.name, sizeof c.name, db_row_text(rows, 2));
    mem_copy_text(c.subject, sizeof c.subject, db_row_text(rows, 3));
    mem_copy_text(c.issuer, sizeof c.issuer, db_row_text(rows, 4));
    mem_copy_text(c.serial, sizeof c.serial, db_row_text(rows, 5));
    c.not_after = db_row_int(rows, 6);
    c.first_seen = db_row_int(rows, 7);
    c.last_seen = db_row_int(rows, 8);
    c.revoked = db_row_int(rows, 9);
    mem_copy_text(c.reason, sizeof c.reason, db_row_text(rows, 10));
    *ret_certificate = c;
}

enum fault_code certificate_list(struct fleet *fleet, const char *after, const char *name, size_t limit,
                                 struct certificate **ret_certificates, size_t *ret_count, struct fault *f)
{
    if (limit < 1 || limit > LIST_MAX)
        return fault_set(f, FAULT_INPUT, "a list of certificates has a limit from 1 to %d", LIST_MAX);
    struct certificate *certificates = calloc(limit, sizeof *certificates);
    if (certificates == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    struct db_conn *conn;
    struct db_rows rows;
    size_t count = 0;
    enum fault_code code = db_read_begin(fleet->db, &conn, f);
    if (code == FAULT_OK) {
        db_select(conn, SQL_CERTIFICATE_LIST, DB_ARGS(db_text(after), db_text(name), db_int((int64_t)limit)),
                  &rows);
        while (db_next(&rows) && count < limit)
            from_row(&rows, &certificates[count++]);
        code = db_end(&rows, f);
        db_read_end(fleet->db, conn);
    }
    if (code != FAULT_OK) {
        free(certificates);
        return code;
    }
    *ret_certificates = certificates;
    *ret_count = count;
    return FAULT_OK;
}

enum fault_code certificate_get(struct fleet *fleet, const char *fingerprint,
                                struct certificate *ret_certificate, struct fault *f)
{
    struct db_conn *conn;
    struct db_rows rows;
    struct certificate found;
    bool any = false;
    enum fault_code code = db_read_begin(fleet->db, &conn, f);
    if (code != FAULT_OK)
        return code;
    db_select(conn, SQL_CERTIFICATE_GET, DB_ARGS(db_text(fingerprint)), &rows);
    while (db_next(&rows)) {
        from_row(&rows, &found);
        any = true;
    }
    code = db_end(&rows, f);
    db_read_end(fleet->db, conn);
    if (code == FAULT_OK && !any)
        code = fault_set(f, FAULT_ABSENT, "no certificate with this fingerprint was seen or revoked");
    if (code == FAULT_OK)
        *ret_certificate = found;
    return code;
}

enum fault_code certificate_is_revoked(struct db_conn *conn, const char *fingerprint, bool *ret_revoked,
                                       struct fault *f)
{
    struct db_rows rows;
    bool revoked = false;
    db_select(conn, SQL_CERTIFICATE_GET, DB_ARGS(db_text(fingerprint)), &rows);
    while (db_next(&rows))
        revoked = db_row_int(&rows, 9) > 0;
    enum fault_code code = db_end(&rows, f);
    if (code == FAULT_OK)
        *ret_revoked = revoked;
    return code;
}

/* --- revoking --- */

static enum fault_code check_reason(const char *reason, struct fault *f)
{
    size_t n = strlen(reason);
    if (n > CERTIFICATE_REASON_LIMIT)
        return fault_set(f, FAULT_INPUT, "a reason has at most %d bytes", CERTIFICATE_REASON_LIMIT);
    if (!utf_is_plain(reason, n))
        return fault_set(f, FAULT_INPUT, "a reason is UTF-8 text without control characters");
    return FAULT_OK;
}

struct revoke_write {
    struct db_write write;
    struct fleet *fleet;
    const struct principal *actor;
    const char *fingerprint, *reason;
};

static enum fault_code run_revoke(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct revoke_write *w = CONTAINER_OF(write, struct revoke_write, write);
    const struct audit_event event = {
        .kind = AUDIT_KIND_CERTIFICATE_REVOKED, .who = w->actor, .target = w->fingerprint, .detail = w->reason
    };
    enum fault_code code =
        db_run(conn, SQL_CERTIFICATE_REVOKE,
               DB_ARGS(db_text(w->fingerprint), db_int(clock_wall_ms()), db_text(w->reason)), NULL, f);
    return code == FAULT_OK ? audit_add(w->fleet, conn, &event, f) : code;
}

enum fault_code certificate_revoke(struct fleet *fleet, const struct principal *actor,
                                   const char *fingerprint, const char *reason, struct fault *f)
{
    char canonical[65];
    struct revoke_write w = {
        .write.run = run_revoke, .fleet = fleet, .actor = actor, .fingerprint = canonical, .reason = reason
    };
    enum fault_code code = actor ? grant_role(actor, GRANT_ADMINISTER, f) : FAULT_OK;
    if (code == FAULT_OK && !certificate_canonical(fingerprint, canonical))
        code = fault_set(f, FAULT_INPUT, "a fingerprint is the SHA-256 of a certificate: 64 hex digits");
    if (code == FAULT_OK)
        code = check_reason(reason, f);
    if (code == FAULT_OK)
        code = db_write_wait(fleet->db, &w.write, f);
    if (code == FAULT_OK)
        evict_certificate(fleet, actor, canonical);
    return code;
}

enum fault_code certificate_revoke_of(struct db_conn *conn, const struct mac *mac, const char *also,
                                      const char *reason, int64_t *ret_count, struct fault *f)
{
    int64_t count = 0, now = clock_wall_ms();
    enum fault_code code = FAULT_OK;
    if (also[0] != '\0')
        code = db_run(conn, SQL_CERTIFICATE_REVOKE, DB_ARGS(db_text(also), db_int(now), db_text(reason)),
                      NULL, f);
    if (code == FAULT_OK)
        code = db_run(conn, SQL_CERTIFICATE_REVOKE_OF,
                      DB_ARGS(db_text(mac->text), db_int(now), db_text(reason)), &count, f);
    if (code == FAULT_OK)
        *ret_count = count;
    return code;
}

/* --- seen --- */

struct seen_write {
    struct db_write write;
    struct certificate seen;
};

static enum fault_code run_seen(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    const struct certificate *c = &CONTAINER_OF(write, struct seen_write, write)->seen;
    return db_run(conn, SQL_CERTIFICATE_SEEN,
                  DB_ARGS(db_text(c->fingerprint), db_text(c->role), db_text(c->name), db_text(c->subject),
                          db_text(c->issuer), db_text(c->serial), db_int(c->not_after), db_int(c->last_seen)),
                  NULL, f);
}

/* A note that was lost is not worth a word: the certificate will be here again. */
static void done_seen(struct db_write *write, const struct fault *result)
{
    (void)result;
    free(CONTAINER_OF(write, struct seen_write, write));
}

void certificate_seen(struct fleet *fleet, const struct tls_peer *peer, enum role role, const char *name)
{
    if (!sighting_is_news(fleet->certificates, peer->fingerprint, name, NULL))
        return;
    struct seen_write *w = calloc(1, sizeof *w);
    if (w == NULL)
        return;
    w->write.run = run_seen;
    w->write.done = done_seen;
    mem_copy_text(w->seen.fingerprint, sizeof w->seen.fingerprint, peer->fingerprint);
    mem_copy_text(w->seen.role, sizeof w->seen.role, role_name(role));
    mem_copy_text(w->seen.name, sizeof w->seen.name, name);
    mem_copy_text(w->seen.subject, sizeof w->seen.subject, peer->subject);
    mem_copy_text(w->seen.issuer, sizeof w->seen.issuer, peer->issuer);
    mem_copy_text(w->seen.serial, sizeof w->seen.serial, peer->serial);
    w->seen.not_after = peer->not_after * 1000;
    w->seen.last_seen = clock_wall_ms();
    db_submit_lazy(fleet->db, &w->write);
}
