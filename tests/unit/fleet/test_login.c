/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "fleet/certificate.h"
#include "fleet/memory.h"
#include "tests/unit/fleet/attempt.h"

#define M2 "00907a000002" /* account ward2, made secret */
#define M3 "00907a000003" /* disabled, with an account */
#define M4 "00907a000004" /* two accounts without a password; demands bound data channels */
#define M5 "00907a000005" /* accepts an expired certificate */
#define M6 "00907a000006" /* has the self-signed certificate PIN pinned */
#define M9 "00907a000009" /* not of the fleet */

#define P   FACTORS_PASSWORD
#define C   FACTORS_CERTIFICATE
#define E   FACTORS_EITHER
#define B   FACTORS_BOTH
#define YES LOGIN_GRANTED
#define ASK LOGIN_PASSWORD_NEEDED
#define NO  LOGIN_REFUSED
#define BAN LOGIN_FORBIDDEN

static enum login_result try(const char *user, const char *password, const char *cert)
{
    struct attempt attempt;
    attempt_start(&attempt, SERVES_ALL, user, password, cert);
    attempt_wait(&attempt);
    return attempt.login.result;
}

static int open_camp(void **state)
{
    (void)state;
    camp_open(&camp, "hash_workers=2");
    /* Who fails again is not slowed down here. */
    camp.settings->refusal_delay = 0;
    camp.settings->throttle_accounts = 0;
    static const char *const macs[] = { M1, M2, M3, M4, M5, M6 };
    for (size_t i = 0; i < ARRAY_LENGTH(macs); i++)
        camp_handset(&camp, macs[i]);
    camp_account(&camp, M1, ROLE_HANDSET, M1, "password-1");
    camp_account(&camp, M3, ROLE_HANDSET, M3, "password-3");
    camp_account(&camp, "four-a", ROLE_HANDSET, M4, NULL);
    camp_account(&camp, "four-b", ROLE_HANDSET, M4, NULL);
    camp_account(&camp, "alice", ROLE_ADMINISTRATOR, NULL, "password-alice");
    camp_account(&camp, "off", ROLE_ADMINISTRATOR, NULL, "password-off");
    camp_account(&camp, "olga", ROLE_OPERATOR, NULL, "password-olga");
    camp_account(&camp, "bare", ROLE_OPERATOR, NULL, NULL);

    struct account two = { .name = "ward2", .role = ROLE_HANDSET, .mac = camp_mac(M2), .enabled = true };
    struct account_change make = { .password = PASSWORD_MADE };
    struct account_change off = { .set_enabled = true, .enabled = false };
    char none[SECRET_MADE_LENGTH + 1];
    CAMP_OK(account_add(camp.fleet, NULL, &two, &make, made, why));
    CAMP_OK(account_change(camp.fleet, NULL, "off", &off, none, why));
    struct mac m3 = camp_mac(M3), m4 = camp_mac(M4);
    struct handset_change disable = { .set_enabled = true, .enabled = false };
    struct handset_change bind = { .set_binding = true, .require_binding = true };
    CAMP_OK(handset_change(camp.fleet, NULL, &m3, &disable, why));
    CAMP_OK(handset_change(camp.fleet, NULL, &m4, &bind, why));
    struct mac m5 = camp_mac(M5), m6 = camp_mac(M6);
    struct handset_change expired = { .set_expired = true, .accept_expired = true };
    struct handset_change pin = { .pinned = PIN };
    CAMP_OK(handset_change(camp.fleet, NULL, &m5, &expired, why));
    CAMP_OK(handset_change(camp.fleet, NULL, &m6, &pin, why));
    CAMP_OK(certificate_revoke(camp.fleet, NULL, DEAD, "sold", why));
    camp_account(&camp, M5, ROLE_HANDSET, M5, "password-5");
    camp_account(&camp, M6, ROLE_HANDSET, M6, "password-6");
    return 0;
}

struct row {
    enum settings_factors handset, administrator;
    const char *user, *password, *cert;
    enum login_result result;
    const char *who;     /* granted: account/MAC */
    bool by_certificate; /* granted */
};

