/* SPDX-License-Identifier: Apache-2.0 */
/* What one certificate says of itself: dates, key, signature, usage, names. */
#include "base/clock.h"
#include "base/mac.h"
#include "base/mem.h"
#include "pki/check_inner.h"

#include <arpa/inet.h>
#include <string.h>

#define NAME_LIMIT 256

static void date(int64_t seconds, char out[32])
{
    clock_rfc3339(seconds * 1000, out, 32);
    out[10] = '\0'; /* the day is what a person needs */
}

static void check_dates(const struct finding_place *place, gnutls_x509_crt_t crt,
                        const struct check_terms *terms, struct findings *findings)
{
    int64_t from = gnutls_x509_crt_get_activation_time(crt), to = gnutls_x509_crt_get_expiration_time(crt);
    char day[32];
    if (from > terms->now) {
        date(from, day);
        finding_add(findings, FINDING_NOT_YET_VALID, place, "it is from %s on", day);
    }
    date(to, day);
    if (to < terms->now)
        finding_add(findings, FINDING_EXPIRED, place, "on %s", day);
    else if (to - terms->now <= terms->soon)
        finding_add(findings, FINDING_EXPIRES_SOON, place, "on %s, in %lld days", day,
                    (long long)((to - terms->now) / 86400));
}

static void check_public_key(const struct finding_place *place, gnutls_x509_crt_t crt,
                             struct findings *findings)
{
    unsigned bits = 0;
    int kind = gnutls_x509_crt_get_pk_algorithm(crt, &bits);
    const char *name = kind >= 0 ? gnutls_pk_get_name((gnutls_pk_algorithm_t)kind) : NULL;
    if (name == NULL)
        name = "a key of an unknown kind";
    bool rsa = kind == GNUTLS_PK_RSA || kind == GNUTLS_PK_RSA_PSS;
    if ((rsa && bits < 2048) || (kind == GNUTLS_PK_ECDSA && bits < 256) ||
        (kind == GNUTLS_PK_DSA && bits < 2048))
        finding_add(findings, FINDING_KEY_TOO_SMALL, place, "%s of %u bits", name, bits);
    else if (rsa && bits > 4096)
        finding_add(findings, FINDING_KEY_TOO_LARGE, place, "%u bits", bits);
    else if (kind != GNUTLS_PK_RSA && !(kind == GNUTLS_PK_ECDSA && (bits == 256 || bits == 384)))
        finding_add(findings, FINDING_KEY_KIND, place, "%s of %u bits", name, bits);
}

/* Nobody looks at a root's signature upon itself: it is trusted by its key. */
static void check_signature(const struct finding_place *place, const struct check_item *item,
                            struct findings *findings)
{
    int algorithm = gnutls_x509_crt_get_signature_algorithm(item->crt);
    bool secure = algorithm > 0 && gnutls_sign_is_secure2((gnutls_sign_algorithm_t)algorithm,
                                                          GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS) != 0;
    if (item->self_issued || secure)
        return;
    const char *name = algorithm > 0 ? gnutls_sign_get_name((gnutls_sign_algorithm_t)algorithm) : NULL;
    finding_add(findings, FINDING_WEAK_SIGNATURE, place, "%s", name ? name : "an unknown algorithm");
}

void check_certificate(const struct check_set *set, const struct check_item *item,
                       const struct check_terms *terms, struct findings *findings)
{
    const struct finding_place place = check_place(set, item);
    check_dates(&place, item->crt, terms, findings);
    check_public_key(&place, item->crt, findings);
    check_signature(&place, item, findings);
    if (gnutls_x509_crt_get_version(item->crt) < 3)
        finding_add(findings, FINDING_OLD_VERSION, &place, NULL);
}

/* --- issuers --- */

const char *check_purpose(const struct check_terms *terms)
{
    return terms->role == CHECK_SERVER ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT;
}

static const char *purpose_words(const struct check_terms *terms)
{
    return terms->role == CHECK_SERVER ? "serverAuth" : "clientAuth";
}

void check_issuer(const struct check_set *set, const struct check_item *item, size_t below,
                  const struct check_terms *terms, struct findings *findings)
{
    const struct finding_place place = check_place(set, item);
    unsigned ca = 0, usage = 0;
    int length = -1;
    int rc = gnutls_x509_crt_get_basic_constraints(item->crt, NULL, &ca, &length);
    if (rc < 0)
        ca = 0;
    /* A root of version 1 has no constraints and is trusted for itself; check_certificate tells its version.
     */
    bool old_root = item->self_issued && gnutls_x509_crt_get_version(item->crt) < 3;
    if (!ca && !old_root)
        finding_add(findings, FINDING_CA_CONSTRAINT_MISSING, &place, NULL);
    else if (ca && length >= 0 && below > (size_t)length)
        finding_add(findings, FINDING_PATH_LENGTH, &place, "it allows %d below it, and there are %zu", length,
                    below);
    if (gnutls_x509_crt_get_key_usage(item->crt, &usage, NULL) >= 0 && !(usage & GNUTLS_KEY_KEY_CERT_SIGN))
        finding_add(findings, FINDING_WRONG_USAGE, &place,
                    "it is a CA's, and its key usage lacks keyCertSign");
    if (!item->self_issued && terms->role != CHECK_AUTHORITY &&
        !gnutls_x509_crt_check_key_purpose(item->crt, check_purpose(terms), 0))
        finding_add(findings, FINDING_WRONG_USAGE, &place, "this CA may not issue for %s",
                    purpose_words(terms));
}

