/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/issue.h"
#include "base/clock.h"
#include "base/mem.h"
#include "pki/bag.h"

#include <string.h>

#define FORMS         4
#define CONTENT_LIMIT (1 << 20)

/* One file that is to be written; the certificate is the last. */
struct sheet {
    unsigned form; /* 0: always */
    const char *end;
    mode_t mode;
};
static const struct sheet sheets[FORMS] = {
    { ISSUE_KEY, ".key", 0600 },
    { ISSUE_P12, ".p12", 0600 },
    { ISSUE_FRAGMENT, ".cfg", 0600 },
    { 0, ".pem", 0644 },
};

struct desk {
    struct store *store;
    const struct issue_order *order;
    struct issue_result result;
    bool replace;
    gnutls_x509_crt_t chain[3]; /* its own, its CA's, the root's; NULL where there is none */
    struct buf content[FORMS];
};

static bool wanted(const struct issue_order *order, int i)
{
    return sheets[i].form == 0 || (order->forms & sheets[i].form) != 0;
}

static enum fault_code name_it(const struct issue_order *order, struct issue_result *result, struct fault *f)
{
    enum fault_code code = profile_name(order->profile, order->name, result->name, f);
    return code == FAULT_OK ? store_stem(order->profile->id, result->name, order->base, result->stem, f)
                            : code;
}

/* What is in the way; *ret_replace: what is there may go, because it was forced or is half of an old run. */
static enum fault_code look(const struct store *store, const struct issue_order *order,
                            const struct issue_result *result, bool *ret_replace, bool *ret_whole,
                            struct fault *f)
{
    char file[FILE_PATH];
    bool recorded = ledger_at(&store->ledger, result->stem) != NULL, whole = true, replace = order->force;
    enum fault_code code = store_file(store, result->stem, ".pem", file, f);
    if (code != FAULT_OK)
        return code;
    replace = replace || (recorded && !file_exists(file));
    for (int i = 0; i < FORMS; i++) {
        if (!wanted(order, i))
            continue;
        code = store_file(store, result->stem, sheets[i].end, file, f);
        if (code != FAULT_OK)
            return code;
        whole = whole && file_exists(file);
    }
    *ret_replace = replace;
    *ret_whole = whole;
    return FAULT_OK;
}

static enum fault_code check_way(const struct store *store, const struct issue_order *order,
                                 const struct issue_result *result, bool replace, struct fault *f)
{
    char file[FILE_PATH];
    enum fault_code code = FAULT_OK;
    for (int i = 0; !replace && code == FAULT_OK && i < FORMS; i++) {
        if (!wanted(order, i))
            continue;
        code = store_file(store, result->stem, sheets[i].end, file, f);
        if (code == FAULT_OK && file_exists(file))
            code = fault_set(f, FAULT_CONFLICT, "%s exists already: --force overwrites it", file);
    }
    return code;
}

enum fault_code issue_look(const struct store *store, const struct issue_order *order, bool *ret_done,
                           struct fault *f)
{
    struct issue_result result;
    bool replace = false, whole = false;
    enum fault_code code = name_it(order, &result, f);
    if (code == FAULT_OK)
        code = look(store, order, &result, &replace, &whole, f);
    if (code != FAULT_OK)
        return code;
    const struct ledger_line *line = ledger_at(&store->ledger, result.stem);
    bool done = !order->force && whole && line != NULL && ledger_holds(line, clock_wall_ms() / 1000);
    if (!done)
        code = check_way(store, order, &result, replace, f);
    if (code == FAULT_OK)
        *ret_done = done;
    return code;
}

/* The chain file: servers show everything up to the root (R5), clients what their CA's bundle lacks; a CA's
 * file is a bundle itself and holds that CA alone. */
static enum fault_code write_chain(struct desk *desk, struct buf *out, struct fault *f)
{
    const struct issue_order *order = desk->order;
    bool role = profile_is_role(order->profile->id);
    enum fault_code code = mint_export(desk->chain[0], out, f);
    if (code == FAULT_OK && role && desk->chain[1] != NULL)
        code = mint_export(desk->chain[1], out, f);
    if (code == FAULT_OK && order->profile->serves && !order->without_root && desk->chain[2] != NULL)
        code = mint_export(desk->chain[2], out, f);
    return code;
}

static enum fault_code write_fragment(struct desk *desk, gnutls_x509_privkey_t key, struct buf *out,
                                      struct fault *f)
{
    struct buf own, secret, ca;
    buf_init(&own, CONTENT_LIMIT);
    buf_init(&secret, CONTENT_LIMIT);
    buf_init(&ca, CONTENT_LIMIT);
    enum fault_code code = mint_export(desk->chain[0], &own, f);
    if (code == FAULT_OK)
        code = key_export(key, NULL, &secret, f);
    if (code == FAULT_OK)
        code = mint_export(desk->chain[2] != NULL ? desk->chain[2] : desk->chain[1], &ca, f);
    if (code == FAULT_OK)
        code = fragment_write(&desk->order->slot, own.data, secret.data, ca.data, out, f);
    buf_fini(&own);
    buf_wipe(&secret);
    buf_fini(&ca);
    return code;
}