/* "$" as the password stands for the made secret. */
static const struct row rows[] = {
    /* Passwords alone. */
    { E, E, M1, NULL, NULL, ASK, 0, 0 },
    { E, E, M1, "password-1", NULL, YES, M1 "/" M1, false },
    { E, E, "00907A000001", "password-1", NULL, YES, M1 "/" M1, false },
    { E, E, M1, "password-2", NULL, NO, 0, 0 },
    { E, E, M1, "", NULL, NO, 0, 0 },
    { E, E, "ward2", "$", NULL, YES, "ward2/" M2, false },
    { E, E, "ward2", "abcdefghijklmnopqrstuvwxyz", NULL, NO, 0, 0 },
    { E, E, "Ward2", "$", NULL, NO, 0, 0 },
    { E, E, M2, "$", NULL, NO, 0, 0 },
    { E, E, M3, "password-3", NULL, NO, 0, 0 },
    { E, E, "off", "password-off", NULL, NO, 0, 0 },
    { E, E, "bare", "", NULL, NO, 0, 0 },
    { E, E, "bare", "anything", NULL, NO, 0, 0 },
    { E, E, "nobody", "anything", NULL, NO, 0, 0 },
    { E, E, "PlcmSpIp", "PlcmSpIp", NULL, NO, 0, 0 },
    { E, E, "", "password-1", NULL, NO, 0, 0 },
    { E, E, "", NULL, NULL, ASK, 0, 0 },
    { E, E, "alice", "password-alice", NULL, YES, "alice/", false },
    { E, E, "olga", "password-olga", NULL, YES, "olga/", false },
    /* A certificate that suffices. */
    { E, E, "", NULL, "h:" M1, YES, M1 "/" M1, true },
    { E, E, "", NULL, "h:00:90:7A:00:00:01", YES, M1 "/" M1, true },
    { E, E, "", NULL, "h:" M2, YES, "ward2/" M2, true },
    { E, E, "", NULL, "h:" M4, YES, "/" M4, true },
    { E, E, "PlcmSpIp", NULL, "h:" M1, YES, M1 "/" M1, true },
    { E, E, "PlcmSpIp", "PlcmSpIp", "h:" M1, YES, M1 "/" M1, true },
    { E, E, "nobody", "anything", "h:" M1, YES, M1 "/" M1, true },
    { E, E, "nobody", "anything", "h:" M1, YES, M1 "/" M1, true },
    { E, E, "", "anything", "h:" M1, YES, M1 "/" M1, true },
    { E, E, M1, "wrong password", "h:" M1, YES, M1 "/" M1, true },
    { E, E, "alice", "wrong password", "h:" M1, YES, M1 "/" M1, true },
    { C, E, "", NULL, "h:" M1, YES, M1 "/" M1, true },
    { C, E, "nobody", "anything", "h:" M1, YES, M1 "/" M1, true },
    { E, E, "", NULL, "a:alice", YES, "alice/", true },
    { E, C, "", NULL, "a:alice", YES, "alice/", true },
    /* … beside a name or a right password of somebody else. */
    { E, E, M2, NULL, "h:" M1, NO, 0, 0 },
    { E, E, M9, NULL, "h:" M1, NO, 0, 0 },
    { E, E, "00-90-7A-00-00-09", NULL, "h:" M1, NO, 0, 0 },
    { E, E, M1, NULL, "a:alice", NO, 0, 0 },
    { E, E, "ward2", "$", "h:" M1, NO, 0, 0 },
    { C, E, "ward2", "$", "h:" M1, NO, 0, 0 },
    { E, E, "alice", "password-alice", "h:" M1, NO, 0, 0 },
    { E, E, "alice", "password-alice", "h:" M1, NO, 0, 0 },
    { E, E, "olga", "password-olga", "a:alice", NO, 0, 0 },
    { E, E, "ward2", "$", "a:alice", NO, 0, 0 },
    { E, E, "alice", "password-alice", "a:alice", YES, "alice/", true },
    /* A certificate that does not identify counts as absent. */
    { E, E, "", NULL, "bad", ASK, 0, 0 },
    { E, E, M1, "password-1", "bad", YES, M1 "/" M1, false },
    { E, E, "", NULL, "h:" M9, ASK, 0, 0 },
    { E, E, "", NULL, "h:" M3, ASK, 0, 0 },
    { E, E, "", NULL, "h:alice", ASK, 0, 0 },
    { E, E, "", NULL, "h:", ASK, 0, 0 },
    { E, E, "", NULL, "a:nobody", ASK, 0, 0 },
    { E, E, "", NULL, "a:off", ASK, 0, 0 },
    { E, E, "", NULL, "a:olga", ASK, 0, 0 },
    { E, E, "", NULL, "a:" M1, ASK, 0, 0 },
    { E, E, "alice", "password-alice", "h:alice", YES, "alice/", false },
    { E, E, "alice", "password-alice", "a:nobody", YES, "alice/", false },
    { C, E, M1, "password-1", "bad", BAN, 0, 0 },
    { C, E, "", NULL, "bad", ASK, 0, 0 },
    /* A revoked one shuts out, even where a password is all that is asked for. */
    { E, E, "", NULL, "revoked", NO, 0, 0 },
    { E, E, M1, NULL, "revoked", NO, 0, 0 },
    { E, E, M1, "password-1", "revoked", NO, 0, 0 },
    { P, P, M1, "password-1", "revoked", NO, 0, 0 },
    { P, P, "alice", "password-alice", "revoked", NO, 0, 0 },
    { B, B, "ward2", "$", "revoked", NO, 0, 0 },
    { E, E, "", NULL, "d:" M1, NO, 0, 0 },
    { E, E, M1, "password-1", "d:" M1, NO, 0, 0 },
    { P, P, "alice", "password-alice", "d:" M1, NO, 0, 0 },
    { E, E, "alice", "password-alice", "d:" M9, NO, 0, 0 },
    /* Exceptions: of that handset, for that reason, and in no other role. */
    { E, E, "", NULL, "e:" M5, YES, M5 "/" M5, true },
    { B, E, M5, "password-5", "e:" M5, YES, M5 "/" M5, true },
    { E, E, "", NULL, "e:" M1, ASK, 0, 0 },
    { E, E, "", NULL, "e:" M6, ASK, 0, 0 },
    { E, E, "", NULL, "e:" M9, ASK, 0, 0 },
    { E, E, "", NULL, "x:" M5, ASK, 0, 0 },
    { E, E, "", NULL, "x:alice", ASK, 0, 0 },
    { E, E, "", NULL, "s:" M6, YES, M6 "/" M6, true },
    { B, E, M6, "password-6", "s:" M6, YES, M6 "/" M6, true },
    { B, E, M6, "password-5", "s:" M6, NO, 0, 0 },
    { E, E, M5, "password-5", "s:" M6, NO, 0, 0 },
    { E, E, "", NULL, "t:" M6, ASK, 0, 0 },
    { E, E, "", NULL, "s:" M5, ASK, 0, 0 },
    { E, E, "", NULL, "s:" M1, ASK, 0, 0 },
    { E, E, "", NULL, "s:alice", ASK, 0, 0 },
    { B, E, M6, "password-6", "t:" M6, BAN, 0, 0 },
    /* … but a handset's never beside another handset. */
    { E, E, M1, NULL, "h:" M9, NO, 0, 0 },
    { E, E, M1, "password-1", "h:" M9, NO, 0, 0 },
    { E, E, "ward2", "$", "h:" M9, NO, 0, 0 },
    { E, E, "ward2", "$", "h:" M3, NO, 0, 0 },
    { E, E, M3, "password-3", "h:" M3, NO, 0, 0 },
    { E, E, "alice", "password-alice", "h:" M9, YES, "alice/", false },
    /* password: a certificate adds nothing, and may not contradict. */
    { P, P, "", NULL, "h:" M1, ASK, 0, 0 },
    { P, P, M1, "password-1", "h:" M1, YES, M1 "/" M1, false },
    { P, P, M2, NULL, "h:" M1, NO, 0, 0 },
    { P, P, "ward2", "$", "h:" M1, NO, 0, 0 },
    { P, P, "", NULL, "a:alice", ASK, 0, 0 },
    { P, P, "alice", "password-alice", "a:alice", YES, "alice/", false },
    /* certificate: a password is not enough. */
    { C, E, M1, "password-1", NULL, BAN, 0, 0 },
    { C, E, M1, "password-2", NULL, NO, 0, 0 },
    { C, E, M1, NULL, NULL, ASK, 0, 0 },
    { E, C, "alice", "password-alice", NULL, BAN, 0, 0 },
    /* both. */
    { B, E, "", NULL, "h:" M1, ASK, 0, 0 },
    { B, E, M1, NULL, "h:" M1, ASK, 0, 0 },
    { B, E, M2, NULL, "h:" M1, NO, 0, 0 },
    { B, E, M1, "password-1", "h:" M1, YES, M1 "/" M1, true },
    { B, E, M1, "password-2", "h:" M1, NO, 0, 0 },
    { B, E, "ward2", "$", "h:" M2, YES, "ward2/" M2, true },
    { B, E, "ward2", "$", "h:" M1, NO, 0, 0 },
    { B, E, "PlcmSpIp", "PlcmSpIp", "h:" M1, NO, 0, 0 },
    { B, E, "", "password-1", "h:" M1, NO, 0, 0 },
    { B, E, M1, "password-1", NULL, BAN, 0, 0 },
    { B, E, M1, "password-1", "bad", BAN, 0, 0 },
    { E, B, "alice", "password-alice", "a:alice", YES, "alice/", true },
    { E, B, "alice", "password-alice", NULL, BAN, 0, 0 },
    { E, B, "alice", "password-alice", "h:" M9, BAN, 0, 0 },
    { E, B, "olga", "password-olga", "a:alice", NO, 0, 0 },
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct row *row = &rows[i];
        struct attempt attempt;
        camp.settings->auth_handset = row->handset;
        camp.settings->auth_administrator = row->administrator;
        const char *password = row->password && strcmp(row->password, "$") == 0 ? made : row->password;
        attempt_start(&attempt, SERVES_ALL, row->user, password, row->cert);
        attempt_wait(&attempt);
        struct login *login = &attempt.login;
        if (login->result != row->result)
            fail_msg("row %zu: user %s certificate %s: %d, not %d", i, row->user,
                     row->cert ? row->cert : "none", login->result, row->result);
        if (row->result != YES)
            continue;
        char who[128];
        snprintf(who, sizeof who, "%s/%s", login->who.account, login->who.mac.text);
        assert_string_equal(who, row->who);
        assert_int_equal(login->who.by_certificate, row->by_certificate);
        assert_string_equal(login->who.fingerprint, row->by_certificate ? login->peer.fingerprint : "");
        assert_string_equal(login->who.address, "192.0.2.1");
        assert_int_equal(login->who.binding,
                         strcmp(login->who.mac.text, M4) == 0 ? BINDING_REQUIRE : BINDING_PREFER);
    }
}

