/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "fleet/vault.h"
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

static enum fault_code add(const char *name, enum role role, const char *mac, enum account_password password,
                           const char *text, char made[SECRET_MADE_LENGTH + 1], struct fault *f)
{
    struct account account = { .role = role, .enabled = true };
    struct account_change change = { .password = password, .text = text };
    assert_true(mem_copy_text(account.name, sizeof account.name, name));
    if (mac)
        account.mac = camp_mac(mac);
    return account_add(camp.fleet, NULL, &account, &change, made, f);
}

static void stored_of(const char *name, char stored[SECRET_STORED_MAX])
{
    struct db_conn *conn;
    struct account account;
    CAMP_OK(db_read_begin(camp.fleet->db, &conn, why));
    CAMP_OK(account_find(conn, name, &account, stored, why));
    db_read_end(camp.fleet->db, conn);
}

static void test_names(void **state)
{
    (void)state;
    char out[ACCOUNT_NAME_LIMIT + 1], longest[ACCOUNT_NAME_LIMIT + 2];
    static const struct {
        const char *name, *canonical; /* NULL: nobody's */
    } names[] = {
        { "alice", "alice" },
        { "Alice.B_c-1", "Alice.B_c-1" },
        { "00907A0A0B0C", "00907a0a0b0c" },
        { "00:90:7a:0A:0b:0c", "00907a0a0b0c" },
        { "0090.7a0a.0b0c", "00907a0a0b0c" },
        { "000000000000", "000000000000" },
        { "a:b", NULL },
        { "", NULL },
        { "a b", NULL },
        { "a\n", NULL },
        { "\xc3\xa9", NULL },
        { "a/b", NULL },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        assert_int_equal(account_canonical(names[i].name, out), names[i].canonical != NULL);
        if (names[i].canonical)
            assert_string_equal(out, names[i].canonical);
    }
    memset(longest, 'x', sizeof longest);
    longest[ACCOUNT_NAME_LIMIT + 1] = '\0';
    assert_false(account_canonical(longest, out));
    longest[ACCOUNT_NAME_LIMIT] = '\0';
    assert_true(account_canonical(longest, out));
}

static void test_add(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum role role;
        const char *mac;
        enum account_password password;
        const char *text;
        enum fault_code code;
    } adds[] = {
        { "alice", ROLE_ADMINISTRATOR, NULL, PASSWORD_CHOSEN, "long enough", FAULT_OK },
        { "alice", ROLE_ADMINISTRATOR, NULL, PASSWORD_NONE, NULL, FAULT_CONFLICT },
        { "Alice", ROLE_OPERATOR, NULL, PASSWORD_NONE, NULL, FAULT_OK },
        { "bob", ROLE_ADMINISTRATOR, NULL, PASSWORD_CHOSEN, "short77", FAULT_INPUT },
        { "bob", ROLE_ADMINISTRATOR, NULL, PASSWORD_CHOSEN, "", FAULT_INPUT },
        { "bob", ROLE_ADMINISTRATOR, NULL, PASSWORD_CHOSEN, NULL, FAULT_INPUT },
        { "bob", ROLE_ADMINISTRATOR, NULL, PASSWORD_IMPORTED, "not a hash", FAULT_INPUT },
        { "bob", ROLE_ADMINISTRATOR, NULL, PASSWORD_IMPORTED, "", FAULT_INPUT },
        { "bob", ROLE_ADMINISTRATOR, NULL, PASSWORD_IMPORTED,
          "$made$0000000000000000000000000000000000000000000000000000000000000000", FAULT_INPUT },
        { "bob", ROLE_ADMINISTRATOR, NULL, PASSWORD_IMPORTED,
          "$6$saltsalt$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
          "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
          FAULT_OK },
        { "PlcmSpIp", ROLE_HANDSET, MAC, PASSWORD_NONE, NULL, FAULT_INPUT },
        { "plcmspip", ROLE_OPERATOR, NULL, PASSWORD_NONE, NULL, FAULT_INPUT },
        { "a b", ROLE_OPERATOR, NULL, PASSWORD_NONE, NULL, FAULT_INPUT },
        { "ward", ROLE_HANDSET, NULL, PASSWORD_NONE, NULL, FAULT_INPUT },
        { "olga", ROLE_OPERATOR, MAC, PASSWORD_NONE, NULL, FAULT_INPUT },
        { "00907a000002", ROLE_HANDSET, MAC, PASSWORD_NONE, NULL, FAULT_INPUT },
        { "00907a000002", ROLE_OPERATOR, NULL, PASSWORD_NONE, NULL, FAULT_INPUT },
        { "00907a000002", ROLE_HANDSET, "00907a000002", PASSWORD_NONE, NULL, FAULT_CONTENT },
        { "00:90:7A:00:00:01", ROLE_HANDSET, MAC, PASSWORD_NONE, NULL, FAULT_OK },
        { "00907a000001", ROLE_HANDSET, MAC, PASSWORD_NONE, NULL, FAULT_CONFLICT },
        { "ward", ROLE_HANDSET, MAC, PASSWORD_NONE, NULL, FAULT_OK },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(adds); i++) {
        char made[SECRET_MADE_LENGTH + 1] = "untouched";
        struct fault f = { 0 };
        enum fault_code code =
            add(adds[i].name, adds[i].role, adds[i].mac, adds[i].password, adds[i].text, made, &f);
        if (code != adds[i].code)
            fail_msg("row %zu (%s): %d %s", i, adds[i].name, code, f.text);
        assert_string_equal(made, code == FAULT_OK ? "" : "untouched");
        if (adds[i].code == FAULT_CONTENT)
            assert_non_null(strstr(f.text, "nearest: " MAC));
    }
    struct account *list;
    size_t count;
    CAMP_OK(account_list(camp.fleet, &list, &count, why));
    assert_int_equal(count, 5);
    assert_string_equal(list[0].name, "00907a000001");
    assert_string_equal(list[0].mac.text, MAC);
    assert_int_equal(list[0].role, ROLE_HANDSET);
    assert_false(list[0].has_password);
    assert_string_equal(list[1].name, "Alice");
    assert_string_equal(list[2].name, "alice");
    assert_true(list[2].has_password);
    assert_false(list[2].made);
    assert_string_equal(list[2].mac.text, "");
    free(list);
}

