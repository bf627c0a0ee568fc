/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "fleet/certificate.h"
#include "tests/unit/fleet/camp.h"

#define MAC "00907a000001"

static struct camp camp;

static int open_camp(void **state)
{
    (void)state;
    camp_open(&camp, NULL);
    camp_handset(&camp, MAC);
    return 0;
}

static int close_camp(void **state)
{
    (void)state;
    camp_close(&camp);
    return 0;
}

static void fill(char fingerprint[65], char digit)
{
    memset(fingerprint, digit, 64);
    fingerprint[64] = '\0';
}

static struct tls_peer a_peer(char digit)
{
    struct tls_peer peer = { .state = TLS_PEER_VERIFIED, .not_after = 2000000000 };
    fill(peer.fingerprint, digit);
    mem_copy_text(peer.subject, sizeof peer.subject, "CN=" MAC);
    mem_copy_text(peer.issuer, sizeof peer.issuer, "CN=Handsets");
    mem_copy_text(peer.serial, sizeof peer.serial, "0a0b");
    return peer;
}

static void test_spellings(void **state)
{
    (void)state;
    static const char good[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    static const char *const same[] = {
        good,
        "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF",
        "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff",
    };
    static const char *const wrong[] = {
        "",
        ":",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeef",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff0",
        "g0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeef ",
    };
    char out[65];
    for (size_t i = 0; i < ARRAY_LENGTH(same); i++) {
        assert_true(certificate_canonical(same[i], out));
        assert_string_equal(out, good);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_false(certificate_canonical(wrong[i], out));
}

static struct certificate get(char digit)
{
    char fingerprint[65];
    struct certificate c;
    fill(fingerprint, digit);
    db_flush(camp.fleet->db);
    CAMP_OK(certificate_get(camp.fleet, fingerprint, &c, why));
    return c;
}

static void test_seen_once_a_minute(void **state)
{
    (void)state;
    struct tls_peer peer = a_peer('1');
    clock_freeze(1000000, 1000000);
    certificate_seen(camp.fleet, &peer, ROLE_HANDSET, MAC);
    struct certificate c = get('1');
    assert_string_equal(c.role, "handset");
    assert_string_equal(c.name, MAC);
    assert_string_equal(c.subject, "CN=" MAC);
    assert_string_equal(c.issuer, "CN=Handsets");
    assert_string_equal(c.serial, "0a0b");
    assert_int_equal(c.not_after, 2000000000000);
    assert_int_equal(c.first_seen, 1000000);
    assert_int_equal(c.last_seen, 1000000);
    assert_int_equal(c.revoked, 0);
    clock_freeze(1010000, 1010000);
    certificate_seen(camp.fleet, &peer, ROLE_HANDSET, MAC);
    assert_int_equal(get('1').last_seen, 1000000);
    clock_freeze(1090000, 1090000);
    certificate_seen(camp.fleet, &peer, ROLE_HANDSET, MAC);
    c = get('1');
    assert_int_equal(c.last_seen, 1090000);
    assert_int_equal(c.first_seen, 1000000);
    clock_thaw();
}

static void test_revoking(void **state)
{
    (void)state;
    struct fault f;
    char fingerprint[65];
    struct principal operator= camp_who(ROLE_OPERATOR, "olga", NULL);
    struct principal admin = camp_who(ROLE_ADMINISTRATOR, "alice", NULL);
    fill(fingerprint, '2');
    assert_int_equal(certificate_revoke(camp.fleet, &operator, fingerprint, "", &f), FAULT_FORBIDDEN);
    assert_int_equal(certificate_revoke(camp.fleet, &admin, "12", "", &f), FAULT_INPUT);
    assert_int_equal(certificate_revoke(camp.fleet, &admin, fingerprint, "a\nb", &f), FAULT_INPUT);
    struct certificate c;
    assert_int_equal(certificate_get(camp.fleet, fingerprint, &c, &f), FAULT_ABSENT);
    clock_freeze(5000, 5000);
    CAMP_OK(certificate_revoke(camp.fleet, &admin, fingerprint, "stolen", why)); /* before it was ever seen */
    clock_freeze(6000, 6000);
    CAMP_OK(certificate_revoke(camp.fleet, &admin, fingerprint, "again", why));
    c = get('2');
    assert_int_equal(c.revoked, 5000);
    assert_string_equal(c.reason, "stolen");
    assert_string_equal(c.name, "");
    /* Seen later (a login that was under way): it stays revoked. */
    struct tls_peer peer = a_peer('2');
    certificate_seen(camp.fleet, &peer, ROLE_HANDSET, MAC);
    c = get('2');
    assert_int_equal(c.revoked, 5000);
    assert_string_equal(c.name, MAC);
    clock_thaw();
}

static void test_pages(void **state)
{
    (void)state;
    struct certificate *list = NULL;
    size_t count = 0;
    struct fault f;
    for (char digit = '3'; digit < '8'; digit++) {
        struct tls_peer peer = a_peer(digit);
        certificate_seen(camp.fleet, &peer, digit < '5' ? ROLE_OPERATOR : ROLE_ADMINISTRATOR,
                         digit < '5' ? "olga" : "alice");
    }
    db_flush(camp.fleet->db);
    CAMP_OK(certificate_list(camp.fleet, "", "olga", 10, &list, &count, why));
    assert_int_equal(count, 2);
    assert_int_equal(list[0].fingerprint[0], '3');
    free(list);
    CAMP_OK(certificate_list(camp.fleet, "", "", 3, &list, &count, why));
    assert_int_equal(count, 3);
    assert_int_equal(list[2].fingerprint[0], '3');
    free(list);
    CAMP_OK(certificate_list(camp.fleet, "4", "alice", 1000, &list, &count, why));
    assert_int_equal(count, 3);
    free(list);
    assert_int_equal(certificate_list(camp.fleet, "", "", 0, &list, &count, &f), FAULT_INPUT);
    assert_int_equal(certificate_list(camp.fleet, "", "", 1001, &list, &count, &f), FAULT_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spellings),
        cmocka_unit_test(test_seen_once_a_minute),
        cmocka_unit_test(test_revoking),
        cmocka_unit_test(test_pages),
    };
    return cmocka_run_group_tests(tests, open_camp, close_camp);
}
