/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/tls.h"
#include "base/tls_bundle.h"
#include "base/tls_file.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool tls_same_key(gnutls_x509_crt_t a, gnutls_x509_crt_t b)
{
    unsigned char id_a[64], id_b[64];
    size_t n_a = sizeof id_a, n_b = sizeof id_b;
    /* One that cannot be compared counts as the same: it must not slip through. */
    if (gnutls_x509_crt_get_key_id(a, GNUTLS_KEYID_USE_SHA256, id_a, &n_a) < 0 ||
        gnutls_x509_crt_get_key_id(b, GNUTLS_KEYID_USE_SHA256, id_b, &n_b) < 0)
        return true;
    return n_a == n_b && memcmp(id_a, id_b, n_a) == 0;
}

/* Whoever holds the CA `from` could make members of the other bundle too. */
static bool tls_overlaps(gnutls_x509_crt_t from, const struct tls_bundle *other)
{
    for (unsigned i = 0; i < other->count; i++)
        if (tls_same_key(from, other->cas[i]))
            return true;
    unsigned status = 0;
    return other->count > 0 &&
           gnutls_x509_trust_list_verify_crt2(other->list, &from, 1, NULL, 0,
                                              GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status, NULL) >= 0 &&
           status == 0;
}

static enum fault_code tls_check_overlap(const struct tls_trust *trust, const struct tls_trust_files *files,
                                         struct fault *f)
{
    for (int a = 0; a < TLS_BUNDLES; a++)
        for (unsigned i = 0; i < trust->bundles[a].count; i++)
            for (int b = 0; b < TLS_BUNDLES; b++) {
                if (a == b || !tls_overlaps(trust->bundles[a].cas[i], &trust->bundles[b]))
                    continue;
                char subject[100];
                tls_subject(trust->bundles[a].cas[i], subject, sizeof subject);
                return fault_set(f, FAULT_INPUT,
                                 "the CA %s of %s also vouches in %s: a CA gives one role only, so use a CA "
                                 "of its own for each, and leave out a root above several of them",
                                 subject, files->ca[a], files->ca[b]);
            }
    return FAULT_OK;
}

enum fault_code tls_trust_load(const struct tls_trust_files *files, struct tls_trust **ret_trust,
                               struct fault *f)
{
    struct tls_trust *trust = calloc(1, sizeof *trust);
    if (trust == NULL)
        return fault_set(f, FAULT_MEMORY, "no memory for the bundles of CAs");
    atomic_init(&trust->references, 1);
    enum fault_code code = FAULT_OK;
    for (int i = 0; code == FAULT_OK && i < TLS_BUNDLES; i++)
        code = tls_bundle_load(&trust->bundles[i], files->ca[i], files->crl[i], f);
    if (code == FAULT_OK)
        code = tls_check_overlap(trust, files, f);
    if (code == FAULT_OK)
        *ret_trust = trust;
    else
        tls_trust_unref(trust);
    return code;
}

int64_t tls_trust_stale(const struct tls_trust *trust, int bundle, int64_t now)
{
    int64_t oldest = 0;
    const struct tls_bundle *b = &trust->bundles[bundle];
    for (size_t i = 0; i < b->n_crls; i++) {
        int64_t due = b->crls[i].next_update;
        if (due > 0 && due < now && (oldest == 0 || due < oldest))
            oldest = due;
    }
    return oldest;
}

bool tls_trust_same_cas(const struct tls_trust *a, const struct tls_trust *b)
{
    for (int i = 0; i < TLS_BUNDLES; i++) {
        const struct tls_bundle *one = &a->bundles[i], *other = &b->bundles[i];
        if (one->count != other->count)
            return false;
        for (unsigned k = 0; k < one->count; k++)
            if (gnutls_x509_crt_equals(one->cas[k], other->cas[k]) == 0)
                return false;
    }
    return true;
}

struct tls_trust *tls_trust_ref(struct tls_trust *trust)
{
    atomic_fetch_add_explicit(&trust->references, 1, memory_order_relaxed);
    return trust;
}

void tls_trust_unref(struct tls_trust *trust)
{
    if (trust == NULL || atomic_fetch_sub_explicit(&trust->references, 1, memory_order_acq_rel) != 1)
        return;
    for (int i = 0; i < TLS_BUNDLES; i++)
        tls_bundle_fini(&trust->bundles[i]);
    free(trust);
}
