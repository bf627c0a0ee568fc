/* SPDX-License-Identifier: Apache-2.0 */
/* pki renew, revoke, crl. */
#include "cli/ctl_pki.h"
#include "cli/ctl_pki_base.h"
#include "cli/ctl_pki_revoke.h"

#include "base/clock.h"
#include "base/mem.h"
#include "pki/renew.h"
#include "pki/revoke.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY 86400

/* --- renew --- */

struct renewal {
    struct pki_base base;
    struct pki_forms forms;
    const struct profile *profile;
    long days, expiring;
    bool keep_key, without_root;
};

static enum fault_code renew_all(struct renewal *in, const size_t *lines, size_t count,
                                 struct issue_order *order, struct fault *f)
{
    struct issuer issuer = { 0 };
    enum fault_code code = FAULT_OK;
    if (count > 0)
        code = store_issuer(&in->base.store, store_issuer_of(in->profile->id), &in->base.source, &issuer, f);
    for (size_t i = 0; code == FAULT_OK && i < count; i++) {
        struct issue_result result;
        code = renew_certificate(&in->base.store, &issuer, lines[i], order, in->keep_key, &in->base.source,
                                 &result, f);
        if (code == FAULT_OK)
            pki_result(&in->base, &result);
    }
    issuer_fini(&issuer);
    if (code == FAULT_OK && count == 0)
        fprintf(stderr, "cradlectl: nothing ends within %ld days\n", in->expiring);
    return code;
}

static enum fault_code run_renew(struct renewal *in, const struct ctl_words *words, struct fault *f)
{
    char name[NAMES_CN_MAX + 1];
    struct issue_order order = { .days = (int)in->days, .without_root = in->without_root };
    size_t *lines = NULL, count = 0;
    enum fault_code code = profile_find(words->word[0], &in->profile, f);
    if (code == FAULT_OK && in->profile->id == PROFILE_ROOT)
        code = fault_set(f, FAULT_INPUT,
                         "a root is not renewed: found another PKI, and have both trusted for a time");
    if (code == FAULT_OK && (words->count > 1) == (in->expiring >= 0))
        code = fault_set(f, FAULT_INPUT, "name what is to be renewed: NAME, or --expiring DAYS");
    if (code == FAULT_OK && words->count > 1)
        code = profile_name(in->profile, words->word[1], name, f);
    order.profile = in->profile;
    if (code == FAULT_OK)
        code = pki_forms_read(&in->forms, 0, &order, f);
    if (code == FAULT_OK && !profile_is_role(in->profile->id) && order.forms != 0)
        code = fault_set(f, FAULT_INPUT, "a CA keeps its key: --format does not fit");
    if (code == FAULT_OK)
        code = pki_open(&in->base, true, f);
    if (code == FAULT_OK)
        code = renew_find(&in->base.store, in->profile, words->count > 1 ? name : NULL,
                          clock_wall_ms() / 1000 + (int64_t)in->expiring * DAY, &lines, &count, f);
    if (code == FAULT_OK)
        code = renew_all(in, lines, count, &order, f);
    free(lines);
    return code;
}

int ctl_pki_renew(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    struct renewal in = { .expiring = -1 };
    const struct ctl_option options[] = {
        PKI_BASE_OPTIONS(in.base),
        PKI_FORMS_OPTIONS(in.forms),
        { "expiring", "DAYS", CTL_NUMBER, &in.expiring, "all of the profile that end within so many days", 0,
          PROFILE_DAYS_MAX },
        { "keep-key", NULL, CTL_FLAG, &in.keep_key,
          "for the same key (default: a new one, where the old one is here)", 0, 0 },
        { "days", "DAYS", CTL_NUMBER, &in.days, "lifetime (default: the profile's)", 1, PROFILE_DAYS_MAX },
        { "without-root", NULL, CTL_FLAG, &in.without_root, "for servers: end the chain before the root", 0,
          0 },
    };
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 1, 2, &words);
    if (status != CTL_GO)
        return status;
    status = run_renew(&in, &words, &f) == FAULT_OK ? CTL_GOOD : ctl_failed(&f);
    /* What was made before a failure is there and counts. */
    pki_print_results(ctl, &in.base);
    mem_wipe(&in.forms.p12, sizeof in.forms.p12);
    pki_close(&in.base);
    return status;
}

