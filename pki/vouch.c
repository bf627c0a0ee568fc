/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/vouch.h"

#include "base/mem.h"
#include "pki/finding.h"

#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST         32
#define REMEMBERED_MAX 4096 /* a fleet has a handful of CAs; more are judged each time */

struct remembered {
    unsigned char digest[DIGEST];
    enum vouch_answer answer;
    char subject[VOUCH_SUBJECT];
};

struct vouch {
    gnutls_x509_crt_t *chain;
    unsigned n_chain;
    int64_t now;
    struct remembered *remembered;
    size_t count;
};

static void free_list(gnutls_x509_crt_t *list, unsigned n)
{
    while (n > 0)
        gnutls_x509_crt_deinit(list[--n]);
    gnutls_free(list);
}

enum fault_code vouch_new(const char *chain, size_t n, int64_t now, struct vouch **ret_vouch, struct fault *f)
{
    const gnutls_datum_t pem = { (unsigned char *)(uintptr_t)chain, (unsigned)n };
    struct vouch *vouch = calloc(1, sizeof *vouch);
    if (vouch == NULL)
        return fault_set(f, FAULT_MEMORY, "no memory for a chain");
    vouch->now = now;
    int rc = n == 0
                 ? GNUTLS_E_NO_CERTIFICATE_FOUND
                 : gnutls_x509_crt_list_import2(&vouch->chain, &vouch->n_chain, &pem, GNUTLS_X509_FMT_PEM, 0);
    if (rc < 0) {
        free(vouch);
        return fault_set(f, FAULT_INPUT, "there is no certificate chain in PEM: %s", gnutls_strerror(rc));
    }
    *ret_vouch = vouch;
    return FAULT_OK;
}

void vouch_free(struct vouch *vouch)
{
    if (vouch == NULL)
        return;
    free_list(vouch->chain, vouch->n_chain);
    free(vouch->remembered);
    free(vouch);
}

static bool is_anchor(const struct vouch *vouch, gnutls_x509_crt_t crt)
{
    return gnutls_x509_crt_check_issuer(crt, crt) != 0 &&
           (int64_t)gnutls_x509_crt_get_expiration_time(crt) >= vouch->now &&
           (int64_t)gnutls_x509_crt_get_activation_time(crt) <= vouch->now;
}

static bool accepts(const struct vouch *vouch, gnutls_x509_crt_t *cas, unsigned n)
{
    const unsigned flags = GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_ALLOW_BROKEN |
                           GNUTLS_VERIFY_ALLOW_ANY_X509_V1_CA_CRT | GNUTLS_VERIFY_ALLOW_UNSORTED_CHAIN;
    gnutls_x509_trust_list_t list;
    unsigned status = GNUTLS_CERT_INVALID;
    if (gnutls_x509_trust_list_init(&list, 0) < 0)
        return false;
    for (unsigned i = 0; i < n; i++)
        if (is_anchor(vouch, cas[i]))
            (void)gnutls_x509_trust_list_add_cas(list, &cas[i], 1, 0);
    int rc =
        gnutls_x509_trust_list_verify_crt2(list, vouch->chain, vouch->n_chain, NULL, 0, flags, &status, NULL);
    gnutls_x509_trust_list_deinit(list, 0);
    return rc >= 0 && status == 0;
}

static void judge(const struct vouch *vouch, const gnutls_datum_t *pem, struct remembered *ret)
{
    gnutls_x509_crt_t *cas = NULL;
    unsigned n = 0;
    char subject[VOUCH_SUBJECT];
    size_t size = sizeof subject;
    ret->answer = VOUCH_NOTHING;
    ret->subject[0] = '\0';
    if (gnutls_x509_crt_list_import2(&cas, &n, pem, GNUTLS_X509_FMT_PEM, 0) < 0)
        return;
    if (gnutls_x509_crt_get_dn(cas[0], subject, &size) < 0)
        (void)mem_copy_text(subject, sizeof subject, "an unusual subject");
    finding_clean(ret->subject, sizeof ret->subject, subject);
    ret->answer = accepts(vouch, cas, n) ? VOUCH_YES : VOUCH_NO;
    free_list(cas, n);
}

/* Without memory for it the answer is found again the next time. */
static void remember(struct vouch *vouch, const struct remembered *one)
{
    if ((vouch->count & (vouch->count - 1)) == 0) {
        struct remembered *grown =
            realloc(vouch->remembered, (vouch->count ? 2 * vouch->count : 1) * sizeof *grown);
        if (grown == NULL)
            return;
        vouch->remembered = grown;
    }
    vouch->remembered[vouch->count++] = *one;
}

enum vouch_answer vouch_ask(struct vouch *vouch, const char *cas, size_t n, char ret_subject[VOUCH_SUBJECT])
{
    const gnutls_datum_t pem = { (unsigned char *)(uintptr_t)cas, (unsigned)n };
    struct remembered one = { .answer = VOUCH_NOTHING };
    bool known = false, hashed = gnutls_hash_fast(GNUTLS_DIG_SHA256, cas, n, one.digest) >= 0;
    for (size_t i = 0; hashed && !known && i < vouch->count; i++) {
        known = memcmp(one.digest, vouch->remembered[i].digest, DIGEST) == 0;
        if (known)
            one = vouch->remembered[i];
    }
    if (!known && n > 0)
        judge(vouch, &pem, &one);
    if (!known && hashed && vouch->count < REMEMBERED_MAX)
        remember(vouch, &one);
    (void)mem_copy_text(ret_subject, VOUCH_SUBJECT, one.subject);
    return one.answer;
}
