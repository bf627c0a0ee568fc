/* SPDX-License-Identifier: Apache-2.0 */
/* Each row makes files by a recipe and names exactly what is found: so every row shows the presence of its
 * findings and the absence of all others. */
#include "base/mem.h"
#include "pki/check.h"
#include "tests/unit/pki/forge.h"

#include <gnutls/pkcs12.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define SERVER GNUTLS_KP_TLS_WWW_SERVER
#define CLIENT GNUTLS_KP_TLS_WWW_CLIENT
#define MAC    "00907a0a0b0c"
#define NAMES  .cn = "cradle.test", .dns = { "cradle.test", "localhost" }, .address = "127.0.0.1"

static char folder[] = "/tmp/cradle-test-check-XXXXXX";

static const struct {
    char name;
    struct forge forge;
} stock[] = {
    { 'R', { .cn = "Root", .ca = true, .to = 3650 } },
    { 'I', { .cn = "Intermediate", .ca = true, .issuer = 'R', .to = 1000 } },
    { 'L', { NAMES, .purpose = SERVER, .issuer = 'I' } },
    { 'S', { NAMES, .purpose = SERVER } },
    { 'H', { .cn = MAC, .purpose = CLIENT, .issuer = 'I' } },
    { 'M', { .cn = "ward-3", .purpose = CLIENT, .issuer = 'I' } },
    { 'X', { .cn = "Stranger", .ca = true, .to = 3650 } },
    { 'Z', { .cn = "Intermediate", .ca = true, .issuer = 'R', .to = 1000 } }, /* another key, the same name */
    { 'J', { .cn = "No CA", .issuer = 'R', .to = 1000 } },
    { 'A', { NAMES, .purpose = SERVER, .issuer = 'J' } },
    { 'P', { .cn = "Narrow", .ca = true, .length = 1, .to = 3650 } },
    { 'Q', { .cn = "Too deep", .ca = true, .issuer = 'P', .to = 1000 } },
    { 'B', { NAMES, .purpose = SERVER, .issuer = 'Q' } },
    { 'V', { .cn = "Old root", .version1 = true, .to = 3650 } },
    { 'C', { NAMES, .purpose = SERVER, .issuer = 'V' } },
    { 'U', { .cn = "Signs CRLs", .ca = true, .usage = GNUTLS_KEY_CRL_SIGN, .issuer = 'R', .to = 1000 } },
    { 'D', { NAMES, .purpose = SERVER, .issuer = 'U' } },
    { 'W', { .cn = "Clients' CA", .ca = true, .purpose = CLIENT, .issuer = 'R', .to = 1000 } },
    { 'F', { NAMES, .purpose = SERVER, .issuer = 'W' } },
    { 'N', { .cn = "Others' CA", .ca = true, .permitted = "example.org", .issuer = 'R', .to = 1000 } },
    { 'G', { NAMES, .purpose = SERVER, .issuer = 'N' } },
    { 'O', { .cn = "Weak", .ca = true, .issuer = 'R', .sha1 = true, .to = 1000 } },
    { 'T', { .cn = "Expired CA", .ca = true, .from = -900, .to = -3 } },
    { 'a', { NAMES, .purpose = SERVER, .issuer = 'I', .from = -50, .to = -2 } },
    { 'b', { NAMES, .purpose = SERVER, .issuer = 'I', .from = 2 } },
    { 'c', { NAMES, .purpose = SERVER, .issuer = 'I', .to = 10 } },
    { 'd', { .cn = "cradle.test", .purpose = SERVER, .issuer = 'I' } },
    { 'e', { .cn = "cradle.test", .dns = { "other.test" }, .purpose = SERVER, .issuer = 'I' } },
    { 'f', { .dns = { "cradle.test" }, .purpose = SERVER, .issuer = 'I' } },
    { 'g',
      { .cn = "cradle.test", .cn2 = "other", .dns = { "cradle.test" }, .purpose = SERVER, .issuer = 'I' } },
    { 'h', { NAMES, .purpose = CLIENT, .issuer = 'I' } },
    { 'i', { NAMES, .issuer = 'I' } },
    { 'j', { NAMES, .purpose = SERVER, .usage = GNUTLS_KEY_KEY_AGREEMENT, .issuer = 'I' } },
    { 'k', { NAMES, .purpose = SERVER, .fake_rsa = 1024, .issuer = 'I' } },
    { 'l', { NAMES, .purpose = SERVER, .fake_rsa = 4104, .issuer = 'I' } },
    { 'm', { NAMES, .purpose = SERVER, .curve = GNUTLS_ECC_CURVE_SECP521R1, .issuer = 'I' } },
    { 'n', { NAMES, .purpose = SERVER, .sha1 = true, .issuer = 'I' } },
    { 'o',
      { NAMES, .purpose = SERVER, .ca = true, .issuer = 'I',
        .usage = GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_DIGITAL_SIGNATURE } },
    { 'p', { .cn = "127.0.0.1", .address = "127.0.0.1", .purpose = SERVER, .issuer = 'I' } },
    { 'q', { NAMES, .purpose = SERVER, .issuer = 'I', .to = 1001 } },
    { 'r', { NAMES, .purpose = SERVER, .fake_rsa = 4096, .issuer = 'I' } },
    { 's',
      { .cn = "CRADLE.test", .dns = { "*.ward.test", "cradle.test" }, .purpose = SERVER, .issuer = 'I' } },
    { 'u', { .cn = "Root", .dns = { "Root" }, .purpose = SERVER, .sha1 = true, .issuer = 'R' } },
    { 't', { NAMES, .purpose = SERVER, .no_usage = true, .issuer = 'I', .to = 31 } },
};

