/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/check.h"

#include "base/mem.h"
#include "base/tls_file.h"
#include "pki/check_inner.h"

#include <string.h>
#include <time.h>

struct check_terms check_settled(const struct check_terms *terms)
{
    struct check_terms own = *terms;
    if (own.now == 0)
        own.now = time(NULL);
    return own;
}

static enum fault_code answer(const struct findings *findings, enum fault_code code, struct fault *f)
{
    if (code == FAULT_OK && findings->memory_failed)
        return fault_set(f, FAULT_MEMORY, "no memory for a list of findings");
    return code;
}

/* --- chains --- */

/* What no row of the table foresees: GnuTLS's own verdict on the path, its top taken as trusted. */
static void verify_path(const struct check_set *set, const struct check_path *path,
                        const struct check_terms *terms, struct findings *findings)
{
    gnutls_x509_trust_list_t list;
    gnutls_x509_crt_t chain[CHECK_PATH_MAX + 1], anchor = path->item[path->count - 1]->crt;
    gnutls_typed_vdata_st purpose = { .type = GNUTLS_DT_KEY_PURPOSE_OID,
                                      .data = (unsigned char *)(uintptr_t)check_purpose(terms) };
    unsigned status = 0;
    gnutls_datum_t words = { NULL, 0 };
    for (size_t i = 0; i < path->count; i++)
        chain[i] = path->item[i]->crt;
    if (path->count < 2 || gnutls_x509_trust_list_init(&list, 0) < 0)
        return;
    bool good = gnutls_x509_trust_list_add_cas(list, &anchor, 1, 0) == 1 &&
                gnutls_x509_trust_list_verify_crt2(list, chain, (unsigned)path->count - 1, &purpose, 1,
                                                   GNUTLS_VERIFY_DISABLE_TIME_CHECKS |
                                                       GNUTLS_VERIFY_ALLOW_ANY_X509_V1_CA_CRT,
                                                   &status, NULL) >= 0 &&
                status == 0;
    if (!good) {
        const struct finding_place place = check_place(set, path->item[0]);
        if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &words, 0) < 0)
            words.data = NULL;
        finding_add(findings, FINDING_NOT_VERIFIED, &place, "%s",
                    words.data ? (const char *)words.data : "GnuTLS gives no reason");
        gnutls_free(words.data);
    }
    gnutls_x509_trust_list_deinit(list, 0);
}

static void report_revoked(const struct check_set *set, const struct check_path *path,
                           const struct check_crls *crls, struct findings *findings)
{
    for (size_t i = 0; i < path->inside && crls->count > 0; i++)
        if (gnutls_x509_crt_check_revocation(path->item[i]->crt, crls->crl, crls->count) == 1) {
            const struct finding_place place = check_place(set, path->item[i]);
            finding_add(findings, FINDING_REVOKED, &place, "in %s", crls->source);
        }
}

/* Without a key the leaf is the first that is no CA's; a lone self-signed one is both. */
static size_t guess_leaf(const struct check_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        if (gnutls_x509_crt_get_ca_status(set->item[i].crt, NULL) <= 0)
            return i;
    return 0;
}

static void check_all(const struct check_set *set, size_t leaf, const struct check_set *ca,
                      const struct check_crls *crls, const struct check_terms *terms,
                      struct findings *findings)
{
    struct check_path path = { 0 };
    size_t before = findings->count;
    bool fatal = false;
    if (leaf != 0) {
        const struct finding_place place = check_place(set, &set->item[leaf]);
        finding_add(findings, FINDING_LEAF_NOT_FIRST, &place, "it comes behind certificate 1, %s",
                    set->item[0].subject);
    }
    check_path(set, leaf, ca, terms, &path, findings);
    check_leaf(set, path.item[0], terms, findings);
    for (size_t i = 0; i < path.inside; i++) {
        check_certificate(set, path.item[i], terms, findings);
        if (i > 0)
            check_issuer(set, path.item[i], i - 1, terms, findings);
        if (i + 1 < path.count && gnutls_x509_crt_get_expiration_time(path.item[i]->crt) >
                                      gnutls_x509_crt_get_expiration_time(path.item[i + 1]->crt)) {
            const struct finding_place place = check_place(set, path.item[i]);
            finding_add(findings, FINDING_OUTLIVES_ISSUER, &place, NULL);
        }
    }
    report_revoked(set, &path, crls, findings);
    for (size_t i = before; i < findings->count; i++)
        fatal |= findings->list[i].severity == FINDING_FATAL;
    if (!fatal)
        verify_path(set, &path, terms, findings);
}

/* What the other side holds, read a second time: what is wrong with it as a bundle is check_bundle's to say.
 */
static enum fault_code read_others(const struct check_terms *terms, struct check_set *ca,
                                   struct check_crls *crls, struct findings *findings, struct fault *f)
{
    struct findings unsaid = { 0 };
    enum fault_code code = FAULT_OK;
    if (tls_file_named(terms->ca))
        code = check_set_file(ca, terms->ca, &unsaid, f);
    if (code == FAULT_OK && tls_file_named(terms->ca) && ca->count == 0) {
        const struct finding_place place = { .source = terms->ca };
        finding_add(findings, FINDING_NO_CERTIFICATE, &place, "it should hold the CAs");
    }
    if (code == FAULT_OK && tls_file_named(terms->crl))
        code = check_crls_file(crls, terms->crl, findings, f);
    findings_fini(&unsaid);
    return code;
}

