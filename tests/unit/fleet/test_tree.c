/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/fleet/grove.h"

/* --- pure --- */

static void test_preconditions(void **state)
{
    (void)state;
    static const struct {
        const char *etag, *if_match, *if_none_match;
        bool holds;
    } rows[] = {
        { NULL, NULL, NULL, true },
        { "\"a\"", NULL, NULL, true },
        { "\"a\"", "*", NULL, true },
        { NULL, "*", NULL, false },
        { "", "*", NULL, false },
        { "\"a\"", "\"a\"", NULL, true },
        { "\"a\"", "\"b\"", NULL, false },
        { "\"a\"", "\"b\", \"a\"", NULL, true },
        { "\"a\"", " \"b\" ,,\t\"a\" ", NULL, true },
        { "\"a\"", "W/\"a\"", NULL, false },
        { "\"a\"", "a", NULL, false },
        { "\"a\"", "\"a", NULL, false },
        { "\"a\"", "", NULL, false },
        { "\"a\"", "\"aa\"", NULL, false },
        { "\"a,b\"", "\"x\", \"a,b\"", NULL, true },
        { NULL, "\"a\"", NULL, false },
        { NULL, NULL, "*", true },
        { "", NULL, " * ", true },
        { "\"a\"", NULL, "*", false },
        { "\"a\"", NULL, "\"a\"", false },
        { "\"a\"", NULL, "W/\"a\"", false },
        { "\"a\"", NULL, "\"b\"", true },
        { "\"a\"", "\"a\"", "*", false },
        { "\"a\"", "\"a\"", "\"b\"", true },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        enum fault_code code = tree_precondition(rows[i].etag, rows[i].if_match, rows[i].if_none_match, NULL);
        if (code != (rows[i].holds ? FAULT_OK : FAULT_PRECONDITION))
            fail_msg("row %zu", i);
    }
    assert_true(tree_etag_matches("W/\"a\"", "\"a\"", true));
    assert_false(tree_etag_matches("W/\"a\"", "\"a\"", false));
    assert_false(tree_etag_matches("*", "", true));
}

/* --- files --- */

static void test_overlay(void **state)
{
    (void)state;
    has_put(&alice, "/site.cfg", "<shared/>");
    has_put(&alice, "/000000000000.cfg", "<fallback/>");
    has_put(&alice, "/" OWN ".cfg", "<own/>");
    has_put(&alice, "/@handset/" OWN "/site.cfg", "<mine/>");
    has_put(&alice, "/@handset/" OTHER "/secret.cfg", "<secret/>");
    has_put(&own, "/deep/" OWN "-phone.cfg", "not checked <");

    READS(&own, "/site.cfg", "<mine/>");
    READS(&other, "/site.cfg", "<shared/>");
    READS(&alice, "/site.cfg", "<shared/>");
    READS(&alice, "/@handset/" OWN "/site.cfg", "<mine/>");
    READS(&own, "/" OWN ".cfg", "<own/>");
    READS(&own, "/00907A000001.cfg", "<own/>");
    READS(&alice, "/00907A000001.cfg", "<own/>");
    READS(&own, "/deep/" OWN "-phone.cfg", "not checked <");
    READS(&alice, "/deep/" OWN "-phone.cfg", "not checked <");

    FAILS(&other, "/" OTHER ".cfg", FAULT_ABSENT);
    READS(&other, "/000000000000.cfg", "<fallback/>");
    FAILS(&other, "/" OWN ".cfg", FAULT_ABSENT);
    FAILS(&other, "/" NEW ".cfg", FAULT_ABSENT);
    FAILS(&other, "/nothing.cfg", FAULT_ABSENT);
    FAILS(&other, "/deep/" OWN "-phone.cfg", FAULT_ABSENT);
    FAILS(&own, "/secret.cfg", FAULT_ABSENT);
    FAILS(&own, "/@handset/" OTHER "/secret.cfg", FAULT_ABSENT);
    FAILS(&own, "/site.cfg/", FAULT_ABSENT);
    FAILS(&olga, "/site.cfg", FAULT_FORBIDDEN);

    struct fault f;
    assert_int_equal(put(&own, "/" OTHER "-phone.cfg", "x", NULL, NULL, &f), FAULT_FORBIDDEN);
    assert_int_equal(put(&own, "/site.cfg", "x", NULL, NULL, &f), FAULT_FORBIDDEN);
    assert_int_equal(put(&olga, "/site.cfg", "x", NULL, NULL, &f), FAULT_FORBIDDEN);
    assert_int_equal(put(&alice, "/" OWN "-app.log", "x", NULL, NULL, &f), FAULT_FORBIDDEN);
}