/* Each role has a floor of its own. What is too old is no guess, and no proof of a wrong password either. */
static void test_versions(void **state)
{
    (void)state;
    static const struct {
        int64_t handset, administrator, operator;
        enum tls_version tls;
        const char *user, *password, *cert;
        enum login_result result;
    } versions[] = {
        { TLS_1_3, TLS_1_2, TLS_1_2, TLS_1_2, M1, "password-1", NULL, BAN },
        { TLS_1_3, TLS_1_2, TLS_1_2, TLS_1_2, M1, "wrong", NULL, NO },
        { TLS_1_3, TLS_1_2, TLS_1_2, TLS_1_3, M1, "password-1", NULL, YES },
        { TLS_1_3, TLS_1_2, TLS_1_2, TLS_1_2, "", NULL, "h:" M1, BAN },
        { TLS_1_3, TLS_1_2, TLS_1_2, TLS_1_3, "", NULL, "h:" M1, YES },
        { TLS_1_3, TLS_1_2, TLS_1_2, TLS_1_2, "alice", "password-alice", NULL, YES },
        { TLS_1_2, TLS_1_3, TLS_1_2, TLS_1_2, "alice", "password-alice", NULL, BAN },
        { TLS_1_2, TLS_1_3, TLS_1_2, TLS_1_2, "", NULL, "a:alice", BAN },
        { TLS_1_2, TLS_1_3, TLS_1_2, TLS_1_2, "olga", "password-olga", NULL, YES },
        { TLS_1_2, TLS_1_2, TLS_1_3, TLS_1_2, "olga", "password-olga", NULL, BAN },
        { TLS_1_2, TLS_1_2, TLS_1_2, TLS_1_1, "olga", "password-olga", NULL, BAN },
        { TLS_1_2, TLS_1_2, TLS_1_2, TLS_VERSION_NONE, M1, "password-1", NULL, BAN },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(versions); i++) {
        camp.settings->tls_minimum_handset = versions[i].handset;
        camp.settings->tls_minimum_administrator = versions[i].administrator;
        camp.settings->tls_minimum_operator = versions[i].operator;
        attempt_tls = versions[i].tls;
        if (try(versions[i].user, versions[i].password, versions[i].cert) != versions[i].result)
            fail_msg("row %zu", i);
    }
    attempt_tls = TLS_1_2;
}

