/* SPDX-License-Identifier: Apache-2.0 */
/* Records and the chain. The chain's state is read from its row and written back within the same write, so
 * that a write that is undone undoes it too, and no copy of a key outlives its record. */
#include "fleet/audit.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/seal.h"
#include "fleet/audit_inner.h"
#include "fleet/vault.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX     1000
#define WRAP_PURPOSE "audit"

#define ALWAYS 0
#define MINUTE 60000
#define HOUR   3600000
static const struct {
    const char *name, *meaning;
    int64_t told; /* ms */
} kinds[AUDIT_KIND_COUNT] = {
#define X(id, name, told, meaning) { name, meaning, told },
#include "fleet/audit.def"
#undef X
};

const char *audit_kind_name(enum audit_kind kind)
{
    return (unsigned)kind < AUDIT_KIND_COUNT ? kinds[kind].name : "unknown";
}

const char *audit_kind_meaning(enum audit_kind kind)
{
    return (unsigned)kind < AUDIT_KIND_COUNT ? kinds[kind].meaning : "";
}

/* --- the state --- */

static enum fault_code damaged(struct fault *f)
{
    return fault_set(f, FAULT_DAMAGED,
                     "the audit trail's state is damaged; `cradled audit-key` begins a new chain");
}

static bool copy_mac(const void *data, size_t n, struct secret_digest *ret_mac)
{
    if (n != SECRET_DIGEST_SIZE)
        return false;
    memcpy(ret_mac->bytes, data, n);
    return true;
}

/* sealed NULL: the key is not wanted. */
static enum fault_code read_state(struct db_conn *conn, struct audit_place *ret_place,
                                  uint8_t sealed[SEAL_WRAPPED_SIZE], struct fault *f)
{
    struct audit_place place = { 0 };
    struct db_rows rows;
    bool any = false, whole = false;
    db_select(conn, SQL_AUDIT_STATE_GET, DB_NONE, &rows);
    while (db_next(&rows)) {
        size_t n_mac = 0, n_sealed = 0;
        const void *mac = db_row_blob(&rows, 1, &n_mac);
        any = true;
        whole = copy_mac(mac, n_mac, &place.mac);
        const void *key = db_row_blob(&rows, 2, &n_sealed);
        whole = whole && n_sealed == SEAL_WRAPPED_SIZE;
        if (whole && sealed)
            memcpy(sealed, key, n_sealed);
        place.number = db_row_int(&rows, 0);
        place.handed = db_row_int(&rows, 3) != 0;
    }
    enum fault_code code = db_end(&rows, f);
    if (code != FAULT_OK)
        return code;
    if (!any)
        return fault_set(f, FAULT_ABSENT, "there is no audit trail yet");
    if (!whole || place.number < 1)
        return damaged(f);
    *ret_place = place;
    return FAULT_OK;
}

enum fault_code audit_place(struct db_conn *conn, struct audit_place *ret_place, struct fault *f)
{
    return read_state(conn, ret_place, NULL, f);
}

static enum fault_code write_state(struct audit *audit, struct db_conn *conn, const struct chain_state *state,
                                   bool handed, struct fault *f)
{
    uint8_t sealed[SEAL_WRAPPED_SIZE];
    enum fault_code code =
        seal_wrap(&audit->wrap, (uint32_t)state->number, WRAP_PURPOSE, &state->key, sealed, f);
    if (code == FAULT_OK)
        code = db_run(conn, SQL_AUDIT_STATE_SET,
                      DB_ARGS(db_int(state->number), db_blob(state->mac.bytes, sizeof state->mac.bytes),
                              db_blob(sealed, sizeof sealed), db_int(handed)),
                      NULL, f);
    return code;
}

static enum fault_code append(struct audit *audit, struct db_conn *conn, struct chain_state *state,
                              bool handed, struct chain_record *record, struct fault *f)
{
    uint8_t bytes[CHAIN_RECORD_MAX];
    size_t n = 0;
    struct secret_digest mac;
    record->number = state->number;
    enum fault_code code = chain_encode(record, bytes, &n, f);
    if (code != FAULT_OK)
        return code;
    chain_step(state, bytes, n, &mac);
    code = db_run(conn, SQL_AUDIT_APPEND,
                  DB_ARGS(db_int(record->number), db_int(record->at), db_blob(bytes, n),
                          db_blob(mac.bytes, sizeof mac.bytes)),
                  NULL, f);
    return code == FAULT_OK ? write_state(audit, conn, state, handed, f) : code;
}

/* --- chains --- */

