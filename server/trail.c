/* SPDX-License-Identifier: Apache-2.0 */
#include "server/trail.h"

#include "base/mem.h"
#include "fleet/audit.h"
#include "server/field.h"

#include <stdlib.h>

#define LIST_DEFAULT 100
#define LIST_MAX     1000

static json_t *describe_hex(const void *data, size_t n)
{
    AUTO_FREE char *hex = malloc(2 * n + 1);
    if (hex == NULL)
        return NULL;
    secret_hex(data, n, hex);
    return json_stringn(hex, 2 * n);
}

/* A row that is no record any more has its bytes alone. */
static json_t *describe(const struct audit_row *row)
{
    struct chain_record record;
    json_t *value = json_pack("{s:I, s:o, s:o}", "number", (json_int_t)row->number, "record",
                              describe_hex(row->record, row->n), "mac",
                              describe_hex(row->mac.bytes, sizeof row->mac.bytes));
    if (chain_decode(row->record, row->n, &record, NULL) != FAULT_OK)
        return value;
    const char *name = NULL, *text;
    json_object_set_new(value, "time", field_time(record.at));
    for (size_t i = 0; (text = chain_field(&record, i, &name)) != NULL; i++)
        json_object_set_new(value, name, json_string(text));
    return value;
}

void trail_list(struct request *request, struct reply *reply)
{
    static const char *const known[] = { "after", "since", "limit", NULL };
    struct fault f;
    int64_t after = 0, since = 0, limit = LIST_DEFAULT;
    struct audit_row *rows = NULL;
    size_t count = 0;
    enum fault_code code = query_check(&request->query, known, &f);
    if (code == FAULT_OK)
        code = query_number(&request->query, "after", 0, INT64_MAX, &after, &f);
    if (code == FAULT_OK)
        code = query_number(&request->query, "since", 0, INT64_MAX, &since, &f);
    if (code == FAULT_OK)
        code = query_number(&request->query, "limit", 1, LIST_MAX, &limit, &f);
    if (code == FAULT_OK)
        code = audit_list(request->fleet, after, since, (size_t)limit, &rows, &count, &f);
    if (code != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    const struct audit_event event = { .kind = AUDIT_KIND_AUDIT_READ, .who = &request->who };
    audit_note(request->fleet, &event);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, describe(&rows[i]));
    /* A full page may have a next one. */
    json_t *next = count == (size_t)limit ? json_integer(rows[count - 1].number) : json_null();
    free(rows);
    reply_json(reply, 200, json_pack("{s:o, s:o}", "records", list, "next", next));
}
