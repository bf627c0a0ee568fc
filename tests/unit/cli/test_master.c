/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "cli/master.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_files(void **state)
{
    (void)state;
    static const struct {
        const char *text, *app_file, *files; /* files with a '|' between */
    } cases[] = {
        { "<MASTER_CONFIG><SOFTWARE APP_FILE_PATH=\"sip.ld\"/>"
          "<CONFIGURATION CONFIG_FILES=\"[PHONE_MAC_ADDRESS]-ext.cfg, site.cfg\"/></MASTER_CONFIG>",
          "sip.ld", "[PHONE_MAC_ADDRESS]-ext.cfg|site.cfg" },
        { "<APPLICATION APP_FILE_PATH='a/b.ld' CONFIG_FILES='x.cfg,y.cfg' />", "b.ld", "x.cfg|y.cfg" },
        { "<?xml version=\"1.0\"?>\n<!-- <A CONFIG_FILES=\"no.cfg\"/> -->\n<A\n CONFIG_FILES\n=\n\"a.cfg,\n  "
          "b.cfg ,,\"></A>",
          "", "a.cfg|b.cfg" },
        { "<A x='>' CONFIG_FILES=\"a&amp;b.cfg,&quot;&#65;&#x42;&apos;&lt;&gt;\"/>", "", "a&b.cfg|\"AB'<>" },
        { "<A>CONFIG_FILES=\"text.cfg\"<![CDATA[<A CONFIG_FILES=\"cdata.cfg\">]]></A>", "", "" },
        { "<?x > <A CONFIG_FILES=\"no.cfg\"/> ?><A/>", "", "" },
        { "<A CONFIG_FILES=\"\"/>", "", "" },
        { "<A CONFIG_FILESX=\"x\" XCONFIG_FILES=\"y\"/>", "", "" },
        { "<A APP_FILE_PATH=\"https://elsewhere/sip.ld\" CONFIG_FILES=\"https://u:p@elsewhere/x.cfg\"/>", "",
          "https://u:p@elsewhere/x.cfg" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct master m;
        struct fault f;
        assert_int_equal(master_parse(cases[i].text, strlen(cases[i].text), &m, &f), FAULT_OK);
        assert_string_equal(m.app_file, cases[i].app_file);
        char files[256] = "";
        for (size_t j = 0; j < m.count; j++)
            (void)snprintf(files + strlen(files), sizeof files - strlen(files), "%s%s", j > 0 ? "|" : "",
                           m.files[j]);
        assert_string_equal(files, cases[i].files);
    }
}

static void test_folders(void **state)
{
    (void)state;
    static const char text[] =
        "<M><D LOG_FILE_DIRECTORY=\"/logs\" OVERRIDES_DIRECTORY=\"o\" CONTACTS_DIRECTORY=\"c\" "
        "CALL_LISTS_DIRECTORY=\"l\" LICENSE_DIRECTORY=\"i\"/><S APP_FILE_PATH=\"fw/sip.ld\"/></M>";
    struct master m;
    assert_int_equal(master_parse(text, strlen(text), &m, NULL), FAULT_OK);
    assert_string_equal(m.folders[TRACE_ROOT], "");
    assert_string_equal(m.folders[TRACE_LOGS], "/logs");
    assert_string_equal(m.folders[TRACE_OVERRIDES], "o");
    assert_string_equal(m.folders[TRACE_CONTACTS], "c");
    assert_string_equal(m.folders[TRACE_CALLS], "l");
    assert_string_equal(m.folders[TRACE_LICENSES], "i");
    assert_string_equal(m.folders[TRACE_SOFTWARE], "fw");
}

static void expect_content_fault(const char *text, size_t n)
{
    struct master m;
    struct fault f = { 0 };
    assert_int_equal(master_parse(text, n, &m, &f), FAULT_CONTENT);
    assert_true(f.text[0] != '\0');
}

static void test_not_well_formed(void **state)
{
    (void)state;
    static const char *const cases[] = { "",         "<",       "<A",
                                         "<A x",     "<A x=",   "<A x='",
                                         "<A x='y'", "<A></B>", "<A CONFIG_FILES=a/>",
                                         "no xml",   "<A/><A/>" };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        expect_content_fault(cases[i], strlen(cases[i]));
}

/* Every beginning of a good file is refused, and read within its bounds (the sanitizer watches the copy's
 * end). */
static void test_every_beginning(void **state)
{
    (void)state;
    static const char text[] =
        "<?xml version=\"1.0\"?><!-- c --><A APP_FILE_PATH='s&#x41;.ld' CONFIG_FILES='a&amp;.cfg, b'>"
        "<![CDATA[x]]></A>";
    for (size_t n = 0; n < strlen(text); n++) {
        char *copy = malloc(n > 0 ? n : 1);
        assert_non_null(copy);
        memcpy(copy, text, n);
        expect_content_fault(copy, n);
        free(copy);
    }
}

/* Parses a master whose CONFIG_FILES is `entries` names of `length` characters. */
static enum fault_code parse_list(size_t entries, size_t length)
{
    char text[8192] = "<A CONFIG_FILES=\"";
    size_t used = strlen(text);
    for (size_t i = 0; i < entries; i++) {
        memset(text + used, 'x', length);
        used += length;
        if (i + 1 < entries)
            text[used++] = ',';
    }
    memcpy(text + used, "\"/>", 4);
    struct master m;
    enum fault_code code = master_parse(text, used + 3, &m, NULL);
    if (code == FAULT_OK)
        assert_int_equal(m.count, entries);
    return code;
}

static void test_limits(void **state)
{
    (void)state;
    assert_int_equal(parse_list(1, MASTER_ENTRY_LIMIT), FAULT_OK);
    assert_int_equal(parse_list(1, MASTER_ENTRY_LIMIT + 1), FAULT_CONTENT);
    assert_int_equal(parse_list(8, 255), FAULT_OK); /* 2047 with the commas */
    assert_int_equal(parse_list(9, 227), FAULT_CONTENT);
    assert_int_equal(parse_list(MASTER_FILES, 3), FAULT_OK);
    assert_int_equal(parse_list(MASTER_FILES + 1, 3), FAULT_CONTENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),           cmocka_unit_test(test_folders),
        cmocka_unit_test(test_not_well_formed), cmocka_unit_test(test_every_beginning),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests_name("master", tests, NULL, NULL);
}
