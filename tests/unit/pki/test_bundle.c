/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "pki/bundle.h"
#include "pki/revoke.h"
#include "tests/unit/pki/place.h"

static struct store store;
static struct issue_result one, two;

static int set_up(void **state)
{
    enum profile_id ca;
    size_t count;
    struct issue_result other;
    place_set_up(state);
    place_found(&store);
    place_issue(&store, PROFILE_HANDSET, "00907a000002", &two);
    place_issue(&store, PROFILE_HANDSET, "00907a000001", &one);
    place_issue(&store, PROFILE_HANDSET, "00907a000003", &other);
    place_issue(&store, PROFILE_OPERATOR, "night", &other); /* no handset */
    place_good(
        revoke_mark(&store, profile_get(PROFILE_HANDSET), "00907a000003", CRL_UNSPECIFIED, &ca, &count, NULL),
        NULL);
    return 0;
}

static int tear_down(void **state)
{
    store_close(&store);
    return place_tear_down(state);
}

static void test_bundle(void **state)
{
    (void)state;
    struct buf text;
    size_t count = 0;
    struct fault f;
    int64_t now = clock_wall_ms() / 1000;
    buf_init(&text, 1 << 20);
    place_good(bundle_identities(&store, now, &text, &count, &f), &f);
    assert_string_equal(text.data, "00907a000001\n00907a000002\n");
    assert_int_equal(count, 2);
    buf_clear(&text);
    place_good(bundle_identities(&store, one.not_after, &text, &count, &f), &f);
    assert_int_equal(count, 0);
    place_good(bundle_radius(&store, now, &text, &f), &f);
    assert_non_null(strstr(text.data, "BEGIN CERTIFICATE"));
    assert_non_null(strstr(text.data, "BEGIN X509 CRL"));
    assert_null(strstr(text.data, "PRIVATE KEY"));
    /* A list that is over would keep everybody out. */
    assert_int_equal(bundle_radius(&store, now + 31 * 86400, &text, &f), FAULT_INPUT);
    assert_non_null(strstr(f.text, "pki crl root"));
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_bundle) };
    return cmocka_run_group_tests_name("bundle", tests, set_up, tear_down);
}
