/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/mem.h"
#include "pki/vouch.h"
#include "tests/unit/pki/forge.h"

#define SERVER GNUTLS_KP_TLS_WWW_SERVER

static const struct {
    char name;
    struct forge forge;
} stock[] = {
    { 'R', { .cn = "Root", .ca = true, .to = 3650 } },
    { 'I', { .cn = "Intermediate", .ca = true, .issuer = 'R', .to = 1000 } },
    { 'L', { .cn = "a.test", .dns = { "a.test" }, .purpose = SERVER, .issuer = 'I' } },
    { 'N', { .cn = "Root", .ca = true, .to = 3650 } },                            /* a new key */
    { 'E', { .cn = "Root", .ca = true, .key_of = 'R', .from = -400, .to = -1 } }, /* R, once */
    { 'e', { .cn = "a.test", .purpose = SERVER, .issuer = 'I', .from = -50, .to = -1 } },
    { 'n', { .cn = "a.test", .purpose = SERVER, .issuer = 'I', .sha1 = true } },
    { 'S', { .cn = "b.test", .dns = { "b.test" }, .purpose = SERVER } },
    { 'X', { .cn = "Stranger\x1b[2J", .ca = true } },
};

static void add(struct buf *out, const char *recipe)
{
    buf_init(out, 65536);
    for (; *recipe; recipe++) {
        gnutls_datum_t pem;
        GOOD(gnutls_x509_crt_export2(forge_stock[(int)*recipe].crt, GNUTLS_X509_FMT_PEM, &pem));
        assert_int_equal(buf_add(out, pem.data, pem.size, NULL), FAULT_OK);
        gnutls_free(pem.data);
    }
}

static void test_rows(void **state)
{
    (void)state;
    static const struct {
        const char *chain, *held;
        enum vouch_answer answer;
    } rows[] = {
        { "LIR", "R", VOUCH_YES },    { "LIR", "XR", VOUCH_YES },
        { "LI", "R", VOUCH_YES },     { "LRI", "R", VOUCH_YES },
        { "LIR", "X", VOUCH_NO },     { "LIR", "N", VOUCH_NO }, /* the name alone is nothing */
        { "LIR", "E", VOUCH_NO },                               /* it has expired on the handset */
        { "LIR", "ER", VOUCH_YES },   { "LIR", "I", VOUCH_NO }, /* older clients want the root itself */
        { "LR", "R", VOUCH_NO },                                /* a gap */
        { "eIR", "R", VOUCH_YES },                              /* the chain's own faults are the checker's */
        { "nIR", "R", VOUCH_YES },    { "S", "S", VOUCH_YES },
        { "S", "R", VOUCH_NO },       { "S", "L", VOUCH_NO },
        { "LIR", "", VOUCH_NOTHING },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buf chain, held;
        struct vouch *vouch = NULL;
        struct fault f;
        char subject[VOUCH_SUBJECT];
        add(&chain, rows[i].chain);
        add(&held, rows[i].held);
        assert_int_equal(vouch_new(chain.data, chain.used, time(NULL), &vouch, &f), FAULT_OK);
        for (int again = 0; again < 3; again++) { /* remembered or not, the same */
            enum vouch_answer answer = vouch_ask(vouch, held.used ? held.data : "", held.used, subject);
            if (answer != rows[i].answer)
                fail_msg("row %zu (%s, %s): %d", i, rows[i].chain, rows[i].held, answer);
            assert_null(strchr(subject, 0x1b));
            assert_int_equal(subject[0] != '\0', rows[i].answer != VOUCH_NOTHING);
        }
        vouch_free(vouch);
        buf_fini(&chain);
        buf_fini(&held);
    }
}

static void test_many_different_ones(void **state)
{
    (void)state;
    struct buf chain, held;
    struct vouch *vouch = NULL;
    struct fault f;
    char subject[VOUCH_SUBJECT], text[64];
    add(&chain, "LIR");
    add(&held, "R");
    assert_int_equal(vouch_new(chain.data, chain.used, time(NULL), &vouch, &f), FAULT_OK);
    for (int i = 0; i < 5000; i++) { /* more than are remembered */
        int n = snprintf(text, sizeof text, "no certificate %d", i);
        assert_int_equal(vouch_ask(vouch, text, (size_t)n, subject), VOUCH_NOTHING);
    }
    assert_int_equal(vouch_ask(vouch, held.data, held.used, subject), VOUCH_YES);
    assert_string_equal(subject, "CN=Root");
    vouch_free(vouch);
    buf_fini(&chain);
    buf_fini(&held);
}

static void test_no_chain(void **state)
{
    (void)state;
    static const char *const texts[] = { "", "x",
                                         "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n" };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct vouch *vouch = NULL;
        struct fault f;
        assert_int_equal(vouch_new(texts[i], strlen(texts[i]), 1, &vouch, &f), FAULT_INPUT);
        assert_null(vouch);
    }
    vouch_free(NULL);
}

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(stock); i++)
        forge(stock[i].name, &stock[i].forge);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    forge_end();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_many_different_ones),
        cmocka_unit_test(test_no_chain),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
