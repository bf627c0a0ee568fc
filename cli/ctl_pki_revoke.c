/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ctl_pki_revoke.h"

#include "pki/revoke.h"

#include <stdio.h>
#include <string.h>

/* Which CA's list it will be; its key is opened before anything is changed. */
static enum fault_code find_ca(const struct store *store, const struct profile *profile, const char *which,
                               enum profile_id *ret_ca, struct fault *f)
{
    if (profile != NULL) {
        *ret_ca = store_issuer_of(profile->id);
        return FAULT_OK;
    }
    for (size_t i = 0; i < store->ledger.count; i++)
        if (strcmp(store->ledger.all[i].serial, which) == 0) {
            *ret_ca = store_issuer_of(store->ledger.all[i].profile);
            return FAULT_OK;
        }
    return fault_set(f, FAULT_ABSENT, "no certificate with the serial number %.60s was signed here", which);
}

enum fault_code pki_publish(const struct pki_base *base, enum profile_id ca, const struct issuer *issuer,
                            int days, struct pki_revoked *ret_revoked, struct fault *f)
{
    ret_revoked->days = days;
    enum fault_code code = revoke_publish(&base->store, ca, issuer, days, &ret_revoked->listed, f);
    return code == FAULT_OK ? store_ca(&base->store, ca, "-crl.pem", ret_revoked->list, f) : code;
}

/* That all are revoked already is no fault here: count 0. The list is written all the same, for the attempt
 * that revoked them may have ended before it was. */
static enum fault_code revoke(struct pki_base *base, const struct profile *profile, const char *which,
                              enum crl_reason reason, int days, struct pki_revoked *ret_revoked,
                              struct fault *f)
{
    struct pki_revoked revoked = { .reason = reason };
    enum profile_id ca = PROFILE_ROOT;
    struct issuer issuer = { 0 };
    enum fault_code code = pki_open(base, true, f);
    if (code == FAULT_OK)
        code = find_ca(&base->store, profile, which, &ca, f);
    if (code == FAULT_OK)
        code = store_issuer(&base->store, ca, &base->source, &issuer, f);
    if (code == FAULT_OK) {
        code = revoke_mark(&base->store, profile, which, reason, &ca, &revoked.count, f);
        if (code == FAULT_CONFLICT)
            code = FAULT_OK;
    }
    if (code == FAULT_OK)
        code = pki_publish(base, ca, &issuer, days, &revoked, f);
    issuer_fini(&issuer);
    if (code == FAULT_OK)
        *ret_revoked = revoked;
    return code;
}

enum fault_code pki_revoke(struct pki_base *base, const struct profile *profile, const char *which,
                           enum crl_reason reason, int days, struct pki_revoked *ret_revoked, struct fault *f)
{
    struct pki_revoked revoked;
    enum fault_code code = revoke(base, profile, which, reason, days, &revoked, f);
    if (code == FAULT_OK && revoked.count == 0)
        return fault_set(
            f, FAULT_CONFLICT,
            "every certificate of %.80s is revoked already; the list of revocations was written anew", which);
    if (code == FAULT_OK)
        *ret_revoked = revoked;
    return code;
}

enum fault_code pki_revoke_lost(struct pki_base *base, const char *mac, struct pki_revoked *ret_revoked,
                                struct fault *f)
{
    enum fault_code code =
        revoke(base, profile_get(PROFILE_HANDSET), mac, CRL_KEY_COMPROMISE, REVOKE_CRL_DAYS, ret_revoked, f);
    if (code != FAULT_ABSENT || !base->opened)
        return code;
    *ret_revoked = (struct pki_revoked){ .reason = CRL_KEY_COMPROMISE };
    return FAULT_OK;
}

void pki_revoked_print(const char *which, const struct pki_revoked *revoked)
{
    if (revoked->count == 0)
        printf("%s: the PKI folder has no certificate of it that is not revoked\n", which);
    else
        printf("%s: %zu %s revoked (%s)\n", which, revoked->count,
               revoked->count == 1 ? "certificate is" : "certificates are", crl_reason_word(revoked->reason));
    pki_published_print(revoked);
}

void pki_published_print(const struct pki_revoked *revoked)
{
    if (revoked->list[0] != '\0')
        printf("%s: %zu revoked, holds for %d days\n", revoked->list, revoked->listed, revoked->days);
}