static const char *in_folder(const char *name)
{
    static char files[8][96];
    static unsigned next;
    char *file = files[next++ % 8];
    snprintf(file, sizeof files[0], "%s/%s", folder, name);
    return file;
}

static void put(FILE *out, const void *data, size_t n, bool returns)
{
    for (size_t i = 0; i < n; i++) {
        char c = ((const char *)data)[i];
        if (c == '\n' && returns)
            fputc('\r', out);
        fputc(c, out);
    }
}

static gnutls_datum_t pem_of(char name)
{
    gnutls_datum_t pem;
    assert_non_null(forge_stock[(int)name].crt);
    GOOD(gnutls_x509_crt_export2(forge_stock[(int)name].crt, GNUTLS_X509_FMT_PEM, &pem));
    return pem;
}

/* A file by its recipe. Letters: a certificate of the stock; '+' and a letter: its key; '#': a line of text;
 * '_': a blank line; '^': what follows has CR LF; '!': the next certificate without its END; '?': the next
 * one with a bad byte within; '1' '2': fresh CRLs of R and I; '3': R's, stale; '4': X's; '5': I's that
 * revokes L; '@': a DH block. */
static const char *cook(const char *name, const char *recipe, mode_t mode)
{
    const char *file = in_folder(name);
    if (recipe == NULL)
        return NULL;
    FILE *out = fopen(file, "we");
    assert_non_null(out);
    bool returns = false, cut = false, spoilt = false;
    for (const char *at = recipe; *at; at++) {
        gnutls_datum_t pem = { NULL, 0 };
        switch (*at) {
        case '#':
            fputs("subject=CN = cradle.test\n", out);
            continue;
        case '_':
            fputs("\n", out);
            continue;
        case '@':
            fputs("-----BEGIN DH PARAMETERS-----\nMAYCAQUCAQI=\n-----END DH PARAMETERS-----\n", out);
            continue;
        case '^':
        case '!':
        case '?':
            returns |= *at == '^';
            cut |= *at == '!';
            spoilt |= *at == '?';
            continue;
        case '+':
            GOOD(gnutls_x509_privkey_export2(forge_stock[(int)*++at].key, GNUTLS_X509_FMT_PEM, &pem));
            break;
        case '1':
        case '2':
            pem = forge_crl(*at == '1' ? 'R' : 'I', 10, 0);
            break;
        case '3':
            pem = forge_crl('R', -3, 0);
            break;
        case '4':
            pem = forge_crl('X', 10, 0);
            break;
        case '5':
            pem = forge_crl('I', 10, 'L');
            break;
        default:
            pem = pem_of(*at);
        }
        if (spoilt)
            pem.data[60] = '%';
        put(out, pem.data, cut ? pem.size - 30 : pem.size, returns);
        if (cut)
            fputs("\n", out);
        cut = spoilt = false;
        gnutls_free(pem.data);
    }
    fclose(out);
    assert_int_equal(chmod(file, mode), 0);
    return file;
}

