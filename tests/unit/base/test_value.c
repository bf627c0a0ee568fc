/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/value.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    enum fault_code (*read)(const char *text, int64_t min, int64_t max, int64_t *ret_value, struct fault *f);
    const char *text;
    int64_t min, max, value; /* value -1: refused */
} numbers[] = {
    { value_number, "0", 0, 10, 0 },
    { value_number, "10", 0, 10, 10 },
    { value_number, "007", 0, 10, 7 },
    { value_number, "11", 0, 10, -1 },
    { value_number, "0", 1, 10, -1 },
    { value_number, "", 0, 10, -1 },
    { value_number, "-1", 0, 10, -1 },
    { value_number, "+1", 0, 10, -1 },
    { value_number, "1K", 0, 10000, -1 },
    { value_number, "0x1", 0, 10, -1 },
    { value_number, "1.0", 0, 10, -1 },
    { value_number, "9223372036854775807", 0, INT64_MAX, INT64_MAX },
    { value_number, "9223372036854775808", 0, INT64_MAX, -1 },
    { value_number, "18446744073709551617", 0, INT64_MAX, -1 },
    { value_size, "1", 0, INT64_MAX, 1 },
    { value_size, "256K", 0, INT64_MAX, 262144 },
    { value_size, "4m", 0, INT64_MAX, 4194304 },
    { value_size, "2G", 0, INT64_MAX, 2147483648 },
    { value_size, "8589934592G", 0, INT64_MAX, -1 },
    { value_size, "1 K", 0, INT64_MAX, -1 },
    { value_size, "1KB", 0, INT64_MAX, -1 },
    { value_size, "K", 0, INT64_MAX, -1 },
    { value_size, "1s", 0, INT64_MAX, -1 },
    { value_time, "5", 0, INT64_MAX, 5000 },
    { value_time, "5ms", 0, INT64_MAX, 5 },
    { value_time, "5s", 0, INT64_MAX, 5000 },
    { value_time, "5m", 0, INT64_MAX, 300000 },
    { value_time, "5h", 0, INT64_MAX, 18000000 },
    { value_time, "7d", 0, INT64_MAX, 604800000 },
    { value_time, "5 s", 0, INT64_MAX, -1 },
    { value_time, "1h30m", 0, INT64_MAX, -1 },
    { value_time, "1w", 0, INT64_MAX, -1 },
};

static void test_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        int64_t value = -1;
        struct fault f = { 0 };
        enum fault_code code = numbers[i].read(numbers[i].text, numbers[i].min, numbers[i].max, &value, &f);
        assert_int_equal(value, numbers[i].value);
        assert_int_equal(code, value < 0 ? FAULT_INPUT : FAULT_OK);
        assert_int_equal(f.code, code);
    }
}

static void test_the_range_is_told_in_units(void **state)
{
    (void)state;
    int64_t value;
    struct fault f;
    value_size("1K", 65536, INT64_C(1) << 40, &value, &f);
    assert_string_equal(f.text, "'1K' is out of range; write 64K to 1024G");
    value_time("1d", 0, 90000, &value, &f);
    assert_string_equal(f.text, "'1d' is out of range; write 0 to 90s");
    value_time("2h", 100, 3600000, &value, &f);
    assert_string_equal(f.text, "'2h' is out of range; write 100ms to 1h");
}

static void test_words(void **state)
{
    (void)state;
    static const char *const words[] = { "password", "certificate", "either", NULL };
    struct fault f;
    int index = -1;
    assert_int_equal(value_word("either", words, &index, &f), FAULT_OK);
    assert_int_equal(index, 2);
    static const char *const wrong[] = { "", "Either", "eithe", "eitherx" };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_int_equal(value_word(wrong[i], words, &index, &f), FAULT_INPUT);
    assert_string_equal(f.text, "'eitherx' is not possible; write password, certificate or either");
}