/* --- the leaf --- */

static bool is_address(const char *name)
{
    unsigned char address[16];
    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

static void check_usage(const struct finding_place *place, gnutls_x509_crt_t crt,
                        const struct check_terms *terms, struct findings *findings)
{
    unsigned usage = 0;
    char oid[64];
    size_t n = sizeof oid;
    if (gnutls_x509_crt_get_key_usage(crt, &usage, NULL) >= 0 && !(usage & GNUTLS_KEY_DIGITAL_SIGNATURE))
        finding_add(findings, FINDING_WRONG_USAGE, place, "its key usage lacks digitalSignature");
    if (gnutls_x509_crt_get_key_purpose_oid(crt, 0, oid, &n, NULL) < 0)
        finding_add(findings, FINDING_USAGE_UNSAID, place, NULL);
    else if (!gnutls_x509_crt_check_key_purpose(crt, check_purpose(terms), 0))
        finding_add(findings, FINDING_WRONG_USAGE, place, "its extended key usage lacks %s",
                    purpose_words(terms));
}

/* The only common name; false when there is none, or more. */
static bool common_name(gnutls_x509_crt_t crt, char out[NAME_LIMIT])
{
    char second[NAME_LIMIT];
    size_t n = NAME_LIMIT, m = sizeof second;
    return gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, out, &n) >= 0 && n > 0 &&
           strlen(out) == n &&
           gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 1, 0, second, &m) ==
               GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
}

/* What the alternative names hold; asks for each host name whether it resolves. */
struct names {
    bool dns, address, common; /* common: the common name is among them */
};

static struct names walk_names(const struct finding_place *place, gnutls_x509_crt_t crt, const char *cn,
                               const struct check_terms *terms, struct findings *findings)
{
    struct names found = { 0 };
    unsigned char cn_address[16];
    size_t cn_bytes = inet_pton(AF_INET, cn, cn_address) == 1    ? 4
                      : inet_pton(AF_INET6, cn, cn_address) == 1 ? 16
                                                                 : 0;
    for (unsigned i = 0; i < 1000; i++) {
        char name[NAME_LIMIT];
        size_t n = sizeof name - 1;
        int kind = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &n, NULL);
        if (kind == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            break;
        if (kind == GNUTLS_SAN_IPADDRESS) {
            found.address = true;
            found.common |= n == cn_bytes && memcmp(name, cn_address, n) == 0;
        } else if (kind == GNUTLS_SAN_DNSNAME) {
            name[n] = '\0';
            found.dns = true;
            found.common |= strcasecmp(name, cn) == 0;
            if (terms->resolves && strchr(name, '*') == NULL && !terms->resolves(terms->user, name))
                finding_add(findings, FINDING_NAME_NOT_IN_DNS, place, "%s", name);
        }
    }
    return found;
}

static void check_server_names(const struct finding_place *place, const struct check_item *leaf,
                               const struct check_terms *terms, struct findings *findings)
{
    char cn[NAME_LIMIT] = "";
    bool single = common_name(leaf->crt, cn);
    struct names names = walk_names(place, leaf->crt, single ? cn : "", terms, findings);
    if (!single)
        finding_add(findings, FINDING_CN_MISSING, place, NULL);
    else if (!names.common)
        finding_add(findings, FINDING_CN_NOT_IN_SAN, place, "%s%s", cn,
                    names.dns || names.address ? "" : ": there are no alternative names at all");
    if (names.address && !names.dns)
        finding_add(findings, FINDING_ADDRESS_ONLY, place, NULL);
    for (size_t i = 0; i < terms->n_names; i++) {
        if (!gnutls_x509_crt_check_hostname2(leaf->crt, terms->names[i], 0))
            finding_add(findings, FINDING_NAME_MISMATCH, place, "%s", terms->names[i]);
        if (terms->resolves && !is_address(terms->names[i]) &&
            !gnutls_x509_crt_check_hostname2(leaf->crt, terms->names[i],
                                             GNUTLS_VERIFY_DO_NOT_ALLOW_WILDCARDS) &&
            !terms->resolves(terms->user, terms->names[i]))
            finding_add(findings, FINDING_NAME_NOT_IN_DNS, place, "%s", terms->names[i]);
    }
}

void check_leaf(const struct check_set *set, const struct check_item *leaf, const struct check_terms *terms,
                struct findings *findings)
{
    const struct finding_place place = check_place(set, leaf);
    check_usage(&place, leaf->crt, terms, findings);
    if (!leaf->self_issued && gnutls_x509_crt_get_ca_status(leaf->crt, NULL) > 0)
        finding_add(findings, FINDING_LEAF_IS_CA, &place, NULL);
    if (terms->role == CHECK_SERVER) {
        check_server_names(&place, leaf, terms, findings);
        return;
    }
    char cn[NAME_LIMIT] = "";
    struct mac mac;
    bool single = common_name(leaf->crt, cn);
    if (!single)
        finding_add(findings, FINDING_CN_MISSING, &place, NULL);
    if (terms->role == CHECK_HANDSET && (!single || !mac_parse(cn, strlen(cn), &mac)))
        finding_add(findings, FINDING_CN_NOT_MAC, &place, "%s", cn);
}