static bool resolves(void *user, const char *name)
{
    (void)user;
    return strcasecmp(name, "localhost") == 0;
}

/* Fails with all that was found unless it is exactly this. */
static void expect(size_t row, const char *recipe, const struct findings *found, const int *wanted)
{
    bool seen[FINDING_ID_COUNT] = { false }, want[FINDING_ID_COUNT] = { false };
    for (size_t i = 0; i < found->count; i++)
        seen[found->list[i].id] = true;
    for (; *wanted >= 0; wanted++)
        want[*wanted] = true;
    for (int id = 0; id < FINDING_ID_COUNT; id++) {
        if (seen[id] == want[id])
            continue;
        for (size_t i = 0; i < found->count; i++)
            finding_print(stderr, &found->list[i]);
        fail_msg("row %zu (%s): %s %s", row, recipe, finding_word((enum finding_id)id),
                 seen[id] ? "was found" : "was not found");
    }
}

#define FOUND(...)                     \
    {                                  \
        __VA_ARGS__ __VA_OPT__(, ) - 1 \
    }
#define F(id) FINDING_##id

struct row {
    const char *chain, *key, *ca, *crl, *name;
    enum check_role role;
    bool dns;
    mode_t mode; /* of the key; 0: 0600 */
    int found[8];
};

