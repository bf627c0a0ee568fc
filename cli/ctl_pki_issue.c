/* SPDX-License-Identifier: Apache-2.0 */
/* pki issue: one name, some, or a list of handsets. */
#include "cli/ctl_pki.h"
#include "cli/ctl_pki_base.h"

#include "base/mem.h"
#include "pki/batch.h"
#include "pki/mill.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_LIMIT     ((size_t)256 << 20)
#define PROBLEMS_LIMIT (1 << 16)

struct issue {
    struct pki_base base;
    struct pki_forms forms;
    struct ctl_list also;
    const char *csv, *key, *file, *role;
    long days;
    bool force, without_root, offline, clear;
};

/* A new intermediate for a role, in place of one that cannot be trusted any more. */
static enum fault_code read_intermediate(struct issue *in, const struct ctl_words *words,
                                         struct issue_order *order, struct fault *f)
{
    if (in->role == NULL || words->count != 2 || in->forms.format.count > 0 || in->file != NULL)
        return fault_set(f, FAULT_INPUT,
                         "an intermediate takes one NAME and --role ROLE, and no form or file");
    enum fault_code code = profile_find(in->role, &order->role, f);
    if (code == FAULT_OK && !profile_is_role(order->role->id))
        code = fault_set(f, FAULT_INPUT,
                         "'%.40s' is no role: write server, handset, administrator or operator", in->role);
    if (code != FAULT_OK)
        return code;
    order->base = order->role->word;
    order->forms = ISSUE_KEY;
    if (in->clear)
        return FAULT_OK;
    order->key_passphrase = &in->base.given[0];
    return pki_new_passphrase(in->base.passphrase_file, "the intermediate's key", &in->base.given[0], f);
}

static enum fault_code read_order(struct issue *in, const struct ctl_words *words, struct issue_order *order,
                                  struct names *names, struct fault *f)
{
    *order = (struct issue_order){ .base = in->file,
                                   .names = names,
                                   .days = (int)in->days,
                                   .force = in->force,
                                   .without_root = in->without_root };
    enum fault_code code = profile_find(words->word[0], &order->profile, f);
    if (code != FAULT_OK)
        return code;
    order->key = order->profile->key;
    bool handset = order->profile->id == PROFILE_HANDSET, role = profile_is_role(order->profile->id);
    if (order->profile->id == PROFILE_ROOT)
        return fault_set(f, FAULT_INPUT, "a root signs itself: 'cradlectl pki init' makes one");
    if (role && (in->role != NULL || in->clear))
        return fault_set(f, FAULT_INPUT, "--role and --no-passphrase are for intermediates");
    if (in->csv != NULL && !handset)
        return fault_set(f, FAULT_INPUT, "--csv is for handsets");
    if ((in->csv != NULL) == (words->count > 1))
        return fault_set(f, FAULT_INPUT,
                         "name whom the certificates are for: NAME…, or --csv FILE for handsets");
    if (in->also.count > 0 && (order->profile->id != PROFILE_SERVER || words->count > 2))
        return fault_set(f, FAULT_INPUT, "--also is for one server");
    if (in->file != NULL && (in->csv != NULL || words->count > 2))
        return fault_set(f, FAULT_INPUT, "--file is for one certificate");
    code = pki_names_read(&in->also, names, f);
    if (code == FAULT_OK && in->key != NULL)
        code = key_kind_find(in->key, &order->key, f);
    if (code == FAULT_OK)
        code =
            role ? pki_forms_read(&in->forms, ISSUE_KEY, order, f) : read_intermediate(in, words, order, f);
    return code;
}

static enum fault_code read_csv(const char *file, struct batch *batch, struct fault *f)
{
    struct buf text, problems;
    size_t wrong = 0;
    buf_init(&text, LIST_LIMIT);
    buf_init(&problems, PROBLEMS_LIMIT);
    enum fault_code code = file_read(file, &text, f);
    if (code == FAULT_OK)
        code = batch_parse(batch, text.data != NULL ? text.data : "", text.used, &problems, &wrong, f);
    if (code == FAULT_OK && wrong > 0) {
        fputs(problems.data != NULL ? problems.data : "", stderr);
        code = fault_set(f, FAULT_INPUT, "%s: %zu lines are wrong, so nothing was made", file, wrong);
    } else if (code == FAULT_OK && batch->count == 0) {
        code = fault_set(f, FAULT_INPUT, "%s names no handset", file);
    }
    buf_fini(&text);
    buf_fini(&problems);
    return code;
}

static void on_progress(void *user, size_t done, size_t total)
{
    (void)user;
    ctl_progress("certificates", (int64_t)done, (int64_t)total);
}