/* --- revoke, crl --- */

struct revocation {
    struct pki_base base;
    const char *serial, *reason;
    long crl_days;
};

static enum fault_code run_revoke(struct revocation *in, const struct ctl_words *words, struct fault *f)
{
    const struct profile *profile = NULL;
    char name[NAMES_CN_MAX + 1];
    enum crl_reason reason = CRL_UNSPECIFIED;
    struct pki_revoked revoked = { .count = 0 };
    enum fault_code code = FAULT_OK;
    if (words->count != (in->serial != NULL ? 0 : 2))
        code = fault_set(f, FAULT_INPUT, "name what is to be revoked: PROFILE NAME, or --serial HEX");
    if (code == FAULT_OK && in->reason != NULL)
        code = crl_reason_find(in->reason, &reason, f);
    if (code == FAULT_OK && in->serial == NULL)
        code = profile_find(words->word[0], &profile, f);
    if (code == FAULT_OK && in->serial == NULL)
        code = profile_name(profile, words->word[1], name, f);
    const char *which = in->serial != NULL ? in->serial : name;
    if (code == FAULT_OK)
        code = pki_revoke(&in->base, profile, which, reason, (int)in->crl_days, &revoked, f);
    if (code == FAULT_OK)
        pki_revoked_print(which, &revoked);
    return code;
}

int ctl_pki_revoke(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    struct revocation in = { .crl_days = REVOKE_CRL_DAYS };
    const struct ctl_option options[] = {
        PKI_BASE_OPTIONS(in.base),
        { "serial", "HEX", CTL_TEXT, &in.serial, "the one with this serial number", 0, 0 },
        { "reason", "WORD", CTL_TEXT, &in.reason,
          "key-compromise, superseded, cessation-of-operation, affiliation-changed, privilege-withdrawn, "
          "ca-compromise, unspecified (default)",
          0, 0 },
        { "crl-days", "DAYS", CTL_NUMBER, &in.crl_days, "how long the new list holds (default 30)", 1,
          REVOKE_CRL_DAYS_MAX },
    };
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 0, 2, &words);
    if (status != CTL_GO)
        return status;
    status = run_revoke(&in, &words, &f) == FAULT_OK ? CTL_GOOD : ctl_failed(&f);
    pki_close(&in.base);
    return status;
}

static enum fault_code publish_one(struct pki_base *base, const struct profile *profile, int days,
                                   struct fault *f)
{
    struct issuer issuer = { 0 };
    if (profile->id == PROFILE_INTERMEDIATE)
        return fault_set(f, FAULT_INPUT, "intermediates are on the root's list: write root");
    struct pki_revoked revoked = { .count = 0 };
    enum fault_code code = store_issuer(&base->store, profile->id, &base->source, &issuer, f);
    if (code == FAULT_OK)
        code = pki_publish(base, profile->id, &issuer, days, &revoked, f);
    if (code == FAULT_OK)
        pki_published_print(&revoked);
    issuer_fini(&issuer);
    return code;
}

int ctl_pki_crl(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    struct revocation in = { .crl_days = REVOKE_CRL_DAYS };
    const struct ctl_option options[] = {
        PKI_BASE_OPTIONS(in.base),
        { "days", "DAYS", CTL_NUMBER, &in.crl_days, "how long the lists hold (default 30)", 1,
          REVOKE_CRL_DAYS_MAX },
    };
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 0, PROFILE_COUNT, &words);
    if (status != CTL_GO)
        return status;
    enum fault_code code = pki_open(&in.base, true, &f);
    for (size_t i = 0; code == FAULT_OK && i < words.count; i++) {
        const struct profile *profile;
        code = profile_find(words.word[i], &profile, &f);
        if (code == FAULT_OK)
            code = publish_one(&in.base, profile, (int)in.crl_days, &f);
    }
    /* Without names those of the roles: the root's key is somewhere safe. */
    for (int role = PROFILE_FIRST_ROLE; code == FAULT_OK && words.count == 0 && role < PROFILE_COUNT; role++)
        code = publish_one(&in.base, profile_get((enum profile_id)role), (int)in.crl_days, &f);
    pki_close(&in.base);
    return code == FAULT_OK ? CTL_GOOD : ctl_failed(&f);
}