static const struct row rows[] = {
    { "LIR", "+L", .found = FOUND(F(ROOT_INCLUDED)) },
    { "LIR", "+L", .ca = "XR", .crl = "12", .name = "localhost", .found = FOUND(F(ROOT_INCLUDED)) },
    { "LIR", "+L", .name = "127.0.0.1", .found = FOUND(F(ROOT_INCLUDED)) },
    { "LIR", .found = FOUND(F(ROOT_INCLUDED)) },
    /* order and gaps */
    { "LRI", "+L", .found = FOUND(F(CHAIN_ORDER), F(ROOT_INCLUDED)) },
    { "RIL", "+L", .found = FOUND(F(LEAF_NOT_FIRST), F(ROOT_INCLUDED)) },
    { "IRL", .found = FOUND(F(LEAF_NOT_FIRST), F(ROOT_INCLUDED)) },
    { "LIRX", "+L", .found = FOUND(F(CHAIN_EXTRA), F(ROOT_INCLUDED)) },
    { "LIRL", "+L", .found = FOUND(F(CHAIN_EXTRA), F(ROOT_INCLUDED)) },
    { "L", "+L", .found = FOUND(F(ISSUER_MISSING)) },
    { "LR", "+L", .found = FOUND(F(ISSUER_MISSING)) },
    { "LI", "+L", .found = FOUND(F(ROOT_MISSING)) },
    { "LI", "+L", .ca = "R", .found = FOUND(F(ROOT_MISSING)) },
    { "LI", "+L", .ca = "X", .found = FOUND(F(ROOT_MISSING), F(ROOT_UNTRUSTED)) },
    { "LIR", "+L", .ca = "X", .found = FOUND(F(ROOT_INCLUDED), F(ROOT_UNTRUSTED)) },
    { "LZR", "+L", .found = FOUND(F(SIGNATURE_WRONG), F(ROOT_INCLUDED)) },
    { "LZIR", "+L", .found = FOUND(F(CHAIN_EXTRA), F(ROOT_INCLUDED)) },
    { "S", "+S", .found = FOUND(F(SELF_SIGNED)) },
    { "S", "+S", .ca = "SR", .found = FOUND(F(SELF_SIGNED)) },
    { "S", "+S", .ca = "R", .found = FOUND(F(SELF_SIGNED), F(ROOT_UNTRUSTED)) },
    /* issuers */
    { "AJR", "+A", .found = FOUND(F(CA_CONSTRAINT_MISSING), F(WRONG_USAGE), F(ROOT_INCLUDED)) },
    { "BQP", "+B", .found = FOUND(F(PATH_LENGTH), F(ROOT_INCLUDED)) },
    { "CV", "+C", .found = FOUND(F(OLD_VERSION), F(ROOT_INCLUDED)) },
    { "DUR", "+D", .found = FOUND(F(WRONG_USAGE), F(ROOT_INCLUDED)) },
    { "FWR", "+F", .found = FOUND(F(WRONG_USAGE), F(ROOT_INCLUDED)) },
    { "GNR", "+G", .found = FOUND(F(NOT_VERIFIED), F(ROOT_INCLUDED)) },
    /* the leaf */
    { "aIR", "+a", .found = FOUND(F(EXPIRED), F(ROOT_INCLUDED)) },
    { "bIR", "+b", .found = FOUND(F(NOT_YET_VALID), F(ROOT_INCLUDED)) },
    { "cIR", "+c", .found = FOUND(F(EXPIRES_SOON), F(ROOT_INCLUDED)) },
    { "tIR", "+t", .found = FOUND(F(ROOT_INCLUDED)) }, /* 31 days, and no key usage: all allowed */
    { "dIR", "+d", .found = FOUND(F(CN_NOT_IN_SAN), F(ROOT_INCLUDED)) },
    { "eIR", "+e", .found = FOUND(F(CN_NOT_IN_SAN), F(ROOT_INCLUDED)) },
    { "sIR", "+s", .name = "any.ward.test", .found = FOUND(F(ROOT_INCLUDED)) },
    { "fIR", "+f", .found = FOUND(F(CN_MISSING), F(ROOT_INCLUDED)) },
    { "gIR", "+g", .found = FOUND(F(CN_MISSING), F(ROOT_INCLUDED)) },
    { "LIR", "+L", .name = "other.test", .found = FOUND(F(NAME_MISMATCH), F(ROOT_INCLUDED)) },
    { "LIR", "+L", .name = "127.0.0.2", .found = FOUND(F(NAME_MISMATCH), F(ROOT_INCLUDED)) },
    { "LIR", "+L", .dns = true, .found = FOUND(F(NAME_NOT_IN_DNS), F(ROOT_INCLUDED)) },
    { "sIR", "+s", .dns = true, .name = "any.ward.test",
      .found = FOUND(F(NAME_NOT_IN_DNS), F(ROOT_INCLUDED)) },
    { "pIR", "+p", .dns = true, .name = "127.0.0.1", .found = FOUND(F(ADDRESS_ONLY), F(ROOT_INCLUDED)) },
    { "hIR", "+h", .found = FOUND(F(WRONG_USAGE), F(ROOT_INCLUDED)) },
    { "iIR", "+i", .found = FOUND(F(USAGE_UNSAID), F(ROOT_INCLUDED)) },
    { "jIR", "+j", .found = FOUND(F(WRONG_USAGE), F(ROOT_INCLUDED)) },
    { "kIR", .found = FOUND(F(KEY_TOO_SMALL), F(ROOT_INCLUDED)) },
    { "lIR", .found = FOUND(F(KEY_TOO_LARGE), F(ROOT_INCLUDED)) },
    { "rIR", .found = FOUND(F(ROOT_INCLUDED)) },
    { "mIR", "+m", .found = FOUND(F(KEY_KIND), F(ROOT_INCLUDED)) },
    { "uR", "+u", .found = FOUND(F(WEAK_SIGNATURE), F(ROOT_INCLUDED)) }, /* bears its issuer's name */
    { "nIR", "+n", .found = FOUND(F(WEAK_SIGNATURE), F(ROOT_INCLUDED)) },
    { "oIR", "+o", .found = FOUND(F(LEAF_IS_CA), F(ROOT_INCLUDED)) },
    { "qIR", "+q", .found = FOUND(F(OUTLIVES_ISSUER), F(ROOT_INCLUDED)) },
    { "LIR", "+L", .crl = "15", .found = FOUND(F(REVOKED), F(ROOT_INCLUDED)) },
    /* keys */
    { "LIR", "+S", .found = FOUND(F(KEY_MISMATCH), F(ROOT_INCLUDED)) },
    { "LIR", "+L", .mode = 0640, .found = FOUND(F(KEY_READABLE), F(ROOT_INCLUDED)) },
    { "LIR", "+L+L", .found = FOUND(F(SEVERAL_KEYS), F(ROOT_INCLUDED)) },
    { "LIR", "L", .found = FOUND(F(KEY_MISSING), F(ROOT_INCLUDED)) },
    { "LIR", "", .found = FOUND(F(KEY_MISSING), F(ROOT_INCLUDED)) },
    { "LIR+L", "+L", .found = FOUND(F(KEY_IN_CHAIN), F(ROOT_INCLUDED)) },
    /* the file as a text */
    { "LI#R", "+L", .found = FOUND(F(TEXT_BETWEEN_PEM), F(ROOT_INCLUDED)) },
    { "#LIR", "+L", .found = FOUND(F(TEXT_BETWEEN_PEM), F(ROOT_INCLUDED)) },
    { "LI_R", "+L", .found = FOUND(F(BLANK_LINES), F(ROOT_INCLUDED)) },
    { "LIR__", "+L", .found = FOUND(F(ROOT_INCLUDED)) },
    { "^LIR", "+L", .found = FOUND(F(CARRIAGE_RETURNS), F(ROOT_INCLUDED)) },
    { "LI!R", "+L", .found = FOUND(F(PEM_DAMAGED), F(ROOT_MISSING)) },
    { "?LIR", .found = FOUND(F(PEM_DAMAGED)) },
    { "", "+L", .found = FOUND(F(NO_CERTIFICATE)) },
    { "@", "+L", .found = FOUND(F(NO_CERTIFICATE)) },
    { "+L", "+L", .found = FOUND(F(NO_CERTIFICATE), F(KEY_IN_CHAIN)) },
    /* clients */
    { "H", "+H", .role = CHECK_HANDSET, .found = FOUND() },
    { "HI", "+H", .role = CHECK_HANDSET, .found = FOUND() },
    { "HIR", .role = CHECK_HANDSET, .found = FOUND(F(ROOT_INCLUDED)) },
    { "H", .role = CHECK_HANDSET, .ca = "IR", .found = FOUND() },
    { "HI", .role = CHECK_HANDSET, .ca = "I", .found = FOUND() },
    { "HI", .role = CHECK_HANDSET, .ca = "X", .found = FOUND(F(ROOT_UNTRUSTED)) },
    { "LI", "+L", .ca = "I", .found = FOUND(F(ROOT_MISSING)) },
    { "H", .role = CHECK_HANDSET, .ca = "X", .found = FOUND(F(ROOT_UNTRUSTED), F(ISSUER_MISSING)) },
    { "M", .role = CHECK_HANDSET, .found = FOUND(F(CN_NOT_MAC)) },
    { "M", .role = CHECK_ADMINISTRATOR, .found = FOUND() },
    { "H", .found = FOUND(F(ISSUER_MISSING), F(WRONG_USAGE), F(CN_NOT_IN_SAN)) },
    { "LI", .role = CHECK_HANDSET, .found = FOUND(F(WRONG_USAGE), F(CN_NOT_MAC)) },
};

