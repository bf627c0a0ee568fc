/* SPDX-License-Identifier: Apache-2.0 */
/* Revoking in a PKI folder and publishing that: what `pki revoke` and `handset lost` share. One thread. */
#ifndef CRADLE_CTL_PKI_REVOKE_H
#define CRADLE_CTL_PKI_REVOKE_H

#include "cli/ctl_pki_base.h"
#include "pki/crl.h"
#include "pki/file.h"
#include "pki/profile.h"

struct pki_revoked {
    size_t count; /* certificates that are revoked now */
    enum crl_reason reason;
    char list[FILE_PATH]; /* the CRL's file; "" when nothing was published */
    size_t listed;        /* its entries */
    int days;             /* how long it holds */
};

/* Opens the folder, revokes by profile and name (profile NULL: by serial number) and publishes.
 * FAULT_CONFLICT: all are revoked already; the list is written anew all the same. pki_close the base. */
enum fault_code pki_revoke(struct pki_base *base, const struct profile *profile, const char *which,
                           enum crl_reason reason, int days, struct pki_revoked *ret_revoked,
                           struct fault *f);
/* A handset's certificates, whose key is in other hands. That the folder has none of it, or none that is not
 * revoked, is no fault: count 0. */
enum fault_code pki_revoke_lost(struct pki_base *base, const char *mac, struct pki_revoked *ret_revoked,
                                struct fault *f);
/* Writes a CA's list anew; fills in list, listed and days. */
enum fault_code pki_publish(const struct pki_base *base, enum profile_id ca, const struct issuer *issuer,
                            int days, struct pki_revoked *ret_revoked, struct fault *f);
/* What happened, in a line or two; or of the list alone. */
void pki_published_print(const struct pki_revoked *revoked);
void pki_revoked_print(const char *which, const struct pki_revoked *revoked);

#endif
