/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/ledger.h"
#include "tests/unit/pki/place.h"

#define GOOD "valid\t12ab\thandset\t2031-11-24T01:49:53Z\t-\t-\thandset/00907a0a0b0c\t00907a0a0b0c\n"

static void test_round(void **state)
{
    (void)state;
    static const char text[] =
        "# a remark\n\n" GOOD "revoked\t00\tserver\t2026-01-01T00:00:00Z\t2025-12-31T23:59:59Z\t"
        "key-compromise\tserver/a.test\ta.test\n";
    struct ledger ledger = { 0 };
    struct fault f;
    size_t whole = 0;
    place_good(ledger_parse(&ledger, text, sizeof text - 1, "index", &whole, &f), &f);
    assert_int_equal(whole, sizeof text - 1);
    assert_int_equal(ledger.count, 2);
    assert_int_equal(ledger.all[0].profile, PROFILE_HANDSET);
    assert_int_equal(ledger.all[0].not_after, 1953251393);
    assert_int_equal(ledger.all[0].revoked, 0);
    assert_int_equal(ledger.all[1].reason, CRL_KEY_COMPROMISE);
    assert_int_equal(ledger.all[1].revoked, 1767225599);
    assert_true(ledger_holds(&ledger.all[0], 1953251392) && !ledger_holds(&ledger.all[0], 1953251393));
    assert_false(ledger_holds(&ledger.all[1], 1));
    assert_ptr_equal(ledger_at(&ledger, "server/a.test"), &ledger.all[1]);
    assert_null(ledger_at(&ledger, "server/b.test"));
    struct buf out;
    buf_init(&out, 4096);
    for (size_t i = 0; i < ledger.count; i++)
        place_good(ledger_write(&ledger.all[i], &out, &f), &f);
    assert_string_equal(out.data, text + strlen("# a remark\n\n"));
    buf_fini(&out);
    ledger_fini(&ledger);
}

static void test_torn(void **state)
{
    (void)state;
    static const char text[] = GOOD GOOD;
    /* Cut anywhere, the whole lines are read and the rest is passed over. */
    for (size_t n = 0; n < sizeof text; n++) {
        struct ledger ledger = { 0 };
        size_t whole = 99999;
        struct fault f;
        place_good(ledger_parse(&ledger, text, n, "index", &whole, &f), &f);
        assert_int_equal(ledger.count, n / (sizeof GOOD - 1));
        assert_int_equal(whole, ledger.count * (sizeof GOOD - 1));
        ledger_fini(&ledger);
    }
}

static void test_wrong(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "valid",
        "maybe\t12\thandset\t2031-11-24T01:49:53Z\t-\t-\ta\tb",
        "valid\t1\thandset\t2031-11-24T01:49:53Z\t-\t-\ta\tb",
        "valid\t1G\thandset\t2031-11-24T01:49:53Z\t-\t-\ta\tb",
        "valid\tAB\thandset\t2031-11-24T01:49:53Z\t-\t-\ta\tb",
        "valid\t12\tward\t2031-11-24T01:49:53Z\t-\t-\ta\tb",
        "valid\t12\thandset\t2031-11-24 01:49:53\t-\t-\ta\tb",
        "valid\t12\thandset\t2031-11-24T01:49:53.000Z\t-\t-\ta\tb",
        "valid\t12\thandset\t2031-02-30T01:49:53Z\t-\t-\ta\tb",
        "valid\t12\thandset\t-\t-\t-\ta\tb",
        "valid\t12\thandset\t2031-11-24T01:49:53Z\t2031-11-24T01:49:53Z\t-\ta\tb",
        "valid\t12\thandset\t2031-11-24T01:49:53Z\t-\tsuperseded\ta\tb",
        "revoked\t12\thandset\t2031-11-24T01:49:53Z\t-\t-\ta\tb",
        "revoked\t12\thandset\t2031-11-24T01:49:53Z\t2031-11-24T01:49:53Z\tboredom\ta\tb",
        "valid\t12\thandset\t2031-11-24T01:49:53Z\t-\t-\t/etc/x\tb",
        "valid\t12\thandset\t2031-11-24T01:49:53Z\t-\t-\ta/../../x\tb",
        "valid\t12\thandset\t2031-11-24T01:49:53Z\t-\t-\ta\t",
        "valid\t12\thandset\t2031-11-24T01:49:53Z\t-\t-\ta\tb\tc",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
        char text[512];
        struct ledger ledger = { 0 };
        struct fault f = { 0 };
        snprintf(text, sizeof text, "%s%s\n", GOOD, lines[i]);
        if (ledger_parse(&ledger, text, strlen(text), "index", NULL, &f) != FAULT_DAMAGED)
            fail_msg("taken: %s", lines[i]);
        assert_non_null(strstr(f.text, "index, line 2:"));
        ledger_fini(&ledger);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round),
        cmocka_unit_test(test_torn),
        cmocka_unit_test(test_wrong),
    };
    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
