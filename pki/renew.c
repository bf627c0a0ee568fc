/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/renew.h"
#include "base/clock.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum fault_code renew_find(const struct store *store, const struct profile *profile, const char *name,
                           int64_t until, size_t **ret_lines, size_t *ret_count, struct fault *f)
{
    const struct ledger *ledger = &store->ledger;
    size_t *lines = calloc(ledger->count + 1, sizeof *lines), count = 0;
    if (lines == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    for (size_t i = 0; i < ledger->count; i++) {
        const struct ledger_line *line = &ledger->all[i];
        if (line->profile != profile->id || line->revoked != 0 || ledger_at(ledger, line->stem) != line)
            continue;
        if (name != NULL ? strcmp(line->subject, name) == 0 : line->not_after < until)
            lines[count++] = i;
    }
    if (name != NULL && count == 0) {
        free(lines);
        return fault_set(f, FAULT_ABSENT, "no %s certificate of %s can be renewed here: none, or revoked",
                         profile->word, name);
    }
    *ret_lines = lines;
    *ret_count = count;
    return FAULT_OK;
}

/* The names that the old certificate has besides its common name, which minting adds by itself: with that, a
 * full list has one more. */
static enum fault_code read_names(gnutls_x509_crt_t old, const char *common, struct names *names,
                                  struct fault *f)
{
    enum fault_code code = FAULT_OK;
    for (unsigned i = 0; code == FAULT_OK && i <= NAMES_MAX; i++) {
        unsigned char data[NAMES_HOST_MAX + 1];
        char text[NAMES_HOST_MAX + 1] = "";
        size_t n = sizeof data;
        int type = gnutls_x509_crt_get_subject_alt_name(old, i, data, &n, NULL);
        if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            break;
        if (type == GNUTLS_SAN_DNSNAME)
            (void)mem_copy_bytes(text, sizeof text, data, n);
        else if (type == GNUTLS_SAN_IPADDRESS)
            (void)inet_ntop(n == 4 ? AF_INET : AF_INET6, data, text, sizeof text);
        if (strcmp(text, common) != 0)
            code = names_add(names, text, f);
    }
    return code;
}

static const struct profile *role_of(gnutls_x509_crt_t old)
{
    char purpose[64];
    size_t n = sizeof purpose;
    bool server = gnutls_x509_crt_get_key_purpose_oid(old, 0, purpose, &n, NULL) == 0 &&
                  strcmp(purpose, GNUTLS_KP_TLS_WWW_SERVER) == 0;
    return profile_get(server ? PROFILE_SERVER : PROFILE_HANDSET);
}

/* Gives the old files that will be replaced a second name; the new ones then take the first. */
static enum fault_code keep_old(struct store *store, const char *stem, const char *serial, unsigned forms,
                                struct fault *f)
{
    static const struct {
        const char *end;
        unsigned form; /* 0: always */
    } rows[] = { { ".pem", 0 }, { ".key", ISSUE_KEY }, { ".p12", ISSUE_P12 }, { ".cfg", ISSUE_FRAGMENT } };
    enum fault_code code = FAULT_OK;
    for (size_t i = 0; code == FAULT_OK && i < ARRAY_LENGTH(rows); i++) {
        char from[FILE_PATH], to[FILE_PATH], end[32];
        if (rows[i].form != 0 && !(forms & rows[i].form))
            continue;
        snprintf(end, sizeof end, ".%.8s%s", serial, rows[i].end);
        code = store_file(store, stem, rows[i].end, from, f);
        if (code == FAULT_OK)
            code = store_file(store, stem, end, to, f);
        if (code == FAULT_OK && link(from, to) != 0 && errno != ENOENT && errno != EEXIST)
            code = fault_set(f, FAULT_IO, "cannot keep %s as %s: %s", from, to, strerror(errno));
    }
    return code;
}

static enum fault_code public_of(gnutls_x509_crt_t old, gnutls_pubkey_t *ret_public, struct fault *f)
{
    gnutls_pubkey_t public = NULL;
    int rc = gnutls_pubkey_init(&public);
    if (rc == 0)
        rc = gnutls_pubkey_import_x509(public, old, 0);
    if (rc == 0) {
        *ret_public = public;
        return FAULT_OK;
    }
    if (public != NULL)
        gnutls_pubkey_deinit(public);
    return fault_set(f, FAULT_INPUT, "the key of the old certificate cannot be read: %s",
                     gnutls_strerror(rc));
}

/* What kind of key a public one is, for a new one like it. */
static enum key_kind kind_of(gnutls_pubkey_t public)
{
    unsigned bits = 0;
    if (gnutls_pubkey_get_pk_algorithm(public, &bits) == GNUTLS_PK_RSA)
        return bits > 3072 ? KEY_RSA_4096 : bits > 2048 ? KEY_RSA_3072 : KEY_RSA_2048;
    return bits > 256 ? KEY_P384 : KEY_P256;
}

/* The key for the new certificate: *ret_key stays NULL where nobody here has it. */
static enum fault_code choose_key(const struct store *store, const char *stem, struct issue_order *order,
                                  bool keep_key, const struct passphrase_source *source,
                                  gnutls_x509_privkey_t *ret_key, gnutls_pubkey_t *public, struct fault *f)
{
    char file[FILE_PATH];
    enum fault_code code = store_file(store, stem, ".key", file, f);
    if (code != FAULT_OK || (order->forms == 0 && !file_exists(file)))
        return code;
    if (!keep_key) {
        if (order->forms == 0)
            order->forms = ISSUE_KEY;
        code = key_generate(kind_of(*public), ret_key, f);
    } else if (order->forms != 0) {
        code = key_load(file, source, ret_key, f);
    }
    if (code != FAULT_OK || *ret_key == NULL)
        return code;
    gnutls_pubkey_deinit(*public);
    *public = NULL;
    return key_public(*ret_key, public, f);
}

enum fault_code renew_certificate(struct store *store, const struct issuer *issuer, size_t at,
                                  const struct issue_order *model, bool keep_key,
                                  const struct passphrase_source *source, struct issue_result *ret_result,
                                  struct fault *f)
{
    const struct ledger_line line = store->ledger.all[at]; /* a copy: the ledger grows */
    struct issue_order order = *model;
    struct names names = { 0 };
    char file[FILE_PATH];
    gnutls_x509_crt_t old = NULL;
    gnutls_x509_privkey_t key = NULL;
    gnutls_pubkey_t public = NULL;
    bool ca = !profile_is_role(line.profile);
    enum fault_code code = store_file(store, line.stem, ".pem", file, f);
    if (code == FAULT_OK)
        code = mint_load(file, &old, f);
    if (code == FAULT_OK)
        code = read_names(old, line.subject, &names, f);
    if (code == FAULT_OK)
        code = public_of(old, &public, f);
    order.profile = profile_get(line.profile);
    order.name = line.subject;
    order.base = strchr(line.stem, '/') + 1;
    order.names = &names;
    order.force = true;
    if (code == FAULT_OK && ca)
        order.role = role_of(old);
    if (code == FAULT_OK && !ca)
        code = choose_key(store, line.stem, &order, keep_key, source, &key, &public, f);
    if (code == FAULT_OK)
        code = keep_old(store, line.stem, line.serial, order.forms, f);
    if (code == FAULT_OK)
        code = issue_certificate(store, issuer, &order, key, public, ret_result, f);
    gnutls_x509_crt_deinit(old);
    gnutls_x509_privkey_deinit(key);
    if (public != NULL)
        gnutls_pubkey_deinit(public);
    return code;
}
