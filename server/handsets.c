/* SPDX-License-Identifier: Apache-2.0 */
#include "server/handsets.h"

#include "base/log.h"
#include "fleet/exposure.h"
#include "fleet/handset.h"
#include "fleet/lost.h"
#include "server/field.h"

#include <stdlib.h>
#include <string.h>

#define LIST_DEFAULT 100
#define LIST_MAX     1000

static json_t *describe(const struct handset *h)
{
    return json_pack(
        "{s:s, s:s, s:b, s:b, s:b, s:o, s:b, s:I, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:s}", "mac",
        h->mac.text, "label", h->label, "enabled", h->enabled, "require_binding", h->require_binding,
        "accept_expired", h->accept_expired, "pinned", h->pinned[0] ? json_string(h->pinned) : json_null(),
        "legacy", h->legacy, "legacy_count", (json_int_t)h->legacy_count, "legacy_last",
        field_time(h->legacy_last), "lost", field_time(h->lost), "created", field_time(h->created), "changed",
        field_time(h->changed), "last_seen", field_time(h->last_seen), "last_address", h->last_address,
        "user_agent", h->user_agent, "model", h->model, "firmware", h->firmware);
}

enum fault_code handsets_named(const struct request *request, struct mac *ret_mac, struct fault *f)
{
    if (!mac_parse(request->captured, strlen(request->captured), ret_mac))
        return fault_set(f, FAULT_ABSENT, "no such handset");
    return FAULT_OK;
}

static void show(struct request *request, const struct mac *mac, int status, struct reply *reply)
{
    struct fault f;
    struct handset handset;
    if (handset_get(request->fleet, mac, &handset, &f) != FAULT_OK)
        reply_fault(reply, &f);
    else
        reply_json(reply, status, describe(&handset));
}

static void log_change(const struct request *request, const char *what, const struct mac *mac)
{
    log_event(LOG_CHANGE, "what=%s handset=%s by=%s address=%s", what, mac->text,
              LOG_VALUE(principal_name(&request->who)), request->who.address);
}

void handsets_list(struct request *request, struct reply *reply)
{
    static const char *const known[] = { "after", "limit", NULL };
    struct fault f;
    struct mac after;
    int64_t limit = LIST_DEFAULT;
    const char *text = query_get(&request->query, "after");
    struct handset *handsets = NULL;
    size_t count = 0;
    enum fault_code code = query_check(&request->query, known, &f);
    if (code == FAULT_OK)
        code = query_number(&request->query, "limit", 1, LIST_MAX, &limit, &f);
    if (code == FAULT_OK && text != NULL && !mac_parse(text, strlen(text), &after))
        code = fault_set(&f, FAULT_INPUT, "the query parameter 'after' takes a MAC");
    if (code == FAULT_OK)
        code = handset_list(request->fleet, text ? &after : NULL, (size_t)limit, &handsets, &count, &f);
    if (code != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, describe(&handsets[i]));
    /* A full page may have a next one. */
    json_t *next = count == (size_t)limit ? json_string(handsets[count - 1].mac.text) : json_null();
    free(handsets);
    reply_json(reply, 200, json_pack("{s:o, s:o}", "handsets", list, "next", next));
}

static enum fault_code read_change(const struct request *request, struct handset_change *change,
                                   struct fault *f)
{
    enum fault_code code = field_text(request->json, "label", &change->label, f);
    if (code == FAULT_OK)
        code = field_bool(request->json, "enabled", &change->set_enabled, &change->enabled, f);
    if (code == FAULT_OK)
        code =
            field_bool(request->json, "require_binding", &change->set_binding, &change->require_binding, f);
    if (code == FAULT_OK)
        code = field_bool(request->json, "accept_expired", &change->set_expired, &change->accept_expired, f);
    if (code == FAULT_OK)
        code = field_bool(request->json, "legacy", &change->set_legacy, &change->legacy, f);
    if (code == FAULT_OK && json_is_null(json_object_get(request->json, "pinned")))
        change->pinned = "";
    else if (code == FAULT_OK)
        code = field_text(request->json, "pinned", &change->pinned, f);
    return code;
}