static void test_put_rules(void **state)
{
    (void)state;
    struct fault f;
    struct upload_outcome outcome;
    struct upload_options create = { .create = true, .size = -1 };
    assert_int_equal(put(&alice, "/" NEW ".cfg", "<a/>", NULL, NULL, &f), FAULT_CONTENT);
    assert_non_null(strstr(f.text, OWN));
    assert_non_null(strstr(f.text, "?create=1 registers it (over HTTPS)"));
    CAMP_OK(put(&alice, "/" NEW ".cfg", "<a/>", &create, &outcome, why));
    assert_true(outcome.created);
    struct mac fresh = camp_mac(NEW);
    CAMP_OK(handset_get(camp.fleet, &fresh, &(struct handset){ 0 }, why));

    /* XML is checked for administrators, unless they say otherwise. */
    struct upload_options unchecked = { .unchecked = true, .size = -1 };
    assert_int_equal(put(&alice, "/site.cfg", "<a>\n<b></a>", NULL, NULL, &f), FAULT_CONTENT);
    assert_int_equal(put(&alice, "/SITE.XML", "<a", NULL, NULL, &f), FAULT_CONTENT);
    CAMP_OK(put(&alice, "/site.txt", "<a", NULL, NULL, why));
    CAMP_OK(put(&alice, "/site.cfg", "<a", &unchecked, NULL, why));
    READS(&own, "/site.cfg", "<a");

    /* From a handset it means nothing, and is not recorded. */
    struct path phone = at("/" OWN "-phone.cfg");
    struct tree_version *versions;
    size_t count;
    CAMP_OK(put(&own, phone.text, "<a", &unchecked, NULL, why));
    CAMP_OK(put(&own, phone.text, "<b", NULL, NULL, why));
    CAMP_OK(tree_versions(camp.fleet, &alice, &phone, &versions, &count, why));
    assert_int_equal(count, 1);
    assert_false(versions[0].unchecked);
    assert_string_equal(versions[0].author, OWN);
    free(versions);

    /* Preconditions. */
    struct upload_options fresh_only = { .if_none_match = "*", .size = -1 };
    struct upload_options right = { .size = -1 }, wrong = { .if_match = "\"0\"", .size = -1 };
    CAMP_OK(put(&alice, "/a.cfg", "<a/>", &fresh_only, &outcome, why));
    assert_true(outcome.created);
    assert_int_equal(put(&alice, "/a.cfg", "<b/>", &fresh_only, NULL, &f), FAULT_PRECONDITION);
    assert_int_equal(put(&alice, "/a.cfg", "<b/>", &wrong, NULL, &f), FAULT_PRECONDITION);
    char etag[80];
    assert_true(mem_copy_text(etag, sizeof etag, outcome.etag));
    right.if_match = etag;
    CAMP_OK(put(&alice, "/a.cfg", "<b/>", &right, &outcome, why));
    assert_false(outcome.created);
    assert_int_equal(put(&alice, "/a.cfg", "<c/>", &right, NULL, &f), FAULT_PRECONDITION);
    struct tree_entry entry;
    assert_int_equal(stat_of(&alice, "/a.cfg", &entry), FAULT_OK);
    assert_string_equal(entry.etag, outcome.etag);
    assert_int_equal(removes(&alice, "/a.cfg", etag), FAULT_PRECONDITION);
    assert_int_equal(removes(&alice, "/a.cfg", outcome.etag), FAULT_OK);
    assert_int_equal(removes(&alice, "/a.cfg", NULL), FAULT_ABSENT);
    assert_int_equal(removes(&olga, "/site.cfg", NULL), FAULT_FORBIDDEN);

    /* A file and a folder of one name would break a mirror. */
    has_put(&alice, "/folder/file.cfg", "<a/>");
    assert_int_equal(put(&alice, "/folder", "x", NULL, NULL, &f), FAULT_CONFLICT);
    assert_int_equal(put(&alice, "/folder/file.cfg/below/x", "x", NULL, NULL, &f), FAULT_CONFLICT);

    /* Sizes that are announced. */
    struct upload_options huge = { .size = (int64_t)1 << 40 };
    assert_int_equal(put(&alice, "/huge.ld", "", &huge, NULL, &f), FAULT_TOO_LARGE);
    assert_int_equal(put(&own, "/" OWN "-app.log", "", &huge, NULL, &f), FAULT_TOO_LARGE);
    huge.size = camp.settings->max_override + 1;
    assert_int_equal(put(&own, "/" OWN "-phone.cfg", "", &huge, NULL, &f), FAULT_TOO_LARGE);

    /* A handset that was taken out of the fleet. */
    struct mac gone = camp_mac(OTHER);
    CAMP_OK(handset_remove(camp.fleet, NULL, &gone, why));
    assert_int_equal(put(&other, "/" OTHER "-app.log", "x", NULL, NULL, &f), FAULT_FORBIDDEN);
    struct upload_options sly = { .create = true, .size = -1 };
    assert_int_equal(put(&other, "/" OTHER "-app.log", "x", &sly, NULL, &f), FAULT_FORBIDDEN);
}