/* The newest record there is, whatever the state says: a chain begins behind it. */
static enum fault_code newest(struct db_conn *conn, int64_t *ret_number, struct secret_digest *ret_mac,
                              struct fault *f)
{
    struct db_rows rows;
    int64_t number = 0;
    struct secret_digest mac = { { 0 } };
    db_select(conn, SQL_AUDIT_NEWEST, DB_NONE, &rows);
    while (db_next(&rows)) {
        size_t n = 0;
        const void *data = db_row_blob(&rows, 1, &n);
        number = db_row_int(&rows, 0);
        copy_mac(data, n, &mac); /* a damaged one is linked to as zeros, and shows */
    }
    enum fault_code code = db_end(&rows, f);
    if (code == FAULT_OK) {
        *ret_number = number;
        *ret_mac = mac;
    }
    return code;
}

static void describe_begin(const struct chain_state *state, bool handed, struct chain_record *record)
{
    char hex[2 * SECRET_DIGEST_SIZE + 1], detail[sizeof record->detail];
    const struct audit_event event = { .kind = AUDIT_KIND_AUDIT_BEGIN, .detail = detail };
    const char *words =
        handed ? "its verification key was handed out" : "by itself: its verification key is nobody's";
    secret_hex(state->mac.bytes, sizeof state->mac.bytes, hex);
    if (state->number > 1)
        snprintf(detail, sizeof detail, "%s; before=%" PRId64 ":%s", words, state->number - 1, hex);
    else
        snprintf(detail, sizeof detail, "%s", words);
    audit_describe(&event, record);
}

/* key: the first key, handed out; NULL: one that nobody ever sees. */
static enum fault_code begin(struct audit *audit, struct db_conn *conn, const struct secret_key *key,
                             struct chain_state *ret_state, struct fault *f)
{
    struct chain_record record;
    int64_t last = 0;
    enum fault_code code = newest(conn, &last, &ret_state->mac, f);
    if (code != FAULT_OK)
        return code;
    ret_state->number = last + 1;
    if (key)
        ret_state->key = *key;
    else
        secret_random(ret_state->key.bytes, sizeof ret_state->key.bytes);
    describe_begin(ret_state, key != NULL, &record);
    return append(audit, conn, ret_state, key != NULL, &record, f);
}

static enum fault_code load(struct audit *audit, struct db_conn *conn, struct chain_state *ret_state,
                            bool *ret_handed, struct fault *f)
{
    uint8_t sealed[SEAL_WRAPPED_SIZE];
    struct audit_place place;
    enum fault_code code = read_state(conn, &place, sealed, f);
    if (code != FAULT_OK)
        return code;
    code = seal_unwrap(&audit->wrap, (uint32_t)place.number, WRAP_PURPOSE, sealed, sizeof sealed,
                       &ret_state->key, f);
    if (code == FAULT_DAMAGED)
        return damaged(f);
    ret_state->number = place.number;
    ret_state->mac = place.mac;
    *ret_handed = place.handed;
    return code;
}

enum fault_code audit_append(struct audit *audit, struct db_conn *conn, struct chain_record *record,
                             struct fault *f)
{
    struct chain_state state;
    bool handed = false;
    enum fault_code code = load(audit, conn, &state, &handed, f);
    if (code == FAULT_ABSENT)
        code = begin(audit, conn, NULL, &state, f);
    if (code == FAULT_OK)
        code = append(audit, conn, &state, handed, record, f);
    mem_wipe(&state, sizeof state);
    return code;
}

/* --- a new chain --- */

/* Where a new one would begin. The one that there is gets a last record, unless its state is damaged: it
 * cannot be ended then, and the new one begins right behind it. */
static enum fault_code next_chain(struct audit *audit, struct db_conn *conn, int64_t *ret_number,
                                  bool *ret_ends, struct fault *f)
{
    struct chain_state state;
    struct secret_digest mac;
    int64_t last = 0;
    bool handed = false;
    enum fault_code code = load(audit, conn, &state, &handed, f);
    bool ends = code == FAULT_OK;
    mem_wipe(&state, sizeof state);
    if (code == FAULT_OK || code == FAULT_ABSENT || code == FAULT_DAMAGED)
        code = newest(conn, &last, &mac, f);
    if (code == FAULT_OK) {
        *ret_number = last + (ends ? 2 : 1);
        *ret_ends = ends;
    }
    return code;
}

