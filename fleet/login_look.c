/* SPDX-License-Identifier: Apache-2.0 */
/* The first step of an attempt: whom certificate and user name name, by the catalog. */
#include "fleet/login_inner.h"

#include "base/mem.h"
#include "fleet/certificate.h"
#include "fleet/handset.h"

#include <string.h>

enum settings_factors login_rule(const struct settings *settings, enum role role)
{
    switch (role) {
    case ROLE_HANDSET:
        return settings->auth_handset;
    case ROLE_ADMINISTRATOR:
        return settings->auth_administrator;
    case ROLE_OPERATOR:
        return settings->auth_operator;
    }
    return FACTORS_BOTH;
}

enum tls_version login_floor(const struct settings *settings, enum serves serves, enum role role)
{
    if (serves == SERVES_LEGACY)
        return (enum tls_version)settings->legacy_tls_minimum;
    switch (role) {
    case ROLE_HANDSET:
        return (enum tls_version)settings->tls_minimum_handset;
    case ROLE_ADMINISTRATOR:
        return (enum tls_version)settings->tls_minimum_administrator;
    case ROLE_OPERATOR:
        return (enum tls_version)settings->tls_minimum_operator;
    }
    return TLS_1_3;
}

static enum settings_binding binding_of(const struct login *login, const struct handset *handset)
{
    return handset->require_binding ? BINDING_REQUIRE : login->fleet->settings->data_binding;
}

static enum fault_code uncertified(struct login *login, const char *note)
{
    mem_copy_text(login->on.note, sizeof login->on.note, note);
    return FAULT_OK;
}

static enum fault_code denied(struct login *login, const char *why)
{
    login->on.denied = why;
    return FAULT_OK;
}

/* The name of the handset's account when it has exactly one. */
static enum fault_code name_of_handset(struct login_case *on, struct db_conn *conn, struct fault *f)
{
    struct db_rows rows;
    int count = 0;
    db_select(conn, SQL_ACCOUNT_OF_HANDSET, DB_ARGS(db_text(on->mac.text)), &rows);
    while (db_next(&rows)) {
        mem_copy_text(on->name, sizeof on->name, db_row_text(&rows, 0));
        count++;
    }
    if (count != 1)
        on->name[0] = '\0';
    return db_end(&rows, f);
}

static enum fault_code look_handset(struct login *login, struct db_conn *conn, struct fault *f)
{
    struct login_case *on = &login->on;
    struct handset handset;
    if (!mac_parse(login->peer.common_name, strlen(login->peer.common_name), &on->mac))
        return uncertified(login, "its CN is not a MAC");
    on->shown = true;
    enum fault_code code = handset_find(conn, &on->mac, &handset, f);
    if (code == FAULT_ABSENT)
        return uncertified(login, "its handset is not registered");
    if (code != FAULT_OK)
        return code;
    if (handset.lost > 0)
        return denied(login, "its handset was reported lost");
    if (!handset.enabled)
        return uncertified(login, "its handset is disabled");
    if (!serves_role(login->serves, on->role))
        return uncertified(login, "this listener does not serve its role");
    if (login->serves == SERVES_LEGACY && !handset.legacy)
        return uncertified(login, "this listener is for handsets that are marked legacy");
    on->member = true;
    on->binding[0] = binding_of(login, &handset);
    return name_of_handset(on, conn, f);
}

static enum fault_code look_member(struct login *login, struct db_conn *conn, struct fault *f)
{
    struct login_case *on = &login->on;
    struct account account;
    char stored[SECRET_STORED_MAX] = "";
    if (!account_canonical(login->peer.common_name, on->name))
        return uncertified(login, "its CN is not an account's name");
    enum fault_code code = account_find(conn, on->name, &account, stored, f);
    mem_wipe(stored, sizeof stored);
    if (code == FAULT_ABSENT)
        return uncertified(login, "there is no account of its CN");
    if (code != FAULT_OK)
        return code;
    if (account.role != on->role)
        return uncertified(login, "the account of its CN has another role than its CA gives");
    if (!account.enabled)
        return uncertified(login, "the account of its CN is disabled");
    if (!serves_role(login->serves, on->role))
        return uncertified(login, "this listener does not serve its role");
    on->shown = on->member = true;
    return FAULT_OK;
}

/* What is wrong with it may be what its handset is allowed to have wrong. *ret_exception: which it is, or
 * NULL. */
