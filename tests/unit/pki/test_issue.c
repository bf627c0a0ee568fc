/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/issue.h"
#include "tests/unit/pki/place.h"

static struct store store;
static struct issuer issuer;

static int set_up(void **state)
{
    place_set_up(state);
    place_found(&store);
    place_issuer(&store, PROFILE_HANDSET, &issuer);
    return 0;
}

static int tear_down(void **state)
{
    issuer_fini(&issuer);
    store_close(&store);
    return place_tear_down(state);
}

static struct issue_order handset(const char *name, unsigned forms)
{
    return (struct issue_order){ .profile = profile_get(PROFILE_HANDSET),
                                 .name = name,
                                 .key = KEY_P256,
                                 .forms = forms,
                                 .p12 = &place_passphrase };
}

static void test_forms(void **state)
{
    (void)state;
    static const char *const ends[] = { ".key", ".p12", ".cfg" };
    for (unsigned forms = 0; forms < 8; forms++) {
        char name[NAMES_CN_MAX + 1];
        struct issue_result result;
        struct fault f;
        snprintf(name, sizeof name, "00907A00010%u", forms);
        struct issue_order order = handset(name, forms);
        order.slot = (struct fragment_slot){ FRAGMENT_PLATFORM, 1, NULL };
        place_good(issue_with_key(&store, &issuer, &order, &result, &f), &f);
        assert_string_not_equal(result.name, name); /* lower case */
        for (unsigned i = 0; i < 3; i++) {
            char file[FILE_PATH];
            struct stat info;
            place_good(store_file(&store, result.stem, ends[i], file, &f), &f);
            assert_int_equal(file_exists(file), (forms >> i & 1) != 0);
            assert_true(!file_exists(file) || (stat(file, &info) == 0 && (info.st_mode & 0777) == 0600));
        }
        const struct ledger_line *line = ledger_at(&store.ledger, result.stem);
        assert_non_null(line);
        assert_string_equal(line->serial, result.serial);
        assert_int_equal(line->not_after, result.not_after);
    }
}

static void test_what_is_there(void **state)
{
    (void)state;
    struct issue_order order = handset("00907a000201", ISSUE_KEY);
    struct issue_result first, second;
    struct fault f;
    bool done = true;
    place_good(issue_look(&store, &order, &done, &f), &f);
    assert_false(done);
    place_good(issue_with_key(&store, &issuer, &order, &first, &f), &f);
    place_good(issue_look(&store, &order, &done, &f), &f);
    assert_true(done);
    assert_int_equal(issue_with_key(&store, &issuer, &order, &second, &f), FAULT_CONFLICT);
    order.force = true;
    place_good(issue_look(&store, &order, &done, &f), &f);
    assert_false(done);
    place_good(issue_with_key(&store, &issuer, &order, &second, &f), &f);
    assert_string_not_equal(first.serial, second.serial);
    /* Another form of the same: its key would be another one. */
    order = handset("00907a000201", ISSUE_P12);
    assert_int_equal(issue_look(&store, &order, &done, &f), FAULT_CONFLICT);
    /* One that is over is made anew only by force or renewal. */
    order = handset("00907a000201", ISSUE_KEY);
    ledger_at(&store.ledger, second.stem)->revoked = 1;
    assert_int_equal(issue_look(&store, &order, &done, &f), FAULT_CONFLICT);
    ledger_at(&store.ledger, second.stem)->revoked = 0;
}

static void test_leftovers(void **state)
{
    (void)state;
    struct issue_order order = handset("00907a000301", ISSUE_KEY);
    struct issue_result result;
    struct fault f;
    bool done = true;
    /* A key that is not in the index is somebody's. */
    place_write("pki/handset/00907a000301.key", "somebody's");
    assert_int_equal(issue_look(&store, &order, &done, &f), FAULT_CONFLICT);
    assert_int_equal(issue_with_key(&store, &issuer, &order, &result, &f), FAULT_CONFLICT);
    AUTO_FREE char *kept = place_read("pki/handset/00907a000301.key");
    assert_string_equal(kept, "somebody's");
    unlink(place_file("pki/handset/00907a000301.key"));
    /* A key whose certificate was recorded and never written is what an interrupted run left. */
    place_good(issue_with_key(&store, &issuer, &order, &result, &f), &f);
    unlink(place_file("pki/handset/00907a000301.pem"));
    place_good(issue_look(&store, &order, &done, &f), &f);
    assert_false(done);
    place_good(issue_with_key(&store, &issuer, &order, &result, &f), &f);
    place_good(issue_look(&store, &order, &done, &f), &f);
    assert_true(done);
}

static void test_nothing_half(void **state)
{
    (void)state;
    size_t before = store.ledger.count;
    struct issue_result result;
    struct fault f;
    struct issue_order order = handset("not a MAC", ISSUE_KEY);
    assert_int_equal(issue_with_key(&store, &issuer, &order, &result, &f), FAULT_INPUT);
    order = handset("00907a000401", ISSUE_KEY);
    order.days = PROFILE_DAYS_MAX;
    assert_int_equal(issue_with_key(&store, &issuer, &order, &result, &f), FAULT_INPUT);
    order.days = 0;
    order.profile = profile_get(PROFILE_SERVER);
    order.name = "a.test";
    assert_int_equal(issue_with_key(&store, &issuer, &order, &result, &f),
                     FAULT_CONTENT); /* the handsets' CA */
    assert_int_equal(store.ledger.count, before);
    assert_false(file_exists(place_file("pki/server/a.test.key")));
    assert_false(file_exists(place_file("pki/handset/00907a000401.key")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_what_is_there),
        cmocka_unit_test(test_leftovers),
        cmocka_unit_test(test_nothing_half),
    };
    return cmocka_run_group_tests_name("issue", tests, set_up, tear_down);
}
