/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/request.h"
#include "tests/unit/pki/place.h"

static void test_requests(void **state)
{
    (void)state;
    struct names names = { 0 };
    struct buf key, pem;
    struct request request = { 0 };
    struct fault f;
    buf_init(&key, 1 << 16);
    buf_init(&pem, 1 << 16);
    place_good(names_add(&names, "a.test", &f), &f);
    place_good(names_add(&names, "2001:db8::1", &f), &f);
    place_good(request_new(KEY_P384, "a.test", &names, &key, &pem, &f), &f);
    place_write("a.csr", pem.data);
    place_good(request_load(place_file("a.csr"), &request, &f), &f);
    assert_string_equal(request.common_name, "a.test");
    assert_int_equal(request.names.count, 2);
    assert_string_equal(request.names.at[1], "2001:db8::1");
    assert_int_equal(request.ignored, 0);
    request_fini(&request);
    place_write("b.csr", key.data);
    assert_int_equal(request_load(place_file("b.csr"), &request, &f), FAULT_INPUT);
    assert_int_equal(request_load(place_file("c.csr"), &request, &f), FAULT_ABSENT);
    assert_null(request.key);
    buf_wipe(&key);
    buf_fini(&pem);
}

/* A request's own signature is what shows that its maker holds the key. */
static void test_changed(void **state)
{
    (void)state;
    struct buf key, pem;
    struct request request = { 0 };
    struct fault f;
    gnutls_datum_t der = { NULL, 0 };
    buf_init(&key, 1 << 16);
    buf_init(&pem, 1 << 16);
    place_good(request_new(KEY_P256, "first.test", NULL, &key, &pem, &f), &f);
    const gnutls_datum_t text = { (unsigned char *)pem.data, (unsigned)pem.used };
    assert_int_equal(gnutls_pem_base64_decode2("NEW CERTIFICATE REQUEST", &text, &der), 0);
    unsigned char *name = memmem(der.data, der.size, "first", 5);
    assert_non_null(name);
    place_good(file_write(place_file("d.csr"), 0600, FILE_NEW, der.data, der.size, &f), &f);
    place_good(request_load(place_file("d.csr"), &request, &f), &f); /* DER is taken too */
    request_fini(&request);
    memcpy(name, "other", 5);
    place_good(file_write(place_file("d.csr"), 0600, FILE_REPLACE, der.data, der.size, &f), &f);
    assert_int_equal(request_load(place_file("d.csr"), &request, &f), FAULT_CONTENT);
    assert_non_null(strstr(f.text, "does not hold that key"));
    assert_null(request.key);
    gnutls_free(der.data);
    buf_wipe(&key);
    buf_fini(&pem);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_requests), cmocka_unit_test(test_changed) };
    return cmocka_run_group_tests_name("request", tests, place_set_up, place_tear_down);
}
