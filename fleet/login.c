/* SPDX-License-Identifier: Apache-2.0 */
/* One attempt walks: look (a few rows of the catalog) > judge (by shape and certificate) > verify (at once,
 * or on a hash worker, in the lane that throttle.h gives it) > right or wrong > finish. */
#include "fleet/login.h"

#include "base/log.h"
#include "base/mem.h"
#include "fleet/audit_login.h"
#include "fleet/certificate.h"
#include "fleet/delivery.h"
#include "fleet/evict.h"
#include "fleet/handset.h"
#include "fleet/login_inner.h"
#include "fleet/memory.h"
#include "fleet/vault.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Handsets that never were given a user name say this one. No account can have it (account.h). */
#define FACTORY_DEFAULT "PlcmSpIp"

bool login_asks_certificate(const struct settings *settings, enum serves serves)
{
    for (int role = 0; role < ROLE_COUNT; role++)
        if (serves_role(serves, (enum role)role) && login_rule(settings, (enum role)role) != FACTORS_PASSWORD)
            return true;
    return false;
}

bool login_holds(const struct principal *who, const struct tls_peer *then, const struct tls_peer *now)
{
    if (now->state == TLS_PEER_REVOKED)
        return false;
    return !who->by_certificate || (now->state == then->state && now->bundle == then->bundle &&
                                    now->expired == then->expired && now->self_signed == then->self_signed);
}

/* --- finish --- */

static void write_log(struct login *login)
{
    const struct login_case *on = &login->on;
    if (login->result == LOGIN_PASSWORD_NEEDED)
        return;
    if (login->result == LOGIN_BUSY && login->suspect) {
        log_event(LOG_LOGIN_AWAY, "protocol=%s address=%s user=%s", login->protocol, login->address,
                  LOG_VALUE(on->attempt.account));
        return;
    }
    if (login->result == LOGIN_BUSY) {
        log_event(LOG_OVERLOAD, "what=login protocol=%s address=%s why=%s", login->protocol, login->address,
                  LOG_VALUE(on->reason));
        return;
    }
    if (on->denied != NULL)
        log_event(LOG_LOGIN_REVOKED, "protocol=%s address=%s name=%s fingerprint=%s why=%s", login->protocol,
                  login->address, LOG_VALUE(login->peer.common_name), login->peer.fingerprint,
                  LOG_VALUE(on->denied));
    if (on->note[0] != '\0')
        log_event(LOG_LOGIN_CERTIFICATE, "protocol=%s address=%s name=%s fingerprint=%s why=%s",
                  login->protocol, login->address, LOG_VALUE(login->peer.common_name),
                  login->peer.fingerprint, LOG_VALUE(on->note));
    if (login->result == LOGIN_GRANTED && on->exception != NULL && login->who.by_certificate)
        log_event(LOG_LOGIN_EXCEPTION, "protocol=%s address=%s handset=%s fingerprint=%s why=%s",
                  login->protocol, login->address, on->mac.text, login->peer.fingerprint,
                  LOG_VALUE(on->exception));
    if (login->result == LOGIN_GRANTED)
        log_event(LOG_LOGIN_OK, "protocol=%s address=%s role=%s name=%s by=%s", login->protocol,
                  login->address, role_name(login->who.role), LOG_VALUE(principal_name(&login->who)),
                  login->who.by_certificate ? "certificate" : "password");
    else
        log_event(LOG_LOGIN_REFUSED, "protocol=%s address=%s user=%s why=%s failures=%lld delay_ms=%lld",
                  login->protocol, login->address, login->user_unfit ? "(unfit)" : LOG_VALUE(login->user),
                  LOG_VALUE(on->reason), (long long)on->charge.failures, (long long)login->refuse_after_ms);
    if (on->charge.pair_is_news)
        log_event(LOG_LOGIN_THROTTLED, "address=%s user=%s failures=%lld", login->address,
                  LOG_VALUE(on->attempt.account), (long long)on->charge.failures);
    if (on->charge.address_is_news)
        log_event(LOG_LOGIN_SPRAYED, "address=%s accounts=%lld", login->address,
                  (long long)on->charge.accounts);
}

/* Who failed is charged with it, who got in with a right password is cleared. */
static void settle(struct login *login)
{
    struct login_case *on = &login->on;
    bool granted = login->result == LOGIN_GRANTED;
    if (granted && on->right) {
        throttle_succeeded(login->fleet, &on->attempt, !secret_is_made(on->stored));
    } else if (login->result == LOGIN_REFUSED || (granted && on->wrong)) {
        throttle_failed(login->fleet, &on->attempt, granted, &on->charge);
        login->refuse_after_ms = on->charge.delay;
    }
}

