/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/audit_carry.h"

#include "base/chain.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define BATCH 500

/* A blob of a row, as it is: a damaged one stays damaged, and shows. */
struct bytes {
    size_t n;
    uint8_t data[CHAIN_RECORD_MAX];
};
struct row {
    int64_t number, at;
    struct bytes record, mac;
};
struct state {
    bool any;
    int64_t number, handed;
    struct bytes mac, sealed;
};
struct carry_write {
    struct db_write write;
    bool first;
    const struct state *state; /* with the last batch */
    size_t count;
    struct row row[BATCH];
};

static enum fault_code take(struct db_rows *rows, int column, struct bytes *ret_bytes, struct fault *f)
{
    size_t n = 0;
    const void *data = db_row_blob(rows, column, &n);
    if (n > sizeof ret_bytes->data)
        return fault_set(f, FAULT_DAMAGED, "the audit trail holds a record that is too long");
    if (n > 0)
        memcpy(ret_bytes->data, data, n);
    ret_bytes->n = n;
    return FAULT_OK;
}

static enum fault_code read_batch(struct db_conn *conn, int64_t after, struct carry_write *w, struct fault *f)
{
    struct db_rows rows;
    enum fault_code code = FAULT_OK;
    w->count = 0;
    db_select(conn, SQL_AUDIT_BATCH, DB_ARGS(db_int(after), db_int(BATCH)), &rows);
    while (code == FAULT_OK && w->count < BATCH && db_next(&rows)) {
        struct row *row = &w->row[w->count++];
        row->number = db_row_int(&rows, 0);
        row->at = db_row_int(&rows, 1);
        code = take(&rows, 2, &row->record, f);
        if (code == FAULT_OK)
            code = take(&rows, 3, &row->mac, f);
    }
    enum fault_code ended = db_end(&rows, code == FAULT_OK ? f : NULL);
    return code != FAULT_OK ? code : ended;
}

static enum fault_code read_state(struct db_conn *conn, struct state *state, struct fault *f)
{
    struct db_rows rows;
    enum fault_code code = FAULT_OK;
    db_select(conn, SQL_AUDIT_STATE_GET, DB_NONE, &rows);
    while (code == FAULT_OK && db_next(&rows)) {
        state->any = true;
        state->number = db_row_int(&rows, 0);
        state->handed = db_row_int(&rows, 3);
        code = take(&rows, 1, &state->mac, f);
        if (code == FAULT_OK)
            code = take(&rows, 2, &state->sealed, f);
    }
    enum fault_code ended = db_end(&rows, code == FAULT_OK ? f : NULL);
    return code != FAULT_OK ? code : ended;
}

static enum fault_code run_carry(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    const struct carry_write *w = CONTAINER_OF(write, struct carry_write, write);
    enum fault_code code = FAULT_OK;
    if (w->first)
        code = db_run(conn, SQL_AUDIT_CLEAR, DB_NONE, NULL, f);
    if (code == FAULT_OK && w->first)
        code = db_run(conn, SQL_AUDIT_STATE_CLEAR, DB_NONE, NULL, f);
    for (size_t i = 0; code == FAULT_OK && i < w->count; i++) {
        const struct row *row = &w->row[i];
        code = db_run(conn, SQL_AUDIT_APPEND,
                      DB_ARGS(db_int(row->number), db_int(row->at), db_blob(row->record.data, row->record.n),
                              db_blob(row->mac.data, row->mac.n)),
                      NULL, f);
    }
    const struct state *s = w->state;
    if (code == FAULT_OK && s)
        code = db_run(conn, SQL_AUDIT_STATE_SET,
                      DB_ARGS(db_int(s->number), db_blob(s->mac.data, s->mac.n),
                              db_blob(s->sealed.data, s->sealed.n), db_int(s->handed)),
                      NULL, f);
    return code;
}

static enum fault_code carry(struct db_conn *from, struct db *to, struct carry_write *w, int64_t *ret_records,
                             struct fault *f)
{
    struct state state = { 0 };
    int64_t records = 0, after = INT64_MIN;
    enum fault_code code = read_state(from, &state, f);
    w->write.run = run_carry;
    w->first = true;
    for (bool more = true; code == FAULT_OK && more; w->first = false) {
        code = read_batch(from, after, w, f);
        if (code != FAULT_OK || (w->first && w->count == 0))
            break;
        more = w->count == BATCH;
        w->state = !more && state.any ? &state : NULL;
        after = w->count > 0 ? w->row[w->count - 1].number : after;
        records += (int64_t)w->count;
        code = db_write_wait(to, &w->write, f);
    }
    mem_wipe(&state, sizeof state);
    if (code == FAULT_OK)
        *ret_records = records;
    return code;
}

enum fault_code audit_carry(struct db *from, struct db *to, int64_t *ret_records, struct fault *f)
{
    struct db_conn *conn;
    AUTO_FREE struct carry_write *w = calloc(1, sizeof *w);
    if (w == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory for the audit trail");
    enum fault_code code = db_read_begin(from, &conn, f);
    if (code != FAULT_OK)
        return code;
    code = carry(conn, to, w, ret_records, f);
    db_read_end(from, conn);
    return code;
}
