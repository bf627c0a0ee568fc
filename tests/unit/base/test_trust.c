/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles and CRLs: whom they let in, whom they shut out, and what a file must be. */
#include "base/mem.h"
#include "base/tls.h"

#include "certificates.h"
#include "meeting.h"

#include <ftw.h>

#define NAME_LENGTH 96

/* root > handsets, administrators, operators (each an intermediate that is an anchor); factory: apart. */
static char folder[] = "/tmp/cradle-test-trust-XXXXXX";
static struct made root, handsets, administrators, operators, factory, server;
static struct made good, bad, late, other_way; /* handsets' */
static struct tls_identity *identity;

static const char *in_folder(const char *name)
{
    static char files[8][NAME_LENGTH];
    static unsigned next;
    char *file = files[next++ % 8];
    snprintf(file, NAME_LENGTH, "%s/%s", folder, name);
    return file;
}

static struct made make_handset(const struct made *issuer, long starts_in, long ends_in, const char *purpose)
{
    return make_certificate(&(struct wanted){ .cn = "00907a000001",
                                              .issuer = issuer,
                                              .purpose = purpose,
                                              .starts_in = starts_in,
                                              .ends_in = ends_in });
}

static void make_crls(void)
{
    const struct made *const none[] = { NULL }, *const one[] = { &bad, NULL },
                             *const all[] = { &bad, &late, &other_way, NULL };
    const struct made *const a_ca[] = { &handsets, NULL };
    append_crl(in_folder("none.crl"), &handsets, none, 86400, GNUTLS_X509_FMT_PEM);
    append_crl(in_folder("one.crl"), &handsets, one, 86400, GNUTLS_X509_FMT_PEM);
    append_crl(in_folder("one.der"), &handsets, one, 86400, GNUTLS_X509_FMT_DER);
    append_crl(in_folder("stale.crl"), &handsets, all, -3600, GNUTLS_X509_FMT_PEM);
    append_crl(in_folder("ca.crl"), &root, a_ca, 86400, GNUTLS_X509_FMT_PEM);
    append_crl(in_folder("foreign.crl"), &administrators, one, 86400, GNUTLS_X509_FMT_PEM);
    append_crl(append_crl(in_folder("two.crl"), &factory, none, 86400, GNUTLS_X509_FMT_PEM), &handsets, one,
               86400, GNUTLS_X509_FMT_PEM);
    /* By the name of the right CA, and by another key. */
    struct made imposter = make_certificate(&(struct wanted){ .cn = "Handsets", .ca = true });
    append_crl(in_folder("forged.crl"), &imposter, one, 86400, GNUTLS_X509_FMT_PEM);
    unmake(&imposter);
    FILE *junk = fopen(in_folder("junk.crl"), "we");
    assert_non_null(junk);
    fputs("this is no CRL\n", junk);
    fclose(junk);
}

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(tls_init(NULL), FAULT_OK);
    assert_non_null(mkdtemp(folder));
    root = make_certificate(&(struct wanted){ .cn = "Root", .ca = true });
    handsets = make_certificate(&(struct wanted){ .cn = "Handsets", .ca = true, .issuer = &root });
    administrators =
        make_certificate(&(struct wanted){ .cn = "Administrators", .ca = true, .issuer = &root });
    operators = make_certificate(&(struct wanted){ .cn = "Operators", .ca = true, .issuer = &root });
    factory = make_certificate(&(struct wanted){ .cn = "Factory", .ca = true });
    server = make_certificate(&(struct wanted){ .cn = "localhost", .dns = "localhost", .issuer = &root });
    good = make_handset(&handsets, 0, 0, GNUTLS_KP_TLS_WWW_CLIENT);
    bad = make_handset(&handsets, 0, 0, GNUTLS_KP_TLS_WWW_CLIENT);
    late = make_handset(&handsets, -7200, -3600, NULL);
    other_way = make_handset(&handsets, 0, 0, GNUTLS_KP_TLS_WWW_SERVER);
    append_certificate(in_folder("server.pem"), &server);
    append_key(in_folder("server.key"), &server);
    append_certificate(in_folder("root.pem"), &root);
    append_certificate(in_folder("handsets.pem"), &handsets);
    append_certificate(append_certificate(in_folder("both.pem"), &handsets), &root);
    append_certificate(append_certificate(in_folder("mixed.pem"), &handsets), &factory);
    append_certificate(in_folder("administrators.pem"), &administrators);
    append_certificate(in_folder("operators.pem"), &operators);
    make_crls();
    const struct tls_identity_files files = { .chain = { in_folder("server.pem") },
                                              .key = { in_folder("server.key") } };
    assert_int_equal(tls_identity_load(&files, &identity, NULL), FAULT_OK);
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int tear_down(void **state)
{
    (void)state;
    tls_identity_unref(identity);
    struct made *const all[] = { &root, &handsets, &administrators, &operators, &factory, &server,
                                 &good, &bad,      &late,           &other_way };
    for (size_t i = 0; i < ARRAY_LENGTH(all); i++)
        unmake(all[i]);
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The handsets' bundle, and CRLs or NULL. */
static struct tls_trust *load(const char *ca, const char *crl)
{
    struct tls_trust *trust = NULL;
    struct fault f = { 0 };
    const struct tls_trust_files files = { .ca = { in_folder(ca) }, .crl = { crl ? in_folder(crl) : "" } };
    if (tls_trust_load(&files, &trust, &f) != FAULT_OK)
        fail_msg("%s", f.text);
    return trust;
}

static void show(const struct tls_trust *trust, const struct made *made, const struct made *issuer,
                 struct tls_peer *ret_peer)
{
    const struct tls_session_options options = { .identity = identity, .ask_certificate = true };
    struct meeting m = meet(&options, &(struct client){ .certificate = made, .issuer = issuer });
    assert_int_equal(m.server_rc, 0);
    tls_peer_examine(trust, m.server, ret_peer);
    part(&m);
}

static void test_three_intermediates_below_one_root(void **state)
{
    (void)state;
    const struct tls_trust_files files = { .ca = { in_folder("handsets.pem"), in_folder("administrators.pem"),
                                                   in_folder("operators.pem") } };
    struct tls_trust *trust = NULL;
    struct fault f = { 0 };
    if (tls_trust_load(&files, &trust, &f) != FAULT_OK)
        fail_msg("%s", f.text);
    const struct made *const issuers[TLS_BUNDLES] = { &handsets, &administrators, &operators };
    for (int i = 0; i < TLS_BUNDLES; i++)
        for (int with_issuer = 0; with_issuer < 2; with_issuer++) {
            struct made made = make_handset(issuers[i], 0, 0, GNUTLS_KP_TLS_WWW_CLIENT);
            struct tls_peer peer;
            show(trust, &made, with_issuer ? issuers[i] : NULL, &peer);
            if (peer.state != TLS_PEER_VERIFIED)
                fail_msg("%d: %s", i, peer.reason);
            assert_int_equal(peer.bundle, i);
            unmake(&made);
        }
    tls_trust_unref(trust);
    /* The root itself above two of them would make each the other's. */
    const struct tls_trust_files wrong = { .ca = { in_folder("both.pem"), in_folder("administrators.pem") } };
    assert_int_equal(tls_trust_load(&wrong, &trust, &f), FAULT_INPUT);
    assert_non_null(strstr(f.text, "leave out a root"));
}

static void test_what_a_crl_shuts_out(void **state)
{
    (void)state;
    const struct {
        const char *ca, *crl;
        const struct made *made;
        const struct made *issuer; /* shown with it */
        int peer;
    } rows[] = {
        { "handsets.pem", NULL, &bad, NULL, TLS_PEER_VERIFIED },
        { "handsets.pem", "none.crl", &bad, NULL, TLS_PEER_VERIFIED },
        { "handsets.pem", "one.crl", &bad, NULL, TLS_PEER_REVOKED },
        { "handsets.pem", "one.crl", &bad, &handsets, TLS_PEER_REVOKED },
        { "handsets.pem", "one.der", &bad, NULL, TLS_PEER_REVOKED },
        { "mixed.pem", "two.crl", &bad, NULL, TLS_PEER_REVOKED },
        { "handsets.pem", "one.crl", &good, NULL, TLS_PEER_VERIFIED },
        { "mixed.pem", "two.crl", &good, NULL, TLS_PEER_VERIFIED },
        /* One that is overdue still revokes. */
        { "handsets.pem", "stale.crl", &bad, NULL, TLS_PEER_REVOKED },
        { "handsets.pem", "stale.crl", &good, NULL, TLS_PEER_VERIFIED },
        /* Whatever else is wrong with it. */
        { "handsets.pem", "one.crl", &late, NULL, TLS_PEER_UNFIT },
        { "handsets.pem", "stale.crl", &late, NULL, TLS_PEER_REVOKED },
        { "handsets.pem", "one.crl", &other_way, NULL, TLS_PEER_UNFIT },
        { "handsets.pem", "stale.crl", &other_way, NULL, TLS_PEER_REVOKED },
        /* A CA above it, shown by the client or held by the bundle. */
        { "root.pem", "ca.crl", &good, &handsets, TLS_PEER_REVOKED },
        { "both.pem", "ca.crl", &good, NULL, TLS_PEER_REVOKED },
        { "both.pem", "ca.crl", &good, &handsets, TLS_PEER_REVOKED },
        { "root.pem", "ca.crl", &server, NULL, TLS_PEER_VERIFIED },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct tls_trust *trust = load(rows[i].ca, rows[i].crl);
        struct tls_peer peer;
        show(trust, rows[i].made, rows[i].issuer, &peer);
        if ((int)peer.state != rows[i].peer)
            fail_msg("row %zu: %d %s", i, (int)peer.state, peer.reason);
        if (rows[i].peer == TLS_PEER_REVOKED) {
            assert_int_equal(peer.bundle, 0);
            assert_string_equal(peer.reason, "revoked by its CA");
        }
        tls_trust_unref(trust);
    }
}

/* A foreign CA's certificate that bears a listed number and a listed CA's name is nobody's. */
static void test_a_name_alone_revokes_nothing(void **state)
{
    (void)state;
    struct tls_trust *trust = load("handsets.pem", "one.crl");
    struct made imposter = make_certificate(&(struct wanted){ .cn = "Handsets", .ca = true });
    struct made forged = make_handset(&imposter, 0, 0, NULL);
    unsigned char serial[32];
    size_t n = sizeof serial;
    assert_int_equal(gnutls_x509_crt_get_serial(bad.crt, serial, &n), 0);
    assert_int_equal(gnutls_x509_crt_set_serial(forged.crt, serial, n), 0);
    assert_int_equal(gnutls_x509_crt_sign2(forged.crt, imposter.crt, imposter.key, GNUTLS_DIG_SHA256, 0), 0);
    reread_certificate(&forged);
    struct tls_peer peer;
    show(trust, &forged, NULL, &peer);
    assert_int_equal(peer.state, TLS_PEER_UNFIT);
    unmake(&forged);
    unmake(&imposter);
    tls_trust_unref(trust);
}

static void test_faults_of_crls(void **state)
{
    (void)state;
    static const struct {
        const char *ca, *crl, *words;
    } rows[] = {
        { "handsets.pem", "foreign.crl", "CN=Administrators" },
        { "handsets.pem", "foreign.crl", "not signed by a CA of its bundle: add" },
        { "handsets.pem", "forged.crl", "forged.crl was not signed by a CA" },
        { "handsets.pem", "two.crl", "CN=Factory" },
        { "handsets.pem", "absent.crl", "absent.crl" },
        { "handsets.pem", "junk.crl", "junk.crl holds no usable CRL" },
        { "handsets.pem", "server.pem", "server.pem holds no usable CRL" },
        { NULL, "one.crl", "not signed by a CA of its bundle" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct tls_trust_files files = { .ca = { rows[i].ca ? in_folder(rows[i].ca) : NULL },
                                               .crl = { in_folder(rows[i].crl) } };
        struct tls_trust *trust = NULL;
        struct fault f = { 0 };
        assert_int_equal(tls_trust_load(&files, &trust, &f), FAULT_INPUT);
        assert_null(trust);
        if (strstr(f.text, rows[i].words) == NULL)
            fail_msg("row %zu: \"%s\" does not say \"%s\"", i, f.text, rows[i].words);
    }
}

static void test_stale(void **state)
{
    (void)state;
    struct tls_trust *fresh = load("handsets.pem", "one.crl"), *stale = load("handsets.pem", "stale.crl");
    int64_t now = (int64_t)time(NULL);
    assert_int_equal(tls_trust_stale(fresh, 0, now), 0);
    assert_true(tls_trust_stale(fresh, 0, now + 2 * 86400) > now);
    int64_t due = tls_trust_stale(stale, 0, now);
    assert_true(due > now - 3700 && due < now);
    assert_int_equal(tls_trust_stale(stale, 1, now), 0);
    tls_trust_unref(fresh);
    tls_trust_unref(stale);
}

/* What the two exceptions rest on: nothing else may be wrong. */
static void test_only_expired_or_self_signed(void **state)
{
    (void)state;
    struct tls_trust *trust = load("handsets.pem", NULL);
    struct made twice = make_handset(&handsets, -7200, -3600, GNUTLS_KP_TLS_WWW_SERVER);
    struct made future = make_handset(&handsets, 3600, 7200, NULL);
    struct made foreign = make_handset(&factory, -7200, -3600, NULL);
    struct made own = make_handset(NULL, -7200, -3600, NULL);
    struct made nameless = make_certificate(&(struct wanted){ .dns = "a" });
    struct made named_twice = make_certificate(
        &(struct wanted){ .cn = "a", .cn2 = "b", .issuer = &handsets, .starts_in = -9, .ends_in = -5 });
    const struct {
        const struct made *made;
        bool expired, self_signed;
        int bundle;
    } rows[] = {
        { &late, true, false, 0 },         { &twice, false, false, -1 }, { &future, false, false, -1 },
        { &foreign, false, false, -1 },    { &own, false, true, -1 },    { &nameless, false, false, -1 },
        { &named_twice, false, false, 0 },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct tls_peer peer;
        show(trust, rows[i].made, NULL, &peer);
        assert_int_equal(peer.state, TLS_PEER_UNFIT);
        if (peer.expired != rows[i].expired || peer.self_signed != rows[i].self_signed ||
            peer.bundle != rows[i].bundle)
            fail_msg("row %zu: %d %d %d %s", i, peer.expired, peer.self_signed, peer.bundle, peer.reason);
    }
    struct made *const all[] = { &twice, &future, &foreign, &own, &nameless, &named_twice };
    for (size_t i = 0; i < ARRAY_LENGTH(all); i++)
        unmake(all[i]);
    tls_trust_unref(trust);
}

static void test_what_is_told_of_a_certificate(void **state)
{
    (void)state;
    struct tls_trust *trust = load("handsets.pem", NULL);
    struct tls_peer peer;
    show(trust, &good, NULL, &peer);
    assert_int_equal(peer.state, TLS_PEER_VERIFIED);
    assert_string_equal(peer.subject, "CN=00907a000001");
    assert_string_equal(peer.issuer, "CN=Handsets");
    assert_int_equal(strlen(peer.serial), 8);
    assert_int_equal(peer.not_after, (int64_t)gnutls_x509_crt_get_expiration_time(good.crt));
    tls_trust_unref(trust);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_intermediates_below_one_root),
        cmocka_unit_test(test_what_a_crl_shuts_out),
        cmocka_unit_test(test_a_name_alone_revokes_nothing),
        cmocka_unit_test(test_faults_of_crls),
        cmocka_unit_test(test_stale),
        cmocka_unit_test(test_only_expired_or_self_signed),
        cmocka_unit_test(test_what_is_told_of_a_certificate),
    };
    return cmocka_run_group_tests_name("trust", tests, set_up, tear_down);
}
