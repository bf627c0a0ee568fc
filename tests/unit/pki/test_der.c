/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"
#include "pki/der.h"
#include "tests/unit/pki/place.h"

static void expect(struct buf *out, const char *hex)
{
    char text[1024];
    assert_true(out->used * 2 + 1 <= sizeof text);
    secret_hex(out->data, out->used, text);
    assert_string_equal(text, hex);
    buf_clear(out);
}

static void test_values(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4096);
    static const uint8_t zero[] = { 0, 0 }, high[] = { 0x80 }, padded[] = { 0, 0, 0x7f };
    assert_int_equal(der_number(&out, zero, sizeof zero, NULL), FAULT_OK);
    expect(&out, "020100");
    assert_int_equal(der_number(&out, zero, 0, NULL), FAULT_OK);
    expect(&out, "020100");
    assert_int_equal(der_number(&out, high, sizeof high, NULL), FAULT_OK);
    expect(&out, "02020080");
    assert_int_equal(der_number(&out, padded, sizeof padded, NULL), FAULT_OK);
    expect(&out, "02017f");
    assert_int_equal(der_oid(&out, "1.2.840.113549.1.1.11", NULL), FAULT_OK); /* RFC 4055 */
    expect(&out, "06092a864886f70d01010b");
    assert_int_equal(der_oid(&out, "2.5.29.20", NULL), FAULT_OK);
    expect(&out, "0603551d14");
    assert_int_equal(der_time(&out, 0, NULL), FAULT_OK);
    expect(&out, "170d3730303130313030303030305a");
    assert_int_equal(der_time(&out, 2524607999, NULL), FAULT_OK); /* the last second of 2049 */
    expect(&out, "170d3439313233313233353935395a");
    assert_int_equal(der_time(&out, 2524608000, NULL), FAULT_OK);
    expect(&out, "180f32303530303130313030303030305a");
    static const char *const bad[] = { "", "x", "1.", "1.x", "1.268435456" };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_int_equal(der_oid(&out, bad[i], NULL), FAULT_INPUT);
    assert_int_equal(der_time(&out, INT64_C(1) << 60, NULL), FAULT_INPUT);
    buf_fini(&out);
}

static void test_lengths(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        const char *head;
    } rows[] = { { 0, "3000" },       { 127, "307f" },       { 128, "308180" },      { 255, "3081ff" },
                 { 256, "30820100" }, { 65535, "3082ffff" }, { 65536, "3083010000" } };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buf out;
        char hex[16];
        buf_init(&out, 1 << 20);
        assert_int_equal(buf_text(&out, "before", NULL), FAULT_OK);
        char *room = buf_reserve(&out, rows[i].n, NULL);
        memset(room, 'x', rows[i].n);
        buf_grew(&out, rows[i].n);
        assert_int_equal(der_wrap(&out, 6, DER_SEQUENCE, NULL), FAULT_OK);
        size_t head = strlen(rows[i].head) / 2;
        assert_int_equal(out.used, 6 + head + rows[i].n);
        secret_hex(out.data + 6, head, hex);
        assert_string_equal(hex, rows[i].head);
        assert_memory_equal(out.data, "before", 6);
        for (size_t k = 6 + head; k < out.used; k++)
            assert_int_equal(out.data[k], 'x');
        buf_fini(&out);
    }
    struct buf small;
    buf_init(&small, 4);
    assert_int_equal(der_add(&small, DER_OCTET_STRING, "abc", 3, NULL), FAULT_TOO_LARGE);
    buf_fini(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_values), cmocka_unit_test(test_lengths) };
    return cmocka_run_group_tests_name("der", tests, NULL, NULL);
}
