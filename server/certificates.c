/* SPDX-License-Identifier: Apache-2.0 */
#include "server/certificates.h"

#include "base/log.h"
#include "fleet/certificate.h"
#include "server/field.h"

#include <stdlib.h>
#include <string.h>

#define LIST_DEFAULT 100
#define LIST_MAX     1000

static json_t *describe(const struct certificate *c)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:s}", "fingerprint", c->fingerprint,
                     "role", c->role, "name", c->name, "subject", c->subject, "issuer", c->issuer, "serial",
                     c->serial, "not_after", field_time(c->not_after), "first_seen",
                     field_time(c->first_seen), "last_seen", field_time(c->last_seen), "revoked",
                     field_time(c->revoked), "reason", c->reason);
}

/* A MAC in any spelling, or an account's name as it is. */
static const char *spelling(const char *name, struct mac *mac)
{
    if (name == NULL)
        return "";
    return mac_parse(name, strlen(name), mac) ? mac->text : name;
}

void certificates_list(struct request *request, struct reply *reply)
{
    static const char *const known[] = { "name", "after", "limit", NULL };
    struct fault f;
    struct mac mac;
    char after[65] = "";
    int64_t limit = LIST_DEFAULT;
    const char *behind = query_get(&request->query, "after");
    struct certificate *certificates = NULL;
    size_t count = 0;
    enum fault_code code = query_check(&request->query, known, &f);
    if (code == FAULT_OK)
        code = query_number(&request->query, "limit", 1, LIST_MAX, &limit, &f);
    if (code == FAULT_OK && behind != NULL && !certificate_canonical(behind, after))
        code = fault_set(&f, FAULT_INPUT, "the query parameter 'after' takes a fingerprint");
    if (code == FAULT_OK)
        code = certificate_list(request->fleet, after, spelling(query_get(&request->query, "name"), &mac),
                                (size_t)limit, &certificates, &count, &f);
    if (code != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, describe(&certificates[i]));
    /* A full page may have a next one. */
    json_t *next = count == (size_t)limit ? json_string(certificates[count - 1].fingerprint) : json_null();
    free(certificates);
    reply_json(reply, 200, json_pack("{s:o, s:o}", "certificates", list, "next", next));
}

void certificates_revoke(struct request *request, struct reply *reply)
{
    static const char *const known[] = { "reason", NULL };
    struct fault f;
    struct certificate certificate;
    char fingerprint[65] = "";
    const char *reason = NULL;
    enum fault_code code = field_check(request->json, known, &f);
    if (code == FAULT_OK)
        code = field_text(request->json, "reason", &reason, &f);
    if (code == FAULT_OK)
        code = certificate_revoke(request->fleet, &request->who, request->captured, reason ? reason : "", &f);
    (void)certificate_canonical(request->captured, fingerprint);
    if (code == FAULT_OK)
        code = certificate_get(request->fleet, fingerprint, &certificate, &f);
    if (code != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    log_event(LOG_CHANGE, "what=certificate-revoked fingerprint=%s by=%s address=%s", fingerprint,
              LOG_VALUE(principal_name(&request->who)), request->who.address);
    reply_json(reply, 200, describe(&certificate));
}