static void test_made(void **state)
{
    (void)state;
    char made[SECRET_MADE_LENGTH + 1], again[SECRET_MADE_LENGTH + 1], stored[SECRET_STORED_MAX];
    struct account account;
    CAMP_OK(add("ward", ROLE_HANDSET, MAC, PASSWORD_MADE, NULL, made, why));
    assert_int_equal(strlen(made), SECRET_MADE_LENGTH);
    CAMP_OK(account_get(camp.fleet, "ward", &account, why));
    assert_true(account.made);
    stored_of("ward", stored);
    assert_null(strstr(stored, made));
    assert_true(secret_verify(vault_password_key(camp.fleet->vault), made, stored));

    struct account_change change = { .password = PASSWORD_MADE };
    CAMP_OK(account_change(camp.fleet, NULL, "ward", &change, again, why));
    assert_string_not_equal(made, again);
    stored_of("ward", stored);
    assert_false(secret_verify(vault_password_key(camp.fleet->vault), made, stored));
    assert_true(secret_verify(vault_password_key(camp.fleet->vault), again, stored));
}

static void test_change(void **state)
{
    (void)state;
    char made[SECRET_MADE_LENGTH + 1], before[SECRET_STORED_MAX], after[SECRET_STORED_MAX];
    struct account account;
    struct fault f;
    clock_freeze(9000, 1);
    CAMP_OK(add("alice", ROLE_ADMINISTRATOR, NULL, PASSWORD_CHOSEN, "long enough", made, why));
    stored_of("alice", before);
    struct account_change off = { .set_enabled = true, .enabled = false };
    struct account_change on = { .set_enabled = true, .enabled = true };
    struct account_change none = { .password = PASSWORD_NONE };

    assert_int_equal(account_change(camp.fleet, NULL, "alice", &off, made, &f), FAULT_CONFLICT);
    assert_int_equal(account_remove(camp.fleet, NULL, "alice", &f), FAULT_CONFLICT);
    CAMP_OK(add("bob", ROLE_ADMINISTRATOR, NULL, PASSWORD_NONE, NULL, made, why));
    CAMP_OK(account_change(camp.fleet, NULL, "bob", &off, made, why));
    assert_int_equal(account_change(camp.fleet, NULL, "alice", &off, made, &f), FAULT_CONFLICT);
    CAMP_OK(account_change(camp.fleet, NULL, "bob", &on, made, why));
    CAMP_OK(account_change(camp.fleet, NULL, "alice", &off, made, why));
    assert_int_equal(account_remove(camp.fleet, NULL, "bob", &f), FAULT_CONFLICT);

    /* `changed` grows although the clock stands still, or steps back; a kept password is kept. */
    CAMP_OK(account_get(camp.fleet, "alice", &account, why));
    assert_int_equal(account.changed, 9001);
    assert_false(account.enabled);
    clock_freeze(10, 1);
    CAMP_OK(account_change(camp.fleet, NULL, "alice", &on, made, why));
    CAMP_OK(account_get(camp.fleet, "alice", &account, why));
    assert_int_equal(account.changed, 9002);
    assert_int_equal(account.created, 9000);
    stored_of("alice", after);
    assert_string_equal(before, after);
    CAMP_OK(account_change(camp.fleet, NULL, "alice", &none, made, why));
    CAMP_OK(account_get(camp.fleet, "alice", &account, why));
    assert_false(account.has_password);
    clock_thaw();

    assert_int_equal(account_change(camp.fleet, NULL, "nobody", &on, made, &f), FAULT_ABSENT);
    assert_int_equal(account_change(camp.fleet, NULL, "no/body", &on, made, &f), FAULT_ABSENT);
    assert_int_equal(account_remove(camp.fleet, NULL, "nobody", &f), FAULT_ABSENT);
    assert_int_equal(account_get(camp.fleet, "nobody", &account, &f), FAULT_ABSENT);
    struct principal olga = camp_who(ROLE_OPERATOR, "olga", NULL);
    struct principal administrator = camp_who(ROLE_ADMINISTRATOR, "alice", NULL);
    assert_int_equal(account_remove(camp.fleet, &olga, "bob", &f), FAULT_FORBIDDEN);
    assert_int_equal(account_change(camp.fleet, &olga, "bob", &off, made, &f), FAULT_FORBIDDEN);
    CAMP_OK(account_remove(camp.fleet, &administrator, "bob", why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test_setup_teardown(test_add, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_made, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_change, open_camp, close_camp),
    };
    return cmocka_run_group_tests_name("fleet/account", tests, NULL, NULL);
}
