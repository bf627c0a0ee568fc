/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/mem.h"
#include "base/signer.h"
#include "base/tls.h"
#include "base/tls_file.h"
#include "base/tls_inner.h"
#include "base/token.h"
#include <gnutls/abstract.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One chain with its key, on the way into the credentials. */
struct tls_pair {
    const char *chain, *key, *staple; /* files; key may be a token's URI */
    char *note;
    char shown[200]; /* key, as it may be shown */
    gnutls_x509_crt_t *crts;
    unsigned n_crts;
    gnutls_privkey_t private; /* NULL once the credentials own it */
    bool rsa;
    bool decrypts; /* the key must be able to: RSA key exchange */
};

static void tls_pair_fini(struct tls_pair *pair)
{
    for (unsigned i = 0; i < pair->n_crts; i++)
        gnutls_x509_crt_deinit(pair->crts[i]);
    gnutls_free(pair->crts);
    if (pair->private != NULL)
        gnutls_privkey_deinit(pair->private);
}

/* Chain and key are read one by one: GnuTLS's call for both does not tell which of them was wrong. */
static enum fault_code tls_read_chain(struct tls_pair *pair, struct fault *f)
{
    struct buf pem;
    buf_init(&pem, TLS_FILE_LIMIT);
    enum fault_code code = tls_file_read(pair->chain, &pem, f);
    if (code == FAULT_OK) {
        const gnutls_datum_t datum = { .data = (unsigned char *)pem.data, .size = (unsigned)pem.used };
        int rc = gnutls_x509_crt_list_import2(&pair->crts, &pair->n_crts, &datum, GNUTLS_X509_FMT_PEM, 0);
        if (rc < 0) {
            pair->crts = NULL;
            pair->n_crts = 0;
            code = fault_set(f, FAULT_INPUT,
                             "%s holds no usable PEM certificate (%s): give the chain, leaf first",
                             pair->chain, gnutls_strerror(rc));
        }
    }
    buf_fini(&pem);
    return code;
}

