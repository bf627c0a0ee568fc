/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "fleet/put.h"
#include "fleet/trusting.h"
#include "tests/unit/fleet/camp.h"
#include "tests/unit/pki/forge.h"

#include <semaphore.h>

#define ONE "00907a000001"
#define TWO "00907a000002"

static const struct {
    char name;
    struct forge forge;
} stock[] = {
    { 'R', { .cn = "Root", .ca = true, .to = 3650 } },
    { 'L', { .cn = "a.test", .dns = { "a.test" }, .purpose = GNUTLS_KP_TLS_WWW_SERVER, .issuer = 'R' } },
    { 'X', { .cn = "Former root", .ca = true, .to = 3650 } },
};

static struct camp camp;
static struct principal alice;
static char chain[8192];

static void pem_of(char name, char *out, size_t size)
{
    gnutls_datum_t pem;
    GOOD(gnutls_x509_crt_export2(forge_stock[(int)name].crt, GNUTLS_X509_FMT_PEM, &pem));
    assert_true(mem_copy_bytes(out, size, pem.data, pem.size));
    gnutls_free(pem.data);
}

static void told(void *user)
{
    sem_post(user);
}

static void store_text(const char *layer, const char *path, const char *text)
{
    struct put_target target = { .limit = 1 << 21 };
    sem_t progress;
    struct upload *upload = NULL;
    struct upload_outcome outcome;
    assert_true(mem_copy_text(target.layer, sizeof target.layer, layer));
    assert_true(mem_copy_text(target.author, sizeof target.author, "alice"));
    target.who = alice;
    CAMP_OK(path_parse(path, strlen(path), &target.path, why));
    sem_init(&progress, 0, 0);
    const struct upload_options options = { .size = -1, .progress = told, .user = &progress };
    CAMP_OK(upload_begin(camp.fleet, &target, &options, &upload, why));
    for (size_t done = 0, n = strlen(text); done < n;) {
        size_t taken = 0;
        CAMP_OK(upload_write(upload, text + done, n - done, &taken, why));
        done += taken;
        if (done < n)
            sem_wait(&progress);
    }
    upload_commit(upload);
    while (!upload_ended(upload))
        sem_wait(&progress);
    CAMP_OK(upload_result(upload, &outcome, why));
    upload_free(upload);
    sem_destroy(&progress);
}

/* A configuration file with these CAs in its slots: "1R" is R in platform slot 1, "3X" X in application slot
 * 3, "2-" a slot without a certificate; "?" a file that is not well-formed, "!" an encrypted one, "+" one
 * that is too large. */
static void store(const char *layer, const char *path, const char *slots)
{
    struct buf text;
    buf_init(&text, 1 << 21);
    CAMP_OK(buf_text(&text, slots[0] == '!' ? "Digest=abc\n" : "<?xml version=\"1.0\"?>\n<a ", why));
    for (const char *at = slots; at[0] >= '0' && at[0] <= '9'; at += 2) {
        char pem[4096] = "no certificate";
        if (at[1] != '-')
            pem_of(at[1], pem, sizeof pem);
        CAMP_OK(buf_printf(&text, why,
                           at[0] < '3' ? "device.sec.TLS.customCaCert%c='" : "sec.TLS.customCaCert.%c='",
                           at[0]));
        for (const char *c = pem; *c; c++)
            CAMP_OK(*c == '\n' ? buf_text(&text, "&#xA;", why) : buf_add(&text, c, 1, why));
        CAMP_OK(buf_text(&text, "' ", why));
    }
    if (slots[0] == '?')
        CAMP_OK(buf_text(&text, "b='1", why));
    CAMP_OK(buf_text(&text, "/>", why));
    for (int i = 0; slots[0] == '+' && i < 70000; i++)
        CAMP_OK(buf_text(&text, "<!-- filling -->", why));
    store_text(layer, path, text.data);
    buf_fini(&text);
}

static struct trusting look(void)
{
    struct trusting t;
    CAMP_OK(trusting_look(camp.fleet, &alice, chain, NULL, 1000, &t, why));
    assert_false(t.more);
    return t;
}

static int open_camp(void **state)
{
    (void)state;
    camp_open(&camp, NULL);
    camp_account(&camp, "alice", ROLE_ADMINISTRATOR, NULL, "a good password");
    alice = camp_who(ROLE_ADMINISTRATOR, "alice", NULL);
    camp_handset(&camp, ONE);
    return 0;
}

static int close_camp(void **state)
{
    (void)state;
    camp_close(&camp);
    return 0;
}

