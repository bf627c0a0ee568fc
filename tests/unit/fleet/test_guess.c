/* SPDX-License-Identifier: Apache-2.0 */
/* Guessing at passwords: fleet/throttle.h as a login meets it. */
#include "base/clock.h"
#include "tests/unit/fleet/attempt.h"

#define M3 "00907a000003" /* disabled */

static int open_guarded(void **state)
{
    (void)state;
    camp_open(&camp, "hash_workers=1");
    camp_handset(&camp, M1);
    camp_handset(&camp, M3);
    camp_account(&camp, M1, ROLE_HANDSET, M1, "password-1");
    camp_account(&camp, M3, ROLE_HANDSET, M3, "password-3");
    camp_account(&camp, "alice", ROLE_ADMINISTRATOR, NULL, "password-alice");
    struct mac m3 = camp_mac(M3);
    struct handset_change disable = { .set_enabled = true, .enabled = false };
    CAMP_OK(handset_change(camp.fleet, NULL, &m3, &disable, why));
    struct account two = { .name = "ward2", .role = ROLE_HANDSET, .mac = camp_mac(M1), .enabled = true };
    struct account_change make = { .password = PASSWORD_MADE };
    CAMP_OK(account_add(camp.fleet, NULL, &two, &make, made, why));
    camp.settings->refusal_delay = 1000;
    camp.settings->throttle_accounts = 100;
    clock_freeze(1700000000000, 1000);
    return 0;
}

static int close_guarded(void **state)
{
    clock_thaw();
    return close_camp(state);
}

static struct attempt once(const char *user, const char *password, const char *cert, const char *address)
{
    struct attempt attempt;
    attempt_from = address;
    attempt_start(&attempt, SERVES_ALL, user, password, cert);
    attempt_wait(&attempt);
    return attempt;
}

static void assert_result(const char *user, const char *password, const char *cert, const char *address,
                          enum login_result result)
{
    assert_int_equal(once(user, password, cert, address).login.result, result);
}

/* Known, unknown, disabled, of either kind of password: one and the same row of delays. */
static void test_delays_tell_nothing(void **state)
{
    (void)state;
    static const char *const users[] = { M1, "ward2", M3, "alice", "nobody", "PlcmSpIp", "00907afffff1", "" };
    static const int64_t delays[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };
    int64_t now = 1000;
    for (size_t i = 0; i < ARRAY_LENGTH(delays); i++) {
        for (size_t user = 0; user < ARRAY_LENGTH(users); user++) {
            struct attempt attempt = once(users[user], "wrong", NULL, "192.0.2.1");
            assert_int_equal(attempt.login.result, LOGIN_REFUSED);
            assert_int_equal(attempt.login.refuse_after_ms, delays[i]);
        }
        now += delays[i];
        clock_freeze(1700000000000 + now, now);
    }
}

static void test_nobody_is_locked_out(void **state)
{
    (void)state;
    assert_result(M1, "password-1", NULL, "192.0.2.7", LOGIN_GRANTED);
    for (int i = 0; i < 20; i++) {
        (void)once(M1, "wrong", NULL, "192.0.2.1");
        (void)once(M1, "wrong", NULL, "192.0.2.7");
        (void)once("ward2", "wrong", NULL, "192.0.2.7");
    }
    struct attempt suspect = once(M1, "wrong", NULL, "192.0.2.1");
    assert_int_equal(suspect.login.result, LOGIN_BUSY);
    assert_true(suspect.login.suspect);
    /* From its own address, from another one, with a secret made here, with a certificate. */
    assert_result("ward2", made, NULL, "192.0.2.7", LOGIN_GRANTED);
    assert_result(M1, "password-1", "h:" M1, "192.0.2.7", LOGIN_GRANTED);
    assert_result("", NULL, "h:" M1, "192.0.2.7", LOGIN_GRANTED);
    assert_result(M1, "password-1", NULL, "192.0.2.8", LOGIN_GRANTED);
    assert_result(M1, "password-1", NULL, "192.0.2.7", LOGIN_GRANTED);
    /* That cleared its pair, and none else's. */
    assert_int_equal(once(M1, "wrong", NULL, "192.0.2.7").login.refuse_after_ms, 1000);
    /* Where it never got in from, its turn comes. */
    clock_freeze(1700000000000, 2000);
    assert_result(M1, "password-1", NULL, "192.0.2.1", LOGIN_GRANTED);
}

