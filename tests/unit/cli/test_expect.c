/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "cli/expect.h"
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const struct mac a = { "00907a00000a" }, b = { "00907a00000b" };

static enum fault_code got(struct expect *e, const struct mac *mac, const char *path, const char *text)
{
    struct expect_content *content = expect_begin(e);
    assert_non_null(content);
    for (const char *c = text; *c != '\0'; c++)
        expect_feed(content, c, 1);
    assert_int_equal(expect_length(content), strlen(text));
    return expect_finish(content, mac, path, NULL);
}

static void test_what_was_uploaded(void **state)
{
    (void)state;
    struct expect *e = expect_new(NULL);
    assert_true(expect_know(e, NULL, "site.cfg", "site", 4));
    assert_true(expect_know(e, &a, "site.cfg", "mine", 4));
    assert_true(expect_know(e, &a, "00907a00000a-ext.cfg", "", 0));
    assert_int_equal(got(e, &b, "site.cfg", "site"), FAULT_OK);
    assert_int_equal(got(e, &a, "site.cfg", "mine"), FAULT_OK);
    assert_int_equal(got(e, &a, "site.cfg", "site"), FAULT_CONTENT);
    assert_int_equal(got(e, &b, "site.cfg", "sitE"), FAULT_CONTENT);
    assert_int_equal(got(e, &b, "site.cfg", "site."), FAULT_CONTENT);
    assert_int_equal(got(e, &a, "00907a00000a-ext.cfg", ""), FAULT_OK);
    assert_int_equal(expect_absent(e, &a, "00907a00000a-ext.cfg", NULL), FAULT_CONTENT);
    assert_int_equal(expect_absent(e, &b, "site.cfg", NULL), FAULT_CONTENT);
    assert_int_equal(expect_absent(e, &b, "other.cfg", NULL), FAULT_OK);
    expect_free(e);
}

static void test_what_came_before(void **state)
{
    (void)state;
    struct expect *e = expect_new(NULL);
    assert_int_equal(got(e, &a, "x.cfg", "one"), FAULT_OK);
    assert_int_equal(got(e, &a, "x.cfg", "one"), FAULT_OK);
    assert_int_equal(got(e, &a, "x.cfg", "two"), FAULT_CONTENT);
    assert_int_equal(got(e, &b, "x.cfg", "two"), FAULT_OK); /* a layer of its own */
    assert_int_equal(expect_absent(e, &a, "x.cfg", NULL), FAULT_CONTENT);
    expect_free(e);
}

static void test_files_that_nobody_stored(void **state)
{
    (void)state;
    struct expect *e = expect_new(NULL);
    expect_nothing_else(e);
    assert_int_equal(got(e, &a, "00907a00000a-phone.cfg", "?"), FAULT_CONTENT);
    assert_int_equal(got(e, &a, "deep/00907A00000A-web.cfg", "?"), FAULT_CONTENT);
    assert_int_equal(got(e, &a, "shared.cfg", "fine"), FAULT_OK);
    expect_free(e);
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_a_folder_of_the_administrators(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_expect.XXXXXX", inner[PATH_MAX];
    assert_non_null(mkdtemp(folder));
    static const char *const folders[] = { "@handset", "@handset/00907a00000a" };
    for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
        (void)snprintf(inner, sizeof inner, "%s/%s", folder, folders[i]);
        assert_int_equal(mkdir(inner, 0700), 0);
    }
    write_file(folder, "site.cfg", "site");
    write_file(inner, "site.cfg", "own");
    struct expect *e = expect_new(folder);
    assert_int_equal(got(e, &b, "site.cfg", "site"), FAULT_OK);
    assert_int_equal(got(e, &a, "site.cfg", "own"), FAULT_OK);
    assert_int_equal(got(e, &a, "site.cfg", "site"), FAULT_CONTENT);
    assert_int_equal(expect_absent(e, &b, "site.cfg", NULL), FAULT_CONTENT);
    assert_int_equal(expect_absent(e, &b, "none.cfg", NULL), FAULT_OK);
    expect_free(e);
    static const char *const leftovers[] = { "site.cfg", "@handset/00907a00000a/site.cfg",
                                             "@handset/00907a00000a", "@handset", "" };
    for (size_t i = 0; i < ARRAY_LENGTH(leftovers); i++) {
        (void)snprintf(inner, sizeof inner, "%s/%s", folder, leftovers[i]);
        assert_int_equal(remove(inner), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_uploaded),
        cmocka_unit_test(test_what_came_before),
        cmocka_unit_test(test_files_that_nobody_stored),
        cmocka_unit_test(test_a_folder_of_the_administrators),
    };
    return cmocka_run_group_tests_name("expect", tests, NULL, NULL);
}