static const struct {
    const char *text, *shown; /* shown NULL: refused */
} listens[] = {
    { "", "" },
    { "127.0.0.1:8443", "127.0.0.1 8443;" },
    { "[::]:443", ":: 443;" },
    { "[2001:db8::1]:443 , 192.0.2.1:990", "2001:db8::1 443;192.0.2.1 990;" },
    { "localhost:0", "127.0.0.1 0;" },
    { "0.0.0.0:65535", "0.0.0.0 65535;" },
    { "1.1.1.1:1,1.1.1.1:2,1.1.1.1:3,1.1.1.1:4,1.1.1.1:5,1.1.1.1:6,1.1.1.1:7,1.1.1.1:8",
      "1.1.1.1 1;1.1.1.1 2;1.1.1.1 3;1.1.1.1 4;1.1.1.1 5;1.1.1.1 6;1.1.1.1 7;1.1.1.1 8;" },
    { "1.1.1.1:1,1.1.1.1:2,1.1.1.1:3,1.1.1.1:4,1.1.1.1:5,1.1.1.1:6,1.1.1.1:7,1.1.1.1:8,1.1.1.1:9", NULL },
    { ":443", NULL },
    { "443", NULL },
    { "127.0.0.1", NULL },
    { "127.0.0.1:", NULL },
    { "127.0.0.1:65536", NULL },
    { "127.0.0.1:000443", NULL },
    { "127.0.0.1:+4", NULL },
    { "127.0.0.1:44 3", NULL },
    { "127.0.0.1:https", NULL },
    { "127.0.0:443", NULL },
    { "127.0.0.1.1:443", NULL },
    { "::1:443", NULL },
    { "[::1]", NULL },
    { "[::1:443", NULL },
    { "[]:443", NULL },
    { "[localhost]:443", NULL },
    { "[127.0.0.1]:443", NULL },
    { "[fe80::1%eth0]:443", NULL },
    { "cradle.test:443", NULL },
    { "*:443", NULL },
    { ",", NULL },
    { "127.0.0.1:443,", NULL },
    { "127.0.0.1:443 127.0.0.1:444", NULL },
};

static void test_listens(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(listens); i++) {
        struct settings_listen listen = { .count = 77 };
        struct fault f = { 0 };
        enum fault_code code = value_listen(listens[i].text, &listen, &f);
        if ((code == FAULT_OK) != (listens[i].shown != NULL))
            fail_msg("'%s': %s", listens[i].text, f.text);
        if (listens[i].shown == NULL) {
            assert_int_equal(code, FAULT_INPUT);
            assert_int_equal(listen.count, 77);
            continue;
        }
        char shown[400] = "";
        for (size_t k = 0, used = 0; k < listen.count; k++)
            used += (size_t)snprintf(shown + used, sizeof shown - used, "%s %d;", listen.at[k].host,
                                     listen.at[k].port);
        assert_string_equal(shown, listens[i].shown);
    }
    char big[VALUE_MAX + 1];
    struct settings_listen listen;
    memset(big, '1', sizeof big);
    big[VALUE_MAX] = '\0';
    assert_int_equal(value_listen(big, &listen, NULL), FAULT_INPUT);
}

static const struct {
    const char *text;
    int low, high; /* low -1: refused */
} ports[] = {
    { "50000-50999", 50000, 50999 },
    { "1024-65535", 1024, 65535 },
    { "2000-2000", 2000, 2000 },
    { "2001-2000", -1, 0 },
    { "1023-2000", -1, 0 },
    { "2000-65536", -1, 0 },
    { "2000", -1, 0 },
    { "-2000", -1, 0 },
    { "2000-", -1, 0 },
    { "2000-3000-4000", -1, 0 },
    { "2000 - 3000", -1, 0 },
    { "", -1, 0 },
    { "a-b", -1, 0 },
    { "2000-99999999999", -1, 0 },
};

static void test_ports(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(ports); i++) {
        struct settings_ports range = { 1, 1 };
        enum fault_code code = value_ports(ports[i].text, 1024, 65535, &range, NULL);
        assert_int_equal(code, ports[i].low < 0 ? FAULT_INPUT : FAULT_OK);
        assert_int_equal(range.low, ports[i].low < 0 ? 1 : ports[i].low);
        assert_int_equal(range.high, ports[i].low < 0 ? 1 : ports[i].high);
    }
}

static void test_items(void **state)
{
    (void)state;
    char list[] = " a ,b,, c d\t,", *rest = list;
    assert_string_equal(value_item(&rest), "a");
    assert_string_equal(value_item(&rest), "b");
    assert_string_equal(value_item(&rest), "");
    assert_string_equal(value_item(&rest), "c d");
    assert_string_equal(value_item(&rest), "");
    assert_null(value_item(&rest));
    char blank[] = " \r\n";
    assert_string_equal(value_trim(blank), "");
}

static void test_unlike(void **state)
{
    (void)state;
    assert_int_equal(value_unlike("", ""), 0);
    assert_int_equal(value_unlike("log_quota", "log_quota"), 0);
    assert_int_equal(value_unlike("log_quot", "log_quota"), 1);
    assert_int_equal(value_unlike("kitten", "sitting"), 3);
    assert_int_equal(value_unlike("", "abc"), 3);
    assert_int_equal(value_unlike("abc", ""), 3);
    assert_int_equal(value_unlike("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "a"), VALUE_ALIEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_the_range_is_told_in_units),
        cmocka_unit_test(test_words),   cmocka_unit_test(test_listens),
        cmocka_unit_test(test_ports),   cmocka_unit_test(test_items),
        cmocka_unit_test(test_unlike),
    };
    return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