static void test_chains(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct row *row = &rows[i];
        const char *const names[] = { row->name };
        const struct check_terms terms = { .role = row->role,
                                           .names = names,
                                           .n_names = row->name != NULL,
                                           .ca = cook("ca.pem", row->ca, 0644),
                                           .crl = cook("crl.pem", row->crl, 0644),
                                           .soon = CHECK_SOON,
                                           .resolves = row->dns ? resolves : NULL };
        struct findings found = { 0 };
        struct fault f;
        assert_int_equal(check_chain(cook("chain.pem", row->chain, 0644),
                                     cook("key.pem", row->key, row->mode ? row->mode : 0600), &terms, &found,
                                     &f),
                         FAULT_OK);
        expect(i, row->chain, &found, row->found);
        findings_fini(&found);
    }
}

static void test_bundles(void **state)
{
    (void)state;
    static const struct {
        const char *ca, *crl;
        enum finding_severity worst;
        int found[6];
    } bundles[] = {
        { "RX", NULL, FINDING_INFO, FOUND(F(CRL_MISSING)) },
        { "R", "1", FINDING_INFO, FOUND() },
        { "RI", "12", FINDING_INFO, FOUND() },
        { "RI", "1", FINDING_INFO, FOUND(F(CRL_MISSING)) },
        { "R", "3", FINDING_WARNING, FOUND(F(CRL_STALE)) },
        { "R", "14", FINDING_FATAL, FOUND(F(CRL_FOREIGN)) },
        { "R", "R", FINDING_FATAL, FOUND(F(CRL_UNREADABLE), F(CRL_MISSING)) },
        { "T", NULL, FINDING_WARNING, FOUND(F(EXPIRED), F(CRL_MISSING)) },
        { "O", NULL, FINDING_WARNING, FOUND(F(WEAK_SIGNATURE), F(CRL_MISSING)) },
        { "U", NULL, FINDING_WARNING, FOUND(F(WRONG_USAGE), F(CRL_MISSING)) },
        { "RR", "1", FINDING_WARNING, FOUND(F(CHAIN_EXTRA)) },
        { "V", NULL, FINDING_WARNING, FOUND(F(OLD_VERSION), F(CRL_MISSING)) },
        { "L", NULL, FINDING_FATAL, FOUND(F(CA_CONSTRAINT_MISSING), F(WRONG_USAGE), F(CRL_MISSING)) },
        { "#", NULL, FINDING_FATAL, FOUND(F(NO_CERTIFICATE), F(TEXT_BETWEEN_PEM)) },
    };
    const struct check_terms terms = { .role = CHECK_HANDSET, .soon = CHECK_SOON };
    for (size_t i = 0; i < ARRAY_LENGTH(bundles); i++) {
        struct findings found = { 0 };
        struct fault f;
        assert_int_equal(check_bundle(cook("ca.pem", bundles[i].ca, 0644),
                                      cook("crl.pem", bundles[i].crl, 0644), &terms, &found, &f),
                         FAULT_OK);
        expect(i, bundles[i].ca, &found, bundles[i].found);
        assert_int_equal(found.worst, bundles[i].worst);
        findings_fini(&found);
    }
}