static enum fault_code check_set(const struct check_set *set, int owner, const struct check_terms *terms,
                                 struct findings *findings, struct fault *f)
{
    struct check_set ca = { 0 };
    struct check_crls crls = { 0 };
    enum fault_code code = read_others(terms, &ca, &crls, findings, f);
    /* When the first one cannot be read, nobody knows what the others are to it. */
    if (code == FAULT_OK && set->count > 0 && (owner >= 0 || set->item[0].number == 1))
        check_all(set, owner >= 0 ? (size_t)owner : guess_leaf(set), &ca, &crls, terms, findings);
    check_set_fini(&ca);
    check_crls_fini(&crls);
    return code;
}

enum fault_code check_chain(const char *file, const char *key, const struct check_terms *terms,
                            struct findings *findings, struct fault *f)
{
    const struct check_terms own = check_settled(terms);
    struct check_set set = { 0 };
    int owner = -1;
    enum fault_code code = check_set_file(&set, file, findings, f);
    if (code == FAULT_OK && tls_file_named(key))
        code = check_key(key, &set, findings, &owner, f);
    if (code == FAULT_OK)
        code = check_set(&set, owner, &own, findings, f);
    check_set_fini(&set);
    return answer(findings, code, f);
}

enum fault_code check_sent(const struct check_der *sent, size_t n, const char *source,
                           const struct check_terms *terms, struct findings *findings, struct fault *f)
{
    const struct check_terms own = check_settled(terms);
    struct check_set set = { .source = source };
    enum fault_code code = check_set_sent(&set, sent, n, findings, f);
    /* Who sends the first one proves that it has its key: it is the leaf. */
    if (code == FAULT_OK)
        code = check_set(&set, 0, &own, findings, f);
    check_set_fini(&set);
    return answer(findings, code, f);
}

/* --- bundles --- */

static void report_twice(const struct check_set *set, size_t at, struct findings *findings)
{
    const struct finding_place place = check_place(set, &set->item[at]);
    for (size_t i = 0; i < at; i++)
        if (gnutls_x509_crt_equals(set->item[i].crt, set->item[at].crt)) {
            finding_add(findings, FINDING_CHAIN_EXTRA, &place, "there twice");
            return;
        }
}

/* Whatever its dates: they have a finding of their own. */
static bool signs_crl(gnutls_x509_crt_t ca, gnutls_x509_crl_t crl)
{
    const unsigned dates =
        GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED | GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE;
    unsigned status = 0;
    return gnutls_x509_crl_check_issuer(crl, ca) &&
           gnutls_x509_crl_verify(crl, &ca, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status) >= 0 &&
           (status & ~(dates | GNUTLS_CERT_INVALID)) == 0;
}

static void report_crls(const struct check_set *set, const struct check_crls *crls,
                        const struct check_terms *terms, struct findings *findings)
{
    for (unsigned i = 0; i < crls->count; i++) {
        char issuer[160];
        size_t n = sizeof issuer;
        if (gnutls_x509_crl_get_issuer_dn(crls->crl[i], issuer, &n) < 0)
            (void)mem_copy_text(issuer, sizeof issuer, "an issuer with an unusual name");
        const struct finding_place place = { crls->source, i + 1, issuer, true };
        bool ours = false;
        for (size_t k = 0; k < set->count; k++)
            ours |= signs_crl(set->item[k].crt, crls->crl[i]);
        time_t next = gnutls_x509_crl_get_next_update(crls->crl[i]);
        if (!ours)
            finding_add(findings, FINDING_CRL_FOREIGN, &place, NULL);
        else if (next != (time_t)-1 && (int64_t)next < terms->now)
            finding_add(findings, FINDING_CRL_STALE, &place, "since %lld days",
                        (long long)((terms->now - (int64_t)next) / 86400));
    }
}

static void report_without_crl(const struct check_set *set, const struct check_crls *crls,
                               struct findings *findings)
{
    for (size_t i = 0; i < set->count; i++) {
        bool has = false;
        for (unsigned k = 0; k < crls->count; k++)
            has |= gnutls_x509_crl_check_issuer(crls->crl[k], set->item[i].crt) != 0;
        const struct finding_place place = check_place(set, &set->item[i]);
        if (!has)
            finding_add(findings, FINDING_CRL_MISSING, &place, NULL);
    }
}

enum fault_code check_bundle(const char *file, const char *crl, const struct check_terms *terms,
                             struct findings *findings, struct fault *f)
{
    const struct check_terms own = check_settled(terms);
    struct check_set set = { .bundle = true };
    struct check_crls crls = { 0 };
    enum fault_code code = check_set_file(&set, file, findings, f);
    if (code == FAULT_OK && tls_file_named(crl))
        code = check_crls_file(&crls, crl, findings, f);
    for (size_t i = 0; code == FAULT_OK && i < set.count; i++) {
        check_certificate(&set, &set.item[i], &own, findings);
        check_issuer(&set, &set.item[i], 0, &own, findings);
        report_twice(&set, i, findings);
    }
    if (code == FAULT_OK) {
        report_crls(&set, &crls, &own, findings);
        report_without_crl(&set, &crls, findings);
    }
    check_set_fini(&set);
    check_crls_fini(&crls);
    return answer(findings, code, f);
}
