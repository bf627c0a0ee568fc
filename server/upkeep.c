/* SPDX-License-Identifier: Apache-2.0 */
#include "server/upkeep.h"

#include "base/log.h"
#include "fleet/audit.h"
#include "fleet/backup.h"
#include "fleet/patrol.h"
#include "server/field.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TYPE_OPAQUE "application/octet-stream"

static void note_backup(const struct request *request, const char *outcome, int64_t bytes)
{
    char detail[40] = "";
    if (bytes >= 0)
        snprintf(detail, sizeof detail, "bytes=%" PRId64, bytes);
    const struct audit_event event = {
        .kind = AUDIT_KIND_BACKUP_TAKEN, .who = &request->who, .outcome = outcome, .detail = detail
    };
    audit_note(request->fleet, &event);
}

void upkeep_backup(struct request *request, struct reply *reply)
{
    struct fault f;
    struct reader *reader = NULL;
    /* HEAD must not cost a copy of the catalog; how long the answer would be is not known without one. */
    if (request->method == METHOD_HEAD) {
        reply->length = -1;
        reply->bodiless = true;
    } else if (backup_open(request->fleet, &request->who, &reader, &f) != FAULT_OK) {
        note_backup(request, fault_word(f.code), -1);
        log_event(LOG_BACKUP_FAILED, "by=%s address=%s why=%s", LOG_VALUE(principal_name(&request->who)),
                  request->who.address, LOG_VALUE(f.text));
        reply_fault(reply, &f);
        return;
    } else {
        reply->reader = reader;
        reply->length = reader_size(reader);
        note_backup(request, NULL, reply->length);
        log_event(LOG_BACKUP, "by=%s address=%s bytes=%lld", LOG_VALUE(principal_name(&request->who)),
                  request->who.address, (long long)reply->length);
    }
    reply->status = 200;
    reply_header(reply, "Content-Type", TYPE_OPAQUE);
    reply_header(reply, "Content-Disposition", "attachment; filename=\"cradle.backup\"");
    reply_header(reply, "Cache-Control", "no-store");
}

static json_t *describe(const struct patrol_report *report)
{
    static const char *const states[] = { "idle", "running", "done", "failed" };
    const struct verify_counts *counts = &report->counts;
    json_t *damage = json_array();
    for (size_t i = 0; i < report->named; i++)
        json_array_append_new(damage,
                              json_pack("{s:s, s:s, s:s}", "content", report->damage[i].content, "place",
                                        report->damage[i].place, "why", report->damage[i].words));
    return json_pack("{s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:s}", "state", states[report->state],
                     "started", field_time(report->started), "ended", field_time(report->ended), "contents",
                     (json_int_t)counts->contents, "contents_done", (json_int_t)counts->done, "bytes",
                     (json_int_t)counts->bytes, "bytes_done", (json_int_t)counts->done_bytes, "damaged",
                     (json_int_t)counts->damaged, "damage", damage, "why", report->words);
}

static void show(struct request *request, int status, struct reply *reply)
{
    struct fault f;
    struct patrol_report report;
    if (patrol_look(request->fleet, &report, &f) != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    reply_json(reply, status, describe(&report));
    free(report.damage);
}

void upkeep_verify(struct request *request, struct reply *reply)
{
    struct fault f;
    if (patrol_begin(request->fleet, &request->who, &f) != FAULT_OK)
        reply_fault(reply, &f);
    else
        show(request, 202, reply);
}

void upkeep_verified(struct request *request, struct reply *reply)
{
    show(request, 200, reply);
}