static void test_versions(void **state)
{
    (void)state;
    char out[1000];
    struct fault f;
    has_put(&alice, "/v.cfg", "<one/>");
    has_put(&alice, "/v.cfg", "<two/>");
    has_put(&alice, "/v.cfg", "<three/>");
    struct path path = at("/v.cfg"), none = at("/none.cfg"), log = at("/@log/" OWN);
    struct tree_version *versions;
    size_t count;
    CAMP_OK(tree_versions(camp.fleet, &alice, &path, &versions, &count, why));
    assert_int_equal(count, 2);
    assert_int_equal(versions[0].version, 2);
    assert_string_equal(versions[0].author, "alice");
    free(versions);
    struct tree_open first = { .version = 1 }, fifth = { .version = 5 }, all = { .all = true };
    CAMP_OK(get(&alice, "/v.cfg", &first, out, NULL, why));
    assert_string_equal(out, "<one/>");
    assert_int_equal(get(&alice, "/v.cfg", &fifth, out, NULL, &f), FAULT_ABSENT);
    assert_int_equal(get(&own, "/v.cfg", &first, out, NULL, &f), FAULT_FORBIDDEN);
    assert_int_equal(get(&alice, "/v.cfg", &all, out, NULL, &f), FAULT_INPUT);
    assert_int_equal(tree_versions(camp.fleet, &alice, &none, &versions, &count, &f), FAULT_ABSENT);
    assert_int_equal(tree_versions(camp.fleet, &alice, &log, &versions, &count, &f), FAULT_ABSENT);
    assert_int_equal(tree_versions(camp.fleet, &own, &path, &versions, &count, &f), FAULT_FORBIDDEN);
    /* Removed, it still has its versions. */
    assert_int_equal(removes(&alice, "/v.cfg", NULL), FAULT_OK);
    CAMP_OK(tree_versions(camp.fleet, &alice, &path, &versions, &count, why));
    assert_int_equal(count, 3);
    free(versions);
    has_put(&alice, "/fresh.cfg", "<a/>");
    struct path fresh = at("/fresh.cfg");
    CAMP_OK(tree_versions(camp.fleet, &alice, &fresh, &versions, &count, why));
    assert_int_equal(count, 0);
    free(versions);
}

/* --- folders --- */

static void fill(void)
{
    has_put(&alice, "/site.cfg", "<a/>");
    has_put(&alice, "/lang/en.xml", "<a/>");
    has_put(&alice, "/" OWN ".cfg", "<a/>");
    has_put(&alice, "/@handset/" OWN "/lang/de.xml", "<a/>");
    has_appended(&own, "/" OWN "-app.log", "one");
    has_appended(&own, "/logs/" OWN "-boot.log", "two");
    has_put(&own, "/logs/" OWN "-boot.log", "three");
}

