/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/profile.h"
#include "tests/unit/pki/place.h"

static void test_words(void **state)
{
    (void)state;
    for (int i = 0; i < PROFILE_COUNT; i++) {
        const struct profile *profile = NULL;
        assert_int_equal(profile_find(profile_get((enum profile_id)i)->word, &profile, NULL), FAULT_OK);
        assert_int_equal(profile->id, i);
        assert_true(profile->days > 0 && profile->days <= PROFILE_DAYS_MAX);
        assert_int_equal(profile->serves, i == PROFILE_SERVER);
        assert_int_equal(profile_is_role(profile->id), i >= PROFILE_SERVER);
    }
    const struct profile *profile;
    assert_int_equal(profile_find("Server", &profile, NULL), FAULT_INPUT);
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        enum profile_id profile;
        const char *text, *name; /* NULL: refused */
    } rows[] = {
        { PROFILE_HANDSET, "00:90:7A:0A:0B:0C", "00907a0a0b0c" },
        { PROFILE_HANDSET, "00907a0a0b0c", "00907a0a0b0c" },
        { PROFILE_HANDSET, "00907a0a0b0", NULL },
        { PROFILE_HANDSET, "000000000000", NULL },
        { PROFILE_HANDSET, "admin", NULL },
        { PROFILE_SERVER, "Cradle.Example", "cradle.example" },
        { PROFILE_SERVER, "2001:DB8::0:1", "2001:db8::1" },
        { PROFILE_SERVER, "a b", NULL },
        { PROFILE_SERVER, "", NULL },
        { PROFILE_ADMINISTRATOR, "Admin.1", "Admin.1" },
        { PROFILE_ADMINISTRATOR, "00:90:7A:0A:0B:0C", NULL },
        { PROFILE_OPERATOR, "00907a0a0b0c", NULL },
        { PROFILE_OPERATOR, "a/b", NULL },
        { PROFILE_INTERMEDIATE, "Any name, Ö", "Any name, Ö" },
        { PROFILE_ROOT, "a\tb", NULL },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char name[NAMES_CN_MAX + 1] = "untouched";
        enum fault_code code = profile_name(profile_get(rows[i].profile), rows[i].text, name, NULL);
        assert_int_equal(code, rows[i].name != NULL ? FAULT_OK : FAULT_INPUT);
        assert_string_equal(name, rows[i].name != NULL ? rows[i].name : "untouched");
        if (rows[i].name != NULL)
            assert_int_equal(profile_check(profile_get(rows[i].profile), name, NULL), FAULT_OK);
    }
    /* What signs is strict: only profile_name brings other spellings in. */
    assert_int_equal(profile_check(profile_get(PROFILE_HANDSET), "00907A0A0B0C", NULL), FAULT_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_words), cmocka_unit_test(test_names) };
    return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
