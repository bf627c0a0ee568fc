/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/mem.h"
#include "pki/check.h"
#include "tests/unit/pki/forge.h"

#include <unistd.h>

#define F(id) FINDING_##id

static char folder[] = "/tmp/cradle-test-slot-XXXXXX";

static const struct {
    char name;
    struct forge forge;
} stock[] = {
    { 'R', { .cn = "Root", .ca = true, .to = 3650 } },
    { 'E', { .cn = "Old", .ca = true, .from = -400, .to = -1 } },
    { 'H', { .cn = "00907a0a0b0c", .purpose = GNUTLS_KP_TLS_WWW_CLIENT, .issuer = 'R' } },
    { 'W', { .cn = "ward", .purpose = GNUTLS_KP_TLS_WWW_CLIENT, .issuer = 'R' } },
    { 'S', { .cn = "a.test", .dns = { "a.test" }, .purpose = GNUTLS_KP_TLS_WWW_SERVER } },
    { 'L', { .cn = "a.test", .dns = { "a.test" }, .purpose = GNUTLS_KP_TLS_WWW_SERVER, .issuer = 'R' } },
};

/* A configuration file of these attributes; '@' and a letter in a value: that certificate. */
static void write_file(const char *file, const char *attributes)
{
    FILE *out = fopen(file, "we");
    assert_non_null(out);
    fputs("<?xml version=\"1.0\"?>\n<handsetConfig><x ", out);
    for (const char *at = attributes; *at; at++) {
        if (*at != '@') {
            fputc(*at, out);
            continue;
        }
        gnutls_datum_t pem;
        GOOD(gnutls_x509_crt_export2(forge_stock[(int)*++at].crt, GNUTLS_X509_FMT_PEM, &pem));
        for (unsigned i = 0; i < pem.size; i++)
            if (pem.data[i] == '\n')
                fputs("&#10;", out);
            else
                fputc(pem.data[i], out);
        gnutls_free(pem.data);
    }
    fputs("/></handsetConfig>\n", out);
    fclose(out);
}

static void test_rows(void **state)
{
    (void)state;
    static const struct {
        const char *attributes;
        int found[4]; /* up to a zero; F(FILE_UNREADABLE) is 0 and occurs in none */
    } rows[] = {
        { "a='1'", { 0 } },
        { "device.sec.TLS.customCaCert1='@R'", { 0 } },
        { "device.sec.TLS.customCaCert1=''", { 0 } },   /* an empty slot may be meant */
        { "device.sec.TLS.customCaCert1='@S'", { 0 } }, /* a self-signed server */
        { "device.sec.TLS.customCaCert1='@L'", { F(CA_CONSTRAINT_MISSING), F(WRONG_USAGE) } },
        { "device.sec.TLS.customCaCert1='@E'", { F(EXPIRED) } },
        { "sec.TLS.customCaCert.1='nothing'", { F(SLOT_EMPTY) } },
        { "sec.TLS.customDeviceCert.1='@H'", { 0 } },
        { "sec.TLS.customDeviceCert.1='@W'", { F(CN_NOT_MAC) } },
        { "sec.TLS.customDeviceCert.1='@L'", { F(CN_NOT_MAC), F(WRONG_USAGE) } },
        { "sec.TLS.customDeviceKey.1='x'", { F(KEY_DELIVERED) } },
        { "sec.TLS.customDeviceKey.1=''", { 0 } },
        { "device.sec.TLS.profileSelection.dot1x='ApplicationProfile1'", { F(SLOT_KIND) } },
        { "device.sec.TLS.profileSelection.dot1x='PlatformProfile1'", { 0 } },
        { "a='1' a='2'", { F(NOT_WELL_FORMED) } },
    };
    char file[96];
    snprintf(file, sizeof file, "%s/site.cfg", folder);
    assert_true(check_is_configuration(file));
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct check_terms terms = { .soon = CHECK_SOON };
        struct findings found = { 0 };
        struct fault f;
        size_t wanted = 0, kinds = 0;
        write_file(file, rows[i].attributes);
        assert_int_equal(check_configuration(file, &terms, &found, &f), FAULT_OK);
        for (; wanted < 4 && rows[i].found[wanted]; wanted++)
            if (!finding_has(&found, (enum finding_id)rows[i].found[wanted]))
                fail_msg("row %zu: no %s", i, finding_word((enum finding_id)rows[i].found[wanted]));
        for (int id = 0; id < FINDING_ID_COUNT; id++)
            kinds += finding_has(&found, (enum finding_id)id);
        if (kinds != wanted)
            fail_msg("row %zu: %zu kinds of findings, the first is %s", i, kinds,
                     finding_word(found.list[0].id));
        findings_fini(&found);
    }
}

static void test_files(void **state)
{
    (void)state;
    const struct check_terms terms = { .soon = CHECK_SOON };
    struct findings found = { 0 };
    struct fault f;
    assert_int_equal(check_configuration("/nowhere/site.cfg", &terms, &found, &f), FAULT_OK);
    assert_true(found.count == 1 && found.list[0].id == FINDING_FILE_UNREADABLE);
    findings_fini(&found);
    assert_true(check_is_configuration("a.XML") && check_is_configuration("/x.y/a.cfg"));
    assert_false(check_is_configuration("a.pem") || check_is_configuration("cfg") ||
                 check_is_configuration("a.cfg.pem"));
}

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < ARRAY_LENGTH(stock); i++)
        forge(stock[i].name, &stock[i].forge);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char file[96];
    snprintf(file, sizeof file, "%s/site.cfg", folder);
    unlink(file);
    assert_int_equal(rmdir(folder), 0);
    forge_end();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_files) };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