static enum fault_code run_list(const struct ctl *ctl, struct issue *in, const struct issuer *issuer,
                                const struct issue_order *order, const struct batch *batch, struct fault *f)
{
    size_t made = 0, there = 0;
    const struct mill_order mill = { .store = &in->base.store,
                                     .issuer = issuer,
                                     .model = order,
                                     .macs = batch->macs,
                                     .count = batch->count,
                                     .progress = on_progress };
    enum fault_code code = mill_run(&mill, &made, &there, f);
    if (code != FAULT_OK)
        return code;
    if (ctl_json(ctl)) {
        json_t *object = json_pack("{s:I, s:I}", "made", (json_int_t)made, "there", (json_int_t)there);
        ctl_print_json(object);
        json_decref(object);
    } else {
        printf("%s/handset: %zu certificates made, %zu were there already\n", in->base.store.folder, made,
               there);
    }
    return FAULT_OK;
}

/* Names of the command line: each is looked at before the first is made. */
static enum fault_code run_names(struct ctl *ctl, struct issue *in, const struct issuer *issuer,
                                 struct issue_order *order, const struct ctl_words *words, struct fault *f)
{
    enum fault_code code = FAULT_OK;
    bool done[CTL_LIST_MAX] = { false };
    for (size_t i = 1; code == FAULT_OK && i < words->count; i++) {
        char name[NAMES_CN_MAX + 1];
        order->name = words->word[i];
        code = profile_name(order->profile, order->name, name, f);
        if (code == FAULT_OK)
            code = issue_look(&in->base.store, order, &done[i], f);
        if (code == FAULT_OK && !in->offline)
            code = pki_check_account(ctl, order->profile, name, f);
    }
    for (size_t i = 1; code == FAULT_OK && i < words->count; i++) {
        struct issue_result result;
        order->name = words->word[i];
        if (done[i]) {
            fprintf(stderr, "cradlectl: %s has a certificate already: 'cradlectl pki renew' makes another\n",
                    order->name);
            continue;
        }
        code = issue_with_key(&in->base.store, issuer, order, &result, f);
        if (code == FAULT_OK)
            pki_result(&in->base, &result);
    }
    return code;
}

static enum fault_code run_issue(struct ctl *ctl, struct issue *in, const struct ctl_words *words,
                                 struct fault *f)
{
    struct issue_order order;
    struct names names = { 0 };
    struct batch batch = { 0 };
    struct issuer issuer = { 0 };
    enum fault_code code = read_order(in, words, &order, &names, f);
    if (code == FAULT_OK && in->csv != NULL)
        code = read_csv(in->csv, &batch, f);
    if (code == FAULT_OK)
        code = pki_open(&in->base, true, f);
    if (code == FAULT_OK)
        code =
            store_issuer(&in->base.store, store_issuer_of(order.profile->id), &in->base.source, &issuer, f);
    if (code == FAULT_OK)
        code = in->csv != NULL ? run_list(ctl, in, &issuer, &order, &batch, f)
                               : run_names(ctl, in, &issuer, &order, words, f);
    issuer_fini(&issuer);
    batch_fini(&batch);
    return code;
}

int ctl_pki_issue(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    struct issue in = { 0 };
    const struct ctl_option options[] = {
        PKI_BASE_OPTIONS(in.base),
        PKI_FORMS_OPTIONS(in.forms),
        { "csv", "FILE", CTL_TEXT, &in.csv,
          "handsets: a list, mac[,…] a line; may be interrupted and begun again", 0, 0 },
        { "also", "NAME", CTL_LIST, &in.also, "for a server: another host name or address", 0, 0 },
        { "key-kind", "KIND", CTL_TEXT, &in.key,
          "rsa2048, rsa3072, rsa4096, p256, p384 (default: the profile's)", 0, 0 },
        { "days", "DAYS", CTL_NUMBER, &in.days, "lifetime (default: the profile's)", 1, PROFILE_DAYS_MAX },
        { "file", "BASE", CTL_TEXT, &in.file, "what the files are called (default: NAME)", 0, 0 },
        { "without-root", NULL, CTL_FLAG, &in.without_root, "for servers: end the chain before the root", 0,
          0 },
        { "offline", NULL, CTL_FLAG, &in.offline, "do not ask the server whether the account exists", 0, 0 },
        { "role", "ROLE", CTL_TEXT, &in.role, "for an intermediate: what it may sign", 0, 0 },
        { "no-passphrase", NULL, CTL_FLAG, &in.clear, "for an intermediate: leave its key unencrypted", 0,
          0 },
        { "force", NULL, CTL_FLAG, &in.force, "make it anew and overwrite files", 0, 0 },
    };
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 1, CTL_LIST_MAX, &words);
    if (status != CTL_GO)
        return status;
    status = run_issue(ctl, &in, &words, &f) == FAULT_OK ? CTL_GOOD : ctl_failed(&f);
    /* What was made before a failure is there and counts. */
    if (in.csv == NULL)
        pki_print_results(ctl, &in.base);
    mem_wipe(&in.forms.p12, sizeof in.forms.p12);
    pki_close(&in.base);
    return status;
}
