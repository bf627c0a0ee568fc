/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/mem.h"
#include "base/tls_file.h"
#include "pki/check_inner.h"
#include "pki/pem.h"

#include <gnutls/pkcs12.h>
#include <stdlib.h>
#include <string.h>

struct finding_place check_place(const struct check_set *set, const struct check_item *item)
{
    return (struct finding_place){ .source = set->source,
                                   .certificate = item ? item->number : 0,
                                   .subject = item ? item->subject : NULL,
                                   .bundle = set->bundle };
}

/* By its names, and by its signature: a certificate that only bears its issuer's name
 * is not its own root, which would be spared a look at its hash. */
static bool is_self_issued(gnutls_x509_crt_t crt)
{
    gnutls_datum_t subject = { NULL, 0 }, issuer = { NULL, 0 };
    bool same = gnutls_x509_crt_get_raw_dn(crt, &subject) >= 0 &&
                gnutls_x509_crt_get_raw_issuer_dn(crt, &issuer) >= 0 && subject.size == issuer.size &&
                memcmp(subject.data, issuer.data, subject.size) == 0;
    gnutls_free(subject.data);
    gnutls_free(issuer.data);
    const struct check_item item = { .crt = crt };
    return same && check_signed_by(&item, &item);
}

static enum fault_code grow(struct check_set *set, struct fault *f)
{
    /* By powers of two: the count alone tells the room. */
    if ((set->count & (set->count - 1)) != 0)
        return FAULT_OK;
    struct check_item *grown = realloc(set->item, (set->count ? 2 * set->count : 1) * sizeof *grown);
    if (grown == NULL)
        return fault_set(f, FAULT_MEMORY, "no memory for a list of certificates");
    set->item = grown;
    return FAULT_OK;
}

/* Adds one that can be read. */
static enum fault_code add_item(struct check_set *set, const gnutls_datum_t *data,
                                gnutls_x509_crt_fmt_t format, unsigned number, bool *ret_good,
                                struct fault *f)
{
    gnutls_x509_crt_t crt;
    enum fault_code code = grow(set, f);
    if (code != FAULT_OK)
        return code;
    if (gnutls_x509_crt_init(&crt) < 0)
        return fault_set(f, FAULT_MEMORY, "no memory for a certificate");
    *ret_good = gnutls_x509_crt_import(crt, data, format) >= 0;
    if (!*ret_good) {
        gnutls_x509_crt_deinit(crt);
        return FAULT_OK;
    }
    struct check_item *item = &set->item[set->count++];
    *item = (struct check_item){ .crt = crt, .number = number, .self_issued = is_self_issued(crt) };
    size_t n = sizeof item->subject;
    if (gnutls_x509_crt_get_dn(crt, item->subject, &n) < 0)
        (void)mem_copy_text(item->subject, sizeof item->subject, "an unusual subject");
    return FAULT_OK;
}

/* Files whose first byte is that of an ASN.1 sequence, which no PEM file begins with. */
static bool report_binary(const struct check_set *set, const struct buf *content, struct findings *findings)
{
    if (content->used < 2 || (unsigned char)content->data[0] != 0x30)
        return false;
    const gnutls_datum_t data = { (unsigned char *)content->data, (unsigned)content->used };
    const struct finding_place place = check_place(set, NULL);
    const char *what = "neither a certificate nor PKCS #12";
    gnutls_x509_crt_t crt;
    gnutls_pkcs12_t bag;
    if (gnutls_x509_crt_init(&crt) >= 0) {
        if (gnutls_x509_crt_import(crt, &data, GNUTLS_X509_FMT_DER) >= 0)
            what = "a certificate in DER";
        gnutls_x509_crt_deinit(crt);
    }
    if (gnutls_pkcs12_init(&bag) >= 0) {
        if (gnutls_pkcs12_import(bag, &data, GNUTLS_X509_FMT_DER, 0) >= 0)
            what = "PKCS #12";
        gnutls_pkcs12_deinit(bag);
    }
    finding_add(findings, FINDING_DER_NOT_PEM, &place, "it is %s", what);
    return true;
}

static void report_form(const struct check_set *set, const struct pem *pem, struct findings *findings)
{
    const struct finding_place place = check_place(set, NULL);
    if (pem->text_line > 0)
        finding_add(findings, FINDING_TEXT_BETWEEN_PEM, &place, "line %u", pem->text_line);
    if (pem->blank_line > 0)
        finding_add(findings, FINDING_BLANK_LINES, &place, "line %u", pem->blank_line);
    if (pem->return_line > 0)
        finding_add(findings, FINDING_CARRIAGE_RETURNS, &place, NULL);
    for (size_t i = 0; i < pem->count; i++)
        if (pem_is_key(&pem->block[i])) {
            finding_add(findings, FINDING_KEY_IN_CHAIN, &place, "line %u", pem->block[i].line);
            return;
        }
}