static enum fault_code tls_import_key(struct tls_pair *pair, const struct buf *pem, struct fault *f)
{
    const gnutls_datum_t datum = { .data = (unsigned char *)pem->data, .size = (unsigned)pem->used };
    if (gnutls_privkey_init(&pair->private) < 0)
        return fault_set(f, FAULT_MEMORY, "no memory for a private key");
    int rc = gnutls_privkey_import_x509_raw(pair->private, &datum, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (rc == GNUTLS_E_DECRYPTION_FAILED)
        return fault_set(f, FAULT_INPUT,
                         "the key %s is locked with a password: store it without one, mode 0600", pair->key);
    if (rc < 0)
        return fault_set(f, FAULT_INPUT, "%s holds no usable PEM private key: %s", pair->key,
                         gnutls_strerror(rc));
    return FAULT_OK;
}

static enum fault_code tls_read_key(struct tls_pair *pair, const char *pin_file, struct fault *f)
{
    struct buf pem;
    buf_init(&pem, TLS_FILE_LIMIT);
    enum fault_code code;
    if (token_is_uri(pair->key))
        code = token_private_key(pair->key, pin_file, &pair->private, f);
    else {
        code = tls_file_read(pair->key, &pem, f);
        if (code == FAULT_OK)
            code = tls_import_key(pair, &pem, f);
    }
    buf_wipe(&pem);
    pair->rsa = code == FAULT_OK && gnutls_privkey_get_pk_algorithm(pair->private, NULL) == GNUTLS_PK_RSA;
    /* The padding of RSA key exchange is an oracle unless it is undone in constant time, as only GnuTLS does.
     */
    if (pair->rsa && !pair->decrypts && !token_is_uri(pair->key) &&
        signer_take(&pair->private, f) != FAULT_OK)
        code = fault_prefix(f, "%s", pair->key);
    return code;
}

static enum fault_code tls_read_pair(struct tls_pair *pair, const char *pin_file, struct fault *f)
{
    if (!tls_file_named(pair->chain) && !tls_file_named(pair->key))
        return FAULT_OK;
    if (!tls_file_named(pair->chain))
        return fault_set(f, FAULT_INPUT,
                         "the private key %s needs its certificate: name the chain's file too", pair->shown);
    if (!tls_file_named(pair->key))
        return fault_set(f, FAULT_INPUT, "the certificate %s needs its private key: name the key's file too",
                         pair->chain);
    enum fault_code code = tls_read_chain(pair, f);
    return code == FAULT_OK ? tls_read_key(pair, pin_file, f) : code;
}

/* Both become the credentials' own, or nothing does. */
static int tls_give_pair(gnutls_certificate_credentials_t credentials, struct tls_pair *pair)
{
    gnutls_pcert_st *chain = calloc(pair->n_crts, sizeof *chain);
    if (chain == NULL)
        return GNUTLS_E_MEMORY_ERROR;
    unsigned n = 0;
    int rc = 0;
    while (n < pair->n_crts && (rc = gnutls_pcert_import_x509(&chain[n], pair->crts[n], 0)) >= 0)
        n++;
    if (rc >= 0)
        rc = gnutls_certificate_set_key(credentials, NULL, 0, chain, (int)n, pair->private);
    if (rc >= 0)
        pair->private = NULL;
    else
        while (n > 0)
            gnutls_pcert_deinit(&chain[--n]);
    free(chain);
    return rc;
}

static enum fault_code tls_use_pair(gnutls_certificate_credentials_t credentials, struct tls_pair *pair,
                                    struct fault *f)
{
    if (!tls_file_named(pair->chain))
        return FAULT_OK;
    int rc = tls_give_pair(credentials, pair);
    if (rc == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
        return fault_set(
            f, FAULT_INPUT,
            "the key %s does not belong to the first certificate in %s: put the server's own certificate "
            "first, and give the key that it was requested with",
            pair->shown, pair->chain);
    if (rc < 0)
        return fault_set(f, FAULT_INPUT, "cannot use the certificate %s with the key %s: %s", pair->chain,
                         pair->shown, gnutls_strerror(rc));
    if (tls_file_named(pair->staple))
        tls_staple(credentials, (unsigned)rc, pair->staple, pair->crts, pair->n_crts, pair->note, TLS_NOTE);
    return FAULT_OK;
}

static bool tls_exchanges_by_rsa(gnutls_priority_t priority)
{
    const unsigned *list = NULL;
    int n = gnutls_priority_kx_list(priority, &list);
    for (int i = 0; i < n; i++)
        if (list[i] == GNUTLS_KX_RSA)
            return true;
    return false;
}

static enum fault_code tls_load_pairs(struct tls_identity *identity, struct tls_offer *offer,
                                      const struct tls_identity_files *files, struct fault *f)
{
    struct tls_pair pairs[2];
    enum fault_code code = FAULT_OK;
    for (int i = 0; i < 2; i++) {
        pairs[i] = (struct tls_pair){ .chain = files->chain[i],
                                      .key = files->key[i],
                                      .staple = files->staple[i],
                                      .note = identity->note[i],
                                      .decrypts = tls_exchanges_by_rsa(offer->priority) };
        if (tls_file_named(pairs[i].key))
            token_shown(pairs[i].key, pairs[i].shown, sizeof pairs[i].shown);
    }
    for (int i = 0; code == FAULT_OK && i < 2; i++)
        code = tls_read_pair(&pairs[i], identity->pin_file, f);
    /* On TLS 1.3 GnuTLS takes the first that the client can use, and ECDSA costs less than RSA. */
    int first = code == FAULT_OK && pairs[0].rsa && tls_file_named(pairs[1].chain);
    if (code == FAULT_OK)
        code = tls_use_pair(offer->credentials, &pairs[first], f);
    if (code == FAULT_OK)
        code = tls_use_pair(offer->credentials, &pairs[1 - first], f);
    for (int i = 0; i < 2; i++)
        tls_pair_fini(&pairs[i]);
    return code;
}

static enum fault_code tls_set_priorities(struct tls_identity *identity,
                                          const struct tls_identity_files *files, struct fault *f)
{
    const char *priority = tls_file_named(files->priority) ? files->priority : TLS_PRIORITY_DEFAULT;
    const char *at = priority;
    int rc = gnutls_priority_init(&identity->usual.priority, priority, &at);
    if (rc < 0)
        return fault_set(f, FAULT_INPUT,
                         "GnuTLS does not understand the priority string from \"%.40s\" on: %s", at,
                         gnutls_strerror(rc));
    char legacy[sizeof TLS_PRIORITY_LEGACY + 40];
    snprintf(legacy, sizeof legacy, TLS_PRIORITY_LEGACY,
             files->legacy <= TLS_1_0   ? ":+VERS-TLS1.1:+VERS-TLS1.0"
             : files->legacy == TLS_1_1 ? ":+VERS-TLS1.1"
                                        : "");
    rc = gnutls_priority_init(&identity->legacy.priority, legacy, NULL);
    if (rc < 0)
        return fault_set(f, FAULT_TLS, "GnuTLS does not know the priorities of old TLS: %s",
                         gnutls_strerror(rc));
    return FAULT_OK;
}

static enum fault_code tls_load_offer(struct tls_identity *identity, struct tls_offer *offer,
                                      const struct tls_identity_files *files, struct fault *f)
{
    int rc = gnutls_certificate_allocate_credentials(&offer->credentials);
    if (rc < 0)
        return fault_set(f, FAULT_TLS, "cannot make TLS credentials: %s", gnutls_strerror(rc));
    /* gnutls_certificate_set_key then tells the number that staples are set by. */
    gnutls_certificate_set_flags(offer->credentials, GNUTLS_CERTIFICATE_API_V2);
    return tls_load_pairs(identity, offer, files, f);
}

static enum fault_code tls_load_all(struct tls_identity *identity, const struct tls_identity_files *files,
                                    struct fault *f)
{
    enum fault_code code = tls_set_priorities(identity, files, f);
    if (code != FAULT_OK)
        return code;
    if (!tls_file_named(files->chain[0]))
        return fault_set(f, FAULT_INPUT, "no server certificate: name its chain and its key");
    if (files->pin_file != NULL &&
        !mem_copy_text(identity->pin_file, sizeof identity->pin_file, files->pin_file))
        return fault_set(f, FAULT_INPUT, "the name of the PIN's file is too long");
    code = tls_load_offer(identity, &identity->usual, files, f);
    return code == FAULT_OK ? tls_load_offer(identity, &identity->legacy, files, f) : code;
}

enum fault_code tls_identity_load(const struct tls_identity_files *files, struct tls_identity **ret_identity,
                                  struct fault *f)
{
    struct tls_identity *identity = calloc(1, sizeof *identity);
    if (identity == NULL)
        return fault_set(f, FAULT_MEMORY, "no memory for the server's certificate");
    atomic_init(&identity->references, 1);
    enum fault_code code = tls_load_all(identity, files, f);
    if (code == FAULT_OK)
        *ret_identity = identity;
    else
        tls_identity_unref(identity);
    return code;
}

enum tls_version tls_identity_floor(const struct tls_identity *identity)
{
    const unsigned *list = NULL;
    int n = gnutls_priority_protocol_list(identity->usual.priority, &list);
    enum tls_version floor = TLS_1_3;
    for (int i = 0; i < n; i++) {
        enum tls_version version = tls_version_of((gnutls_protocol_t)list[i]);
        if (version != TLS_VERSION_NONE && version < floor) /* DTLS is in the list, too */
            floor = version;
    }
    return floor;
}

const char *tls_identity_note(const struct tls_identity *identity, int chain)
{
    return identity->note[chain][0] != '\0' ? identity->note[chain] : NULL;
}

struct tls_identity *tls_identity_ref(struct tls_identity *identity)
{
    atomic_fetch_add_explicit(&identity->references, 1, memory_order_relaxed);
    return identity;
}

static void tls_offer_fini(struct tls_offer *offer)
{
    if (offer->priority != NULL)
        gnutls_priority_deinit(offer->priority);
    if (offer->credentials != NULL)
        gnutls_certificate_free_credentials(offer->credentials);
}

void tls_identity_unref(struct tls_identity *identity)
{
    if (identity == NULL || atomic_fetch_sub_explicit(&identity->references, 1, memory_order_acq_rel) != 1)
        return;
    tls_offer_fini(&identity->usual);
    tls_offer_fini(&identity->legacy);
    free(identity);
}