static void settle_writes(void)
{
    /* A write that is waited for comes after all that were submitted before it. */
    struct mac mac = camp_mac(M5);
    struct handset_change change = { .label = "" };
    CAMP_OK(handset_change(camp.fleet, NULL, &mac, &change, why));
}

/* The listeners for old TLS: handsets that are marked, nobody else; and it is counted. */
static void test_legacy(void **state)
{
    (void)state;
    struct mac m1 = camp_mac(M1), m2 = camp_mac(M2);
    struct handset_change mark = { .set_legacy = true, .legacy = true };
    struct handset handset;
    CAMP_OK(handset_change(camp.fleet, NULL, &m1, &mark, why));
    const struct {
        enum tls_version tls;
        const char *user, *password, *cert;
        enum login_result result;
    } rows_of_legacy[] = {
        { TLS_1_0, M1, "password-1", NULL, YES },
        { TLS_1_0, "", NULL, "h:" M1, YES },
        { TLS_1_3, M1, "password-1", NULL, YES },
        { TLS_1_0, M1, "wrong", NULL, NO },
        { TLS_1_0, "ward2", made, NULL, NO }, /* not marked */
        { TLS_1_2, "ward2", made, NULL, NO },
        { TLS_1_2, "", NULL, "h:" M2, ASK },
        { TLS_1_0, "alice", "password-alice", NULL, NO },
        { TLS_1_0, "", NULL, "a:alice", ASK },
        { TLS_1_0, "olga", "password-olga", NULL, NO },
    };
    camp.settings->tls_minimum_handset = TLS_1_3; /* is not for these listeners */
    for (size_t i = 0; i < ARRAY_LENGTH(rows_of_legacy); i++) {
        struct attempt attempt;
        attempt_tls = rows_of_legacy[i].tls;
        attempt_start(&attempt, SERVES_LEGACY, rows_of_legacy[i].user, rows_of_legacy[i].password,
                      rows_of_legacy[i].cert);
        attempt_wait(&attempt);
        if (attempt.login.result != rows_of_legacy[i].result)
            fail_msg("row %zu: %d", i, attempt.login.result);
    }
    /* Raised, the floor holds for those who are connected already. */
    camp.settings->legacy_tls_minimum = TLS_1_2;
    attempt_tls = TLS_1_1;
    struct attempt attempt;
    attempt_start(&attempt, SERVES_LEGACY, M1, "password-1", NULL);
    attempt_wait(&attempt);
    assert_int_equal(attempt.login.result, BAN);
    attempt_tls = TLS_1_2;

    settle_writes();
    CAMP_OK(handset_get(camp.fleet, &m1, &handset, why));
    assert_int_equal(handset.legacy_count, 1); /* once a minute at most */
    assert_true(handset.legacy_last > 0);
    CAMP_OK(handset_get(camp.fleet, &m2, &handset, why));
    assert_int_equal(handset.legacy_count, 0);
    assert_int_equal(handset.legacy_last, 0);
}