/* One handset; its verdict by what the shared files and its own say. */
static void test_verdicts(void **state)
{
    (void)state;
    static const struct {
        const char *shared, *other, *own; /* /site.cfg, /a/b.XML, and a file of its own; NULL: none */
        const char *own_path;
        char verdict; /* a: accepts, w: without, r: refuses, u: unsure */
        size_t opaque, unreadable;
    } rows[] = {
        { NULL, NULL, NULL, NULL, 'w', 0, 0 },
        { "1R", NULL, NULL, NULL, 'a', 0, 0 },
        { "1X", NULL, NULL, NULL, 'r', 0, 0 },
        { NULL, NULL, "1R", "/" ONE "-ext.cfg", 'a', 0, 0 },
        { NULL, NULL, "1X", "/" ONE "-ext.cfg", 'r', 0, 0 },
        { "1X2R", NULL, NULL, NULL, 'a', 0, 0 }, /* the other slot does */
        { "1X", NULL, "1R", "/" ONE "-ext.cfg", 'u', 0, 0 },
        { "1R", NULL, "1X", "/" ONE "-web.cfg", 'u', 0, 0 },
        { "1X", NULL, "1R", "/site.cfg", 'a', 0, 0 }, /* its own hides the shared one */
        { "1R", NULL, "1X", "/site.cfg", 'r', 0, 0 },
        { "1R", NULL, "2-", "/site.cfg", 'w', 0, 0 },
        { NULL, "1R", NULL, NULL, 'a', 0, 0 },
        { "1R", "1R", "1R", "/" ONE "-ext.cfg", 'a', 0, 0 },
        { "3R", NULL, NULL, NULL, 'w', 0, 0 }, /* an application slot serves no provisioning */
        { "1R3X", NULL, NULL, NULL, 'a', 0, 0 },
        { "1-", NULL, NULL, NULL, 'w', 0, 0 },
        { "1R", "?", NULL, NULL, 'a', 0, 1 },
        { "1R", NULL, "?", "/" ONE "-ext.cfg", 'a', 0, 1 },
        { "+", NULL, NULL, NULL, 'w', 0, 1 },
        { "!", NULL, NULL, NULL, 'w', 1, 0 },
        { "!", "1R", NULL, NULL, 'a', 0, 0 },
        { NULL, NULL, "!", "/" ONE "-ext.cfg", 'w', 1, 0 },
        { NULL, NULL, "1X", "/notes.txt", 'w', 0, 0 }, /* no configuration file */
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        open_camp(NULL);
        if (rows[i].shared)
            store("", "/site.cfg", rows[i].shared);
        if (rows[i].other)
            store("", "/a/b.XML", rows[i].other);
        if (rows[i].own)
            store(ONE, rows[i].own_path, rows[i].own);
        struct trusting t = look();
        char verdict = t.accepting ? 'a' : t.without ? 'w' : t.count == 1 && t.list[0].unsure ? 'u' : 'r';
        if (t.handsets != 1 || t.accepting + t.without + t.count != 1 || verdict != rows[i].verdict ||
            t.opaque != rows[i].opaque || t.unreadable != rows[i].unreadable)
            fail_msg("row %zu: %c, %zu opaque, %zu unreadable", i, verdict, t.opaque, t.unreadable);
        trusting_fini(&t);
        close_camp(NULL);
    }
}

static void test_who_and_where(void **state)
{
    (void)state;
    camp_handset(&camp, TWO);
    store("", "/site.cfg", "1X");
    store(TWO, "/" TWO "-ext.cfg", "2X");
    struct trusting t = look();
    assert_int_equal(t.count, 2);
    assert_string_equal(t.list[0].mac.text, ONE);
    assert_string_equal(t.list[0].file, "/site.cfg");
    assert_true(t.list[0].shared);
    assert_string_equal(t.list[1].mac.text, TWO);
    assert_string_equal(t.list[1].file, "/" TWO "-ext.cfg");
    assert_false(t.list[1].shared);
    assert_string_equal(t.list[1].subject, "CN=Former root");
    trusting_fini(&t);
}

static void test_pages(void **state)
{
    (void)state;
    char mac[MAC_DIGITS + 1];
    for (int i = 2; i <= 25; i++) {
        snprintf(mac, sizeof mac, "00907a0000%02x", i);
        camp_handset(&camp, mac);
        if (i % 5 == 0)
            store(mac, "/own.cfg", "1X");
    }
    store("", "/bad.cfg", "?");
    struct trusting t;
    struct mac after;
    size_t handsets = 0, refusing = 0, unreadable = 0, pages = 0;
    bool more = true;
    for (; more; pages++) {
        CAMP_OK(trusting_look(camp.fleet, &alice, chain, pages ? &after : NULL, 10, &t, why));
        handsets += t.handsets;
        refusing += t.count;
        unreadable += t.unreadable;
        more = t.more;
        after = t.last;
        trusting_fini(&t);
    }
    assert_int_equal(pages, 3);
    assert_int_equal(handsets, 25);
    assert_int_equal(refusing, 5);
    assert_int_equal(unreadable, 1); /* a shared file counts once */
}

static void test_refusals(void **state)
{
    (void)state;
    struct trusting t = { .handsets = 99 };
    struct fault f;
    const struct principal others[] = { camp_who(ROLE_OPERATOR, "olga", NULL),
                                        camp_who(ROLE_HANDSET, "", ONE) };
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        assert_int_equal(trusting_look(camp.fleet, &others[i], chain, NULL, 10, &t, &f), FAULT_FORBIDDEN);
    assert_int_equal(trusting_look(camp.fleet, &alice, "no chain", NULL, 10, &t, &f), FAULT_INPUT);
    assert_int_equal(trusting_look(camp.fleet, &alice, "", NULL, 10, &t, &f), FAULT_INPUT);
    assert_int_equal(t.handsets, 99); /* untouched */
}

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(stock); i++)
        forge(stock[i].name, &stock[i].forge);
    pem_of('L', chain, sizeof chain);
    size_t n = strlen(chain);
    pem_of('R', chain + n, sizeof chain - n);
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
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test_setup_teardown(test_who_and_where, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_pages, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_refusals, open_camp, close_camp),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
