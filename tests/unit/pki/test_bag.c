/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "pki/bag.h"
#include "pki/explain.h"
#include "tests/unit/pki/place.h"

static struct store store;
static struct issue_result handset;

static int set_up(void **state)
{
    place_set_up(state);
    place_found(&store);
    place_issue(&store, PROFILE_HANDSET, "00907a000001", &handset);
    return 0;
}

static int tear_down(void **state)
{
    store_close(&store);
    return place_tear_down(state);
}

static void test_bag(void **state)
{
    (void)state;
    gnutls_x509_privkey_t key = NULL;
    gnutls_x509_crt_t chain[1] = { NULL };
    struct buf der, out;
    struct fault f;
    buf_init(&der, 1 << 16);
    buf_init(&out, 1 << 16);
    place_good(key_load(place_file("pki/handset/00907a000001.key"), NULL, &key, &f), &f);
    place_good(mint_load(handset.file, &chain[0], &f), &f);
    place_good(bag_make(key, chain, 1, "00907a000001", &place_passphrase, &der, &f), &f);
    place_good(file_write(place_file("x.p12"), 0600, FILE_NEW, der.data, der.used, &f), &f);
    place_good(explain_file(place_file("x.p12"), clock_wall_ms() / 1000, &place_source, &out, &f), &f);
    assert_non_null(strstr(out.data, "PKCS #12\nPrivate key (not shown)\nCertificate\n"));
    assert_non_null(strstr(out.data, "CN=00907a000001"));
    buf_clear(&out);
    place_good(explain_file(place_file("x.p12"), 0, NULL, &out, &f), &f);
    assert_non_null(strstr(out.data, "give its passphrase"));
    gnutls_x509_privkey_deinit(key);
    gnutls_x509_crt_deinit(chain[0]);
    buf_fini(&der);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_bag) };
    return cmocka_run_group_tests_name("bag", tests, set_up, tear_down);
}
