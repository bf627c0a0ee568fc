/* SPDX-License-Identifier: Apache-2.0 */
/* pki init, request, sign. */
#include "cli/ctl_pki.h"
#include "cli/ctl_pki_base.h"

#include "base/mem.h"
#include "pki/found.h"
#include "pki/request.h"
#include "pki/revoke.h"

#include <stdio.h>
#include <string.h>

#define PEM_LIMIT (1 << 20)

/* --- init --- */

static void on_key(void *user, int done, int total)
{
    (void)user;
    ctl_progress("keys", done, total);
}

struct init {
    struct pki_base base;
    const char *name, *key, *root_key;
    long days, root_days, crl_days;
    bool clear;
};

/* Everything that can be wrong is found before the first passphrase is asked for. */
static enum fault_code read_init(struct init *in, struct found_order *order, struct fault *f)
{
    char name[NAMES_CN_MAX + 1];
    enum fault_code code = FAULT_OK;
    *order = (struct found_order){ .name = in->name,
                                   .root_key = profile_get(PROFILE_ROOT)->key,
                                   .key = profile_get(PROFILE_INTERMEDIATE)->key,
                                   .root_days = (int)in->root_days,
                                   .days = (int)in->days,
                                   .crl_days = (int)in->crl_days,
                                   .progress = on_key };
    if (in->name == NULL)
        code = fault_set(f, FAULT_INPUT, "give the site a name that no other CA has: --name \"St. Mary's\"");
    if (code == FAULT_OK && in->clear && in->base.passphrase_file != NULL)
        code = fault_set(f, FAULT_INPUT, "--no-passphrase and --passphrase-file contradict each other");
    if (code == FAULT_OK && in->key != NULL)
        code = key_kind_find(in->key, &order->key, f);
    if (code == FAULT_OK && in->root_key != NULL)
        code = key_kind_find(in->root_key, &order->root_key, f);
    if (code == FAULT_OK)
        code = found_name(in->name, PROFILE_ADMINISTRATOR, name, f); /* the longest */
    return code;
}

static enum fault_code run_init(struct init *in, struct fault *f)
{
    struct found_order order;
    struct pki_base *base = &in->base;
    enum fault_code code = read_init(in, &order, f);
    if (code == FAULT_OK)
        code = store_create(pki_folder(base), base->root, &base->store, f);
    base->opened = code == FAULT_OK;
    if (code == FAULT_OK)
        code = pki_new_passphrase(base->root_passphrase_file, "the root's key", &base->given[1], f);
    if (code == FAULT_OK && !in->clear)
        code = pki_new_passphrase(base->passphrase_file, "the intermediates' keys", &base->given[0], f);
    order.root = &base->given[1];
    order.passphrase = in->clear ? NULL : &base->given[0];
    return code == FAULT_OK ? found_pki(&base->store, &order, f) : code;
}

int ctl_pki_init(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    struct init in = { .crl_days = REVOKE_CRL_DAYS };
    const struct ctl_option options[] = {
        { "name", "TEXT", CTL_TEXT, &in.name, "the site's name: it begins the names of its CAs", 0, 0 },
        PKI_BASE_OPTIONS(in.base),
        { "no-passphrase", NULL, CTL_FLAG, &in.clear, "leave the intermediates' keys unencrypted", 0, 0 },
        { "key-kind", "KIND", CTL_TEXT, &in.key,
          "of the intermediates: rsa2048, rsa3072 (default), rsa4096, p256, p384", 0, 0 },
        { "root-key-kind", "KIND", CTL_TEXT, &in.root_key, "of the root (default rsa4096)", 0, 0 },
        { "days", "DAYS", CTL_NUMBER, &in.days, "lifetime of the intermediates (default 3650)", 1,
          PROFILE_DAYS_MAX },
        { "root-days", "DAYS", CTL_NUMBER, &in.root_days, "lifetime of the root (default 7300)", 1,
          PROFILE_DAYS_MAX },
        { "crl-days", "DAYS", CTL_NUMBER, &in.crl_days,
          "how long the first lists of revocations hold (default 30)", 1, REVOKE_CRL_DAYS_MAX },
    };
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 0, 0, &words);
    if (status != CTL_GO)
        return status;
    status = CTL_GOOD;
    if (run_init(&in, &f) != FAULT_OK)
        status = ctl_failed(&f);
    else
        printf("%s/ca: the CAs of %s. Put %s/root.key away safely: whoever has it and its passphrase is the\n"
               "root, and without it no intermediate can be renewed.\n",
               in.base.store.folder, in.name, in.base.store.root);
    pki_close(&in.base);
    return status;
}

