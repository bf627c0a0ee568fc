/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/store.h"
#include "tests/unit/pki/place.h"

static struct store store;

static int set_up(void **state)
{
    place_set_up(state);
    place_found(&store);
    return 0;
}

static int tear_down(void **state)
{
    store_close(&store);
    return place_tear_down(state);
}

static void test_lock(void **state)
{
    (void)state;
    struct store other = { .lock = -1 };
    struct fault f;
    assert_int_equal(store_open(place_file("pki"), NULL, true, &other, &f), FAULT_BUSY);
    place_good(store_open(place_file("pki"), NULL, false, &other, &f), &f);
    assert_int_equal(other.ledger.count, store.ledger.count);
    store_close(&other);
    assert_int_equal(store_create(place_file("pki"), NULL, &other, &f), FAULT_CONFLICT);
    assert_int_equal(store_open(place_file("absent"), NULL, true, &other, &f), FAULT_ABSENT);
    assert_non_null(strstr(f.text, "pki init"));
    assert_false(file_exists(place_file("absent")));
    /* An old root is not overwritten by a new PKI that would put its own there. */
    assert_int_equal(store_create(place_file("second"), place_file("pki/root"), &other, &f), FAULT_CONFLICT);
    assert_non_null(strstr(f.text, "root.key"));
}

static void test_stems(void **state)
{
    (void)state;
    static const struct {
        enum profile_id profile;
        const char *name, *base, *stem; /* stem NULL: refused */
    } rows[] = {
        { PROFILE_HANDSET, "00907a0a0b0c", NULL, "handset/00907a0a0b0c" },
        { PROFILE_SERVER, "*.a.test", NULL, "server/_.a.test" },
        { PROFILE_SERVER, "2001:db8::1", NULL, "server/2001:db8::1" },
        { PROFILE_INTERMEDIATE, "a/../b", NULL, "ca/a__._b" },
        { PROFILE_SERVER, "a.test", "other", "server/other" },
        { PROFILE_SERVER, "a.test", "a/b", NULL },
        { PROFILE_SERVER, "a.test", ".hidden", NULL },
        { PROFILE_SERVER, "a.test", "", NULL },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char stem[LEDGER_STEM_MAX + 1] = "";
        enum fault_code code = store_stem(rows[i].profile, rows[i].name, rows[i].base, stem, NULL);
        assert_int_equal(code, rows[i].stem != NULL ? FAULT_OK : FAULT_INPUT);
        if (rows[i].stem != NULL)
            assert_string_equal(stem, rows[i].stem);
    }
}

static void test_record(void **state)
{
    (void)state;
    struct fault f;
    struct store reader;
    AUTO_FREE char *before = place_read("pki/index");
    struct ledger_line line = { .profile = PROFILE_SERVER, .serial = "12", .not_after = 2000000000 };
    (void)mem_copy_text(line.stem, sizeof line.stem, "server/x");
    (void)mem_copy_text(line.subject, sizeof line.subject, "x");
    place_good(store_record(&store, &line, &f), &f);
    AUTO_FREE char *after = place_read("pki/index");
    assert_memory_equal(after, before, strlen(before));
    assert_string_equal(after + strlen(before),
                        "valid\t12\tserver\t2033-05-18T03:33:20Z\t-\t-\tserver/x\tx\n");
    store.ledger.all[store.ledger.count - 1].revoked = 1900000000;
    place_good(store_save(&store, &f), &f);
    place_good(store_open(place_file("pki"), NULL, false, &reader, &f), &f);
    assert_int_equal(reader.ledger.count, store.ledger.count);
    assert_int_equal(reader.ledger.all[reader.ledger.count - 1].revoked, 1900000000);
    store_close(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lock),
        cmocka_unit_test(test_stems),
        cmocka_unit_test(test_record),
    };
    return cmocka_run_group_tests_name("store", tests, set_up, tear_down);
}
