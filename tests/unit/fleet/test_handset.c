/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "tests/unit/fleet/camp.h"

static struct camp camp;

static int open_camp(void **state)
{
    (void)state;
    camp_open(&camp, NULL);
    return 0;
}

static int close_camp(void **state)
{
    (void)state;
    camp_close(&camp);
    return 0;
}

static void test_parse_agent(void **state)
{
    (void)state;
    static const struct {
        const char *agent, *model, *firmware;
    } agents[] = {
        { "FileTransport PolycomVVX-VVX_410-UA/5.9.0.9373 (SN:00907a000001) Type/Application", "VVX_410",
          "5.9.0.9373" },
        { "FileTransport Spectralink-SL_8440-UA/4.11.1.1234 Type/Updater", "SL_8440", "4.11.1.1234" },
        { "Thing-UA/1", "Thing", "1" },
        { "-UA/", "", "" },
        { "curl/7.88.1", "", "" },
        { "", "", "" },
        { "a-b-UA/1\t2 x", "b", "1?2" },
    };
    char model[64], firmware[64], longest[300];
    for (size_t i = 0; i < ARRAY_LENGTH(agents); i++) {
        handset_parse_agent(agents[i].agent, model, firmware);
        assert_string_equal(model, agents[i].model);
        assert_string_equal(firmware, agents[i].firmware);
    }
    memset(longest, 'x', sizeof longest);
    memcpy(longest + 150, "-UA/", 4);
    longest[299] = '\0';
    handset_parse_agent(longest, model, firmware);
    assert_int_equal(strlen(model), 63);
    assert_int_equal(strlen(firmware), 63);
}

static void test_add_change_remove(void **state)
{
    (void)state;
    struct mac mac = camp_mac("00:90:7A:10:00:01");
    struct handset h;
    struct fault f;
    assert_int_equal(handset_get(camp.fleet, &mac, &h, &f), FAULT_ABSENT);
    clock_freeze(5000, 1);
    struct handset_change change = { .label = "Ward 3, dęsk" };
    CAMP_OK(handset_add(camp.fleet, NULL, &mac, &change, why));
    assert_int_equal(handset_add(camp.fleet, NULL, &mac, NULL, &f), FAULT_CONFLICT);
    CAMP_OK(handset_get(camp.fleet, &mac, &h, why));
    assert_string_equal(h.mac.text, "00907a100001");
    assert_string_equal(h.label, "Ward 3, dęsk");
    assert_true(h.enabled);
    assert_false(h.require_binding);
    assert_int_equal(h.created, 5000);
    assert_int_equal(h.changed, 5000);
    assert_int_equal(h.last_seen, 0);

    /* `changed` grows although the clock stands still, and what is not named stays. */
    change = (struct handset_change){ .set_binding = true, .require_binding = true };
    CAMP_OK(handset_change(camp.fleet, NULL, &mac, &change, why));
    change = (struct handset_change){ .set_enabled = true, .enabled = false };
    CAMP_OK(handset_change(camp.fleet, NULL, &mac, &change, why));
    CAMP_OK(handset_get(camp.fleet, &mac, &h, why));
    assert_int_equal(h.changed, 5002);
    assert_true(h.require_binding);
    assert_false(h.enabled);
    assert_string_equal(h.label, "Ward 3, dęsk");
    clock_thaw();

    static const char *const bad[] = { "a\nb", "\x1b[1m", "\xff", "\xc2\x85" };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        change = (struct handset_change){ .label = bad[i] };
        assert_int_equal(handset_change(camp.fleet, NULL, &mac, &change, &f), FAULT_INPUT);
    }
    char longest[HANDSET_LABEL_LIMIT + 2];
    memset(longest, 'x', sizeof longest);
    longest[HANDSET_LABEL_LIMIT + 1] = '\0';
    change = (struct handset_change){ .label = longest };
    assert_int_equal(handset_change(camp.fleet, NULL, &mac, &change, &f), FAULT_INPUT);

    struct principal olga = camp_who(ROLE_OPERATOR, "olga", NULL);
    struct principal administrator = camp_who(ROLE_ADMINISTRATOR, "alice", NULL);
    assert_int_equal(handset_remove(camp.fleet, &olga, &mac, &f), FAULT_FORBIDDEN);
    assert_int_equal(handset_change(camp.fleet, &olga, &mac, &change, &f), FAULT_FORBIDDEN);

    camp_account(&camp, "00907A100001", ROLE_HANDSET, "00907a100001", NULL);
    CAMP_OK(handset_remove(camp.fleet, &administrator, &mac, why));
    assert_int_equal(handset_remove(camp.fleet, &administrator, &mac, &f), FAULT_ABSENT);
    struct account account;
    assert_int_equal(account_get(camp.fleet, "00907a100001", &account, &f), FAULT_ABSENT);
}