/* --- request --- */

struct ask {
    const char *out, *key, *file;
    struct ctl_list also;
    bool force;
};

static enum fault_code write_request(const struct ask *ask, const char *name, const struct names *names,
                                     enum key_kind kind, char ret_csr[FILE_PATH], struct fault *f)
{
    char key_file[FILE_PATH], stem[LEDGER_STEM_MAX + 1];
    struct buf pem, secret;
    buf_init(&pem, PEM_LIMIT);
    buf_init(&secret, PEM_LIMIT);
    enum fault_code code = store_stem(PROFILE_SERVER, name, ask->file, stem, f);
    const char *base = code == FAULT_OK ? strchr(stem, '/') + 1 : "";
    if (code == FAULT_OK)
        code = file_path(key_file, f, "%s/%s.key", ask->out, base);
    if (code == FAULT_OK)
        code = file_path(ret_csr, f, "%s/%s.csr", ask->out, base);
    if (code == FAULT_OK && !ask->force && (file_exists(key_file) || file_exists(ret_csr)))
        code = fault_set(f, FAULT_CONFLICT, "%s exists already: --force overwrites it",
                         file_exists(key_file) ? key_file : ret_csr);
    if (code == FAULT_OK)
        code = request_new(kind, name, names, &secret, &pem, f);
    enum file_how how = ask->force ? FILE_REPLACE : FILE_NEW;
    if (code == FAULT_OK)
        code = file_write(key_file, 0600, how, secret.data, secret.used, f);
    if (code == FAULT_OK)
        code = file_write(ret_csr, 0644, how, pem.data, pem.used, f);
    buf_fini(&pem);
    buf_wipe(&secret);
    return code;
}

int ctl_pki_request(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    struct ask ask = { .out = "." };
    struct names names = { 0 };
    char name[NAMES_CN_MAX + 1], csr[FILE_PATH];
    const struct profile *server = profile_get(PROFILE_SERVER);
    enum key_kind kind = server->key;
    const struct ctl_option options[] = {
        { "also", "NAME", CTL_LIST, &ask.also, "another host name or address; may be given several times", 0,
          0 },
        { "key-kind", "KIND", CTL_TEXT, &ask.key, "rsa2048 (default), rsa3072, rsa4096, p256, p384", 0, 0 },
        { "out", "DIR", CTL_TEXT, &ask.out, "where NAME.key and NAME.csr go (default: here)", 0, 0 },
        { "file", "BASE", CTL_TEXT, &ask.file, "what the files are called (default: NAME)", 0, 0 },
        { "force", NULL, CTL_FLAG, &ask.force, "overwrite files", 0, 0 },
    };
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 1, 1, &words);
    if (status != CTL_GO)
        return status;
    enum fault_code code = profile_name(server, words.word[0], name, &f);
    if (code == FAULT_OK)
        code = names_add(&names, name, &f);
    if (code == FAULT_OK)
        code = pki_names_read(&ask.also, &names, &f);
    if (code == FAULT_OK && ask.key != NULL)
        code = key_kind_find(ask.key, &kind, &f);
    if (code == FAULT_OK)
        code = write_request(&ask, name, &names, kind, csr, &f);
    if (code != FAULT_OK)
        return ctl_failed(&f);
    printf("%s: the request for %s; its key is beside it and stays there\n", csr, name);
    return CTL_GOOD;
}

/* --- sign --- */

struct sign {
    struct pki_base base;
    struct ctl_list also;
    const char *role, *file;
    long days;
    bool request_names, force, without_root, offline;
};

