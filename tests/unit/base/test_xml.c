/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/mem.h"
#include "base/xml.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *text, *fault; /* NULL: well-formed */
} rows[] = {
    { "<a/>", NULL },
    { "<a b='1' c=\"&lt;&#65;\">text<!-- comment --><?pi x?><![CDATA[<&]]></a>\n", NULL },
    { "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\r\n<MASTER_CONFIG>\r\n</MASTER_CONFIG>",
      NULL },
    { "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xfc</a>", NULL },
    { "\xef\xbb\xbf<a>ü</a>", NULL },
    { "<handsetConfig reg.1.address=\"1\" [x]=\"\"/>", "line 1, column 34" },
    { "", "line 1, column 1" },
    { "text", "line 1, column 1" },
    { "<a>", "line 1, column 4" },
    { "<a>\n  <b>\n</a>", "line 3, column 3" },
    { "<a/><b/>", "line 1, column 5" },
    { "<a b='1' b='2'/>", "line 1, column 10" },
    { "<a>&nbsp;</a>", "line 1, column 4" },
    { "<a b='<'/>", "line 1, column 7" },
    { "<a>\xff</a>", "line 1, column 4" },
    { "<a>\x01</a>", "line 1, column 4" },
    { "<?xml version='1.0' encoding='martian'?><a/>", "line 1, column 31" },
    { "<!DOCTYPE a><a/>", "DOCTYPE" },
    { "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "DOCTYPE" },
    { "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "DOCTYPE" },
    { "<a>\n\n<!-- never ends", "line 3, column 1" },
};

/* Feeds text in pieces of this size. After a fault, whatever follows must repeat it. */
static enum fault_code check(const char *text, size_t n, size_t piece, struct fault *f)
{
    struct xml_check *x = xml_check_new();
    assert_non_null(x);
    enum fault_code code = FAULT_OK;
    for (size_t at = 0; at < n && code == FAULT_OK; at += piece)
        code = xml_check_feed(x, text + at, n - at < piece ? n - at : piece, f);
    if (code != FAULT_OK) {
        struct fault again;
        assert_int_equal(xml_check_feed(x, "<x/>", 4, &again), code);
        assert_string_equal(again.text, f->text);
        assert_int_equal(xml_check_feed(x, NULL, 0, NULL), code);
    }
    enum fault_code last = xml_check_finish(x, f);
    assert_true(code == FAULT_OK || last == code);
    xml_check_free(x);
    return last;
}

static void test_rows_whole_and_in_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        size_t n = strlen(rows[i].text);
        char first[sizeof(struct fault)] = "";
        for (size_t piece = n > 0 ? n : 1; piece > 0; piece--) {
            struct fault f = { FAULT_OK, "" };
            assert_int_equal(check(rows[i].text, n, piece, &f),
                             rows[i].fault != NULL ? FAULT_CONTENT : FAULT_OK);
            assert_int_equal(f.code, rows[i].fault != NULL ? FAULT_CONTENT : FAULT_OK);
            if (rows[i].fault == NULL)
                continue;
            if (strstr(f.text, rows[i].fault) == NULL)
                fail_msg("%s: %s", rows[i].text, f.text);
            if (first[0] == '\0')
                mem_copy_text(first, sizeof first, f.text);
            assert_string_equal(f.text, first);
        }
    }
}

/* What expat makes of UTF-16 without a byte order mark depends on how much of it comes first. */
static void test_encoding_in_pieces(void **state)
{
    (void)state;
    static const char text[] = "\n\0<\0a\0/\0>";
    struct fault f;
    enum fault_code whole = check(text, sizeof text, sizeof text, &f);
    for (size_t piece = 1; piece < sizeof text; piece++)
        assert_int_equal(check(text, sizeof text, piece, &f), whole);
}

