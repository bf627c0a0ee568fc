/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "pki/explain.h"
#include "tests/unit/pki/place.h"

#define LEAF "pki/server/a.test.pem"

static struct store store;
static struct issue_result server;

static int set_up(void **state)
{
    place_set_up(state);
    place_found(&store);
    place_issue(&store, PROFILE_SERVER, "a.test", &server);
    return 0;
}

static int tear_down(void **state)
{
    store_close(&store);
    return place_tear_down(state);
}

static void explain(const char *name, int64_t now, struct buf *out)
{
    struct fault f;
    buf_clear(out);
    place_good(explain_file(place_file(name), now, &place_source, out, &f), &f);
}

static void test_explain(void **state)
{
    (void)state;
    struct buf out;
    struct fault f;
    int64_t now = clock_wall_ms() / 1000;
    buf_init(&out, 1 << 20);
    explain(LEAF, now, &out);
    assert_non_null(strstr(out.data, "of           CN=a.test"));
    assert_non_null(strstr(out.data, "825 days left"));
    explain(LEAF, server.not_after, &out);
    assert_non_null(strstr(out.data, "EXPIRED"));
    explain(LEAF, now - 7200, &out);
    assert_non_null(strstr(out.data, "NOT VALID YET"));
    explain("pki/server/a.test.key", now, &out);
    assert_non_null(strstr(out.data, "not shown"));
    assert_non_null(strstr(out.data, "ECDSA, P-256"));
    AUTO_FREE char *key = place_read("pki/server/a.test.key");
    char *second = strchr(key, '\n') + 1;
    *strchr(second, '\n') = '\0';
    assert_null(strstr(out.data, second));
    explain("pki/ca/handset-crl.pem", now, &out);
    assert_non_null(strstr(out.data, "entries      0"));
    place_write("text", "nothing of the kind\n");
    assert_int_equal(explain_file(place_file("text"), now, &place_source, &out, &f), FAULT_INPUT);
    assert_non_null(strstr(f.text, "text: it is no certificate"));
    place_write("cut", "-----BEGIN CERTIFICATE-----\nMIIB\n");
    assert_int_equal(explain_file(place_file("cut"), now, &place_source, &out, &f), FAULT_INPUT);
    place_write("empty", "");
    assert_int_equal(explain_file(place_file("empty"), now, &place_source, &out, &f), FAULT_INPUT);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_explain) };
    return cmocka_run_group_tests_name("explain", tests, set_up, tear_down);
}
