/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/order.h"
#include "base/mem.h"
#include "pki/mint.h"

#include <string.h>

#define NAME_SIZE 200

struct pile {
    gnutls_x509_crt_t all[ORDER_MAX];
    bool used[ORDER_MAX];
    size_t count;
};

static void drop(struct pile *pile)
{
    while (pile->count > 0)
        gnutls_x509_crt_deinit(pile->all[--pile->count]);
}

static void name_of(gnutls_x509_crt_t certificate, bool issuer, char out[NAME_SIZE])
{
    size_t n = NAME_SIZE;
    int rc = issuer ? gnutls_x509_crt_get_issuer_dn(certificate, out, &n)
                    : gnutls_x509_crt_get_dn(certificate, out, &n);
    if (rc < 0)
        (void)mem_copy_text(out, NAME_SIZE, "a certificate with an unusual name");
    for (char *c = out; *c != '\0'; c++) /* each name stands on one line of the notes */
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
}

static enum fault_code add_text(struct pile *pile, const struct buf *text, struct fault *f)
{
    const gnutls_datum_t data = { (unsigned char *)text->data, (unsigned)text->used };
    gnutls_x509_crt_t *crts = NULL;
    unsigned n = 0;
    int rc = text->used == 0 ? GNUTLS_E_NO_CERTIFICATE_FOUND
                             : gnutls_x509_crt_list_import2(&crts, &n, &data, GNUTLS_X509_FMT_PEM, 0);
    if (rc < 0)
        return fault_set(f, FAULT_INPUT, "no PEM certificate that can be read: %s", gnutls_strerror(rc));
    enum fault_code code = FAULT_OK;
    for (unsigned i = 0; i < n; i++) {
        bool double_ = false;
        for (size_t j = 0; j < pile->count; j++)
            double_ = double_ || gnutls_x509_crt_equals(crts[i], pile->all[j]) != 0;
        if (code == FAULT_OK && !double_ && pile->count == ORDER_MAX)
            code = fault_set(f, FAULT_INPUT, "more than %d certificates", ORDER_MAX);
        if (code != FAULT_OK || double_)
            gnutls_x509_crt_deinit(crts[i]);
        else
            pile->all[pile->count++] = crts[i];
    }
    gnutls_free(crts);
    return code;
}

/* By its signature, not by names alone: a CA that was renewed with another key has the same name. */
static bool issued(gnutls_x509_crt_t issuer, gnutls_x509_crt_t certificate)
{
    unsigned status = 0;
    return gnutls_x509_crt_check_issuer(certificate, issuer) != 0 &&
           gnutls_x509_crt_verify(certificate, &issuer, 1,
                                  GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_ALLOW_ANY_X509_V1_CA_CRT |
                                      GNUTLS_VERIFY_ALLOW_BROKEN,
                                  &status) == 0 &&
           !(status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNATURE_FAILURE));
}

static bool is_ca(gnutls_x509_crt_t certificate)
{
    return gnutls_x509_crt_get_ca_status(certificate, NULL) > 0;
}

/* The one that is no CA's; among CAs alone, the one that issued none of the others. */
static enum fault_code find_leaf(const struct pile *pile, size_t *ret_leaf, struct fault *f)
{
    size_t leaves = 0, leaf = 0;
    bool only_cas = true;
    for (size_t i = 0; i < pile->count; i++)
        only_cas = only_cas && is_ca(pile->all[i]);
    for (size_t i = 0; i < pile->count; i++) {
        bool could = only_cas || !is_ca(pile->all[i]);
        for (size_t j = 0; could && only_cas && j < pile->count; j++)
            could = i == j || !issued(pile->all[i], pile->all[j]);
        if (!could)
            continue;
        leaf = i;
        leaves++;
    }
    if (leaves == 1) {
        *ret_leaf = leaf;
        return FAULT_OK;
    }
    if (leaves == 0)
        return fault_set(f, FAULT_INPUT, "no certificate to begin with: these CAs issued each other");
    char name[NAME_SIZE];
    name_of(pile->all[leaf], false, name);
    return fault_set(f, FAULT_INPUT,
                     "%zu certificates could be the first (one is %.100s): give one, with its CAs", leaves,
                     name);
}

/* Several can have issued it, where a CA was renewed with the same key: the one that lasts longest. */
static bool find_issuer(struct pile *pile, gnutls_x509_crt_t certificate, size_t *ret_at)
{
    bool found = false;
    for (size_t i = 0; i < pile->count; i++) {
        if (pile->used[i] || !issued(pile->all[i], certificate))
            continue;
        if (found && gnutls_x509_crt_get_expiration_time(pile->all[i]) <=
                         gnutls_x509_crt_get_expiration_time(pile->all[*ret_at]))
            continue;
        *ret_at = i;
        found = true;
    }
    return found;
}

static enum fault_code climb(struct pile *pile, size_t at, bool without_root, struct buf *pem,
                             struct buf *notes, bool *ret_whole, struct fault *f)
{
    char name[NAME_SIZE];
    enum fault_code code = FAULT_OK;
    for (int place = 1; code == FAULT_OK; place++) {
        gnutls_x509_crt_t now = pile->all[at];
        bool root = issued(now, now);
        pile->used[at] = true;
        name_of(now, false, name);
        bool left_out = root && without_root && place > 1;
        if (!left_out)
            code = mint_export(now, pem, f);
        if (code == FAULT_OK)
            code = buf_printf(notes, f, "%d. %s%s\n", place, name,
                              left_out ? " (the root, left out)"
                              : root   ? place == 1 ? " (self-signed)" : " (the root)"
                                       : "");
        if (root) {
            *ret_whole = true;
            return code;
        }
        if (code == FAULT_OK && !find_issuer(pile, now, &at)) {
            name_of(now, true, name);
            *ret_whole = false;
            return buf_printf(notes, f, "missing: the certificate of %s, which issued number %d\n", name,
                              place);
        }
    }
    return code;
}

enum fault_code order_chain(const struct buf *texts, size_t count, bool without_root, struct buf *pem,
                            struct buf *notes, bool *ret_whole, struct fault *f)
{
    struct pile pile = { .count = 0 };
    size_t leaf = 0;
    enum fault_code code = FAULT_OK;
    for (size_t i = 0; code == FAULT_OK && i < count; i++)
        code = add_text(&pile, &texts[i], f);
    if (code == FAULT_OK)
        code = find_leaf(&pile, &leaf, f);
    if (code == FAULT_OK)
        code = climb(&pile, leaf, without_root, pem, notes, ret_whole, f);
    for (size_t i = 0; code == FAULT_OK && i < pile.count; i++) {
        char name[NAME_SIZE];
        if (pile.used[i])
            continue;
        name_of(pile.all[i], false, name);
        code = buf_printf(notes, f, "does not belong to the chain, left out: %s\n", name);
    }
    drop(&pile);
    return code;
}