static void expect_of(const char *chain, const char *key, const int *wanted)
{
    const struct check_terms terms = { .soon = CHECK_SOON };
    struct findings found = { 0 };
    struct fault f;
    assert_int_equal(check_chain(chain, key, &terms, &found, &f), FAULT_OK);
    expect(0, chain, &found, wanted);
    findings_fini(&found);
}

static void test_binary_and_absent_files(void **state)
{
    (void)state;
    gnutls_datum_t der;
    GOOD(gnutls_x509_crt_export2(forge_stock['L'].crt, GNUTLS_X509_FMT_DER, &der));
    FILE *out = fopen(in_folder("der.pem"), "we");
    assert_non_null(out);
    assert_int_equal(fwrite(der.data, 1, der.size, out), der.size);
    fclose(out);
    gnutls_free(der.data);
    expect_of(in_folder("der.pem"), NULL, (int[])FOUND(F(DER_NOT_PEM)));
    expect_of(in_folder("nothing.pem"), NULL, (int[])FOUND(F(FILE_UNREADABLE)));
    cook("chain.pem", "LIR", 0644);
    expect_of(in_folder("chain.pem"), in_folder("nothing.key"),
              (int[])FOUND(F(FILE_UNREADABLE), F(ROOT_INCLUDED)));
    expect_of(in_folder("chain.pem"), "pkcs11:token=x;object=y",
              (int[])FOUND(F(KEY_UNSEEN), F(ROOT_INCLUDED)));
    unlink(in_folder("der.pem"));
}

