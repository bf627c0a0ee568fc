/* SPDX-License-Identifier: Apache-2.0 */
#include "server/seals.h"

#include "base/log.h"
#include "fleet/master.h"
#include "fleet/reseal.h"
#include "server/field.h"

static json_t *describe_key(const struct reseal_key *key)
{
    return json_pack("{s:I, s:s, s:o, s:I, s:I, s:b}", "id", (json_int_t)key->id, "purpose", key->purpose,
                     "created", field_time(key->created), "contents", (json_int_t)key->contents, "bytes",
                     (json_int_t)key->bytes, "current", key->current);
}

void seals_status(struct request *request, struct reply *reply)
{
    static const char *const known[] = { NULL };
    struct fault f;
    struct reseal_status status;
    enum fault_code code = query_check(&request->query, known, &f);
    if (code == FAULT_OK)
        code = reseal_status(request->fleet, &status, &f);
    if (code != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    json_t *keys = json_array();
    for (size_t i = 0; i < status.count; i++)
        json_array_append_new(keys, describe_key(&status.key[i]));
    reply_json(reply, 200,
               json_pack("{s:o, s:I, s:b, s:I, s:I, s:I, s:I, s:b}", "keys", keys, "own_keys",
                         (json_int_t)status.own, "running", status.running, "done", (json_int_t)status.done,
                         "total", (json_int_t)status.total, "rate",
                         (json_int_t)request->fleet->settings->seal_rate, "damaged",
                         (json_int_t)status.damaged, "scrubbing", status.scrubbing));
}

void seals_rotate(struct request *request, struct reply *reply)
{
    static const char *const known[] = { NULL };
    struct fault f;
    uint32_t key = 0;
    enum fault_code code = query_check(&request->query, known, &f);
    if (code == FAULT_OK)
        code = reseal_rotate(request->fleet, &request->who, &key, &f);
    if (code != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    log_event(LOG_CHANGE, "what=seal-rotated key=%lu by=%s address=%s", (unsigned long)key,
              LOG_VALUE(principal_name(&request->who)), request->who.address);
    reply_json(reply, 202, json_pack("{s:I}", "key", (json_int_t)key));
}

void seals_rewrap(struct request *request, struct reply *reply)
{
    static const char *const known[] = { NULL };
    struct fault f;
    bool move = false;
    enum fault_code code = query_check(&request->query, known, &f);
    if (code == FAULT_OK)
        code = master_rewrap(request->fleet, &request->who, &move, &f);
    if (code != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    log_event(LOG_CHANGE, "what=seal-rewrapped by=%s address=%s%s", LOG_VALUE(principal_name(&request->who)),
              request->who.address, move ? " todo=\"make master_key_next the master_key\"" : "");
    reply_json(reply, 200, json_pack("{s:b}", "make_next_master_key", move));
}