static void test_listeners(void **state)
{
    (void)state;
    static const struct {
        enum serves serves;
        const char *user, *password, *cert;
        enum login_result result;
    } listeners[] = {
        { SERVES_HANDSETS, M1, "password-1", NULL, YES },
        { SERVES_HANDSETS, "alice", "password-alice", NULL, NO },
        { SERVES_HANDSETS, "olga", "password-olga", NULL, NO },
        { SERVES_HANDSETS, "", NULL, "a:alice", ASK },
        { SERVES_HANDSETS, "", NULL, "h:" M1, YES },
        { SERVES_MANAGEMENT, M1, "password-1", NULL, NO },
        { SERVES_MANAGEMENT, "", NULL, "h:" M1, ASK },
        { SERVES_MANAGEMENT, "alice", "password-alice", "h:" M1, YES },
        { SERVES_MANAGEMENT, "alice", "password-alice", NULL, YES },
        { SERVES_MANAGEMENT, "", NULL, "a:alice", YES },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(listeners); i++) {
        struct attempt attempt;
        attempt_start(&attempt, listeners[i].serves, listeners[i].user, listeners[i].password,
                      listeners[i].cert);
        attempt_wait(&attempt);
        if (attempt.login.result != listeners[i].result)
            fail_msg("row %zu: %d", i, attempt.login.result);
    }
    struct settings *s = camp.settings;
    s->auth_handset = s->auth_operator = P;
    s->auth_administrator = E;
    assert_true(login_asks_certificate(s, SERVES_ALL));
    assert_true(login_asks_certificate(s, SERVES_MANAGEMENT));
    assert_false(login_asks_certificate(s, SERVES_HANDSETS));
    s->auth_administrator = P;
    assert_false(login_asks_certificate(s, SERVES_ALL));
    s->auth_operator = B;
    assert_true(login_asks_certificate(s, SERVES_ALL));
}

