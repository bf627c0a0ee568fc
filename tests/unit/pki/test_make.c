/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "pki/make.h"

#include <gnutls/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define NAME_LENGTH 96
#define HOUR        3600

static char folder[] = "/tmp/cradle-test-make-XXXXXX";

static const char *in_folder(const char *name)
{
    static char files[8][NAME_LENGTH];
    static unsigned next;
    char *file = files[next++ % 8];
    snprintf(file, NAME_LENGTH, "%s/%s", folder, name);
    return file;
}

static void make(const struct make_subject *subject, const char *ca, const char *name)
{
    char files[4][NAME_LENGTH];
    snprintf(files[0], NAME_LENGTH, "%s/%s.pem", folder, ca ? ca : "");
    snprintf(files[1], NAME_LENGTH, "%s/%s.key", folder, ca ? ca : "");
    snprintf(files[2], NAME_LENGTH, "%s/%s.pem", folder, name);
    snprintf(files[3], NAME_LENGTH, "%s/%s.key", folder, name);
    struct fault f = { 0 };
    if (make_certificate(subject, ca ? files[0] : NULL, ca ? files[1] : NULL, files[2], files[3], &f) !=
        FAULT_OK)
        fail_msg("%s: %s", name, f.text);
}

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    const int64_t end = time(NULL) + HOUR;
    make(
        &(struct make_subject){
            .purpose = MAKE_CA, .key = MAKE_ECDSA_P256, .common_name = "Test CA", .not_after = end },
        NULL, "ca");
    make(&(struct make_subject){ .purpose = MAKE_SERVER,
                                 .key = MAKE_RSA_2048,
                                 .common_name = "cradle.test",
                                 .names = { "localhost", "127.0.0.1", "::1" },
                                 .not_after = end },
         "ca", "server");
    make(&(struct make_subject){ .purpose = MAKE_HANDSET,
                                 .key = MAKE_ECDSA_P256,
                                 .common_name = "00907a0a0b0c",
                                 .not_after = end },
         "ca", "handset");
    make(&(struct make_subject){ .purpose = MAKE_HANDSET,
                                 .key = MAKE_ECDSA_P256,
                                 .common_name = "00907a0a0b0d",
                                 .not_before = end - 3 * HOUR,
                                 .not_after = end - 2 * HOUR },
         "ca", "expired");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = { "ca", "server", "handset", "expired" };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        char file[32];
        snprintf(file, sizeof file, "%s.pem", names[i]);
        unlink(in_folder(file));
        snprintf(file, sizeof file, "%s.key", names[i]);
        unlink(in_folder(file));
    }
    assert_int_equal(rmdir(folder), 0); /* and so nothing else was left there */
    return 0;
}

static unsigned load(const char *name, gnutls_x509_crt_t **ret_chain)
{
    gnutls_datum_t pem;
    unsigned n = 0;
    assert_int_equal(gnutls_load_file(in_folder(name), &pem), 0);
    assert_int_equal(gnutls_x509_crt_list_import2(ret_chain, &n, &pem, GNUTLS_X509_FMT_PEM,
                                                  GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED),
                     0);
    gnutls_free(pem.data);
    return n;
}

static void unload(gnutls_x509_crt_t *chain, unsigned n)
{
    while (n > 0)
        gnutls_x509_crt_deinit(chain[--n]);
    gnutls_free(chain);
}

/* GnuTLS's verdict on a chain under our CA, for a purpose and perhaps a host. */
static unsigned verify(const char *name, const char *purpose, const char *host)
{
    gnutls_x509_trust_list_t list;
    assert_int_equal(gnutls_x509_trust_list_init(&list, 0), 0);
    assert_int_equal(
        gnutls_x509_trust_list_add_trust_file(list, in_folder("ca.pem"), NULL, GNUTLS_X509_FMT_PEM, 0, 0), 1);
    gnutls_x509_crt_t *chain = NULL;
    unsigned n = load(name, &chain), status = 0;
    gnutls_typed_vdata_st data[2] = { { .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *)purpose },
                                      { .type = GNUTLS_DT_DNS_HOSTNAME, .data = (unsigned char *)host } };
    assert_int_equal(gnutls_x509_trust_list_verify_crt2(list, chain, n, data, host ? 2 : 1,
                                                        GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM),
                                                        &status, NULL),
                     0);
    unload(chain, n);
    gnutls_x509_trust_list_deinit(list, 1);
    return status;
}