static void test_listing(void **state)
{
    (void)state;
    fill();
    lists(&alice, "/", "@handset/ @log/ lang/ site.cfg");
    lists(&alice, "/@handset", OWN "/ " OTHER "/");
    lists(&alice, "/@handset/" OWN, OWN ".cfg lang/");
    lists(&alice, "/@handset/" OTHER, "");
    lists(&alice, "/lang", "en.xml");
    lists(&alice, "/@log", OWN "/");
    lists(&alice, "/@log/" OWN, OWN "-app.log logs/");
    lists(&olga, "/", "@log/");
    lists(&olga, "/@log/", OWN "/");
    lists(&olga, "/@log/" OWN "/logs", OWN "-boot.log " OWN "-boot.log@1");
    lists(&own, "/", OWN "-app.log " OWN ".cfg lang/ logs/ site.cfg");
    lists(&own, "/lang", "de.xml en.xml");
    lists(&own, "/logs", OWN "-boot.log");
    lists(&own, "/nothing", "");
    lists(&other, "/", "lang/ site.cfg");
    lists(&other, "/logs", "");

    struct tree_list list;
    struct path file = at("/site.cfg"), foreign = at("/" OWN), log = at("/@log/" OWN "/" OWN "-app.log");
    assert_int_equal(tree_list(camp.fleet, &alice, &file, &list, NULL), FAULT_ABSENT);
    assert_int_equal(tree_list(camp.fleet, &olga, &log, &list, NULL), FAULT_ABSENT);
    assert_int_equal(tree_list(camp.fleet, &other, &foreign, &list, NULL), FAULT_ABSENT);
    assert_int_equal(tree_list(camp.fleet, &olga, &file, &list, NULL), FAULT_FORBIDDEN);
    assert_int_equal(tree_enter(&other, &foreign, NULL), FAULT_FORBIDDEN);
    assert_int_equal(tree_enter(&own, &foreign, NULL), FAULT_OK);
}

static void test_what_a_name_is(void **state)
{
    (void)state;
    struct tree_entry entry;
    fill();
    static const struct {
        const struct principal *who;
        const char *path;
        enum fault_code code;
        bool folder;
    } stats[] = {
        { &alice, "/", FAULT_OK, true },
        { &alice, "/@log", FAULT_OK, true },
        { &alice, "/@handset", FAULT_OK, true },
        { &alice, "/@handset/" OTHER, FAULT_OK, true },
        { &alice, "/@handset/" NEW, FAULT_ABSENT, false },
        { &alice, "/lang", FAULT_OK, true },
        { &alice, "/lang/", FAULT_OK, true },
        { &alice, "/lang/en.xml", FAULT_OK, false },
        { &alice, "/lang/en.xml/", FAULT_ABSENT, false },
        { &alice, "/logs", FAULT_ABSENT, false },
        { &olga, "/", FAULT_OK, true },
        { &olga, "/@log/" OWN, FAULT_OK, true },
        { &olga, "/@log/" OTHER, FAULT_OK, true },
        { &olga, "/@log/" NEW, FAULT_ABSENT, false },
        { &olga, "/@log/" OWN "/logs", FAULT_OK, true },
        { &olga, "/@log/" OWN "/logs/" OWN "-boot.log", FAULT_OK, false },
        { &olga, "/@log/" OWN "/logs/" OWN "-boot.log@1", FAULT_OK, false },
        { &olga, "/@log/" OWN "/logs/" OWN "-boot.log@2", FAULT_ABSENT, false },
        { &own, "/", FAULT_OK, true },
        { &own, "/logs", FAULT_OK, true },
        { &own, "/lang", FAULT_OK, true },
        { &own, "/nothing", FAULT_ABSENT, false },
        { &own, "/" OWN "-app.log", FAULT_OK, false },
        { &other, "/logs", FAULT_ABSENT, false },
        { &other, "/" OWN, FAULT_ABSENT, false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(stats); i++) {
        enum fault_code code = stat_of(stats[i].who, stats[i].path, &entry);
        if (code != stats[i].code || (code == FAULT_OK && entry.folder != stats[i].folder))
            fail_msg("row %zu %s: %d", i, stats[i].path, code);
    }
    assert_int_equal(stat_of(&olga, "/@log/" OWN "/logs/" OWN "-boot.log@1", &entry), FAULT_OK);
    assert_string_equal(entry.name, OWN "-boot.log@1");
    assert_int_equal(entry.size, 3);
    assert_int_equal(stat_of(&alice, "/lang", &entry), FAULT_OK);
    assert_true(entry.modified > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_preconditions),
        cmocka_unit_test_setup_teardown(test_overlay, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_put_rules, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_versions, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_listing, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_what_a_name_is, open_camp, close_camp),
    };
    return cmocka_run_group_tests_name("fleet/tree", tests, NULL, NULL);
}
