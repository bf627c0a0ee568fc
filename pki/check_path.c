/* SPDX-License-Identifier: Apache-2.0 */
/* From the leaf to the root: who issued whom, in which order the file has them, and what is missing. */
#include "pki/check_inner.h"

#include <string.h>

bool check_issued_by(const struct check_item *item, const struct check_item *issuer)
{
    gnutls_datum_t wanted = { NULL, 0 }, name = { NULL, 0 };
    bool same = gnutls_x509_crt_get_raw_issuer_dn(item->crt, &wanted) >= 0 &&
                gnutls_x509_crt_get_raw_dn(issuer->crt, &name) >= 0 && wanted.size == name.size &&
                memcmp(wanted.data, name.data, name.size) == 0;
    gnutls_free(wanted.data);
    gnutls_free(name.data);
    return same;
}

bool check_signed_by(const struct check_item *item, const struct check_item *issuer)
{
    /* The signature alone: dates, strength and constraints have findings of their own. */
    const unsigned flags = GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_ALLOW_BROKEN |
                           GNUTLS_VERIFY_DISABLE_CA_SIGN | GNUTLS_VERIFY_ALLOW_ANY_X509_V1_CA_CRT |
                           GNUTLS_VERIFY_DO_NOT_ALLOW_SAME;
    unsigned status = GNUTLS_CERT_INVALID;
    gnutls_x509_crt_t by = issuer->crt;
    if (gnutls_x509_crt_verify(item->crt, &by, 1, flags, &status) < 0)
        return false;
    return (status & (GNUTLS_CERT_SIGNATURE_FAILURE | GNUTLS_CERT_SIGNER_NOT_FOUND)) == 0;
}

/* The one that signed it, or else the last one that has the right name. */
static const struct check_item *find_issuer(const struct check_set *set, const struct check_item *item,
                                            const struct check_path *path, bool *ret_signed)
{
    const struct check_item *named = NULL;
    *ret_signed = false;
    for (size_t i = 0; i < set->count && !*ret_signed; i++) {
        const struct check_item *candidate = &set->item[i];
        bool used = false;
        for (size_t k = 0; path && k < path->count; k++)
            used |= gnutls_x509_crt_equals(path->item[k]->crt, candidate->crt) != 0;
        if (used || !check_issued_by(item, candidate))
            continue;
        named = candidate;
        *ret_signed = check_signed_by(item, candidate);
    }
    return named;
}

/* Follows the issuers through the set as far as they are in it. */
static void climb(const struct check_set *set, struct check_path *path, struct findings *findings)
{
    while (path->count < CHECK_PATH_MAX) {
        const struct check_item *top = path->item[path->count - 1];
        bool is_signed;
        path->rooted = top->self_issued;
        const struct check_item *issuer = top->self_issued ? NULL : find_issuer(set, top, path, &is_signed);
        if (issuer == NULL)
            break;
        if (!is_signed) {
            const struct finding_place place = check_place(set, top);
            finding_add(findings, FINDING_SIGNATURE_WRONG, &place, "not signed by certificate %u",
                        issuer->number);
        }
        path->item[path->count++] = issuer;
    }
    path->inside = path->count;
}

static void issuer_name(const struct check_item *item, char out[160])
{
    size_t n = 160;
    if (gnutls_x509_crt_get_issuer_dn(item->crt, out, &n) < 0)
        snprintf(out, 160, "an issuer with an unusual name");
}

/* Are all certificates of the set in the path? Others may be the upper part of a chain with a gap. */
static bool has_strangers(const struct check_set *set, const struct check_path *path)
{
    return set->count > path->inside;
}

/* Does the other side hold a certificate of the path itself? A bundle may be an intermediate, without its
 * root. */
static bool is_held(const struct check_set *ca, const struct check_path *path)
{
    for (size_t i = 0; i < ca->count; i++)
        for (size_t k = 0; k < path->inside; k++)
            if (gnutls_x509_crt_equals(ca->item[i].crt, path->item[k]->crt))
                return true;
    return false;
}