/* What was asked for and what is given: the profile decides, the request does not. */
static enum fault_code choose_names(const struct sign *in, const struct profile *profile, const char *name,
                                    const struct request *request, struct names *names, struct fault *f)
{
    if (request->common_name[0] != '\0' && strcmp(request->common_name, name) != 0)
        fprintf(stderr, "cradlectl: the request is for \"%s\"; the certificate is made out to %s\n",
                request->common_name, name);
    if (profile->id != PROFILE_SERVER) {
        if (request->names.count > 0)
            fprintf(stderr,
                    "cradlectl: the request asks for %zu alternative names; %s certificates have none\n",
                    request->names.count, profile->word);
        return FAULT_OK;
    }
    if (in->also.count > 0)
        return pki_names_read(&in->also, names, f);
    if (in->request_names)
        *names = request->names;
    for (size_t i = 0; i < request->names.count; i++)
        fprintf(stderr, "cradlectl: the request asks for %s, which is %s\n", request->names.at[i],
                in->request_names ? "given" : "left out: --request-names or --also gives it");
    if (request->ignored > 0)
        fprintf(stderr, "cradlectl: %u names of other kinds are left out\n", request->ignored);
    return FAULT_OK;
}

static enum fault_code run_sign(struct ctl *ctl, struct sign *in, const struct ctl_words *words,
                                struct issue_result *result, struct fault *f)
{
    struct issue_order order = {
        .base = in->file, .days = (int)in->days, .force = in->force, .without_root = in->without_root
    };
    struct request request = { 0 };
    struct names names = { 0 };
    struct issuer issuer = { 0 };
    char name[NAMES_CN_MAX + 1];
    enum fault_code code = profile_find(words->word[0], &order.profile, f);
    if (code == FAULT_OK && order.profile->id == PROFILE_ROOT)
        code = fault_set(f, FAULT_INPUT, "a root signs itself: 'cradlectl pki init' makes one");
    if (code == FAULT_OK && (in->role != NULL) != (order.profile->id == PROFILE_INTERMEDIATE))
        code = fault_set(f, FAULT_INPUT, "an intermediate needs --role, and nothing else takes it");
    if (code == FAULT_OK && in->role != NULL)
        code = profile_find(in->role, &order.role, f);
    if (code == FAULT_OK && in->role != NULL && !profile_is_role(order.role->id))
        code = fault_set(f, FAULT_INPUT,
                         "'%.40s' is no role: write server, handset, administrator or operator", in->role);
    if (code == FAULT_OK)
        code = profile_name(order.profile, words->word[1], name, f);
    if (code == FAULT_OK)
        code = request_load(words->word[2], &request, f);
    if (code == FAULT_OK && !in->offline)
        code = pki_check_account(ctl, order.profile, name, f);
    if (code == FAULT_OK)
        code = choose_names(in, order.profile, name, &request, &names, f);
    if (code == FAULT_OK)
        code = pki_open(&in->base, true, f);
    if (code == FAULT_OK)
        code =
            store_issuer(&in->base.store, store_issuer_of(order.profile->id), &in->base.source, &issuer, f);
    order.name = name;
    order.names = &names;
    if (code == FAULT_OK)
        code = issue_certificate(&in->base.store, &issuer, &order, NULL, request.key, result, f);
    request_fini(&request);
    issuer_fini(&issuer);
    return code;
}

int ctl_pki_sign(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    struct issue_result result;
    struct sign in = { 0 };
    const struct ctl_option options[] = {
        PKI_BASE_OPTIONS(in.base),
        { "also", "NAME", CTL_LIST, &in.also, "for servers: another name or address", 0, 0 },
        { "request-names", NULL, CTL_FLAG, &in.request_names,
          "for servers: give the names that the request asks for, instead", 0, 0 },
        { "role", "ROLE", CTL_TEXT, &in.role, "for intermediate: what it may sign", 0, 0 },
        { "days", "DAYS", CTL_NUMBER, &in.days, "lifetime (default: the profile's)", 1, PROFILE_DAYS_MAX },
        { "file", "BASE", CTL_TEXT, &in.file, "what the file is called (default: NAME)", 0, 0 },
        { "without-root", NULL, CTL_FLAG, &in.without_root, "for servers: end the chain before the root", 0,
          0 },
        { "offline", NULL, CTL_FLAG, &in.offline, "do not ask the server whether the account exists", 0, 0 },
        { "force", NULL, CTL_FLAG, &in.force, "overwrite the file", 0, 0 },
    };
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 3, 3, &words);
    if (status != CTL_GO)
        return status;
    status = CTL_GOOD;
    if (run_sign(ctl, &in, &words, &result, &f) != FAULT_OK)
        status = ctl_failed(&f);
    else
        pki_result(&in.base, &result);
    if (status == CTL_GOOD)
        pki_print_results(ctl, &in.base);
    pki_close(&in.base);
    return status;
}