static bool remembered(const char *name, const char *password)
{
    struct db_conn *conn;
    struct account account;
    char stored[SECRET_STORED_MAX];
    CAMP_OK(db_read_begin(camp.fleet->db, &conn, why));
    CAMP_OK(account_find(conn, name, &account, stored, why));
    db_read_end(camp.fleet->db, conn);
    struct memory_claim claim = {
        .account = name, .stored = stored, .changed = account.changed, .password = password, .right = true
    };
    return memory_knows(camp.fleet->memory, &claim);
}

static void test_changes_hold_at_once(void **state)
{
    (void)state;
    char none[SECRET_MADE_LENGTH + 1];
    struct account_change off = { .set_enabled = true, .enabled = false };
    struct account_change on = { .set_enabled = true, .enabled = true };
    struct account_change other = { .password = PASSWORD_CHOSEN, .text = "password-new" };
    assert_false(remembered("olga", "password-olga"));
    assert_int_equal(try("olga", "password-wrong", NULL), NO);
    assert_false(remembered("olga", "password-wrong"));
    assert_int_equal(try("olga", "password-olga", NULL), YES);
    assert_true(remembered("olga", "password-olga"));
    assert_int_equal(try("olga", "password-olga", NULL), YES);

    CAMP_OK(account_change(camp.fleet, NULL, "olga", &off, none, why));
    assert_int_equal(try("olga", "password-olga", NULL), NO);
    CAMP_OK(account_change(camp.fleet, NULL, "olga", &on, none, why));
    assert_false(remembered("olga", "password-olga"));
    assert_int_equal(try("olga", "password-olga", NULL), YES);
    CAMP_OK(account_change(camp.fleet, NULL, "olga", &other, none, why));
    assert_int_equal(try("olga", "password-olga", NULL), NO);
    assert_int_equal(try("olga", "password-new", NULL), YES);
    CAMP_OK(account_remove(camp.fleet, NULL, "olga", why));
    assert_int_equal(try("olga", "password-new", NULL), NO);

    /* A handset that is disabled is out with its password and with its certificate. */
    struct mac m1 = camp_mac(M1);
    struct handset_change disable = { .set_enabled = true, .enabled = false };
    assert_int_equal(try(M1, "password-1", NULL), YES);
    assert_int_equal(try("", NULL, "h:" M1), YES);
    CAMP_OK(handset_change(camp.fleet, NULL, &m1, &disable, why));
    assert_int_equal(try(M1, "password-1", NULL), NO);
    assert_int_equal(try("", NULL, "h:" M1), ASK);
    CAMP_OK(handset_remove(camp.fleet, NULL, &m1, why));
    assert_int_equal(try(M1, "password-1", NULL), NO);
}

static void test_unfit(void **state)
{
    (void)state;
    char longest[SECRET_PASSWORD_MAX + 2], name[ACCOUNT_NAME_LIMIT + 2];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_int_equal(try(M1, longest, NULL), NO);
    assert_int_equal(try("ward2", longest, NULL), NO);
    assert_int_equal(try(name, "password-1", NULL), NO);
    assert_int_equal(try(name, NULL, NULL), ASK);
    assert_int_equal(try(name, longest, "h:" M1), YES);
}

static int open_narrow(void **state)
{
    (void)state;
    camp_open(&camp, "hash_queue=1");
    camp_account(&camp, "alice", ROLE_ADMINISTRATOR, NULL, "password-alice");
    return 0;
}

/* When too many wait for a hash, the rest is told to come back: nobody is refused for that. */
static void test_busy(void **state)
{
    (void)state;
    enum { MANY = 32 };
    struct attempt *attempts = calloc(MANY, sizeof *attempts);
    assert_non_null(attempts);
    int busy = 0, granted = 0;
    for (int i = 0; i < MANY; i++)
        attempt_start(&attempts[i], SERVES_ALL, "alice", "password-alice", NULL);
    for (int i = 0; i < MANY; i++) {
        attempt_wait(&attempts[i]);
        busy += attempts[i].login.result == LOGIN_BUSY;
        granted += attempts[i].login.result == YES;
    }
    assert_int_equal(busy + granted, MANY);
    assert_true(busy > 0);
    assert_true(granted > 0);
    free(attempts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_table, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_versions, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_legacy, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_listeners, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_changes_hold_at_once, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_unfit, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_busy, open_narrow, close_camp),
    };
    return cmocka_run_group_tests_name("fleet/login", tests, NULL, NULL);
}