enum fault_code audit_offer(struct fleet *fleet, struct chain_key *ret_key, struct fault *f)
{
    struct db_conn *conn;
    bool ends = false;
    enum fault_code code = db_read_begin(fleet->db, &conn, f);
    if (code != FAULT_OK)
        return code;
    code = next_chain(fleet->audit, conn, &ret_key->first, &ends, f);
    db_read_end(fleet->db, conn);
    if (code == FAULT_OK)
        secret_random(ret_key->key.bytes, sizeof ret_key->key.bytes);
    return code;
}

struct renew_write {
    struct db_write write;
    struct audit *audit;
    const struct chain_key *key;
};

static enum fault_code run_renew(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    const struct renew_write *w = CONTAINER_OF(write, struct renew_write, write);
    const struct audit_event end = { .kind = AUDIT_KIND_AUDIT_END, .detail = "a new chain was asked for" };
    struct chain_record record;
    struct chain_state state;
    int64_t first = 0;
    bool ends = false;
    enum fault_code code = next_chain(w->audit, conn, &first, &ends, f);
    if (code == FAULT_OK && first != w->key->first)
        code = fault_set(f, FAULT_CONFLICT, "the audit trail has moved on meanwhile: try again");
    if (code == FAULT_OK && ends) {
        audit_describe(&end, &record);
        code = audit_append(w->audit, conn, &record, f);
    }
    if (code == FAULT_OK)
        code = begin(w->audit, conn, &w->key->key, &state, f);
    mem_wipe(&state, sizeof state);
    return code;
}

enum fault_code audit_renew(struct fleet *fleet, const struct chain_key *key, struct fault *f)
{
    struct renew_write w = { .write.run = run_renew, .audit = fleet->audit, .key = key };
    return db_write_wait(fleet->db, &w.write, f);
}

enum fault_code audit_is_handed(struct fleet *fleet, bool *ret_handed, struct fault *f)
{
    struct db_conn *conn;
    struct audit_place place = { 0 };
    enum fault_code code = db_read_begin(fleet->db, &conn, f);
    if (code != FAULT_OK)
        return code;
    code = audit_place(conn, &place, f);
    db_read_end(fleet->db, conn);
    if (code == FAULT_OK || code == FAULT_ABSENT)
        *ret_handed = place.handed;
    return code == FAULT_ABSENT ? FAULT_OK : code;
}

/* --- events --- */

void audit_describe(const struct audit_event *event, struct chain_record *ret_record)
{
    const struct principal *who = event->who;
    struct chain_record r = { .at = clock_wall_ms() };
    chain_text(audit_kind_name(event->kind), r.event, sizeof r.event);
    chain_text(event->name ? event->name : who ? principal_name(who) : "", r.who, sizeof r.who);
    chain_text(who ? role_name(who->role) : "", r.role, sizeof r.role);
    chain_text(event->address ? event->address : who ? who->address : "", r.address, sizeof r.address);
    chain_text(event->certificate ? event->certificate
               : who              ? who->fingerprint
                                  : "",
               r.certificate, sizeof r.certificate);
    chain_text(event->target, r.target, sizeof r.target);
    chain_text(event->outcome ? event->outcome : "ok", r.outcome, sizeof r.outcome);
    chain_text(event->detail, r.detail, sizeof r.detail);
    *ret_record = r;
}

enum fault_code audit_add(struct fleet *fleet, struct db_conn *conn, const struct audit_event *event,
                          struct fault *f)
{
    struct chain_record record;
    audit_describe(event, &record);
    return audit_append(fleet->audit, conn, &record, f);
}

struct record_write {
    struct db_write write;
    struct fleet *fleet;
    const struct audit_event *event;
};

static enum fault_code run_record(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    const struct record_write *w = CONTAINER_OF(write, struct record_write, write);
    return audit_add(w->fleet, conn, w->event, f);
}

enum fault_code audit_record(struct fleet *fleet, const struct audit_event *event, struct fault *f)
{
    struct record_write w = { .write.run = run_record, .fleet = fleet, .event = event };
    return db_write_wait(fleet->db, &w.write, f);
}

struct note {
    struct db_write write;
    struct audit *audit;
    struct chain_record record;
};

static enum fault_code run_note(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct note *note = CONTAINER_OF(write, struct note, write);
    return audit_append(note->audit, conn, &note->record, f);
}

static void lose(struct audit *audit, const char *why)
{
    if (atomic_fetch_add(&audit->lost, 1) == 0)
        log_event(LOG_AUDIT_LOST, "why=%s", LOG_VALUE(why));
}

