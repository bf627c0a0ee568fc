/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/order.h"
#include "tests/unit/pki/place.h"

static struct store store;
static struct issue_result server, handset;

static int set_up(void **state)
{
    place_set_up(state);
    place_found(&store);
    place_issue(&store, PROFILE_SERVER, "a.test", &server);
    place_issue(&store, PROFILE_HANDSET, "00907a000001", &handset);
    return 0;
}

static int tear_down(void **state)
{
    store_close(&store);
    return place_tear_down(state);
}

static char *first_of(const char *name)
{
    char *text = place_read(name);
    char *end = strstr(text, "-----END CERTIFICATE-----\n");
    assert_non_null(end);
    end[26] = '\0';
    return text;
}

struct outcome {
    enum fault_code code;
    bool whole;
    struct buf pem, notes;
    struct fault f;
};

/* Orders the files named, ended by NULL. */
static void order(const char *const *names, bool without_root, struct outcome *o)
{
    struct buf texts[8];
    size_t count = 0;
    o->f.text[0] = '\0';
    buf_init(&o->pem, 1 << 20);
    buf_init(&o->notes, 1 << 20);
    for (; names[count] != NULL; count++) {
        AUTO_FREE char *text = first_of(names[count]);
        buf_init(&texts[count], 1 << 20);
        assert_int_equal(buf_printf(&texts[count], NULL, "some text\n\n%s\nmore\n", text), FAULT_OK);
    }
    o->code = order_chain(texts, count, without_root, &o->pem, &o->notes, &o->whole, &o->f);
    while (count > 0)
        buf_fini(&texts[--count]);
}

static void drop(struct outcome *o)
{
    buf_fini(&o->pem);
    buf_fini(&o->notes);
}

#define LEAF   "pki/server/a.test.pem"
#define MIDDLE "pki/ca/server.pem"
#define ROOT   "pki/ca/root.pem"
#define OTHER  "pki/ca/handset.pem"

static void test_every_order(void **state)
{
    (void)state;
    static const char *const orders[][5] = {
        { LEAF, MIDDLE, ROOT, NULL },        { LEAF, ROOT, MIDDLE, NULL }, { MIDDLE, LEAF, ROOT, NULL },
        { MIDDLE, ROOT, LEAF, NULL },        { ROOT, LEAF, MIDDLE, NULL }, { ROOT, MIDDLE, LEAF, NULL },
        { ROOT, MIDDLE, LEAF, MIDDLE, NULL }
    };
    AUTO_FREE char *expected = place_read(LEAF); /* which is a whole chain */
    for (size_t i = 0; i < ARRAY_LENGTH(orders); i++) {
        struct outcome o;
        order(orders[i], false, &o);
        place_good(o.code, &o.f);
        assert_true(o.whole);
        assert_string_equal(o.pem.data, expected);
        drop(&o);
        order(orders[i], true, &o);
        place_good(o.code, &o.f);
        assert_true(o.whole && o.pem.used < strlen(expected));
        assert_memory_equal(o.pem.data, expected, o.pem.used);
        assert_non_null(strstr(o.notes.data, "the root, left out"));
        drop(&o);
    }
}

static void test_what_is_missing(void **state)
{
    (void)state;
    static const struct {
        const char *names[5], *words;
        bool whole;
    } rows[] = {
        { { LEAF, ROOT, NULL },
          "missing: the certificate of CN=Test server CA, which issued number 1",
          false },
        { { LEAF, MIDDLE, NULL },
          "missing: the certificate of CN=Test root CA, which issued number 2",
          false },
        { { LEAF, MIDDLE, ROOT, OTHER, NULL }, "left out: CN=Test handset CA", true },
        { { MIDDLE, ROOT, NULL }, "1. CN=Test server CA", true }, /* CAs alone */
        { { ROOT, NULL }, "(self-signed)", true },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct outcome o;
        order(rows[i].names, false, &o);
        place_good(o.code, &o.f);
        assert_int_equal(o.whole, rows[i].whole);
        if (strstr(o.notes.data, rows[i].words) == NULL)
            fail_msg("row %zu: %s", i, o.notes.data);
        drop(&o);
    }
    static const char *const two[] = { LEAF, "pki/handset/00907a000001.pem", ROOT, NULL };
    struct outcome o;
    order(two, false, &o);
    assert_int_equal(o.code, FAULT_INPUT);
    assert_non_null(strstr(o.f.text, "2 certificates could be the first"));
    drop(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_order),
        cmocka_unit_test(test_what_is_missing),
    };
    return cmocka_run_group_tests_name("order", tests, set_up, tear_down);
}