static void test_locked_key(void **state)
{
    (void)state;
    char text[4096];
    size_t n = sizeof text;
    GOOD(gnutls_x509_privkey_export_pkcs8(forge_stock['L'].key, GNUTLS_X509_FMT_PEM, "secret",
                                          GNUTLS_PKCS_PBES2_AES_256, text, &n));
    FILE *out = fopen(in_folder("locked.key"), "we");
    assert_non_null(out);
    fwrite(text, 1, n, out);
    fclose(out);
    assert_int_equal(chmod(in_folder("locked.key"), 0600), 0);
    expect_of(cook("chain.pem", "LIR", 0644), in_folder("locked.key"),
              (int[])FOUND(F(KEY_LOCKED), F(ROOT_INCLUDED)));
    unlink(in_folder("locked.key"));
}

static void test_sent(void **state)
{
    (void)state;
    static const struct {
        const char *sent;
        int found[4];
    } sendings[] = {
        { "LIR", FOUND(F(ROOT_INCLUDED)) },
        { "LRI", FOUND(F(CHAIN_ORDER), F(ROOT_INCLUDED)) },
        { "L", FOUND(F(ISSUER_MISSING)) },
        { "", FOUND(F(NO_CERTIFICATE)) },
        { "L?", FOUND(F(ISSUER_MISSING), F(PEM_DAMAGED)) },
    };
    const struct check_terms terms = { .soon = CHECK_SOON };
    for (size_t i = 0; i < ARRAY_LENGTH(sendings); i++) {
        gnutls_datum_t der[4] = { { NULL, 0 } };
        struct check_der sent[4];
        size_t n = strlen(sendings[i].sent);
        for (size_t k = 0; k < n; k++) {
            if (sendings[i].sent[k] == '?') {
                sent[k] = (struct check_der){ "0?", 2 };
                continue;
            }
            GOOD(gnutls_x509_crt_export2(forge_stock[(int)sendings[i].sent[k]].crt, GNUTLS_X509_FMT_DER,
                                         &der[k]));
            sent[k] = (struct check_der){ der[k].data, der[k].size };
        }
        struct findings found = { 0 };
        struct fault f;
        assert_int_equal(check_sent(sent, n, "host:443", &terms, &found, &f), FAULT_OK);
        expect(i, sendings[i].sent, &found, sendings[i].found);
        findings_fini(&found);
        for (size_t k = 0; k < n; k++)
            gnutls_free(der[k].data);
    }
}

/* The clock and the span are the caller's. */
static void test_time_is_given(void **state)
{
    (void)state;
    static const struct {
        long now, soon;
        int found[3];
    } times[] = {
        { 0, 89, FOUND(F(ROOT_INCLUDED)) },
        { 0, 90, FOUND(F(EXPIRES_SOON), F(ROOT_INCLUDED)) },
        { 91, 0, FOUND(F(EXPIRED), F(ROOT_INCLUDED)) },
        { -2, 0, FOUND(F(NOT_YET_VALID), F(ROOT_INCLUDED)) },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(times); i++) {
        const struct check_terms terms = { .now = time(NULL) + times[i].now * FORGE_DAY,
                                           .soon = times[i].soon * FORGE_DAY };
        struct findings found = { 0 };
        struct fault f;
        assert_int_equal(check_chain(cook("chain.pem", "LIR", 0644), NULL, &terms, &found, &f), FAULT_OK);
        expect(i, "LIR", &found, times[i].found);
        findings_fini(&found);
    }
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
    static const char *const names[] = { "chain.pem", "key.pem", "ca.pem", "crl.pem" };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        unlink(in_folder(names[i]));
    assert_int_equal(rmdir(folder), 0);
    forge_end();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chains),     cmocka_unit_test(test_bundles),
        cmocka_unit_test(test_sent),       cmocka_unit_test(test_binary_and_absent_files),
        cmocka_unit_test(test_locked_key), cmocka_unit_test(test_time_is_given),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
