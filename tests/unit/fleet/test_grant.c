/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "fleet/grant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define OWN   "00907a0a0b0c"
#define OTHER "00907a0d0e0f"
#define H     ROLE_HANDSET
#define A     ROLE_ADMINISTRATOR
#define O     ROLE_OPERATOR

struct row {
    enum role role;
    enum grant_action action;
    const char *path;
    enum fault_code code;
    enum place_kind kind; /* when code is FAULT_OK … */
    const char *mac;      /* … and the place's MAC */
    const char *at;       /* … and its path; NULL: the same as asked */
    int64_t generation;
};

static const struct row rows[] = {
    /* A handset reads. */
    { H, GRANT_READ, "/" OWN ".cfg", FAULT_OK, PLACE_OWN, OWN, NULL, 0 },
    { H, GRANT_READ, "/00907A0A0B0C.cfg", FAULT_OK, PLACE_OWN, OWN, "/" OWN ".cfg", 0 },
    { H, GRANT_READ, "//./" OWN ".cfg", FAULT_OK, PLACE_OWN, OWN, "/" OWN ".cfg", 0 },
    { H, GRANT_READ, "/site.cfg", FAULT_OK, PLACE_OWN, OWN, NULL, 0 },
    { H, GRANT_READ, "/a/b/sip.ld", FAULT_OK, PLACE_OWN, OWN, NULL, 0 },
    { H, GRANT_READ, "/000000000000.cfg", FAULT_OK, PLACE_OWN, OWN, NULL, 0 },
    { H, GRANT_READ, "/" OWN "-phone.cfg", FAULT_OK, PLACE_OWN, OWN, NULL, 0 },
    { H, GRANT_READ, "/" OWN "-app.log", FAULT_OK, PLACE_LOG, OWN, NULL, 0 },
    { H, GRANT_READ, "/logs/" OWN "-now-1.log", FAULT_OK, PLACE_LOG, OWN, NULL, 0 },
    { H, GRANT_READ, "/" OWN "-app.LOG", FAULT_OK, PLACE_OWN, OWN, NULL, 0 },
    { H, GRANT_READ, "/" OWN ".log", FAULT_OK, PLACE_OWN, OWN, NULL, 0 },
    { H, GRANT_READ, "/" OWN "-app.log@1", FAULT_OK, PLACE_OWN, OWN, NULL, 0 },
    { H, GRANT_READ, "/app.log", FAULT_OK, PLACE_OWN, OWN, NULL, 0 },
    { H, GRANT_READ, "/" OWN "/" OWN "-app.log", FAULT_OK, PLACE_LOG, OWN, NULL, 0 },
    { H, GRANT_READ, "/" OTHER ".cfg", FAULT_ABSENT, 0, 0, 0, 0 },
    { H, GRANT_READ, "/00907A0D0E0F-app.log", FAULT_ABSENT, 0, 0, 0, 0 },
    { H, GRANT_READ, "/" OTHER "/" OWN ".cfg", FAULT_ABSENT, 0, 0, 0, 0 },
    { H, GRANT_READ, "/" OWN "/" OTHER ".cfg", FAULT_ABSENT, 0, 0, 0, 0 },
    { H, GRANT_READ, "/logs/" OTHER "-app.log/x", FAULT_ABSENT, 0, 0, 0, 0 },
    { H, GRANT_READ, "/@log/" OWN "/" OWN "-app.log", FAULT_ABSENT, 0, 0, 0, 0 },
    { H, GRANT_READ, "/@handset/" OWN "/x", FAULT_ABSENT, 0, 0, 0, 0 },
    { H, GRANT_READ, "/a/@b", FAULT_ABSENT, 0, 0, 0, 0 },
    /* … lists and enters. */
    { H, GRANT_LIST, "/", FAULT_OK, PLACE_OWN, OWN, NULL, 0 },
    { H, GRANT_LIST, "/logs/", FAULT_OK, PLACE_OWN, OWN, "/logs", 0 },
    { H, GRANT_LIST, "/" OWN "-app.log", FAULT_OK, PLACE_OWN, OWN, NULL, 0 },
    { H, GRANT_LIST, "/" OTHER, FAULT_ABSENT, 0, 0, 0, 0 },
    { H, GRANT_LIST, "/@log", FAULT_ABSENT, 0, 0, 0, 0 },
    { H, GRANT_ENTER, "/any/where", FAULT_OK, PLACE_OWN, OWN, NULL, 0 },
    { H, GRANT_ENTER, "/" OWN, FAULT_OK, PLACE_OWN, OWN, NULL, 0 },
    { H, GRANT_ENTER, "/" OTHER, FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { H, GRANT_ENTER, "/x/" OTHER "-logs", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { H, GRANT_ENTER, "/@handset", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    /* … writes. */
    { H, GRANT_APPEND, "/" OWN "-boot.log", FAULT_OK, PLACE_LOG, OWN, NULL, 0 },
    { H, GRANT_APPEND, "/00907A0A0B0C-boot.log", FAULT_OK, PLACE_LOG, OWN, "/" OWN "-boot.log", 0 },
    { H, GRANT_REPLACE, "/logs/deep/" OWN "-app.log", FAULT_OK, PLACE_LOG, OWN, NULL, 0 },
    { H, GRANT_REPLACE, "/" OWN "-phone.cfg", FAULT_OK, PLACE_OWN, OWN, NULL, 0 },
    { H, GRANT_REPLACE, "/o/" OWN "-web.cfg", FAULT_OK, PLACE_OWN, OWN, NULL, 0 },
    { H, GRANT_REPLACE, "/" OWN "-directory.xml", FAULT_OK, PLACE_OWN, OWN, NULL, 0 },
    { H, GRANT_REPLACE, "/" OWN "-calls.xml", FAULT_OK, PLACE_OWN, OWN, NULL, 0 },
    { H, GRANT_REMOVE, "/" OWN "-app.log", FAULT_OK, PLACE_LOG, OWN, NULL, 0 },
    { H, GRANT_APPEND, "/api/" OWN "-app.log", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { H, GRANT_APPEND, "/apis/" OWN "-app.log", FAULT_OK, PLACE_LOG, OWN, NULL, 0 },
    { H, GRANT_REMOVE, "/api/" OWN "-app.log", FAULT_OK, PLACE_LOG, OWN, NULL, 0 },
    { A, GRANT_REPLACE, "/api/v1/x.cfg", FAULT_INPUT, 0, 0, 0, 0 },
    { A, GRANT_REPLACE, "/healthz", FAULT_INPUT, 0, 0, 0, 0 },
    { A, GRANT_REPLACE, "/@handset/" OWN "/api", FAULT_INPUT, 0, 0, 0, 0 },
    { A, GRANT_REMOVE, "/api/v1/x.cfg", FAULT_OK, PLACE_SHARED, "", NULL, 0 },
    { H, GRANT_APPEND, "/" OWN "-phone.cfg", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { H, GRANT_APPEND, "/x/" OWN "-a.log/" OWN "-b.log", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { H, GRANT_REPLACE, "/" OWN "-web.cfg/y/" OWN "-phone.cfg", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { A, GRANT_REPLACE, "/@handset/" OWN "/" OWN "-a.log/x.cfg", FAULT_INPUT, 0, 0, 0, 0 },
    { A, GRANT_REMOVE, "/@handset/" OWN "/" OWN "-a.log/x.cfg", FAULT_OK, PLACE_LAYER, OWN,
      "/" OWN "-a.log/x.cfg", 0 },
    { H, GRANT_REPLACE, "/" OWN "-Phone.cfg", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { H, GRANT_REPLACE, "/" OWN "-phone.cfg.bak", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { H, GRANT_REPLACE, "/" OWN ".cfg", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { H, GRANT_REPLACE, "/" OWN "-ext.cfg", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { H, GRANT_REPLACE, "/" OWN ".log", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { H, GRANT_REPLACE, "/site.cfg", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { H, GRANT_REPLACE, "/000000000000-app.log", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { H, GRANT_REPLACE, "/" OWN "/app.log", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { H, GRANT_REPLACE, "/" OWN "-app.log/", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { H, GRANT_REPLACE, "/" OWN "-a@1.log", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { H, GRANT_REPLACE, "/x@y/" OWN "-app.log", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { H, GRANT_APPEND, "/" OTHER "-app.log", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { H, GRANT_APPEND, "/" OTHER "/" OWN "-app.log", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { H, GRANT_REPLACE, "/@handset/" OWN "/" OWN "-phone.cfg", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { H, GRANT_REMOVE, "/" OWN "-phone.cfg", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { H, GRANT_REMOVE, "/" OWN ".cfg", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { H, GRANT_REMOVE, "/" OTHER "-app.log", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { H, GRANT_REPLACE, "/", FAULT_FORBIDDEN, 0, 0, 0, 0 },

    /* An administrator: the shared layer. */
    { A, GRANT_READ, "/site.cfg", FAULT_OK, PLACE_SHARED, "", NULL, 0 },
    { A, GRANT_REPLACE, "/site.cfg", FAULT_OK, PLACE_SHARED, "", NULL, 0 },
    { A, GRANT_REMOVE, "/a/site.cfg", FAULT_OK, PLACE_SHARED, "", NULL, 0 },
    { A, GRANT_REPLACE, "/000000000000.cfg", FAULT_OK, PLACE_SHARED, "", NULL, 0 },
    { A, GRANT_REPLACE, "/00907a0a0b0cd.cfg", FAULT_OK, PLACE_SHARED, "", NULL, 0 },
    { A, GRANT_LIST, "/", FAULT_OK, PLACE_ROOT, "", NULL, 0 },
    { A, GRANT_READ, "/", FAULT_OK, PLACE_ROOT, "", NULL, 0 },
    { A, GRANT_LIST, "/a", FAULT_OK, PLACE_SHARED, "", NULL, 0 },
    { A, GRANT_ENTER, "/a/@x", FAULT_OK, PLACE_SHARED, "", NULL, 0 },
    { A, GRANT_ENTER, "/@handset/nobody", FAULT_OK, PLACE_SHARED, "", NULL, 0 },
    { A, GRANT_APPEND, "/site.cfg", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { A, GRANT_REPLACE, "/", FAULT_INPUT, 0, 0, 0, 0 },
    { A, GRANT_REMOVE, "/", FAULT_INPUT, 0, 0, 0, 0 },
    { A, GRANT_REPLACE, "/a/", FAULT_INPUT, 0, 0, 0, 0 },
    { A, GRANT_READ, "/@x", FAULT_ABSENT, 0, 0, 0, 0 },
    { A, GRANT_LIST, "/@x", FAULT_ABSENT, 0, 0, 0, 0 },
    { A, GRANT_REPLACE, "/@x", FAULT_INPUT, 0, 0, 0, 0 },
    { A, GRANT_REPLACE, "/a/@log", FAULT_INPUT, 0, 0, 0, 0 },
    { A, GRANT_REPLACE, "/a/b@c", FAULT_OK, PLACE_SHARED, "", NULL, 0 },
    /* … a handset's layer by its name and outright. */
    { A, GRANT_REPLACE, "/" OTHER ".cfg", FAULT_OK, PLACE_LAYER, OTHER, NULL, 0 },
    { A, GRANT_REPLACE, "/00907A0D0E0F-ext.cfg", FAULT_OK, PLACE_LAYER, OTHER, "/" OTHER "-ext.cfg", 0 },
    { A, GRANT_READ, "/sub/" OTHER "-phone.cfg", FAULT_OK, PLACE_LAYER, OTHER, NULL, 0 },
    { A, GRANT_REMOVE, "/" OTHER "/x", FAULT_OK, PLACE_LAYER, OTHER, NULL, 0 },
    { A, GRANT_READ, "/@handset/" OTHER "/site.cfg", FAULT_OK, PLACE_LAYER, OTHER, "/site.cfg", 0 },
    { A, GRANT_REPLACE, "/@handset/00907A0D0E0F/a/b", FAULT_OK, PLACE_LAYER, OTHER, "/a/b", 0 },
    { A, GRANT_REPLACE, "/@handset/" OTHER "/" OTHER ".cfg", FAULT_OK, PLACE_LAYER, OTHER, "/" OTHER ".cfg",
      0 },
    { A, GRANT_LIST, "/@handset", FAULT_OK, PLACE_LAYERS, "", "/", 0 },
    { A, GRANT_LIST, "/@handset/" OTHER, FAULT_OK, PLACE_LAYER, OTHER, "/", 0 },
    { A, GRANT_LIST, "/@handset/" OTHER "/a/", FAULT_OK, PLACE_LAYER, OTHER, "/a", 0 },
    { A, GRANT_LIST, "/" OTHER "/", FAULT_OK, PLACE_LAYER, OTHER, "/" OTHER, 0 },
    { A, GRANT_REPLACE, "/@handset", FAULT_INPUT, 0, 0, 0, 0 },
    { A, GRANT_REPLACE, "/@handset/" OTHER, FAULT_INPUT, 0, 0, 0, 0 },
    { A, GRANT_REPLACE, "/@handset/nobody/x", FAULT_INPUT, 0, 0, 0, 0 },
    { A, GRANT_REPLACE, "/@handset/000000000000/x", FAULT_INPUT, 0, 0, 0, 0 },
    { A, GRANT_REPLACE, "/@handset/" OTHER "-x/y", FAULT_INPUT, 0, 0, 0, 0 },
    { A, GRANT_READ, "/@handset/nobody/x", FAULT_ABSENT, 0, 0, 0, 0 },
    { A, GRANT_REPLACE, "/@handset/" OTHER "/@x", FAULT_INPUT, 0, 0, 0, 0 },
    { A, GRANT_REPLACE, "/" OWN "/" OTHER ".cfg", FAULT_INPUT, 0, 0, 0, 0 },
    { A, GRANT_REPLACE, "/@handset/" OWN "/" OTHER ".cfg", FAULT_INPUT, 0, 0, 0, 0 },
    { A, GRANT_READ, "/@handset/" OWN "/" OTHER ".cfg", FAULT_ABSENT, 0, 0, 0, 0 },
    { A, GRANT_READ, "/" OWN "/" OTHER ".cfg", FAULT_ABSENT, 0, 0, 0, 0 },
    /* … a handset's log under its own name. */
    { A, GRANT_READ, "/" OTHER "-app.log", FAULT_OK, PLACE_LOG, OTHER, NULL, 0 },
    { A, GRANT_READ, "/@handset/" OTHER "/l/" OTHER "-app.log", FAULT_OK, PLACE_LOG, OTHER,
      "/l/" OTHER "-app.log", 0 },
    { A, GRANT_REPLACE, "/" OTHER "-app.log", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { A, GRANT_APPEND, "/" OTHER "-app.log", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { A, GRANT_REMOVE, "/" OTHER "-app.log", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { A, GRANT_REPLACE, "/@handset/" OTHER "/" OTHER "-app.log", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { A, GRANT_REPLACE, "/app.log", FAULT_OK, PLACE_SHARED, "", NULL, 0 },

    /* Logs, for administrators and operators alike. */
    { A, GRANT_LIST, "/@log", FAULT_OK, PLACE_LOGS, "", "/", 0 },
    { O, GRANT_LIST, "/@log/", FAULT_OK, PLACE_LOGS, "", "/", 0 },
    { O, GRANT_LIST, "/@log/" OWN, FAULT_OK, PLACE_LOGS_OF, OWN, "/", 0 },
    { O, GRANT_READ, "/@log/" OWN, FAULT_OK, PLACE_LOGS_OF, OWN, "/", 0 },
    { O, GRANT_LIST, "/@log/00907A0A0B0C/logs", FAULT_OK, PLACE_LOGS_OF, OWN, "/logs", 0 },
    { O, GRANT_READ, "/@log/" OWN "/logs/", FAULT_OK, PLACE_LOGS_OF, OWN, "/logs", 0 },
    { O, GRANT_READ, "/@log/" OWN "/logs/" OWN "-app.log", FAULT_OK, PLACE_LOG, OWN, "/logs/" OWN "-app.log",
      0 },
    { A, GRANT_READ, "/@log/" OWN "/" OWN "-app.log@12", FAULT_OK, PLACE_LOG, OWN, "/" OWN "-app.log", 12 },
    { O, GRANT_READ, "/@log/" OWN "/a@1@2", FAULT_OK, PLACE_LOG, OWN, "/a@1", 2 },
    { O, GRANT_READ, "/@log/" OWN "/a@0", FAULT_OK, PLACE_LOG, OWN, "/a@0", 0 },
    { O, GRANT_READ, "/@log/" OWN "/a@01", FAULT_OK, PLACE_LOG, OWN, "/a@01", 0 },
    { O, GRANT_READ, "/@log/" OWN "/a@", FAULT_OK, PLACE_LOG, OWN, "/a@", 0 },
    { O, GRANT_READ, "/@log/" OWN "/a@1x", FAULT_OK, PLACE_LOG, OWN, "/a@1x", 0 },
    { O, GRANT_READ, "/@log/" OWN "/a@1/b", FAULT_OK, PLACE_LOG, OWN, "/a@1/b", 0 },
    { O, GRANT_READ, "/@log/" OWN "/a@999999999999999999", FAULT_OK, PLACE_LOG, OWN, "/a",
      999999999999999999 },
    { O, GRANT_READ, "/@log/" OWN "/a@1000000000000000000", FAULT_OK, PLACE_LOG, OWN,
      "/a@1000000000000000000", 0 },
    { O, GRANT_READ, "/@log/nobody", FAULT_ABSENT, 0, 0, 0, 0 },
    { O, GRANT_LIST, "/@log/" OWN "-x", FAULT_ABSENT, 0, 0, 0, 0 },
    { A, GRANT_REPLACE, "/@log/" OWN "/" OWN "-app.log", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { A, GRANT_REMOVE, "/@log/" OWN "/" OWN "-app.log@1", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { O, GRANT_APPEND, "/@log/" OWN "/" OWN "-app.log", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { O, GRANT_REMOVE, "/@log", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    /* An operator has nothing else. */
    { O, GRANT_LIST, "/", FAULT_OK, PLACE_ROOT_LOGS, "", NULL, 0 },
    { O, GRANT_ENTER, "/any/where", FAULT_OK, PLACE_SHARED, "", NULL, 0 },
    { O, GRANT_READ, "/site.cfg", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { O, GRANT_READ, "/" OWN ".cfg", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { O, GRANT_READ, "/" OWN "-app.log", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { O, GRANT_READ, "/@handset/" OWN "/x", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { O, GRANT_LIST, "/@handset", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { O, GRANT_LIST, "/a", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { O, GRANT_READ, "/@logs", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { O, GRANT_REPLACE, "/site.cfg", FAULT_FORBIDDEN, 0, 0, 0, 0 },
    { O, GRANT_REPLACE, "/", FAULT_FORBIDDEN, 0, 0, 0, 0 },
};

static struct principal principal_of(enum role role)
{
    struct principal who = { .role = role };
    if (role == ROLE_HANDSET)
        assert_true(mem_copy_text(who.mac.text, sizeof who.mac.text, OWN));
    return who;
}

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct row *row = &rows[i];
        struct principal who = principal_of(row->role);
        struct path path;
        struct place place = { .kind = PLACE_ROOT };
        struct fault f = { 0 };
        assert_int_equal(path_parse(row->path, strlen(row->path), &path, &f), FAULT_OK);
        enum fault_code code = grant_place(&who, row->action, &path, &place, &f);
        if (code != row->code || (code == FAULT_OK && place.kind != row->kind))
            fail_msg("row %zu: %s %d %s: code %d kind %d", i, role_name(row->role), row->action, row->path,
                     code, place.kind);
        if (code != FAULT_OK) {
            assert_int_equal(f.code, code);
            assert_string_not_equal(f.text, "");
            continue;
        }
        assert_string_equal(place.mac.text, row->mac);
        assert_string_equal(place.path.text, row->at ? row->at : path.text);
        assert_int_equal(place.path.length, strlen(place.path.text));
        assert_int_equal(place.generation, row->generation);
    }
}

/* Nothing in an answer tells another handset's name, an @-name and an unused name apart. */
static void test_absence_is_one(void **state)
{
    (void)state;
    struct principal who = principal_of(ROLE_HANDSET);
    static const char *const names[] = { ("/" OTHER ".cfg"), "/@log", ("/x/" OTHER "/y"),
                                         ("/@handset/" OTHER) };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        struct path path;
        struct place place;
        struct fault f;
        assert_int_equal(path_parse(names[i], strlen(names[i]), &path, NULL), FAULT_OK);
        assert_int_equal(grant_place(&who, GRANT_READ, &path, &place, &f), FAULT_ABSENT);
        assert_string_equal(f.text, GRANT_ABSENT_WORDS);
    }
}

static void test_flags(void **state)
{
    (void)state;
    struct principal handset = principal_of(ROLE_HANDSET), administrator = principal_of(ROLE_ADMINISTRATOR);
    static const struct {
        const char *path;
        bool fallback, own_name;
    } flags[] = {
        { "/000000000000.cfg", true, false }, { "/a/000000000000-directory.xml", true, false },
        { "/site.cfg", false, false },        { "/" OWN ".cfg", false, true },
        { "/" OWN "/site.cfg", false, true }, { "/000000000000/x", false, false },
        { "/" OWN "-app.log", false, true },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(flags); i++) {
        struct path path;
        struct place place;
        assert_int_equal(path_parse(flags[i].path, strlen(flags[i].path), &path, NULL), FAULT_OK);
        assert_int_equal(grant_place(&handset, GRANT_READ, &path, &place, NULL), FAULT_OK);
        assert_int_equal(place.fallback, flags[i].fallback);
        assert_int_equal(place.own_name, flags[i].own_name);
        assert_int_equal(grant_place(&administrator, GRANT_READ, &path, &place, NULL), FAULT_OK);
        assert_false(place.fallback);
        assert_false(place.through_log);
    }
    struct path path;
    struct place place;
    assert_int_equal(path_parse("/@log/" OWN "/x", strlen("/@log/" OWN "/x"), &path, NULL), FAULT_OK);
    assert_int_equal(grant_place(&administrator, GRANT_READ, &path, &place, NULL), FAULT_OK);
    assert_true(place.through_log);
}

static void test_roles(void **state)
{
    (void)state;
    struct principal h = principal_of(ROLE_HANDSET), a = principal_of(ROLE_ADMINISTRATOR),
                     o = principal_of(ROLE_OPERATOR);
    assert_int_equal(grant_role(&a, GRANT_ADMINISTER, NULL), FAULT_OK);
    assert_int_equal(grant_role(&o, GRANT_ADMINISTER, NULL), FAULT_FORBIDDEN);
    assert_int_equal(grant_role(&h, GRANT_ADMINISTER, NULL), FAULT_FORBIDDEN);
    assert_int_equal(grant_role(&o, GRANT_READ, NULL), FAULT_OK);
    assert_int_equal(grant_role(&o, GRANT_LIST, NULL), FAULT_OK);
    assert_int_equal(grant_role(&o, GRANT_REMOVE, NULL), FAULT_FORBIDDEN);
    assert_int_equal(grant_role(&h, GRANT_READ, NULL), FAULT_FORBIDDEN);
    for (int role = 0; role < ROLE_COUNT; role++) {
        enum role parsed;
        assert_true(role_parse(role_name((enum role)role), &parsed));
        assert_int_equal(parsed, role);
        assert_int_equal(serves_role(SERVES_ALL, (enum role)role), true);
        assert_int_equal(serves_role(SERVES_HANDSETS, (enum role)role), role == ROLE_HANDSET);
        assert_int_equal(serves_role(SERVES_LEGACY, (enum role)role), role == ROLE_HANDSET);
        assert_int_equal(serves_role(SERVES_MANAGEMENT, (enum role)role), role != ROLE_HANDSET);
    }
    enum role parsed;
    assert_false(role_parse("Handset", &parsed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_absence_is_one),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_roles),
    };
    return cmocka_run_group_tests_name("fleet/grant", tests, NULL, NULL);
}
