/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/tls.h"

#include "certificates.h"
#include "meeting.h"

#include <unistd.h>

#define NAME_LENGTH 96

/* Made once; files are named by what is in them. */
static char folder[] = "/tmp/cradle-test-tls-XXXXXX";
static struct made ca, other_ca, sub_ca, twin_ca, ecdsa, rsa;
static struct tls_trust *trust;
static gnutls_datum_t ticket_key;

static const char *in_folder(const char *name)
{
    static char files[8][NAME_LENGTH];
    static unsigned next;
    char *file = files[next++ % 8];
    snprintf(file, NAME_LENGTH, "%s/%s", folder, name);
    return file;
}

static void write_text(const char *file, const char *text)
{
    FILE *out = fopen(file, "we");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static const char *const files[] = { "ecdsa.pem", "ecdsa.key", "rsa.pem",   "rsa.key",
                                     "ca.pem",    "other.pem", "sub.pem",   "twin.pem",
                                     "twice.pem", "empty.pem", "broken.pem" };

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(tls_init(NULL), FAULT_OK);
    assert_non_null(mkdtemp(folder));
    ca = make_certificate(&(struct wanted){ .cn = "Test CA", .ca = true });
    other_ca = make_certificate(&(struct wanted){ .cn = "Other CA", .ca = true });
    sub_ca = make_certificate(&(struct wanted){ .cn = "Sub CA", .ca = true, .issuer = &ca });
    twin_ca = make_certificate(&(struct wanted){ .cn = "Renewed CA", .ca = true, .same_key = &ca });
    ecdsa = make_certificate(&(struct wanted){ .cn = "localhost", .dns = "localhost", .issuer = &ca });
    rsa = make_certificate(
        &(struct wanted){ .cn = "localhost", .dns = "localhost", .issuer = &ca, .rsa = true });
    append_certificate(in_folder("ecdsa.pem"), &ecdsa);
    append_certificate(in_folder("ecdsa.pem"), &ca);
    append_key(in_folder("ecdsa.key"), &ecdsa);
    append_certificate(in_folder("rsa.pem"), &rsa);
    append_certificate(in_folder("rsa.pem"), &ca);
    append_key(in_folder("rsa.key"), &rsa);
    append_certificate(in_folder("ca.pem"), &ca);
    append_certificate(in_folder("other.pem"), &other_ca);
    append_certificate(in_folder("sub.pem"), &sub_ca);
    append_certificate(in_folder("twin.pem"), &twin_ca);
    append_certificate(append_certificate(in_folder("twice.pem"), &ca), &ca);
    write_text(in_folder("empty.pem"), "");
    write_text(in_folder("broken.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    const struct tls_trust_files bundles = { .ca = { in_folder("ca.pem"), "", in_folder("other.pem") } };
    assert_int_equal(tls_trust_load(&bundles, &trust, NULL), FAULT_OK);
    assert_int_equal(tls_ticket_key_new(&ticket_key, NULL), FAULT_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tls_trust_unref(trust);
    tls_ticket_key_free(&ticket_key);
    struct made *const all[] = { &ca, &other_ca, &sub_ca, &twin_ca, &ecdsa, &rsa };
    for (size_t i = 0; i < ARRAY_LENGTH(all); i++)
        unmake(all[i]);
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++)
        assert_int_equal(unlink(in_folder(files[i])), 0);
    assert_int_equal(rmdir(folder), 0);
    return 0;
}

/* Loading */

static void test_identity_faults(void **state)
{
    (void)state;
    const struct {
        const char *chain[2], *key[2], *priority, *words;
    } rows[] = {
        { { "absent.pem", NULL }, { "ecdsa.key", NULL }, NULL, "absent.pem" },
        { { "ecdsa.pem", NULL }, { "absent.key", NULL }, NULL, "absent.key" },
        { { "ecdsa.pem", NULL }, { NULL, NULL }, NULL, "needs its private key" },
        { { NULL, NULL }, { NULL, NULL }, NULL, "no server certificate" },
        { { "empty.pem", NULL }, { "ecdsa.key", NULL }, NULL, "empty.pem holds no usable PEM certificate" },
        { { "broken.pem", NULL }, { "ecdsa.key", NULL }, NULL, "broken.pem holds no usable PEM certificate" },
        { { "ecdsa.pem", NULL }, { "ecdsa.pem", NULL }, NULL, "ecdsa.pem holds no usable PEM private key" },
        { { "ecdsa.pem", NULL }, { "rsa.key", NULL }, NULL, "does not belong to the first certificate" },
        { { "ecdsa.pem", "rsa.pem" },
          { "ecdsa.key", "ecdsa.key" },
          NULL,
          "does not belong to the first certificate" },
        { { "ecdsa.pem", NULL }, { "ecdsa.key", "rsa.key" }, NULL, "rsa.key needs its certificate" },
        { { "ecdsa.pem", NULL }, { "ecdsa.key", NULL }, "NORMAL:+NONSENSE", "+NONSENSE" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct tls_identity_files wanted = { .priority = rows[i].priority };
        for (int k = 0; k < 2; k++) {
            wanted.chain[k] = rows[i].chain[k] ? in_folder(rows[i].chain[k]) : k ? "" : NULL;
            wanted.key[k] = rows[i].key[k] ? in_folder(rows[i].key[k]) : NULL;
        }
        struct tls_identity *identity = NULL;
        struct fault f = { 0 };
        assert_int_equal(tls_identity_load(&wanted, &identity, &f), FAULT_INPUT);
        assert_null(identity);
        if (strstr(f.text, rows[i].words) == NULL)
            fail_msg("row %zu: \"%s\" does not say \"%s\"", i, f.text, rows[i].words);
    }
}

static void test_trust_faults(void **state)
{
    (void)state;
    const struct {
        const char *bundles[TLS_BUNDLES];
        const char *words; /* NULL: right */
    } rows[] = {
        { { NULL, NULL, NULL }, NULL },
        { { "ca.pem", NULL, "other.pem" }, NULL },
        { { "sub.pem", NULL, "other.pem" }, NULL },
        { { "ca.pem", "ca.pem", NULL }, "Test CA" },
        { { "ca.pem", NULL, "twin.pem" }, "gives one role only" },
        { { "ca.pem", "sub.pem", NULL }, "Sub CA" },
        { { "sub.pem", "other.pem", "ca.pem" }, "Sub CA" },
        { { "absent.pem", NULL, NULL }, "absent.pem" },
        { { "empty.pem", NULL, NULL }, "empty.pem holds no usable" },
        { { "broken.pem", NULL, NULL }, "broken.pem holds no usable" },
        { { "twice.pem", NULL, NULL }, NULL },
        { { "ecdsa.pem", NULL, NULL }, "CN=localhost) is not a CA's" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct tls_trust_files bundles = { .crl = { NULL } };
        for (int k = 0; k < TLS_BUNDLES; k++)
            bundles.ca[k] = rows[i].bundles[k] ? in_folder(rows[i].bundles[k]) : k ? "" : NULL;
        struct tls_trust *made = NULL;
        struct fault f = { 0 };
        enum fault_code code = tls_trust_load(&bundles, &made, &f);
        if (rows[i].words == NULL) {
            assert_int_equal(code, FAULT_OK);
            tls_trust_unref(tls_trust_ref(made));
            tls_trust_unref(made);
            continue;
        }
        assert_int_equal(code, FAULT_INPUT);
        assert_null(made);
        if (strstr(f.text, rows[i].words) == NULL)
            fail_msg("row %zu: \"%s\" does not say \"%s\"", i, f.text, rows[i].words);
    }
}

/* Handshakes, both sides in this thread. */

static struct tls_identity *load_identity(const char *first, const char *second)
{
    char chain[2][NAME_LENGTH] = { "", "" }, key[2][NAME_LENGTH] = { "", "" };
    const char *const names[2] = { first, second };
    for (int i = 0; i < 2 && names[i] != NULL; i++) {
        snprintf(chain[i], NAME_LENGTH, "%s/%s.pem", folder, names[i]);
        snprintf(key[i], NAME_LENGTH, "%s/%s.key", folder, names[i]);
    }
    const struct tls_identity_files wanted = { .chain = { chain[0], chain[1] }, .key = { key[0], key[1] } };
    struct tls_identity *identity = NULL;
    struct fault f = { 0 };
    if (tls_identity_load(&wanted, &identity, &f) != FAULT_OK)
        fail_msg("%s", f.text);
    return identity;
}

/* What the default priorities take and refuse. Clients' preferences are the other way round on purpose. */
static void test_priorities(void **state)
{
    (void)state;
    static const struct {
        const char *client;
        gnutls_cipher_algorithm_t cipher; /* GNUTLS_CIPHER_UNKNOWN: refused */
        gnutls_group_t group;
        gnutls_pk_algorithm_t key;
    } rows[] = {
        { "NORMAL", GNUTLS_CIPHER_AES_128_GCM, GNUTLS_GROUP_X25519, GNUTLS_PK_ECDSA },
        { "NORMAL:-VERS-TLS1.3", GNUTLS_CIPHER_AES_128_GCM, GNUTLS_GROUP_X25519, GNUTLS_PK_ECDSA },
        { "NORMAL:-SIGN-ECDSA-SECP256R1-SHA256:-SIGN-ECDSA-SHA256", GNUTLS_CIPHER_AES_128_GCM,
          GNUTLS_GROUP_X25519, GNUTLS_PK_RSA },
        { "NORMAL:-VERS-TLS1.3:-ECDHE-ECDSA", GNUTLS_CIPHER_AES_128_GCM, GNUTLS_GROUP_X25519, GNUTLS_PK_RSA },
        { "NORMAL:-GROUP-ALL:+GROUP-SECP256R1", GNUTLS_CIPHER_AES_128_GCM, GNUTLS_GROUP_SECP256R1,
          GNUTLS_PK_ECDSA },
        { "NORMAL:-GROUP-ALL:+GROUP-SECP384R1:-VERS-TLS1.3", GNUTLS_CIPHER_AES_128_GCM,
          GNUTLS_GROUP_SECP384R1, GNUTLS_PK_ECDSA },
        { "NORMAL:-CIPHER-ALL:+CHACHA20-POLY1305:+AES-256-GCM", GNUTLS_CIPHER_AES_256_GCM,
          GNUTLS_GROUP_X25519, GNUTLS_PK_ECDSA },
        { "NORMAL:-CIPHER-ALL:+CHACHA20-POLY1305", GNUTLS_CIPHER_CHACHA20_POLY1305, GNUTLS_GROUP_X25519,
          GNUTLS_PK_ECDSA },
        { "NORMAL:-VERS-ALL:+VERS-TLS1.1", GNUTLS_CIPHER_UNKNOWN, 0, 0 },
        { "NORMAL:-VERS-TLS1.3:-KX-ALL:+RSA", GNUTLS_CIPHER_UNKNOWN, 0, 0 },
        { "NORMAL:-VERS-TLS1.3:-CIPHER-ALL:+AES-128-CBC:+AES-256-CBC", GNUTLS_CIPHER_UNKNOWN, 0, 0 },
        { "NORMAL:-VERS-TLS1.3:-SIGN-ALL:+SIGN-RSA-SHA1:+SIGN-ECDSA-SHA1", GNUTLS_CIPHER_UNKNOWN, 0, 0 },
    };
    struct tls_identity *identity =
        load_identity("rsa", "ecdsa"); /* the order of the files does not matter */
    const struct tls_session_options options = { .identity = identity };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct meeting m = meet(&options, &(struct client){ .priority = rows[i].client });
        if (rows[i].cipher == GNUTLS_CIPHER_UNKNOWN) {
            if (m.server_rc == 0 || m.client_rc == 0)
                fail_msg("row %zu: \"%s\" was accepted", i, rows[i].client);
        } else {
            if (m.server_rc != 0)
                fail_msg("row %zu: \"%s\": %s", i, rows[i].client, gnutls_strerror(m.server_rc));
            unsigned n = 0;
            const gnutls_datum_t *ders = gnutls_certificate_get_peers(m.client, &n);
            assert_int_equal(n, 2); /* the root is sent too */
            gnutls_x509_crt_t leaf;
            gnutls_x509_crt_init(&leaf);
            assert_int_equal(gnutls_x509_crt_import(leaf, ders, GNUTLS_X509_FMT_DER), 0);
            if (gnutls_cipher_get(m.client) != rows[i].cipher ||
                gnutls_group_get(m.client) != rows[i].group ||
                (gnutls_pk_algorithm_t)gnutls_x509_crt_get_pk_algorithm(leaf, NULL) != rows[i].key)
                fail_msg("row %zu: \"%s\" got %s, %s, and not the %s key", i, rows[i].client,
                         gnutls_cipher_get_name(gnutls_cipher_get(m.client)),
                         gnutls_group_get_name(gnutls_group_get(m.client)), gnutls_pk_get_name(rows[i].key));
            gnutls_x509_crt_deinit(leaf);
        }
        part(&m);
    }
    tls_identity_unref(identity);
}

static void test_alpn(void **state)
{
    (void)state;
    struct tls_identity *identity = load_identity("ecdsa", NULL);
    const struct tls_session_options options = { .identity = identity, .alpn = "ftp" };
    static const struct {
        const char *offered;
        int server_rc;
    } rows[] = { { "ftp", 0 }, { NULL, 0 }, { "http/1.1", GNUTLS_E_NO_APPLICATION_PROTOCOL } };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct meeting m = meet(&options, &(struct client){ .alpn = rows[i].offered });
        assert_int_equal(m.server_rc, rows[i].server_rc);
        part(&m);
    }
    tls_identity_unref(identity);
}

static void test_alert_words(void **state)
{
    (void)state;
    struct tls_identity *identity = load_identity("ecdsa", NULL);
    const struct tls_session_options options = { .identity = identity };
    struct meeting m = meet(&options, &(struct client){ 0 });
    assert_int_equal(m.server_rc, 0);
    assert_int_equal(gnutls_alert_send(m.client, GNUTLS_AL_FATAL, GNUTLS_A_UNKNOWN_CA), 0);
    char byte;
    int rc = (int)gnutls_record_recv(m.server, &byte, 1);
    assert_int_equal(rc, GNUTLS_E_FATAL_ALERT_RECEIVED);
    assert_non_null(strstr(tls_alert_words(m.server, rc), "does not hold our root"));
    assert_null(tls_alert_words(m.server, GNUTLS_E_AGAIN));
    part(&m);
    tls_identity_unref(identity);
}

/* Clients' certificates */

static void test_peers(void **state)
{
    (void)state;
    static const char *const versions[] = { "NORMAL:-VERS-TLS1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.3" };
    static char long_name[70];
    memset(long_name, 'x', 65);
    const struct {
        struct wanted wanted;
        const char *reason; /* NULL: verified */
        int bundle;
        bool with_issuer;
    } rows[] = {
        { { .cn = "00907A0a0B0c", .issuer = &ca, .purpose = GNUTLS_KP_TLS_WWW_CLIENT }, NULL, 0, false },
        { { .cn = "00907A0a0B0c", .issuer = &ca, .rsa = true }, NULL, 0, true },
        { { .cn = "Zo\xc3\xab", .issuer = &other_ca }, NULL, 2, false },
        { { .cn = "a", .issuer = &sub_ca }, NULL, 0, true },
        { { .cn = "a", .issuer = &sub_ca }, "issued by a CA that no role trusts", 0, false },
        { { .cn = "a", .issuer = &ca, .starts_in = -7200, .ends_in = -60 }, "expired", 0, false },
        { { .cn = "a", .issuer = &ca, .starts_in = 600 }, "not valid yet", 0, false },
        { { .cn = "a", .issuer = &ca, .purpose = GNUTLS_KP_TLS_WWW_SERVER }, "another purpose", 0, false },
        { { .cn = "a" }, "self-signed", 0, false },
        { { .cn = "a", .issuer = &ecdsa }, "CA", 0, true },
        { { .cn = "a", .cn2 = "b", .issuer = &ca }, "more than one CN", 0, false },
        { { .cn = "a", .cn2 = "a", .issuer = &ca }, "more than one CN", 0, false },
        { { .dns = "a", .issuer = &ca }, "no CN", 0, false },
        { { .cn = "a\tb", .issuer = &ca }, "control characters", 0, false },
        { { .cn = "a\xc2\x85", .issuer = &ca }, "control characters", 0, false },
    };
    struct tls_identity *identity = load_identity("ecdsa", NULL);
    const struct tls_session_options options = { .identity = identity, .ask_certificate = true };
    for (size_t i = 0; i < 2 * ARRAY_LENGTH(rows); i++) {
        const size_t r = i / 2;
        struct made made = make_certificate(&rows[r].wanted);
        const struct client client = { .priority = versions[i % 2],
                                       .certificate = &made,
                                       .issuer = rows[r].with_issuer ? rows[r].wanted.issuer : NULL };
        struct meeting m = meet(&options, &client);
        assert_int_equal(m.server_rc, 0); /* whatever it is worth, the handshake takes it */
        struct tls_peer peer;
        tls_peer_examine(trust, m.server, &peer);
        assert_int_equal(strlen(peer.fingerprint), 64);
        if (rows[r].reason == NULL) {
            if (peer.state != TLS_PEER_VERIFIED)
                fail_msg("row %zu: %s", r, peer.reason);
            assert_int_equal(peer.bundle, rows[r].bundle);
            assert_string_equal(peer.common_name, rows[r].wanted.cn);
        } else {
            assert_int_equal(peer.state, TLS_PEER_UNFIT);
            if (strstr(peer.reason, rows[r].reason) == NULL)
                fail_msg("row %zu: \"%s\" does not say \"%s\"", r, peer.reason, rows[r].reason);
        }
        tls_peer_examine(NULL, m.server, &peer);
        assert_int_equal(peer.state, TLS_PEER_UNFIT);
        part(&m);
        unmake(&made);
    }
    tls_identity_unref(identity);
}

/* A CN with a NUL inside, written as DER: what cuts at the NUL would take it for "admin". */
static void test_nul_in_name(void **state)
{
    (void)state;
    struct made made = make_certificate(&(struct wanted){ .cn = "x", .issuer = &ca });
    assert_int_equal(gnutls_x509_crt_set_dn_by_oid(made.crt, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, "o", 1),
                     0);
    static const char name[] = { 0x0c, 0x0b, 'a', 'd', 'm', 'i', 'n', 0, 'e', 'v', 'i', 'l', '!' };
    gnutls_x509_crt_t crt;
    gnutls_x509_crt_init(&crt);
    assert_int_equal(gnutls_x509_crt_set_version(crt, 3), 0);
    assert_int_equal(gnutls_x509_crt_set_serial(crt, "\1", 1), 0);
    assert_int_equal(gnutls_x509_crt_set_activation_time(crt, time(NULL) - 60), 0);
    assert_int_equal(gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 600), 0);
    assert_int_equal(gnutls_x509_crt_set_key(crt, made.key), 0);
    assert_int_equal(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 1, name, sizeof name),
                     0);
    assert_int_equal(gnutls_x509_crt_sign2(crt, ca.crt, ca.key, GNUTLS_DIG_SHA256, 0), 0);
    const struct made hostile = { .key = made.key, .crt = crt };

    struct tls_identity *identity = load_identity("ecdsa", NULL);
    const struct tls_session_options options = { .identity = identity, .ask_certificate = true };
    struct meeting m = meet(&options, &(struct client){ .certificate = &hostile });
    assert_int_equal(m.server_rc, 0);
    struct tls_peer peer;
    tls_peer_examine(trust, m.server, &peer);
    assert_int_equal(peer.state, TLS_PEER_UNFIT);
    assert_non_null(strstr(peer.reason, "control characters"));
    assert_string_equal(peer.common_name, "");
    part(&m);
    tls_identity_unref(identity);
    gnutls_x509_crt_deinit(crt);
    unmake(&made);
}

