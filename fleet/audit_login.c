/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/audit_login.h"

#include "fleet/audit.h"

#include <stdio.h>
#include <string.h>

/* Handsets and the API ask all the time; a person who opens an FTPS session does it once. */
static void granted(const struct login *login)
{
    const struct principal *who = &login->who;
    bool session = who->role != ROLE_HANDSET && strcmp(login->protocol, "ftps") == 0;
    const struct audit_event event = {
        .kind = session ? AUDIT_KIND_LOGIN_SESSION : AUDIT_KIND_LOGIN_GRANTED,
        .who = who,
        .target = login->protocol,
        .detail = who->by_certificate ? "by=certificate" : "by=password",
    };
    audit_note(login->fleet, &event);
    if (login->on.exception == NULL || !who->by_certificate)
        return;
    const struct audit_event exception = { .kind = AUDIT_KIND_LOGIN_EXCEPTION,
                                           .who = who,
                                           .target = login->protocol,
                                           .detail = login->on.exception };
    audit_note(login->fleet, &exception);
}

static const char *name_of(const struct login *login)
{
    struct mac mac;
    if (login->on.account.name[0] != '\0')
        return login->on.account.name;
    if (login->user_unfit)
        return "(unfit)";
    if (login->user[0] == '\0' || mac_parse(login->user, strlen(login->user), &mac))
        return login->user;
    return "(unknown)";
}

static void refused(const struct login *login)
{
    const struct login_case *on = &login->on;
    char detail[512];
    const char *reason = on->reason ? on->reason : "";
    bool noted = on->note[0] != '\0';
    snprintf(detail, sizeof detail, "%s%s%s", reason, noted ? "; certificate: " : "", noted ? on->note : "");
    const struct audit_event event = {
        .kind = AUDIT_KIND_LOGIN_REFUSED,
        .name = name_of(login),
        .address = login->address,
        .certificate = login->peer.fingerprint,
        .target = login->protocol,
        .outcome = login->result == LOGIN_FORBIDDEN ? "another factor is needed" : "refused",
        .detail = detail,
    };
    audit_note(login->fleet, &event);
}

/* Told once by throttle.h, however long it goes on. */
static void throttled(const struct login *login)
{
    const struct throttle_charge *charge = &login->on.charge;
    char detail[96];
    struct audit_event event = {
        .kind = AUDIT_KIND_THROTTLED,
        .name = name_of(login),
        .address = login->address,
        .target = login->protocol,
        .outcome = "slowed down",
        .detail = detail,
    };
    if (charge->pair_is_news) {
        snprintf(detail, sizeof detail, "%lld failures", (long long)charge->failures);
        audit_note(login->fleet, &event);
    }
    if (charge->address_is_news) {
        event.name = "";
        snprintf(detail, sizeof detail, "failed at %lld accounts", (long long)charge->accounts);
        audit_note(login->fleet, &event);
    }
}

void audit_login(const struct login *login)
{
    throttled(login);
    if (login->result == LOGIN_GRANTED)
        granted(login);
    else if (login->result == LOGIN_REFUSED || login->result == LOGIN_FORBIDDEN)
        refused(login);
}