static enum fault_code look_exception(const struct login *login, struct db_conn *conn,
                                      const char **ret_exception, struct fault *f)
{
    const struct tls_peer *peer = &login->peer;
    struct mac mac;
    struct handset handset;
    bool expired = peer->expired && peer->bundle == ROLE_HANDSET;
    *ret_exception = NULL;
    if ((!expired && !peer->self_signed) || !mac_parse(peer->common_name, strlen(peer->common_name), &mac))
        return FAULT_OK;
    enum fault_code code = handset_find(conn, &mac, &handset, f);
    if (code == FAULT_OK && expired && handset.accept_expired)
        *ret_exception = "its certificate has expired, which is accepted of this handset";
    else if (code == FAULT_OK && peer->self_signed && strcmp(handset.pinned, peer->fingerprint) == 0)
        *ret_exception = "its certificate is self-signed, and pinned for this handset";
    return code == FAULT_ABSENT ? FAULT_OK : code;
}

static enum fault_code look_certificate(struct login *login, struct db_conn *conn, struct fault *f)
{
    struct login_case *on = &login->on;
    const struct tls_peer *peer = &login->peer;
    bool revoked = false;
    if (peer->state == TLS_PEER_NONE)
        return FAULT_OK;
    if (peer->state == TLS_PEER_REVOKED)
        return denied(login, peer->reason);
    enum fault_code code = certificate_is_revoked(conn, peer->fingerprint, &revoked, f);
    if (code == FAULT_OK && revoked)
        return denied(login, "revoked here, or with its handset");
    if (code == FAULT_OK && peer->state == TLS_PEER_UNFIT)
        code = look_exception(login, conn, &on->exception, f);
    if (code != FAULT_OK)
        return code;
    if (peer->state == TLS_PEER_UNFIT && on->exception == NULL)
        return uncertified(login, peer->reason);
    on->role = on->exception ? ROLE_HANDSET : (enum role)peer->bundle;
    if ((unsigned)on->role >= ROLE_COUNT)
        return fault_set(f, FAULT_INTERNAL, "a certificate was verified by no bundle");
    code = on->role == ROLE_HANDSET ? look_handset(login, conn, f) : look_member(login, conn, f);
    enum settings_factors rule = login_rule(login->fleet->settings, on->role);
    on->suffices = code == FAULT_OK && on->member && (rule == FACTORS_CERTIFICATE || rule == FACTORS_EITHER);
    return code;
}

/* Whatever keeps this account from coming in is a reason for the log, and looks like an unknown name from
 * outside. */
static enum fault_code look_account(struct login *login, struct db_conn *conn, struct fault *f)
{
    struct login_case *on = &login->on;
    char name[ACCOUNT_NAME_LIMIT + 1];
    struct handset handset;
    on->reason = "unknown account";
    if (login->user_unfit || !account_canonical(login->user, name))
        return FAULT_OK;
    enum fault_code code = account_find(conn, name, &on->account, on->stored, f);
    if (code == FAULT_ABSENT)
        return FAULT_OK;
    if (code == FAULT_OK && on->account.role == ROLE_HANDSET) {
        code = handset_find(conn, &on->account.mac, &handset, f);
        if (code == FAULT_ABSENT)
            return fault_set(f, FAULT_DAMAGED, "the account %s has no handset", name);
        if (code == FAULT_OK)
            on->binding[1] = binding_of(login, &handset);
    }
    if (code != FAULT_OK)
        return code;
    if (!on->account.enabled)
        on->reason = "the account is disabled";
    else if (on->account.role == ROLE_HANDSET && !handset.enabled)
        on->reason = "the account's handset is disabled";
    else if (!on->account.has_password)
        on->reason = "the account has no password";
    else if (!serves_role(login->serves, on->account.role))
        on->reason = "this listener does not serve the account's role";
    else if (login->serves == SERVES_LEGACY && !handset.legacy)
        on->reason = "this listener is for handsets that are marked legacy";
    else {
        on->reason = login->password_unfit ? "a password that nobody can have" : NULL;
        on->known = true;
        return FAULT_OK;
    }
    mem_wipe(on->stored, sizeof on->stored);
    return FAULT_OK;
}

enum fault_code login_look(struct login *login, struct db_conn *conn, struct fault *f)
{
    enum fault_code code = look_certificate(login, conn, f);
    if (code == FAULT_OK && login->has_password)
        code = look_account(login, conn, f);
    return code;
}