static enum fault_code write_p12(struct desk *desk, gnutls_x509_privkey_t key, struct buf *out,
                                 struct fault *f)
{
    size_t count = 1;
    while (count < ARRAY_LENGTH(desk->chain) && desk->chain[count] != NULL)
        count++;
    return bag_make(key, desk->chain, count, desk->result.name, desk->order->p12, out, f);
}

/* Everything in memory first: what fails here leaves no trace. */
static enum fault_code fill_in(struct desk *desk, gnutls_x509_privkey_t key, struct fault *f)
{
    const struct issue_order *order = desk->order;
    enum fault_code code = FAULT_OK;
    if (order->forms & ISSUE_KEY)
        code = key_export(key, order->key_passphrase, &desk->content[0], f);
    if (code == FAULT_OK && order->forms & ISSUE_P12)
        code = write_p12(desk, key, &desk->content[1], f);
    if (code == FAULT_OK && order->forms & ISSUE_FRAGMENT)
        code = write_fragment(desk, key, &desk->content[2], f);
    if (code == FAULT_OK)
        code = write_chain(desk, &desk->content[3], f);
    return code;
}

static enum fault_code put_out(struct desk *desk, struct fault *f)
{
    struct issue_result *result = &desk->result;
    struct ledger_line line = { .profile = desk->order->profile->id, .not_after = result->not_after };
    (void)mem_copy_text(line.serial, sizeof line.serial, result->serial);
    (void)mem_copy_text(line.stem, sizeof line.stem, result->stem);
    (void)mem_copy_text(line.subject, sizeof line.subject, result->name);
    enum fault_code code = store_record(desk->store, &line, f);
    for (int i = 0; code == FAULT_OK && i < FORMS; i++) {
        if (!wanted(desk->order, i))
            continue;
        code = store_file(desk->store, result->stem, sheets[i].end, result->file, f);
        if (code == FAULT_OK)
            code = file_write(result->file, sheets[i].mode, desk->replace ? FILE_REPLACE : FILE_NEW,
                              desk->content[i].data, desk->content[i].used, f);
    }
    return code;
}

static enum fault_code sign(struct desk *desk, const struct issuer *issuer, gnutls_pubkey_t public,
                            struct fault *f)
{
    const struct issue_order *order = desk->order;
    struct mint_order mint = { .profile = order->profile,
                               .role = order->role,
                               .common_name = desk->result.name,
                               .names = order->names };
    char file[FILE_PATH];
    enum fault_code code =
        mint_dates(order->profile, order->days, issuer, &mint.not_before, &mint.not_after, f);
    if (code == FAULT_OK)
        code = mint_certificate(&mint, public, issuer, NULL, &desk->chain[0], f);
    if (code != FAULT_OK)
        return code;
    desk->result.not_after = mint.not_after;
    mint_serial(desk->chain[0], desk->result.serial);
    desk->chain[1] = issuer->certificate;
    /* Below the root itself there is nothing more to show. */
    if (!profile_is_role(order->profile->id))
        return FAULT_OK;
    code = store_ca(desk->store, PROFILE_ROOT, ".pem", file, f);
    return code == FAULT_OK ? mint_load(file, &desk->chain[2], f) : code;
}

enum fault_code issue_certificate(struct store *store, const struct issuer *issuer,
                                  const struct issue_order *order, gnutls_x509_privkey_t key,
                                  gnutls_pubkey_t public, struct issue_result *ret_result, struct fault *f)
{
    struct desk desk = { .store = store, .order = order };
    bool whole;
    for (int i = 0; i < FORMS; i++)
        buf_init(&desk.content[i], CONTENT_LIMIT);
    enum fault_code code = name_it(order, &desk.result, f);
    if (code == FAULT_OK)
        code = look(store, order, &desk.result, &desk.replace, &whole, f);
    if (code == FAULT_OK)
        code = check_way(store, order, &desk.result, desk.replace, f);
    if (code == FAULT_OK)
        code = sign(&desk, issuer, public, f);
    if (code == FAULT_OK)
        code = fill_in(&desk, key, f);
    if (code == FAULT_OK)
        code = put_out(&desk, f);
    if (code == FAULT_OK)
        *ret_result = desk.result;
    gnutls_x509_crt_deinit(desk.chain[0]);
    gnutls_x509_crt_deinit(desk.chain[2]);
    for (int i = 0; i < FORMS; i++)
        buf_wipe(&desk.content[i]);
    return code;
}

enum fault_code issue_with_key(struct store *store, const struct issuer *issuer,
                               const struct issue_order *order, struct issue_result *ret_result,
                               struct fault *f)
{
    gnutls_x509_privkey_t key = NULL;
    gnutls_pubkey_t public = NULL;
    enum fault_code code = key_generate(order->key, &key, f);
    if (code == FAULT_OK)
        code = key_public(key, &public, f);
    if (code == FAULT_OK)
        code = issue_certificate(store, issuer, order, key, public, ret_result, f);
    gnutls_x509_privkey_deinit(key);
    if (public != NULL)
        gnutls_pubkey_deinit(public);
    return code;
}