static void finish(struct login *login, enum login_result result, const char *reason)
{
    login->result = result;
    login->on.reason = reason;
    settle(login);
    write_log(login);
    audit_login(login);
    if (result == LOGIN_GRANTED && login->on.member)
        certificate_seen(login->fleet, &login->peer, login->on.role,
                         login->on.role == ROLE_HANDSET ? login->on.mac.text : login->on.name);
    if (result == LOGIN_GRANTED && login->who.by_certificate)
        delivery_done(login->fleet, login->peer.fingerprint);
    login->on.reason = NULL;
    mem_wipe(login->password, sizeof login->password);
    mem_wipe(login->on.stored, sizeof login->on.stored);
    login->done(login);
}

static void fill_who(struct login *login, bool by_certificate)
{
    struct principal who = { .by_certificate = by_certificate };
    mem_copy_text(who.address, sizeof who.address, login->address);
    if (by_certificate)
        mem_copy_text(who.fingerprint, sizeof who.fingerprint, login->peer.fingerprint);
    login->who = who;
}

/* Whoever `who` is, he may come with a TLS that is too old for what his role may do. */
static void grant(struct login *login)
{
    enum tls_version floor = login_floor(login->fleet->settings, login->serves, login->who.role);
    if (login->peer.version < floor) {
        memset(&login->who, 0, sizeof login->who);
        finish(login, LOGIN_FORBIDDEN,
               floor == TLS_1_3 ? "right, but this role needs TLS 1.3" : "right, but the TLS is too old");
        return;
    }
    if (login->serves == SERVES_LEGACY)
        handset_seen_legacy(login->fleet, &login->who);
    finish(login, LOGIN_GRANTED, NULL);
}

static void grant_certificate(struct login *login)
{
    const struct login_case *on = &login->on;
    fill_who(login, true);
    login->who.role = on->role;
    login->who.mac = on->mac;
    login->who.binding = on->binding[0];
    mem_copy_text(login->who.account, sizeof login->who.account, on->name);
    grant(login);
}

static void grant_account(struct login *login, bool with_certificate)
{
    const struct login_case *on = &login->on;
    fill_who(login, with_certificate);
    login->who.role = on->account.role;
    login->who.mac = on->account.mac;
    login->who.binding = on->binding[1];
    mem_copy_text(login->who.account, sizeof login->who.account, on->account.name);
    grant(login);
}

/* --- right and wrong --- */

static bool is_same_member(const struct login_case *on)
{
    if (on->account.role != on->role)
        return false;
    return on->role == ROLE_HANDSET ? mac_equal(&on->account.mac, &on->mac)
                                    : strcmp(on->account.name, on->name) == 0;
}

/* Does the certificate name somebody else than the account? A handset's does even when that handset is not of
 * the fleet: it is then somebody else's handset. */
static bool is_conflict(const struct login_case *on)
{
    if (!on->shown || is_same_member(on))
        return false;
    return on->member || (on->role == ROLE_HANDSET && on->account.role == ROLE_HANDSET);
}

static void right(struct login *login)
{
    const struct login_case *on = &login->on;
    login->on.right = true;
    if (is_conflict(on)) {
        finish(login, LOGIN_REFUSED, "right password of another account than the certificate's");
        return;
    }
    if (on->suffices) {
        grant_certificate(login);
        return;
    }
    switch (login_rule(login->fleet->settings, on->account.role)) {
    case FACTORS_PASSWORD:
    case FACTORS_EITHER:
        grant_account(login, false);
        return;
    case FACTORS_BOTH:
        if (on->member) {
            grant_account(login, true);
            return;
        }
        finish(login, LOGIN_FORBIDDEN, "right password, but this role needs a certificate as well");
        return;
    case FACTORS_CERTIFICATE:
        finish(login, LOGIN_FORBIDDEN, "right password, but this role needs a certificate");
        return;
    }
    finish(login, LOGIN_REFUSED, "no such rule");
}

static void wrong(struct login *login)
{
    if (login->on.suffices)
        grant_certificate(login);
    else
        finish(login, LOGIN_REFUSED, login->on.reason ? login->on.reason : "wrong password");
}

/* --- verify --- */

static struct memory_claim claim_of(const struct login *login, bool is_right)
{
    const struct login_case *on = &login->on;
    return (struct memory_claim){
        .account = on->known ? on->account.name : login->user,
        .stored = on->stored,
        .changed = on->known ? on->account.changed : 0,
        .password = login->password,
        .right = is_right,
    };
}

/* Can anybody have this name and password? */
static bool is_fit(const struct login *login)
{
    return !login->user_unfit && !login->password_unfit && login->password[0] != '\0';
}

/* Was this verdict given lately? Whoever is not known to throttle.h may ask only when its turn for a hash has
 * come. */
static bool remembers(const struct login *login, bool is_right)
{
    const struct login_case *on = &login->on;
    if (!is_fit(login) || (is_right && (!on->known || secret_is_made(on->stored))))
        return false;
    struct memory_claim claim = claim_of(login, is_right);
    return memory_knows(login->fleet->memory, &claim);
}

