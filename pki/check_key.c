/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/tls_file.h"
#include "base/token.h"
#include "pki/check_inner.h"
#include "pki/pem.h"

#include <string.h>
#include <sys/stat.h>

static int find_owner(gnutls_x509_privkey_t key, const struct check_set *set)
{
    unsigned char a[32], b[32];
    size_t n_a = sizeof a;
    if (gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, a, &n_a) < 0)
        return -1;
    for (size_t i = 0; i < set->count; i++) {
        size_t n_b = sizeof b;
        if (gnutls_x509_crt_get_key_id(set->item[i].crt, GNUTLS_KEYID_USE_SHA256, b, &n_b) >= 0 &&
            n_a == n_b && memcmp(a, b, n_a) == 0)
            return (int)i;
    }
    return -1;
}

static void check_key_file(const char *key, const struct pem *pem, struct findings *findings)
{
    const struct finding_place place = { .source = key };
    size_t keys = 0;
    struct stat st;
    for (size_t i = 0; i < pem->count; i++)
        keys += pem_is_key(&pem->block[i]);
    if (keys > 1)
        finding_add(findings, FINDING_SEVERAL_KEYS, &place, "%zu", keys);
    if (stat(key, &st) == 0 && (st.st_mode & 077) != 0)
        finding_add(findings, FINDING_KEY_READABLE, &place, "its mode is %04o", (unsigned)st.st_mode & 07777);
}

static void check_key_match(const char *key, const struct buf *content, const struct check_set *set,
                            struct findings *findings, int *ret_owner)
{
    const gnutls_datum_t pem = { (unsigned char *)content->data, (unsigned)content->used };
    const struct finding_place place = { .source = key };
    gnutls_x509_privkey_t private;
    if (gnutls_x509_privkey_init(&private) < 0)
        return;
    int rc = content->used == 0 ? GNUTLS_E_BASE64_UNEXPECTED_HEADER_ERROR
                                : gnutls_x509_privkey_import2(private, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (rc >= 0) {
        *ret_owner = find_owner(private, set);
        if (*ret_owner < 0 && set->count > 0)
            finding_add(findings, FINDING_KEY_MISMATCH, &place, "it fits no certificate in %s", set->source);
    } else if (rc == GNUTLS_E_DECRYPTION_FAILED) {
        finding_add(findings, FINDING_KEY_LOCKED, &place, NULL);
    } else {
        finding_add(findings, FINDING_KEY_MISSING, &place, "%s", gnutls_strerror(rc));
    }
    gnutls_x509_privkey_deinit(private);
}

enum fault_code check_key(const char *key, const struct check_set *set, struct findings *findings,
                          int *ret_owner, struct fault *f)
{
    struct buf content;
    struct pem pem = { 0 };
    struct fault why;
    const struct finding_place place = { .source = key };
    *ret_owner = -1;
    if (token_is_uri(key)) { /* which may hold the PIN, and a finding is shown and logged */
        char shown[sizeof findings->list->source];
        const struct finding_place token = { .source = token_shown(key, shown, sizeof shown) };
        finding_add(findings, FINDING_KEY_UNSEEN, &token, NULL);
        return FAULT_OK;
    }
    buf_init(&content, TLS_FILE_LIMIT);
    enum fault_code code = FAULT_OK;
    if (tls_file_read(key, &content, &why) != FAULT_OK) {
        finding_add(findings, FINDING_FILE_UNREADABLE, &place, "%s", why.text);
    } else {
        code = pem_read(content.used ? content.data : "", content.used, &pem, f);
        if (code == FAULT_OK) {
            check_key_file(key, &pem, findings);
            check_key_match(key, &content, set, findings, ret_owner);
        }
        pem_fini(&pem);
    }
    buf_wipe(&content);
    return code;
}