static void done_note(struct db_write *write, const struct fault *result)
{
    struct note *note = CONTAINER_OF(write, struct note, write);
    atomic_fetch_sub(&note->audit->waiting, 1);
    if (result->code != FAULT_OK)
        lose(note->audit, result->text);
    free(note);
}

void audit_queue(struct fleet *fleet, const struct chain_record *record)
{
    struct audit *audit = fleet->audit;
    struct note *note = malloc(sizeof *note);
    if (note == NULL || atomic_fetch_add(&audit->waiting, 1) >= AUDIT_WAITING_MAX) {
        if (note)
            atomic_fetch_sub(&audit->waiting, 1);
        free(note);
        lose(audit, "too many records wait for the catalog");
        return;
    }
    *note =
        (struct note){ .write = { .run = run_note, .done = done_note }, .audit = audit, .record = *record };
    db_submit_lazy(fleet->db, &note->write);
}

/* Is it to be written, or has its like been lately? May add to its detail how many there were. */
static bool is_news(struct audit *audit, const struct audit_event *event, struct chain_record *record)
{
    int64_t told = kinds[event->kind].told;
    if (told == ALWAYS)
        return true;
    if (event->who == NULL)
        return flood_is_news(audit->flood, record);
    const char *const alike[] = { record->event,  record->who,     record->address, record->certificate,
                                  record->target, record->outcome, record->detail };
    uint64_t more = 0;
    if (!tally_is_news(audit->tally, tally_hash(alike, ARRAY_LENGTH(alike)), told, &more))
        return false;
    size_t n = strlen(record->detail);
    char words[64];
    int length =
        snprintf(words, sizeof words, "%s%" PRIu64 " more since the last one told", n ? "; " : "", more);
    if (more > 0 && length > 0 && n + (size_t)length < sizeof record->detail)
        memcpy(record->detail + n, words, (size_t)length + 1);
    return true;
}

void audit_note(struct fleet *fleet, const struct audit_event *event)
{
    struct chain_record record;
    if ((unsigned)event->kind >= AUDIT_KIND_COUNT)
        return;
    audit_describe(event, &record);
    if (is_news(fleet->audit, event, &record))
        audit_queue(fleet, &record);
}

/* --- reading --- */

static void take_row(struct db_rows *rows, struct audit_row *row)
{
    size_t n = 0, n_mac = 0;
    row->number = db_row_int(rows, 0);
    const void *record = db_row_blob(rows, 1, &n);
    if (n > 0 && n <= sizeof row->record) {
        memcpy(row->record, record, n);
        row->n = n;
    }
    const void *mac = db_row_blob(rows, 2, &n_mac);
    copy_mac(mac, n_mac, &row->mac); /* a damaged one stays all zero, and shows */
}

enum fault_code audit_list(struct fleet *fleet, int64_t after, int64_t since, size_t limit,
                           struct audit_row **ret_rows, size_t *ret_count, struct fault *f)
{
    if (limit < 1 || limit > LIST_MAX)
        return fault_set(f, FAULT_INPUT, "a list of audit records has a limit from 1 to %d", LIST_MAX);
    struct db_conn *conn;
    struct db_rows rows;
    size_t count = 0;
    AUTO_FREE struct audit_row *list = calloc(limit, sizeof *list);
    if (list == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    enum fault_code code = db_read_begin(fleet->db, &conn, f);
    if (code != FAULT_OK)
        return code;
    db_select(conn, SQL_AUDIT_LIST, DB_ARGS(db_int(after), db_int(since), db_int((int64_t)limit)), &rows);
    while (count < limit && db_next(&rows))
        take_row(&rows, &list[count++]);
    code = db_end(&rows, f);
    db_read_end(fleet->db, conn);
    if (code != FAULT_OK)
        return code;
    *ret_rows = list;
    *ret_count = count;
    list = NULL;
    return FAULT_OK;
}

/* --- life --- */

enum fault_code audit_open(struct fleet *fleet, struct fault *f)
{
    struct audit *audit = calloc(1, sizeof *audit);
    if (audit == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory at start");
    fleet->audit = audit;
    audit->tally = tally_new();
    audit->flood = flood_new();
    if (audit->tally == NULL || audit->flood == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory at start");
    /* Of the password key, because that one never changes: a chain outlives every rotation. */
    secret_derive(vault_password_key(fleet->vault), "cradle audit state", &audit->wrap);
    return FAULT_OK;
}

void audit_free(struct audit *audit)
{
    if (audit == NULL)
        return;
    tally_free(audit->tally);
    flood_free(audit->flood);
    mem_wipe_free(audit, sizeof *audit);
}