/* On a hash worker: one hash, whatever there is to compare with. */
static void hash(struct login *login)
{
    const struct login_case *on = &login->on;
    if (remembers(login, true)) {
        right(login);
        return;
    }
    bool real = on->known && is_fit(login) && !secret_is_made(on->stored);
    bool ok = secret_verify(vault_password_key(login->fleet->vault), real ? login->password : "-",
                            real ? on->stored : NULL);
    struct memory_claim claim = claim_of(login, ok);
    if (ok || (on->suffices && is_fit(login)))
        memory_keep(login->fleet->memory, &claim);
    login->on.wrong = !ok;
    if (ok)
        right(login);
    else
        wrong(login);
}

static void run_hash(struct work *work)
{
    hash(CONTAINER_OF(work, struct login, work));
}

/* A suspect goes to the one worker for such, or away. */
static void give_suspect(struct login *login, enum throttle_lane lane)
{
    login->suspect = true;
    login->work.run = run_hash;
    if (login->on
            .suffices) /* it gets in whatever the password is: nobody locks it out, nobody learns by it */
        grant_certificate(login);
    else if (lane == THROTTLE_AWAY || !work_give(login->fleet->suspects, &login->work))
        finish(login, LOGIN_BUSY, "failed logins wait for their turn");
}

/* While it waited, others may have failed in its name: a flood that came all at once gets no further. */
static void run_open(struct work *work)
{
    struct login *login = CONTAINER_OF(work, struct login, work);
    enum throttle_lane lane = throttle_lane(login->fleet, &login->on.attempt);
    if (lane == THROTTLE_SLOW || lane == THROTTLE_AWAY)
        give_suspect(login, lane);
    else
        hash(login);
}

static void give_hash(struct login *login)
{
    enum throttle_lane lane = throttle_lane(login->fleet, &login->on.attempt);
    if (lane == THROTTLE_SLOW || lane == THROTTLE_AWAY) {
        give_suspect(login, lane);
        return;
    }
    login->work.run = lane == THROTTLE_FIRST ? run_hash : run_open;
    bool given = lane == THROTTLE_FIRST ? work_give_first(login->fleet->hashes, &login->work)
                                        : work_give(login->fleet->hashes, &login->work);
    if (!given)
        finish(login, LOGIN_BUSY, "too many logins wait for a password hash");
}

static void verify(struct login *login)
{
    const struct login_case *on = &login->on;
    bool made = on->known && secret_is_made(on->stored);
    if (is_fit(login) && made &&
        secret_verify(vault_password_key(login->fleet->vault), login->password, on->stored))
        right(login);
    else if (throttle_knows(login->fleet, &on->attempt) && remembers(login, true))
        right(login);
    else if (on->suffices && remembers(login, false))
        wrong(login);
    else
        give_hash(login);
}

/* --- judge --- */

static void judge(struct login *login)
{
    const struct login_case *on = &login->on;
    struct mac named;
    bool has_user = login->user[0] != '\0' || login->user_unfit;
    bool of_mac_shape = !login->user_unfit && mac_parse(login->user, strlen(login->user), &named);
    bool own_mac = of_mac_shape && on->shown && on->role == ROLE_HANDSET && mac_equal(&named, &on->mac);

    if (on->denied != NULL) {
        finish(login, LOGIN_REFUSED, on->denied);
    } else if (on->shown && of_mac_shape && !own_mac) {
        finish(login, LOGIN_REFUSED, "the user name is another handset's than the certificate's");
    } else if (on->suffices) {
        bool nobody = !login->user_unfit && strcasecmp(login->user, FACTORY_DEFAULT) == 0;
        bool own = own_mac || (on->known && is_same_member(on));
        if (!login->has_password || !has_user || nobody || own)
            grant_certificate(login);
        else
            verify(login);
    } else if (!login->has_password) {
        finish(login, LOGIN_PASSWORD_NEEDED, NULL);
    } else if (!has_user) {
        finish(login, LOGIN_REFUSED, "a password without a user name");
    } else {
        verify(login);
    }
}

/* --- start --- */

static void look(struct login *login)
{
    struct fault f;
    struct db_conn *conn;
    enum fault_code code = db_read_begin(login->fleet->db, &conn, &f);
    if (code == FAULT_OK) {
        code = login_look(login, conn, &f);
        if (code == FAULT_OK && login->has_password)
            code = throttle_begin(login->fleet, login->user_unfit ? "(unfit)" : login->user, login->password,
                                  login->address, &login->on.attempt, &f);
        db_read_end(login->fleet->db, conn);
    }
    if (code == FAULT_OK)
        judge(login);
    else
        finish(login, LOGIN_BUSY, f.text);
}

void login_start(struct login *login)
{
    memset(&login->on, 0, sizeof login->on);
    memset(&login->who, 0, sizeof login->who);
    login->since = evict_mark(login->fleet->evictions);
    enum settings_binding binding = login->fleet->settings->data_binding;
    login->on.binding[0] = login->on.binding[1] = binding;
    login->suspect = false;
    login->refuse_after_ms = login->fleet->settings->refusal_delay;
    look(login);
}