static void test_list_and_nearest(void **state)
{
    (void)state;
    static const char *const macs[] = { "00907a200004", "00907a200001", "0004f2200002", "00907a200030" };
    for (size_t i = 0; i < ARRAY_LENGTH(macs); i++)
        camp_handset(&camp, macs[i]);
    struct handset *list;
    size_t count;
    CAMP_OK(handset_list(camp.fleet, NULL, 3, &list, &count, why));
    assert_int_equal(count, 3);
    assert_string_equal(list[0].mac.text, "0004f2200002");
    assert_string_equal(list[2].mac.text, "00907a200004");
    struct mac after = list[2].mac;
    free(list);
    CAMP_OK(handset_list(camp.fleet, &after, 1000, &list, &count, why));
    assert_int_equal(count, 1);
    assert_string_equal(list[0].mac.text, "00907a200030");
    free(list);
    assert_int_equal(handset_list(camp.fleet, NULL, 0, &list, &count, NULL), FAULT_INPUT);

    struct db_conn *conn;
    struct mac nearest[HANDSET_NEAREST], typo = camp_mac("00907a200003");
    struct fault f;
    CAMP_OK(db_read_begin(camp.fleet->db, &conn, why));
    CAMP_OK(handset_nearest(conn, &typo, nearest, &count, why));
    assert_int_equal(count, 3);
    /* An exchange of neighbours counts as one, like a wrong digit; ties in the order of the MACs. */
    assert_string_equal(nearest[0].text, "00907a200001");
    assert_string_equal(nearest[1].text, "00907a200004");
    assert_string_equal(nearest[2].text, "00907a200030");
    assert_int_equal(handset_unregistered(conn, &typo, "?create=1 registers it", &f), FAULT_CONTENT);
    assert_string_equal(f.text,
                        "00907a200003 is not a registered handset; nearest: 00907a200001, 00907a200004, "
                        "00907a200030; ?create=1 registers it");
    db_read_end(camp.fleet->db, conn);
}

static void test_seen(void **state)
{
    (void)state;
    camp_handset(&camp, "00907a300001");
    struct principal who = camp_who(ROLE_HANDSET, "", "00907a300001");
    struct mac mac = who.mac;
    struct handset h;
    clock_freeze(70000, 1);
    handset_seen(camp.fleet, &who, "FileTransport Spectralink-SL_8440-UA/4.11\xff\x1b (SN:x)");
    db_flush(camp.fleet->db);
    CAMP_OK(handset_get(camp.fleet, &mac, &h, why));
    assert_int_equal(h.last_seen, 70000);
    assert_string_equal(h.last_address, "192.0.2.1");
    assert_string_equal(h.user_agent, "FileTransport Spectralink-SL_8440-UA/4.11?? (SN:x)");
    assert_string_equal(h.model, "SL_8440");
    assert_string_equal(h.firmware, "4.11??");
    /* FTPS has no user agent: what is known stays. */
    clock_freeze(80000, 1);
    handset_seen(camp.fleet, &who, NULL);
    db_flush(camp.fleet->db);
    CAMP_OK(handset_get(camp.fleet, &mac, &h, why));
    assert_int_equal(h.last_seen, 80000);
    assert_string_equal(h.model, "SL_8440");
    assert_true(h.changed < 80000 || h.changed > 80000);
    clock_thaw();
}

static void test_exceptions(void **state)
{
    (void)state;
    static const char pin[] =
        "AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99";
    struct mac mac = camp_mac("00907a100007");
    struct handset h;
    struct fault f;
    struct handset_change change = { .pinned = pin, .set_legacy = true, .legacy = true };
    CAMP_OK(handset_add(camp.fleet, NULL, &mac, &change, why));
    CAMP_OK(handset_get(camp.fleet, &mac, &h, why));
    assert_string_equal(h.pinned, "aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899");
    assert_true(h.legacy);
    assert_false(h.accept_expired);
    assert_int_equal(h.lost, 0);
    /* What is not named stays. */
    change = (struct handset_change){ .set_expired = true, .accept_expired = true };
    CAMP_OK(handset_change(camp.fleet, NULL, &mac, &change, why));
    CAMP_OK(handset_get(camp.fleet, &mac, &h, why));
    assert_true(h.accept_expired && h.legacy && h.pinned[0] == 'a');
    change = (struct handset_change){ .pinned = "", .set_legacy = true };
    CAMP_OK(handset_change(camp.fleet, NULL, &mac, &change, why));
    CAMP_OK(handset_get(camp.fleet, &mac, &h, why));
    assert_true(h.accept_expired && !h.legacy && h.pinned[0] == '\0');
    change = (struct handset_change){ .pinned = "aabb" };
    assert_int_equal(handset_change(camp.fleet, NULL, &mac, &change, &f), FAULT_INPUT);
    assert_non_null(strstr(f.text, "64 hex digits"));
    CAMP_OK(handset_remove(camp.fleet, NULL, &mac, why));
    assert_int_equal(handset_add(camp.fleet, NULL, &mac, &change, &f), FAULT_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_agent),
        cmocka_unit_test_setup_teardown(test_add_change_remove, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_list_and_nearest, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_exceptions, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_seen, open_camp, close_camp),
    };
    return cmocka_run_group_tests_name("fleet/handset", tests, NULL, NULL);
}