static void report_open_end(const struct check_set *set, const struct check_path *path,
                            const struct check_set *ca, const struct check_terms *terms,
                            struct findings *findings)
{
    const struct check_item *top = path->item[path->inside - 1];
    const struct finding_place place = check_place(set, top);
    char issuer[160];
    issuer_name(top, issuer);
    bool gap = has_strangers(set, path), unheld = ca->count > 0 && !is_held(ca, path);
    if (terms->role != CHECK_SERVER && !gap && !unheld)
        return; /* who verifies a client holds the CAs */
    if (unheld && !gap)
        finding_add(findings, FINDING_ROOT_UNTRUSTED, &place, "it was issued by %s", issuer);
    /* A leaf alone is nearly always a chain file that was not made; its CA's other certificates are needed.
     */
    if (gap || path->inside == 1)
        finding_add(findings, FINDING_ISSUER_MISSING, &place, "it was issued by %s", issuer);
    else if (terms->role == CHECK_SERVER)
        finding_add(findings, FINDING_ROOT_MISSING, &place, "the last one was issued by %s", issuer);
}

static void report_root(const struct check_set *set, const struct check_path *path,
                        const struct check_set *ca, struct findings *findings)
{
    const struct check_item *root = path->item[path->inside - 1];
    const struct finding_place place = check_place(set, root);
    finding_add(findings, path->inside == 1 ? FINDING_SELF_SIGNED : FINDING_ROOT_INCLUDED, &place, NULL);
    if (!check_signed_by(root, root))
        finding_add(findings, FINDING_SIGNATURE_WRONG, &place, "it calls itself its issuer, and is not");
    if (ca->count > 0 && !is_held(ca, path))
        finding_add(findings, FINDING_ROOT_UNTRUSTED, &place, "%s holds no certificate of this chain",
                    ca->source);
}

/* Every certificate must stand right behind the one that it issued. */
static void report_order(const struct check_set *set, size_t leaf, const struct check_path *path,
                         struct findings *findings)
{
    if (leaf != 0)
        return; /* told already */
    for (size_t i = 1; i < path->inside; i++)
        if (path->item[i] < path->item[i - 1]) {
            const struct finding_place place = check_place(set, path->item[i - 1]);
            finding_add(findings, FINDING_CHAIN_ORDER, &place, "its issuer is certificate %u",
                        path->item[i]->number);
            return;
        }
}

static void report_extra(const struct check_set *set, const struct check_path *path,
                         struct findings *findings)
{
    for (size_t i = 0; i < set->count; i++) {
        bool used = false;
        const char *words = "not part of the chain";
        for (size_t k = 0; k < path->inside; k++) {
            used |= path->item[k] == &set->item[i];
            if (gnutls_x509_crt_equals(path->item[k]->crt, set->item[i].crt))
                words = "there twice";
        }
        const struct finding_place place = check_place(set, &set->item[i]);
        if (!used)
            finding_add(findings, FINDING_CHAIN_EXTRA, &place, "%s", words);
    }
}

void check_path(const struct check_set *set, size_t leaf, const struct check_set *ca,
                const struct check_terms *terms, struct check_path *ret_path, struct findings *findings)
{
    struct check_path path = { .item = { &set->item[leaf] }, .count = 1 };
    climb(set, &path, findings);
    const struct check_item *top = path.item[path.inside - 1];
    bool is_signed = false;
    const struct check_item *beyond = path.rooted ? NULL : find_issuer(ca, top, NULL, &is_signed);
    report_order(set, leaf, &path, findings);
    if (path.rooted) {
        report_root(set, &path, ca, findings);
    } else if (beyond != NULL && is_signed) {
        path.item[path.count++] = beyond;
        const struct finding_place place = check_place(set, top);
        if (terms->role == CHECK_SERVER)
            finding_add(findings, FINDING_ROOT_MISSING, &place, "its issuer is in %s", ca->source);
    } else {
        report_open_end(set, &path, ca, terms, findings);
    }
    if (path.rooted || beyond != NULL)
        report_extra(set, &path, findings);
    *ret_path = path;
}