/* The memory is no way around it: a guess that waits for its turn is not looked up there either. */
static void test_guesses_are_not_tried_against_the_memory(void **state)
{
    (void)state;
    assert_result("alice", "password-alice", NULL, "192.0.2.7", LOGIN_GRANTED);
    assert_result("alice", "wrong", NULL, "192.0.2.1", LOGIN_REFUSED);
    assert_result("alice", "wrong", NULL, "192.0.2.1", LOGIN_REFUSED); /* the pair's turn */
    assert_result("alice", "password-alice", NULL, "192.0.2.1", LOGIN_BUSY);
    clock_freeze(1700000000000, 2000);
    assert_result("alice", "password-alice", NULL, "192.0.2.1", LOGIN_GRANTED);
}

static void test_a_certificate_is_no_way_to_guess(void **state)
{
    (void)state;
    assert_result("alice", "wrong", "h:" M1, "192.0.2.1", LOGIN_GRANTED);
    /* In its penalty the password is not looked at: right or wrong makes no difference. */
    assert_result("alice", "wrong again", "h:" M1, "192.0.2.1", LOGIN_GRANTED);
    assert_result("alice", "password-alice", "h:" M1, "192.0.2.1", LOGIN_GRANTED);
    clock_freeze(1700000000000, 200000);
    assert_result("alice", "password-alice", "h:" M1, "192.0.2.1", LOGIN_REFUSED);
}

/* All at once: they are in the queue before the first has failed. The right one of another address is not
 * kept waiting until they have been hashed, and few of them ever are. */
static void test_a_flood_gets_no_further(void **state)
{
    (void)state;
    enum { MANY = 200 };
    struct attempt *attempts = calloc(MANY + 1, sizeof *attempts);
    assert_non_null(attempts);
    int refused = 0, away = 0;
    attempt_from = "192.0.2.1";
    for (int i = 0; i < MANY; i++)
        attempt_start(&attempts[i], SERVES_ALL, "alice", "wrong", NULL);
    attempt_from = "192.0.2.7";
    attempt_start(&attempts[MANY], SERVES_ALL, "alice", "password-alice", NULL);
    for (int i = 0; i <= MANY; i++)
        attempt_wait(&attempts[i]);
    assert_int_equal(attempts[MANY].login.result, LOGIN_GRANTED);
    for (int i = 0; i < MANY; i++) {
        refused += attempts[i].login.result == LOGIN_REFUSED;
        away += attempts[i].login.result == LOGIN_BUSY && attempts[i].login.suspect;
    }
    assert_int_equal(refused + away, MANY);
    assert_in_range(refused, 1, 3);
    free(attempts);
}

static void test_spraying(void **state)
{
    (void)state;
    char name[16];
    camp.settings->throttle_accounts = 5;
    assert_result("alice", "password-alice", NULL, "192.0.2.1", LOGIN_GRANTED);
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "account%d", i);
        assert_int_equal(once(name, "wrong", NULL, "192.0.2.1").login.refuse_after_ms, i < 5 ? 1000 : 2000);
    }
    struct attempt next = once("unknown", "wrong", NULL, "192.0.2.1");
    assert_int_equal(next.login.refuse_after_ms, 4000);
    assert_true(next.login.suspect);
    assert_false(once("alice", "password-alice", NULL, "192.0.2.1").login.suspect);
    struct attempt slow = once(M1, "password-1", NULL, "192.0.2.1");
    assert_int_equal(slow.login.result, LOGIN_GRANTED); /* it has to wait, and gets in */
    assert_true(slow.login.suspect);
    assert_false(once(M1, "password-1", NULL, "192.0.2.1").login.suspect);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_delays_tell_nothing, open_guarded, close_guarded),
        cmocka_unit_test_setup_teardown(test_nobody_is_locked_out, open_guarded, close_guarded),
        cmocka_unit_test_setup_teardown(test_guesses_are_not_tried_against_the_memory, open_guarded,
                                        close_guarded),
        cmocka_unit_test_setup_teardown(test_a_certificate_is_no_way_to_guess, open_guarded, close_guarded),
        cmocka_unit_test_setup_teardown(test_a_flood_gets_no_further, open_guarded, close_guarded),
        cmocka_unit_test_setup_teardown(test_spraying, open_guarded, close_guarded),
    };
    return cmocka_run_group_tests_name("fleet/guess", tests, NULL, NULL);
}