static void test_verdicts(void **state)
{
    (void)state;
    static const char server[] = GNUTLS_KP_TLS_WWW_SERVER, client[] = GNUTLS_KP_TLS_WWW_CLIENT;
    const struct {
        const char *name, *purpose, *host;
        unsigned bit; /* 0: right */
    } rows[] = {
        { "server.pem", server, "cradle.test", 0 }, /* the CN, as an alternative name */
        { "server.pem", server, "localhost", 0 },
        { "server.pem", server, "127.0.0.1", 0 },
        { "server.pem", server, "::1", 0 },
        { "server.pem", server, "other.test", GNUTLS_CERT_UNEXPECTED_OWNER },
        { "server.pem", client, NULL, GNUTLS_CERT_PURPOSE_MISMATCH },
        { "handset.pem", client, NULL, 0 },
        { "handset.pem", server, NULL, GNUTLS_CERT_PURPOSE_MISMATCH },
        { "expired.pem", client, NULL, GNUTLS_CERT_EXPIRED },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        unsigned status = verify(rows[i].name, rows[i].purpose, rows[i].host);
        if (rows[i].bit == 0 ? status != 0 : !(status & rows[i].bit))
            fail_msg("row %zu: status %x", i, status);
    }
}

static void test_contents(void **state)
{
    (void)state;
    static const struct {
        const char *name, *cn;
        unsigned chain, ca, usage;
        gnutls_pk_algorithm_t key;
    } rows[] = {
        { "ca.pem", "Test CA", 1, 1, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN, GNUTLS_PK_ECDSA },
        { "server.pem", "cradle.test", 2, 0, GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_ENCIPHERMENT,
          GNUTLS_PK_RSA },
        { "handset.pem", "00907a0a0b0c", 2, 0, GNUTLS_KEY_DIGITAL_SIGNATURE, GNUTLS_PK_ECDSA },
    };
    unsigned char serials[ARRAY_LENGTH(rows)][20];
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        gnutls_x509_crt_t *chain = NULL;
        unsigned n = load(rows[i].name, &chain), usage = 0, bits = 0;
        assert_int_equal(n, rows[i].chain); /* up to the root */
        char cn[65];
        size_t size = sizeof cn;
        assert_int_equal(
            gnutls_x509_crt_get_dn_by_oid(chain[0], GNUTLS_OID_X520_COMMON_NAME, 0, 0, cn, &size), 0);
        assert_string_equal(cn, rows[i].cn);
        assert_int_equal(gnutls_x509_crt_get_version(chain[0]), 3);
        assert_int_equal(gnutls_x509_crt_get_ca_status(chain[0], NULL), rows[i].ca);
        assert_int_equal(gnutls_x509_crt_get_key_usage(chain[0], &usage, NULL), 0);
        assert_int_equal(usage, rows[i].usage);
        assert_int_equal(gnutls_x509_crt_get_pk_algorithm(chain[0], &bits), rows[i].key);
        assert_int_equal(bits, rows[i].key == GNUTLS_PK_RSA ? 2048 : 256);
        assert_int_equal(gnutls_x509_crt_get_signature_algorithm(chain[0]), GNUTLS_SIGN_ECDSA_SHA256);
        size = sizeof serials[i];
        assert_int_equal(gnutls_x509_crt_get_serial(chain[0], serials[i], &size), 0);
        assert_int_equal(size, 16);
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(serials[i], serials[k], 16);
        assert_true(gnutls_x509_crt_get_activation_time(chain[0]) <= time(NULL) - HOUR);
        unload(chain, n);
    }
}

