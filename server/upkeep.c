/* SPDX-License-Identifier: Apache-2.0 */
#include "server/upkeep.h"

#include "base/log.h"
#include "fleet/backup.h"

#define TYPE_OPAQUE "application/octet-stream"

void upkeep_backup(struct request *request, struct reply *reply)
{
    struct fault f;
    struct reader *reader = NULL;
    /* HEAD must not cost a copy of the catalog; how long the answer would be is not known without one. */
    if (request->method == METHOD_HEAD) {
        reply->length = -1;
        reply->bodiless = true;
    } else if (backup_open(request->fleet, &request->who, &reader, &f) != FAULT_OK) {
        log_event(LOG_BACKUP_FAILED, "by=%s address=%s why=%s", LOG_VALUE(principal_name(&request->who)),
                  request->who.address, LOG_VALUE(f.text));
        reply_fault(reply, &f);
        return;
    } else {
        reply->reader = reader;
        reply->length = reader_size(reader);
        log_event(LOG_BACKUP, "by=%s address=%s bytes=%lld", LOG_VALUE(principal_name(&request->who)),
                  request->who.address, (long long)reply->length);
    }
    reply->status = 200;
    reply_header(reply, "Content-Type", TYPE_OPAQUE);
    reply_header(reply, "Content-Disposition", "attachment; filename=\"cradle.backup\"");
    reply_header(reply, "Cache-Control", "no-store");
}
