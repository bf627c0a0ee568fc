/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fleet/sighting.h"

#include "base/mac.h"

static void test_news(void **state)
{
    (void)state;
    const struct mac a = { "00907a000001" }, b = { "00907a000002" };
    struct sighting *s = sighting_new();
    assert_non_null(s);
    clock_freeze(0, 10 * SIGHTING_MS);
    assert_true(sighting_is_news(s, a.text, "10.0.0.1", "agent"));
    assert_false(sighting_is_news(s, a.text, "10.0.0.1", "agent"));
    assert_true(sighting_is_news(s, b.text, "10.0.0.1", "agent"));
    assert_false(sighting_is_news(s, a.text, "10.0.0.1", "agent"));
    assert_true(sighting_is_news(s, a.text, "10.0.0.2", "agent"));
    assert_true(sighting_is_news(s, a.text, "10.0.0.2", "other"));
    assert_true(sighting_is_news(s, a.text, "10.0.0.2", NULL));
    assert_false(sighting_is_news(s, a.text, "10.0.0.2", NULL));
    clock_freeze(0, 11 * SIGHTING_MS);
    assert_true(sighting_is_news(s, a.text, "10.0.0.2", NULL));
    clock_thaw();
    sighting_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_news) };
    return cmocka_run_group_tests_name("sighting", tests, NULL, NULL);
}
