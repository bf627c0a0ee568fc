/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/batch.h"
#include "tests/unit/pki/place.h"

static void test_lists(void **state)
{
    (void)state;
    static const struct {
        const char *text, *macs, *problems; /* the MACs with blanks between */
    } rows[] = {
        { "", "", "" },
        { "00907a000001", "00907a000001", "" },
        { "\xef\xbb\xbfMAC,label\r\n00:90:7A:00:00:01,\"a, \"\"b\"\"\"\r\n", "00907a000001", "" },
        { "mac\n# no\n\n \t\r\n00907a000001,x,y\n\"00907a000002\"\n", "00907a000001 00907a000002", "" },
        /* A label may reach over lines, and what follows it is counted right. */
        { "00907a000001,\"two\nlines\"\nbad\n", "00907a000001", "line 3: the first field" },
        { "00907a000001\nmac\n", "00907a000001", "line 2: the first field" }, /* a heading comes first */
        { "00907a000001\n00907A000001\n", "00907a000001 00907a000001",
          "line 2: this MAC address is there a second" },
        { "000000000000\n", "", "line 1: the first field" },
        { ",00907a000001\n", "", "line 1: the first field" },
        { "00907a000001,\"open\n00907a000002\n", "", "line 1: a quotation mark is not closed" },
        { "\"00907a000001\"x\n00907a000002\n", "00907a000002", "line 1: there is text after" },
        { "00907a000001,a\"b\n", "", "line 1: there is a quotation mark within" },
        { "00907a00000100907a00000100907a00000100907a00000100907a00000100907a000001", "",
          "line 1: the first" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct batch batch = { 0 };
        struct buf problems, macs;
        size_t wrong = 0;
        struct fault f;
        buf_init(&problems, 4096);
        buf_init(&macs, 4096);
        place_good(batch_parse(&batch, rows[i].text, strlen(rows[i].text), &problems, &wrong, &f), &f);
        for (size_t k = 0; k < batch.count; k++)
            assert_int_equal(buf_printf(&macs, NULL, "%s%s", k > 0 ? " " : "", batch.macs[k].text), FAULT_OK);
        assert_string_equal(macs.used > 0 ? macs.data : "", rows[i].macs);
        assert_int_equal(wrong, rows[i].problems[0] != '\0');
        if (strncmp(wrong > 0 ? problems.data : "", rows[i].problems, strlen(rows[i].problems)) != 0)
            fail_msg("row %zu: %s", i, problems.data);
        buf_fini(&problems);
        buf_fini(&macs);
        batch_fini(&batch);
    }
}

static void test_many(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    struct batch batch = { 0 };
    struct buf text, problems;
    size_t wrong = 0;
    struct fault f;
    buf_init(&text, 1 << 20);
    buf_init(&problems, 200);
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(buf_printf(&text, NULL, "0290%08x\n", i), FAULT_OK);
    place_good(batch_parse(&batch, text.data, text.used, &problems, &wrong, &f), &f);
    assert_int_equal(wrong, 0);
    assert_int_equal(batch.count, COUNT);
    assert_int_equal(batch.lines[COUNT - 1], COUNT);
    /* More problems than fit are counted all the same. */
    place_good(batch_parse(&batch, text.data, text.used, &problems, &wrong, &f), &f);
    assert_int_equal(wrong, COUNT);
    assert_true(problems.used > 100 && problems.used <= 200);
    buf_fini(&text);
    buf_fini(&problems);
    batch_fini(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_lists), cmocka_unit_test(test_many) };
    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
