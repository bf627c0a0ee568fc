/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "ftps/unclean.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_prefixes(void **state)
{
    (void)state;
    static const struct {
        const char *list, *mac;
        bool allowed;
    } rows[] = {
        { "", "00907a123456", false },
        { "00907a", "00907a123456", true },
        { "00907A", "00907a123456", true },
        { "0004f2, 00907a12", "00907a123456", true },
        { "0004f2,00907a13", "00907a123456", false },
        { "00907a123456", "00907a123456", true },
        { "00907a1234567", "00907a123456", false },
        { "00907", "00907a123456", false },
        { " , ,00907a", "00907a123456", true },
        { "00907a", "", false },
        { ",", "00907a123456", false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct mac mac = { "" };
        assert_true(mem_copy_text(mac.text, sizeof mac.text, rows[i].mac));
        assert_int_equal(unclean_allowed(rows[i].list, &mac), rows[i].allowed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_prefixes) };
    return cmocka_run_group_tests_name("unclean", tests, NULL, NULL);
}
