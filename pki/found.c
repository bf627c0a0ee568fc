/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/found.h"
#include "base/mem.h"
#include "pki/issue.h"
#include "pki/revoke.h"

#include <stdio.h>
#include <string.h>

#define CERTIFICATE_LIMIT (1 << 16)

/* keys[PROFILE_ROOT], and one for each role. */
struct founding {
    struct store *store;
    const struct found_order *order;
    gnutls_x509_privkey_t keys[PROFILE_COUNT];
    struct issuer root; /* its key is borrowed from keys */
};

enum fault_code found_name(const char *site, enum profile_id role, char ret_name[NAMES_CN_MAX + 1],
                           struct fault *f)
{
    char name[NAMES_CN_MAX + 2];
    snprintf(name, sizeof name, "%s %s CA", site, profile_get(role)->word);
    enum fault_code code = names_check_common(name, f);
    if (code == FAULT_OK && site[0] == '\0')
        code = fault_set(f, FAULT_INPUT, "the site needs a name");
    if (code != FAULT_OK)
        return fault_prefix(f, "the CA's name \"%s\"", name);
    (void)mem_copy_text(ret_name, NAMES_CN_MAX + 1, name);
    return FAULT_OK;
}

static enum fault_code make_keys(struct founding *g, struct fault *f)
{
    int done = 0, total = 1 + PROFILE_COUNT - PROFILE_FIRST_ROLE;
    enum fault_code code = FAULT_OK;
    for (int i = PROFILE_ROOT; code == FAULT_OK && i < PROFILE_COUNT; i++) {
        if (i == PROFILE_INTERMEDIATE)
            continue;
        if (g->order->progress != NULL)
            g->order->progress(g->order->user, done++, total);
        code = key_generate(i == PROFILE_ROOT ? g->order->root_key : g->order->key, &g->keys[i], f);
    }
    if (code == FAULT_OK && g->order->progress != NULL)
        g->order->progress(g->order->user, total, total);
    return code;
}

/* Signs itself; its line in the index is for the record. */
static enum fault_code sign_root(struct founding *g, struct fault *f)
{
    char name[NAMES_CN_MAX + 1];
    struct mint_order mint = { .profile = profile_get(PROFILE_ROOT), .common_name = name, .path_length = 1 };
    struct ledger_line line = { .profile = PROFILE_ROOT, .stem = "ca/root" };
    gnutls_pubkey_t public = NULL;
    enum fault_code code = found_name(g->order->name, PROFILE_ROOT, name, f);
    if (code == FAULT_OK)
        code = mint_dates(mint.profile, g->order->root_days, NULL, &mint.not_before, &mint.not_after, f);
    if (code == FAULT_OK)
        code = key_public(g->keys[PROFILE_ROOT], &public, f);
    if (code == FAULT_OK)
        code = mint_certificate(&mint, public, NULL, g->keys[PROFILE_ROOT], &g->root.certificate, f);
    if (public != NULL)
        gnutls_pubkey_deinit(public);
    if (code != FAULT_OK)
        return code;
    g->root.key = g->keys[PROFILE_ROOT];
    mint_serial(g->root.certificate, line.serial);
    line.not_after = mint.not_after;
    (void)mem_copy_text(line.subject, sizeof line.subject, name);
    return store_record(g->store, &line, f);
}

static enum fault_code write_root(struct founding *g, struct fault *f)
{
    char file[FILE_PATH];
    struct buf pem;
    buf_init(&pem, CERTIFICATE_LIMIT);
    enum fault_code code = mint_export(g->root.certificate, &pem, f);
    if (code == FAULT_OK)
        code = store_ca(g->store, PROFILE_ROOT, ".key", file, f);
    if (code == FAULT_OK)
        code = key_save(file, g->root.key, g->order->root, f);
    if (code == FAULT_OK)
        code = file_path(file, f, "%s/root.pem", g->store->root);
    if (code == FAULT_OK)
        code = file_write(file, 0644, FILE_NEW, pem.data, pem.used, f);
    if (code == FAULT_OK)
        code = store_ca(g->store, PROFILE_ROOT, ".pem", file, f);
    if (code == FAULT_OK)
        code = file_write(file, 0644, FILE_NEW, pem.data, pem.used, f);
    /* GnuTLS compares names of certificates that it has read, not of those that it has built. */
    gnutls_x509_crt_t read = NULL;
    if (code == FAULT_OK)
        code = mint_load(file, &read, f);
    if (code == FAULT_OK) {
        gnutls_x509_crt_deinit(g->root.certificate);
        g->root.certificate = read;
    }
    buf_fini(&pem);
    return code;
}

static enum fault_code make_intermediate(struct founding *g, enum profile_id role, struct fault *f)
{
    char name[NAMES_CN_MAX + 1];
    struct issue_order order = { .profile = profile_get(PROFILE_INTERMEDIATE),
                                 .role = profile_get(role),
                                 .name = name,
                                 .base = profile_get(role)->word,
                                 .days = g->order->days,
                                 .forms = ISSUE_KEY,
                                 .key_passphrase = g->order->passphrase };
    struct issue_result result;
    struct issuer issuer = { 0 };
    gnutls_pubkey_t public = NULL;
    enum fault_code code = found_name(g->order->name, role, name, f);
    if (code == FAULT_OK)
        code = key_public(g->keys[role], &public, f);
    if (code == FAULT_OK)
        code = issue_certificate(g->store, &g->root, &order, g->keys[role], public, &result, f);
    if (code == FAULT_OK)
        code = mint_load(result.file, &issuer.certificate, f);
    issuer.key = g->keys[role];
    /* Empty lists, so that whoever demands one can be set up at once. */
    if (code == FAULT_OK)
        code = revoke_publish(g->store, role, &issuer, g->order->crl_days, NULL, f);
    gnutls_x509_crt_deinit(issuer.certificate);
    if (public != NULL)
        gnutls_pubkey_deinit(public);
    return code;
}

enum fault_code found_pki(struct store *store, const struct found_order *order, struct fault *f)
{
    struct founding g = { .store = store, .order = order };
    enum fault_code code = make_keys(&g, f);
    if (code == FAULT_OK)
        code = store_save(store, f);
    if (code == FAULT_OK)
        code = sign_root(&g, f);
    if (code == FAULT_OK)
        code = write_root(&g, f);
    if (code == FAULT_OK)
        code = revoke_publish(store, PROFILE_ROOT, &g.root, order->crl_days, NULL, f);
    for (int role = PROFILE_FIRST_ROLE; code == FAULT_OK && role < PROFILE_COUNT; role++)
        code = make_intermediate(&g, (enum profile_id)role, f);
    gnutls_x509_crt_deinit(g.root.certificate);
    for (int i = 0; i < PROFILE_COUNT; i++)
        gnutls_x509_privkey_deinit(g.keys[i]);
    return code;
}
