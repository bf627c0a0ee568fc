/* SPDX-License-Identifier: Apache-2.0 */
#include "server/suspects.h"

#include "base/log.h"
#include "fleet/audit.h"
#include "fleet/census.h"
#include "fleet/crowd.h"
#include "fleet/throttle.h"
#include "server/field.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOGINS_MAX    1000
#define ADDRESSES_MAX 20

static json_t *describe_logins(const struct throttle_suspect *list, size_t count)
{
    json_t *logins = json_array();
    for (size_t i = 0; i < count && i < LOGINS_MAX; i++)
        json_array_append_new(
            logins, json_pack("{s:o, s:s, s:I, s:o, s:o}", "account",
                              list[i].is_address ? json_null() : json_string(list[i].account), "address",
                              list[i].address, "failures", (json_int_t)list[i].failures, "last",
                              field_time(list[i].last), "until", field_time(list[i].until)));
    return logins;
}

static json_t *describe_handsets(const struct census_suspect *list, size_t count)
{
    json_t *handsets = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(handsets,
                              json_pack("{s:s, s:s, s:I, s:I, s:o, s:o}", "mac", list[i].mac.text, "address",
                                        list[i].address, "macs", (json_int_t)list[i].macs, "requests",
                                        (json_int_t)list[i].requests, "since", field_time(list[i].since),
                                        "until", field_time(list[i].until)));
    return handsets;
}

static json_t *describe_crowd(struct fleet *fleet)
{
    struct crowd_count count;
    struct crowd_address largest[ADDRESSES_MAX];
    json_t *addresses = json_array();
    crowd_count(fleet, &count);
    size_t n = crowd_largest(fleet, largest, ADDRESSES_MAX);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(addresses, json_pack("{s:s, s:I, s:I}", "address", largest[i].address,
                                                   "sessions", (json_int_t)largest[i].sessions, "handshakes",
                                                   (json_int_t)largest[i].handshakes));
    return json_pack("{s:I, s:I, s:I, s:o}", "sessions", (json_int_t)count.sessions, "handshakes",
                     (json_int_t)count.handshakes, "turned_away", (json_int_t)count.turned_away, "addresses",
                     addresses);
}

void suspects_list(struct request *request, struct reply *reply)
{
    static const char *const known[] = { NULL };
    struct fault f;
    struct throttle_suspect *logins = NULL;
    struct census_suspect *handsets = NULL;
    size_t n_logins = 0, n_handsets = 0;
    enum fault_code code = query_check(&request->query, known, &f);
    if (code == FAULT_OK)
        code = throttle_list(request->fleet, &logins, &n_logins, &f);
    if (code == FAULT_OK)
        code = census_list(request->fleet, &handsets, &n_handsets, &f);
    if (code == FAULT_OK)
        reply_json(reply, 200,
                   json_pack("{s:o, s:o, s:o}", "logins", describe_logins(logins, n_logins), "handsets",
                             describe_handsets(handsets, n_handsets), "crowd",
                             describe_crowd(request->fleet)));
    else
        reply_fault(reply, &f);
    free(logins);
    free(handsets);
}

/* --- lifting --- */

struct whose {
    const char *account, *address; /* NULL: any */
    bool handset;                  /* mac is set */
    struct mac mac;
};

static enum fault_code read_whose(const struct request *request, struct whose *whose, struct fault *f)
{
    static const char *const known[] = { "account", "address", "handset", NULL };
    const char *mac = query_get(&request->query, "handset");
    *whose = (struct whose){ .account = query_get(&request->query, "account"),
                             .address = query_get(&request->query, "address"),
                             .handset = mac != NULL };
    enum fault_code code = query_check(&request->query, known, f);
    if (code == FAULT_OK && mac != NULL && !mac_parse(mac, strlen(mac), &whose->mac))
        code = fault_set(f, FAULT_INPUT, "'handset' must be a MAC address: 12 hex digits, not all zero");
    if (code == FAULT_OK && mac != NULL && (whose->account != NULL || whose->address != NULL))
        code = fault_set(f, FAULT_INPUT, "give 'handset', or 'account' and 'address', not both");
    return code;
}

static size_t lift(struct fleet *fleet, const struct whose *whose)
{
    size_t count = 0;
    if (!whose->handset)
        count += throttle_forgive(fleet, whose->account, whose->address);
    if (whose->handset)
        count += census_forgive(fleet, &whose->mac);
    else if (whose->account == NULL && whose->address == NULL)
        count += census_forgive(fleet, NULL);
    return count;
}

static void record(const struct request *request, const struct whose *whose, size_t count)
{
    char target[256], detail[32];
    if (whose->handset)
        snprintf(target, sizeof target, "handset %s", whose->mac.text);
    else if (whose->account == NULL && whose->address == NULL)
        snprintf(target, sizeof target, "all");
    else
        snprintf(target, sizeof target, "%s%s%s%s", whose->account ? "account " : "",
                 whose->account ? whose->account : "", whose->address ? " address " : "",
                 whose->address ? whose->address : "");
    snprintf(detail, sizeof detail, "lifted=%zu", count);
    const struct audit_event event = {
        .kind = AUDIT_KIND_SUSPECTS_LIFTED, .who = &request->who, .target = target, .detail = detail
    };
    audit_note(request->fleet, &event);
    log_event(LOG_CHANGE, "what=suspects-lifted whose=%s count=%zu by=%s address=%s", LOG_VALUE(target),
              count, LOG_VALUE(principal_name(&request->who)), request->who.address);
}

void suspects_lift(struct request *request, struct reply *reply)
{
    struct fault f;
    struct whose whose;
    if (read_whose(request, &whose, &f) != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    size_t count = lift(request->fleet, &whose);
    record(request, &whose, count);
    reply_json(reply, 200, json_pack("{s:I}", "lifted", (json_int_t)count));
}