static void test_no_certificate(void **state)
{
    (void)state;
    struct tls_identity *identity = load_identity("ecdsa", NULL);
    struct made made = make_certificate(&(struct wanted){ .cn = "a", .issuer = &ca });
    for (int asked = 0; asked < 2; asked++) {
        const struct tls_session_options options = { .identity = identity, .ask_certificate = asked != 0 };
        /* Asked and has none; not asked and has one. */
        struct meeting m = meet(&options, &(struct client){ .certificate = asked ? NULL : &made });
        assert_int_equal(m.server_rc, 0);
        struct tls_peer peer;
        tls_peer_examine(trust, m.server, &peer);
        assert_int_equal(peer.state, TLS_PEER_NONE);
        assert_string_equal(peer.fingerprint, "");
        part(&m);
    }
    unmake(&made);
    tls_identity_unref(identity);
}

/* Resumption keeps the certificate, and examining it again finds out what has become of it. */
static void test_resumption(void **state)
{
    (void)state;
    static const char *const versions[] = { "NORMAL:-VERS-TLS1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.3" };
    struct tls_identity *identity = load_identity("ecdsa", NULL);
    struct made made = make_certificate(&(struct wanted){ .cn = "00907a000001", .issuer = &ca });
    gnutls_datum_t other_key;
    assert_int_equal(tls_ticket_key_new(&other_key, NULL), FAULT_OK);
    for (int i = 0; i < 2; i++) {
        struct tls_session_options options = { .identity = identity,
                                               .ask_certificate = true,
                                               .ticket_key = &ticket_key };
        struct meeting first =
            meet(&options, &(struct client){ .priority = versions[i], .certificate = &made });
        assert_int_equal(first.server_rc, 0);
        assert_false(gnutls_session_is_resumed(first.server));
        /* TLS 1.3: the client sees the tickets when it reads. */
        char byte;
        assert_int_equal(gnutls_record_recv(first.client, &byte, 1), GNUTLS_E_AGAIN);
        gnutls_datum_t data;
        assert_int_equal(gnutls_session_get_data2(first.client, &data), 0);
        const struct client again = { .priority = versions[i], .certificate = &made, .resume = &data };

        struct meeting second = meet(&options, &again);
        assert_int_equal(second.server_rc, 0);
        assert_true(gnutls_session_is_resumed(second.server));
        struct tls_peer peer;
        tls_peer_examine(trust, second.server, &peer);
        assert_int_equal(peer.state, TLS_PEER_VERIFIED);
        assert_string_equal(peer.common_name, "00907a000001");
        tls_peer_examine(NULL, second.server, &peer); /* its CA was taken out meanwhile */
        assert_int_equal(peer.state, TLS_PEER_UNFIT);
        part(&second);

        options.ticket_key = &other_key; /* a neighbour's ticket handshakes, and is not resumed */
        struct meeting third = meet(&options, &again);
        assert_int_equal(third.server_rc, 0);
        assert_false(gnutls_session_is_resumed(third.server));
        part(&third);
        gnutls_free(data.data);
        part(&first);
    }
    tls_ticket_key_free(&other_key);
    unmake(&made);
    tls_identity_unref(identity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity_faults), cmocka_unit_test(test_trust_faults),
        cmocka_unit_test(test_priorities),      cmocka_unit_test(test_alpn),
        cmocka_unit_test(test_alert_words),     cmocka_unit_test(test_peers),
        cmocka_unit_test(test_nul_in_name),     cmocka_unit_test(test_no_certificate),
        cmocka_unit_test(test_resumption),
    };
    return cmocka_run_group_tests_name("tls", tests, set_up, tear_down);
}