static enum fault_code read_blocks(struct check_set *set, const struct pem *pem, struct findings *findings,
                                   struct fault *f)
{
    enum fault_code code = FAULT_OK;
    unsigned number = 0;
    for (size_t i = 0; code == FAULT_OK && i < pem->count; i++) {
        const struct pem_block *block = &pem->block[i];
        if (!pem_is_certificate(block))
            continue;
        const gnutls_datum_t data = { (unsigned char *)(uintptr_t)block->at, (unsigned)block->size };
        bool good = false;
        number++;
        if (block->whole)
            code = add_item(set, &data, GNUTLS_X509_FMT_PEM, number, &good, f);
        if (code == FAULT_OK && !good) {
            const struct finding_place place = { set->source, number, NULL, set->bundle };
            finding_add(findings, FINDING_PEM_DAMAGED, &place, "the block that begins in line %u %s",
                        block->line, block->whole ? "cannot be decoded" : "has no proper END line");
        }
    }
    if (code == FAULT_OK && number == 0) {
        const struct finding_place place = check_place(set, NULL);
        finding_add(findings, FINDING_NO_CERTIFICATE, &place, pem->count ? "it holds %s, line %u" : NULL,
                    pem->count ? pem->block[0].label : "", pem->count ? pem->block[0].line : 0);
    }
    return code;
}

enum fault_code check_set_file(struct check_set *set, const char *file, struct findings *findings,
                               struct fault *f)
{
    struct buf content;
    struct pem pem = { 0 };
    struct fault why;
    set->source = file;
    buf_init(&content, TLS_FILE_LIMIT);
    const struct finding_place place = check_place(set, NULL);
    if (tls_file_read(file, &content, &why) != FAULT_OK) {
        finding_add(findings, FINDING_FILE_UNREADABLE, &place, "%s", why.text);
        buf_wipe(&content);
        return FAULT_OK;
    }
    enum fault_code code = FAULT_OK;
    if (!report_binary(set, &content, findings)) {
        code = pem_read(content.used ? content.data : "", content.used, &pem, f);
        if (code == FAULT_OK) {
            report_form(set, &pem, findings);
            code = read_blocks(set, &pem, findings, f);
        }
        pem_fini(&pem);
    }
    buf_wipe(&content); /* there may be a key in it, in the wrong place */
    return code;
}

enum fault_code check_set_text(struct check_set *set, const char *text, size_t n, struct findings *findings,
                               struct fault *f)
{
    struct pem pem = { 0 };
    enum fault_code code = pem_read(text, n, &pem, f);
    if (code == FAULT_OK)
        code = read_blocks(set, &pem, findings, f);
    pem_fini(&pem);
    return code;
}

enum fault_code check_set_sent(struct check_set *set, const struct check_der *sent, size_t n,
                               struct findings *findings, struct fault *f)
{
    enum fault_code code = FAULT_OK;
    for (size_t i = 0; code == FAULT_OK && i < n; i++) {
        const gnutls_datum_t data = { (unsigned char *)(uintptr_t)sent[i].data, (unsigned)sent[i].size };
        const struct finding_place place = { set->source, (unsigned)i + 1, NULL, set->bundle };
        bool good = false;
        code = add_item(set, &data, GNUTLS_X509_FMT_DER, (unsigned)i + 1, &good, f);
        if (code == FAULT_OK && !good)
            finding_add(findings, FINDING_PEM_DAMAGED, &place, "it was sent, and cannot be decoded");
    }
    if (code == FAULT_OK && n == 0) {
        const struct finding_place place = check_place(set, NULL);
        finding_add(findings, FINDING_NO_CERTIFICATE, &place, "none was sent");
    }
    return code;
}

void check_set_fini(struct check_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        gnutls_x509_crt_deinit(set->item[i].crt);
    free(set->item);
    *set = (struct check_set){ 0 };
}

enum fault_code check_crls_file(struct check_crls *crls, const char *file, struct findings *findings,
                                struct fault *f)
{
    struct buf content;
    struct fault why;
    const struct finding_place place = { .source = file };
    (void)f;
    crls->source = file;
    buf_init(&content, TLS_FILE_LIMIT);
    if (tls_file_read(file, &content, &why) != FAULT_OK) {
        finding_add(findings, FINDING_FILE_UNREADABLE, &place, "%s", why.text);
    } else {
        const gnutls_datum_t data = { (unsigned char *)content.data, (unsigned)content.used };
        bool pem = memmem(content.used ? content.data : "", content.used, "-----BEGIN", 10) != NULL;
        int rc = content.used == 0
                     ? GNUTLS_E_NO_CERTIFICATE_FOUND
                     : gnutls_x509_crl_list_import2(&crls->crl, &crls->count, &data,
                                                    pem ? GNUTLS_X509_FMT_PEM : GNUTLS_X509_FMT_DER, 0);
        if (rc < 0) {
            crls->crl = NULL;
            crls->count = 0;
            finding_add(findings, FINDING_CRL_UNREADABLE, &place, "%s", gnutls_strerror(rc));
        }
    }
    buf_fini(&content);
    return FAULT_OK;
}

void check_crls_fini(struct check_crls *crls)
{
    for (unsigned i = 0; i < crls->count; i++)
        gnutls_x509_crl_deinit(crls->crl[i]);
    gnutls_free(crls->crl);
    *crls = (struct check_crls){ 0 };
}
