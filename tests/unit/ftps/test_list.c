/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "ftps/list.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1795466251123) /* 2026-11-23 20:37:31.123 UTC */
#define DAY INT64_C(86400000)

static const struct {
    const char *name;
    bool folder;
    int64_t size, modified;
    const char *line;
} longs[] = {
    { "site.cfg", false, 17, NOW, "-rw-r--r-- 1 cradle cradle           17 Nov 23 20:37 site.cfg\r\n" },
    { "logs", true, 0, NOW - 20 * DAY, "drwxr-xr-x 1 cradle cradle            0 Nov  3 20:37 logs\r\n" },
    { "old", false, 1, NOW - 400 * DAY, "-rw-r--r-- 1 cradle cradle            1 Oct 19  2025 old\r\n" },
    { "future", false, 1, NOW + DAY, "-rw-r--r-- 1 cradle cradle            1 Nov 24  2026 future\r\n" },
    { "a b@3", false, INT64_C(1234567890123), 0,
      "-rw-r--r-- 1 cradle cradle 1234567890123 Jan  1  1970 a b@3\r\n" },
};

static struct tree_entry entry_of(const char *name, bool folder, int64_t size, int64_t modified)
{
    struct tree_entry entry = { .folder = folder, .size = size, .modified = modified };
    assert_true(mem_copy_text(entry.name, sizeof entry.name, name));
    return entry;
}

static void test_long(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(longs); i++) {
        struct buf out;
        buf_init(&out, 4096);
        struct tree_entry entry = entry_of(longs[i].name, longs[i].folder, longs[i].size, longs[i].modified);
        assert_int_equal(list_long(&out, &entry, NOW, NULL), FAULT_OK);
        assert_string_equal(out.data, longs[i].line);
        buf_fini(&out);
    }
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *prefix, *line;
    } names[] = { { "", "x\r\n" }, { "/", "/x\r\n" }, { "logs", "logs/x\r\n" }, { "logs/", "logs/x\r\n" } };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        struct buf out;
        buf_init(&out, 64);
        struct tree_entry entry = entry_of("x", false, 0, 0);
        assert_int_equal(list_name(&out, names[i].prefix, &entry, NULL), FAULT_OK);
        assert_string_equal(out.data, names[i].line);
        buf_fini(&out);
    }
}

static void test_facts(void **state)
{
    (void)state;
    static const struct {
        bool folder;
        unsigned facts;
        const char *line;
    } facts[] = {
        { false, LIST_FACT_ALL, "type=file;size=5;modify=20261123203731; /a b" },
        { true, LIST_FACT_ALL, "type=dir;modify=20261123203731; /a b" },
        { false, LIST_FACT_SIZE, "size=5; /a b" },
        { false, 0, " /a b" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(facts); i++) {
        struct buf out;
        buf_init(&out, 4096);
        struct tree_entry entry = entry_of("a b", facts[i].folder, 5, NOW);
        assert_int_equal(list_facts(&out, &entry, facts[i].facts, "/a b", NULL), FAULT_OK);
        assert_string_equal(out.data, facts[i].line);
        buf_fini(&out);
    }
}

static void test_fact_names(void **state)
{
    (void)state;
    static const struct {
        const char *asked;
        unsigned facts;
        const char *stars, *plain;
    } sets[] = {
        { "type;size;modify;", LIST_FACT_ALL, "type*;size*;modify*;", "type;size;modify;" },
        { "Type;UNIX.mode;SIZE;", LIST_FACT_TYPE | LIST_FACT_SIZE, "type*;size*;modify;", "type;size;" },
        { "modify", LIST_FACT_MODIFY, "type;size;modify*;", "modify;" },
        { "", 0, "type;size;modify;", "" },
        { ";;;typ;types;", 0, "type;size;modify;", "" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(sets); i++) {
        char text[64], small[10];
        assert_int_equal(list_parse_facts(sets[i].asked), sets[i].facts);
        list_fact_names(sets[i].facts, true, text, sizeof text);
        assert_string_equal(text, sets[i].stars);
        list_fact_names(sets[i].facts, false, text, sizeof text);
        assert_string_equal(text, sets[i].plain);
        list_fact_names(sets[i].facts, true, small, sizeof small);
        assert_true(strlen(small) < sizeof small);
    }
}

static void test_limit(void **state)
{
    (void)state;
    struct buf out;
    struct tree_entry entry = entry_of("site.cfg", false, 1, NOW);
    buf_init(&out, 10);
    assert_int_equal(list_long(&out, &entry, NOW, NULL), FAULT_TOO_LARGE);
    assert_int_equal(out.used, 0);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long),       cmocka_unit_test(test_names), cmocka_unit_test(test_facts),
        cmocka_unit_test(test_fact_names), cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