void handsets_add(struct request *request, struct reply *reply)
{
    static const char *const known[] = { "mac",    "label",          "enabled", "require_binding",
                                         "pinned", "accept_expired", "legacy",  NULL };
    struct fault f;
    struct mac mac;
    struct handset_change change = { 0 };
    const char *text = NULL;
    enum fault_code code = field_check(request->json, known, &f);
    if (code == FAULT_OK)
        code = field_text(request->json, "mac", &text, &f);
    if (code == FAULT_OK && (text == NULL || !mac_parse(text, strlen(text), &mac)))
        code = fault_set(&f, FAULT_INPUT, "'mac' must be a MAC address: 12 hex digits, not all zero");
    if (code == FAULT_OK)
        code = read_change(request, &change, &f);
    if (code == FAULT_OK)
        code = handset_add(request->fleet, &request->who, &mac, &change, &f);
    if (code != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    log_change(request, "handset-added", &mac);
    show(request, &mac, 201, reply);
    if (reply->status == 201)
        reply_header(reply, "Location", "/api/v1/handsets/%s", mac.text);
}

void handsets_show(struct request *request, struct reply *reply)
{
    struct fault f;
    struct mac mac;
    if (handsets_named(request, &mac, &f) != FAULT_OK)
        reply_fault(reply, &f);
    else
        show(request, &mac, 200, reply);
}

void handsets_change(struct request *request, struct reply *reply)
{
    static const char *const known[] = { "label",  "enabled", "require_binding", "accept_expired", "pinned",
                                         "legacy", NULL };
    struct fault f;
    struct mac mac;
    struct handset_change change = { 0 };
    enum fault_code code = handsets_named(request, &mac, &f);
    if (code == FAULT_OK)
        code = field_check(request->json, known, &f);
    if (code == FAULT_OK)
        code = read_change(request, &change, &f);
    if (code == FAULT_OK)
        code = handset_change(request->fleet, &request->who, &mac, &change, &f);
    if (code != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    log_change(request, "handset-changed", &mac);
    show(request, &mac, 200, reply);
}

void handsets_remove(struct request *request, struct reply *reply)
{
    struct fault f;
    struct mac mac;
    enum fault_code code = handsets_named(request, &mac, &f);
    if (code == FAULT_OK)
        code = handset_remove(request->fleet, &request->who, &mac, &f);
    if (code != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    log_change(request, "handset-removed", &mac);
    reply->status = 204;
    reply_header(reply, "Cache-Control", "no-store");
}

/* --- lost and found --- */

static json_t *describe_secret(const struct exposure_secret *s)
{
    json_t *others = json_array();
    size_t named = s->holders < EXPOSURE_OTHERS_MAX ? s->holders : EXPOSURE_OTHERS_MAX;
    for (size_t i = 0; i < named; i++)
        json_array_append_new(others, json_string(s->others[i].text));
    return json_pack("{s:s, s:s, s:s, s:b, s:I, s:o}", "parameter", s->parameter, "what", s->what, "file",
                     s->path, "shared", s->shared, "holders", (json_int_t)s->holders, "others", others);
}

/* The denial holds already: that its secrets cannot be listed is said, and is no error. */
static json_t *describe_exposure(struct fleet *fleet, const struct mac *mac)
{
    struct fault f;
    struct exposure exposure = { 0 };
    json_t *secrets = json_array(), *closed = json_array(), *fault = json_null();
    if (exposure_look(fleet, mac, &exposure, &f) != FAULT_OK) {
        log_event(LOG_TRANSFER_FAILED, "what=secrets-of-lost handset=%s why=%s", mac->text,
                  LOG_VALUE(f.text));
        fault = json_string(f.text);
    }
    for (size_t i = 0; i < exposure.n_secrets; i++)
        json_array_append_new(secrets, describe_secret(&exposure.secrets[i]));
    for (size_t i = 0; i < exposure.n_closed; i++)
        json_array_append_new(closed, json_pack("{s:s, s:b, s:s}", "file", exposure.closed[i].path, "shared",
                                                exposure.closed[i].shared, "why",
                                                exposure.closed[i].encrypted ? "encrypted" : "unreadable"));
    json_t *value =
        json_pack("{s:o, s:o, s:I, s:b, s:o}", "secrets", secrets, "closed", closed, "others_closed",
                  (json_int_t)exposure.others_closed, "cut", exposure.cut, "fault", fault);
    exposure_fini(&exposure);
    return value;
}

void handsets_lost(struct request *request, struct reply *reply)
{
    struct fault f;
    struct mac mac;
    struct handset handset;
    struct lost_outcome outcome;
    enum fault_code code = handsets_named(request, &mac, &f);
    if (code == FAULT_OK)
        code = lost_report(request->fleet, &request->who, &mac, &outcome, &f);
    if (code == FAULT_OK)
        code = handset_get(request->fleet, &mac, &handset, &f);
    if (code != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    log_change(request, "handset-lost", &mac);
    json_t *value = describe_exposure(request->fleet, &mac);
    json_object_set_new(value, "handset", describe(&handset));
    json_object_set_new(value, "accounts_denied", json_integer(outcome.accounts));
    json_object_set_new(value, "certificates_revoked", json_integer(outcome.certificates));
    reply_json(reply, 200, value);
}

void handsets_found(struct request *request, struct reply *reply)
{
    struct fault f;
    struct mac mac;
    enum fault_code code = handsets_named(request, &mac, &f);
    if (code == FAULT_OK)
        code = lost_found(request->fleet, &request->who, &mac, &f);
    if (code != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    log_change(request, "handset-found", &mac);
    show(request, &mac, 200, reply);
}