static void test_files(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(stat(in_folder("server.key"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    const struct make_subject subject = {
        .purpose = MAKE_CA, .key = MAKE_ECDSA_P256, .common_name = "x", .not_after = time(NULL) + HOUR
    };
    struct fault f;
    /* Either file in the way is enough, it stays as it was, and the other is not left behind. */
    assert_int_equal(stat(in_folder("ca.pem"), &st), 0);
    const off_t size = st.st_size;
    const time_t changed = st.st_mtime;
    assert_int_equal(make_certificate(&subject, NULL, NULL, in_folder("ca.pem"), in_folder("new.key"), &f),
                     FAULT_CONFLICT);
    assert_int_equal(make_certificate(&subject, NULL, NULL, in_folder("new.pem"), in_folder("ca.key"), &f),
                     FAULT_CONFLICT);
    assert_int_equal(stat(in_folder("ca.pem"), &st), 0);
    assert_int_equal(st.st_size, size);
    assert_int_equal(st.st_mtime, changed);
    assert_int_equal(access(in_folder("new.key"), F_OK), -1);
    assert_int_equal(access(in_folder("new.pem"), F_OK), -1);
    assert_int_equal(
        make_certificate(&subject, NULL, NULL, in_folder("no/new.pem"), in_folder("no/new.key"), &f),
        FAULT_IO);
}

static void test_refusals(void **state)
{
    (void)state;
    static char long_name[66];
    memset(long_name, 'x', 65);
    const struct {
        struct make_subject subject;
        const char *ca, *ca_key;
        enum fault_code code;
        const char *words;
    } rows[] = {
        { { .purpose = MAKE_CA }, NULL, NULL, FAULT_INPUT, "common name" },
        { { .purpose = MAKE_CA, .common_name = "" }, NULL, NULL, FAULT_INPUT, "common name" },
        { { .purpose = MAKE_CA, .common_name = long_name }, NULL, NULL, FAULT_INPUT, "1 to 64" },
        { { .purpose = MAKE_CA, .common_name = "a\nb" }, NULL, NULL, FAULT_INPUT, "control characters" },
        { { .purpose = MAKE_CA, .common_name = "\xff" }, NULL, NULL, FAULT_INPUT, "UTF-8" },
        { { .purpose = MAKE_HANDSET, .common_name = "00907a0a0b0" },
          "ca.pem",
          "ca.key",
          FAULT_INPUT,
          "12 hex digits" },
        { { .purpose = MAKE_HANDSET, .common_name = "00:90:7a:0a:0b:0c" },
          "ca.pem",
          "ca.key",
          FAULT_INPUT,
          "12 hex digits" },
        { { .purpose = MAKE_HANDSET, .common_name = "00907a0a0b0c" },
          NULL,
          NULL,
          FAULT_INPUT,
          "only a CA signs itself" },
        { { .purpose = MAKE_SERVER, .common_name = "a b" }, "ca.pem", "ca.key", FAULT_INPUT, "host name" },
        { { .purpose = MAKE_SERVER, .common_name = "a..b" }, "ca.pem", "ca.key", FAULT_INPUT, "host name" },
        { { .purpose = MAKE_SERVER, .common_name = "a", .names = { "b", "-c" } },
          "ca.pem",
          "ca.key",
          FAULT_INPUT,
          "-c" },
        { { .purpose = MAKE_SERVER, .common_name = "a" },
          "absent.pem",
          "ca.key",
          FAULT_ABSENT,
          "absent.pem" },
        { { .purpose = MAKE_SERVER, .common_name = "a" },
          "ca.pem",
          "absent.key",
          FAULT_ABSENT,
          "absent.key" },
        { { .purpose = MAKE_SERVER, .common_name = "a" },
          "ca.key",
          "ca.key",
          FAULT_INPUT,
          "no PEM certificate" },
        { { .purpose = MAKE_SERVER, .common_name = "a" },
          "ca.pem",
          "ca.pem",
          FAULT_INPUT,
          "no PEM private key" },
        { { .purpose = MAKE_SERVER, .common_name = "a" },
          "server.pem",
          "server.key",
          FAULT_INPUT,
          "not the certificate of a CA" },
        { { .purpose = MAKE_SERVER, .common_name = "a" },
          "ca.pem",
          "handset.key",
          FAULT_INPUT,
          "does not belong" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct fault f = { 0 };
        struct make_subject subject = rows[i].subject;
        subject.key = MAKE_ECDSA_P256;
        subject.not_after = time(NULL) + HOUR;
        enum fault_code code = make_certificate(&subject, rows[i].ca ? in_folder(rows[i].ca) : NULL,
                                                rows[i].ca_key ? in_folder(rows[i].ca_key) : NULL,
                                                in_folder("new.pem"), in_folder("new.key"), &f);
        if (code != rows[i].code || strstr(f.text, rows[i].words) == NULL)
            fail_msg("row %zu: %s \"%s\" does not say \"%s\"", i, fault_word(code), f.text, rows[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_contents),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("make", tests, set_up, tear_down);
}
