/* SPDX-License-Identifier: Apache-2.0 */
#include "server/checks.h"

#include "base/mac.h"
#include "fleet/trusting.h"
#include "server/field.h"

#include <string.h>

#define PAGE_MAX 1000

struct chain_wish {
    const char *chain;
    struct mac after; /* empty: from the first on */
    int64_t limit;
};

static enum fault_code read_chain_wish(const struct request *request, struct chain_wish *wish,
                                       struct fault *f)
{
    static const char *const known[] = { "chain", "after", "limit", NULL };
    const char *after = NULL;
    const json_t *limit = json_object_get(request->json, "limit");
    enum fault_code code = field_check(request->json, known, f);
    if (code == FAULT_OK)
        code = field_text(request->json, "chain", &wish->chain, f);
    if (code == FAULT_OK)
        code = field_text(request->json, "after", &after, f);
    if (code != FAULT_OK)
        return code;
    if (wish->chain == NULL)
        return fault_set(f, FAULT_INPUT, "'chain' must be a certificate chain in PEM, leaf first");
    if (after != NULL && !mac_parse(after, strlen(after), &wish->after))
        return fault_set(f, FAULT_INPUT, "'after' must be a MAC address: 12 hex digits, not all zero");
    if (limit != NULL)
        wish->limit = json_is_integer(limit) ? json_integer_value(limit) : 0;
    if (wish->limit < 1 || wish->limit > PAGE_MAX)
        return fault_set(f, FAULT_INPUT, "'limit' must be a number from 1 to %d", PAGE_MAX);
    return FAULT_OK;
}

static json_t *describe(const struct trusting *t)
{
    json_t *refusing = json_array(), *unsure = json_array();
    for (size_t i = 0; i < t->count; i++) {
        const struct trusting_handset *one = &t->list[i];
        json_array_append_new(one->unsure ? unsure : refusing,
                              json_pack("{s:s, s:s, s:s, s:b, s:s}", "mac", one->mac.text, "label",
                                        one->label, "file", one->file, "shared", one->shared, "ca",
                                        one->subject));
    }
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "handsets", (json_int_t)t->handsets,
                     "accepting", (json_int_t)t->accepting, "without_ca", (json_int_t)t->without, "opaque",
                     (json_int_t)t->opaque, "unreadable_files", (json_int_t)t->unreadable, "refusing",
                     refusing, "unsure", unsure, "next", t->more ? json_string(t->last.text) : json_null());
}

void checks_chain(struct request *request, struct reply *reply)
{
    struct fault f;
    struct chain_wish wish = { .limit = PAGE_MAX };
    struct trusting trusting = { 0 };
    enum fault_code code = read_chain_wish(request, &wish, &f);
    if (code == FAULT_OK)
        code = trusting_look(request->fleet, &request->who, wish.chain,
                             wish.after.text[0] ? &wish.after : NULL, (size_t)wish.limit, &trusting, &f);
    if (code != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    reply_json(reply, 200, describe(&trusting));
    trusting_fini(&trusting);
}
