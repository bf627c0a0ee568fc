/* SPDX-License-Identifier: Apache-2.0 */
#include "server/refusals.h"

#include "base/log.h"
#include "fleet/refusal.h"
#include "server/field.h"

#include <stdlib.h>
#include <string.h>

void refusals_list(struct request *request, struct reply *reply)
{
    static const char *const known[] = { NULL };
    struct fault f;
    struct refusal *refusals = NULL;
    size_t count = 0;
    enum fault_code code = query_check(&request->query, known, &f);
    if (code == FAULT_OK)
        code = refusal_list(request->fleet, &refusals, &count, &f);
    if (code != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct refusal *r = &refusals[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I, s:o, s:o}", "who", r->who, "protocol",
                                              r->protocol, "words", r->words, "count", (json_int_t)r->count,
                                              "first", field_time(r->first), "last", field_time(r->last)));
    }
    free(refusals);
    reply_json(reply, 200, json_pack("{s:o}", "refusals", list));
}

void refusals_clear(struct request *request, struct reply *reply)
{
    static const char *const known[] = { "who", NULL };
    struct fault f;
    struct mac mac;
    const char *who = query_get(&request->query, "who");
    if (who != NULL && mac_parse(who, strlen(who), &mac))
        who = mac.text;
    enum fault_code code = query_check(&request->query, known, &f);
    if (code == FAULT_OK)
        code = refusal_clear(request->fleet, &request->who, who, &f);
    if (code != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    log_event(LOG_CHANGE, "what=refusals-cleared who=%s by=%s address=%s", who ? LOG_VALUE(who) : "all",
              LOG_VALUE(principal_name(&request->who)), request->who.address);
    reply->status = 204;
    reply_header(reply, "Cache-Control", "no-store");
}
