/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "fleet/refusal.h"
#include "tests/unit/fleet/camp.h"

#define DAY ((int64_t)86400000)

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
    clock_thaw();
    return 0;
}

static struct refusal *list(size_t *ret_count)
{
    struct refusal *refusals = NULL;
    db_flush(camp.fleet->db);
    CAMP_OK(refusal_list(camp.fleet, &refusals, ret_count, why));
    return refusals;
}

static void seen(const char *mac, const char *address)
{
    struct principal who = camp_who(ROLE_HANDSET, "", mac);
    mem_copy_text(who.address, sizeof who.address, address);
    handset_seen(camp.fleet, &who, NULL);
    db_flush(camp.fleet->db);
}

static void test_counted_for_each_client_and_reason(void **state)
{
    (void)state;
    size_t count = 0;
    clock_freeze(1000, 1000);
    refusal_note(camp.fleet, "192.0.2.9", "https", "unknown CA");
    refusal_note(camp.fleet, "192.0.2.9", "https", "unknown CA");
    refusal_note(camp.fleet, "192.0.2.9", "ftps", "unknown CA");
    free(list(&count));
    assert_int_equal(count, 2);
    clock_freeze(5000, 5000);
    refusal_note(camp.fleet, "192.0.2.9", "https", "unknown CA");
    refusal_note(camp.fleet, "192.0.2.9", "https", "expired");
    struct refusal *r = list(&count);
    assert_int_equal(count, 3);
    /* The newest first. */
    assert_string_equal(r[0].words, "expired");
    assert_string_equal(r[1].words, "unknown CA");
    assert_string_equal(r[1].protocol, "https");
    assert_string_equal(r[1].who, "192.0.2.9");
    assert_int_equal(r[1].count, 3);
    assert_int_equal(r[1].first, 1000);
    assert_int_equal(r[1].last, 5000);
    free(r);
}

static void test_whose_address_it_is(void **state)
{
    (void)state;
    size_t count = 0;
    camp_handset(&camp, "00907a000001");
    camp_handset(&camp, "00907a000002");
    clock_freeze(100 * DAY, 0);
    seen("00907a000001", "192.0.2.1");
    refusal_note(camp.fleet, "192.0.2.1", "https", "a");
    struct refusal *r = list(&count);
    assert_string_equal(r[0].who, "00907a000001");
    free(r);
    /* Two handsets behind one address: it may be either. */
    seen("00907a000002", "192.0.2.1");
    refusal_note(camp.fleet, "192.0.2.1", "https", "b");
    r = list(&count);
    assert_int_equal(count, 2);
    assert_string_equal(r[0].words, "a");
    assert_string_equal(r[1].words, "b");
    assert_string_equal(r[1].who, "192.0.2.1");
    free(r);
    /* It was there, but long ago. */
    clock_freeze(100 * DAY + REFUSAL_LATELY_MS + 1, 0);
    seen("00907a000002", "192.0.2.2");
    refusal_note(camp.fleet, "192.0.2.1", "https", "c");
    refusal_note(camp.fleet, "192.0.2.2", "https", "c");
    r = list(&count);
    assert_int_equal(count, 4);
    assert_string_equal(r[0].who, "00907a000002");
    assert_string_equal(r[1].who, "192.0.2.1");
    free(r);
}

static void test_bounded_and_cleared(void **state)
{
    (void)state;
    size_t count = 0;
    struct fault f;
    for (int i = 0; i < REFUSAL_ROWS_MAX + 50; i++) {
        char address[ADDRESS_LIMIT];
        snprintf(address, sizeof address, "10.0.%d.%d", i / 256, i % 256);
        clock_freeze(1000 + i, 0);
        refusal_note(camp.fleet, address, "ftps", "x");
        if (i % 32 == 31)
            db_flush(camp.fleet->db);
    }
    struct refusal *r = list(&count);
    assert_int_equal(count, REFUSAL_ROWS_MAX);
    assert_int_equal(r[0].last, 1000 + REFUSAL_ROWS_MAX + 49);
    assert_int_equal(r[count - 1].last, 1000 + 50);
    char who[ADDRESS_LIMIT];
    mem_copy_text(who, sizeof who, r[0].who);
    free(r);
    struct principal operator= camp_who(ROLE_OPERATOR, "olga", NULL);
    assert_int_equal(refusal_clear(camp.fleet, &operator, NULL, &f), FAULT_FORBIDDEN);
    CAMP_OK(refusal_clear(camp.fleet, NULL, who, why));
    free(list(&count));
    assert_int_equal(count, REFUSAL_ROWS_MAX - 1);
    CAMP_OK(refusal_clear(camp.fleet, NULL, NULL, why));
    free(list(&count));
    assert_int_equal(count, 0);
    /* Many different ones between two commits: what does not fit is lost, and nothing else. */
    for (int i = 0; i < 200; i++) {
        char words[32];
        snprintf(words, sizeof words, "reason %d", i);
        refusal_note(camp.fleet, "192.0.2.3", "ftps", words);
    }
    free(list(&count));
    assert_true(count >= 64 && count <= 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_counted_for_each_client_and_reason, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_whose_address_it_is, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_bounded_and_cleared, open_camp, close_camp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