static void test_depth(void **state)
{
    (void)state;
    char text[8 * (XML_DEPTH + 1)];
    for (int depth = XML_DEPTH; depth <= XML_DEPTH + 1; depth++) {
        size_t n = 0;
        for (int i = 0; i < depth; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, "<a>");
        for (int i = 0; i < depth; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, "</a>");
        struct fault f;
        assert_int_equal(check(text, n, n, &f), depth > XML_DEPTH ? FAULT_CONTENT : FAULT_OK);
    }
    /* Beside one another is not within one another. */
    char flat[4 * 1000 + 7];
    memcpy(flat, "<a>", 3);
    for (size_t i = 0; i < 1000; i++)
        memcpy(flat + 3 + 4 * i, "<b/>", 4);
    memcpy(flat + 4003, "</a>", 4);
    struct fault f;
    assert_int_equal(check(flat, sizeof flat, 7, &f), FAULT_OK);
}

static void test_a_long_file_is_fine_and_a_long_tag_is_not(void **state)
{
    (void)state;
    size_t n = 3 << 20;
    AUTO_FREE char *text = malloc(n);
    struct fault f;
    memset(text, 'x', n);
    memcpy(text, "<a>", 3);
    memcpy(text + n - 4, "</a>", 4);
    assert_int_equal(check(text, n, 10000, &f), FAULT_OK);
    assert_int_equal(check(text, n, n, &f), FAULT_OK);
    memcpy(text, "<a b='", 6);
    assert_int_equal(check(text, n, 10000, &f), FAULT_CONTENT);
    assert_non_null(strstr(f.text, "too long"));
}

static void note(void *user, const char *name, const char *value)
{
    struct buf *all = user;
    assert_int_equal(buf_printf(all, NULL, "%s=%s|", name, value), FAULT_OK);
}

static void test_attributes_in_pieces(void **state)
{
    (void)state;
    static const char text[] = "<a b='1' c.d=\"x&#10;y&amp;&#xe4;\"><e f='line\nend\ttab'/>text<g/></a>";
    for (size_t piece = 1; piece <= sizeof text; piece++) {
        struct buf all;
        buf_init(&all, 1000);
        struct xml_check *check = xml_check_new();
        assert_non_null(check);
        xml_check_attributes(check, note, &all);
        for (size_t at = 0; at < sizeof text - 1; at += piece) {
            size_t n = sizeof text - 1 - at < piece ? sizeof text - 1 - at : piece;
            assert_int_equal(xml_check_feed(check, text + at, n, NULL), FAULT_OK);
        }
        assert_int_equal(xml_check_finish(check, NULL), FAULT_OK);
        assert_string_equal(all.data, "b=1|c.d=x\ny&\xc3\xa4|f=line end tab|");
        xml_check_free(check);
        buf_fini(&all);
    }
}

/* Nothing is told of a file that is refused from there on. */
static void test_no_attributes_behind_an_error(void **state)
{
    (void)state;
    static const char text[] = "<a b='1'><c d='2' d='3'/><e f='4'/></a>";
    struct buf all;
    buf_init(&all, 1000);
    struct xml_check *check = xml_check_new();
    assert_non_null(check);
    xml_check_attributes(check, note, &all);
    assert_int_equal(xml_check_feed(check, text, sizeof text - 1, NULL), FAULT_CONTENT);
    assert_int_equal(xml_check_finish(check, NULL), FAULT_CONTENT);
    assert_string_equal(all.data, "b=1|");
    xml_check_free(check);
    buf_fini(&all);
}

static void test_free_takes_null(void **state)
{
    (void)state;
    xml_check_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_whole_and_in_pieces),
        cmocka_unit_test(test_encoding_in_pieces),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_a_long_file_is_fine_and_a_long_tag_is_not),
        cmocka_unit_test(test_attributes_in_pieces),
        cmocka_unit_test(test_no_attributes_behind_an_error),
        cmocka_unit_test(test_free_takes_null),
    };
    return cmocka_run_group_tests_name("xml", tests, NULL, NULL);
}
