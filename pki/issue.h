/* SPDX-License-Identifier: Apache-2.0 */
/* Making one certificate in a PKI folder: signed, recorded in the index, written in the forms that were asked
 * for. The line in the index comes first, so that whatever exists can be revoked; the certificate's own file
 * comes last, so that where it is, all is. Floor 1; a store belongs to one thread at a time. */
#ifndef CRADLE_ISSUE_H
#define CRADLE_ISSUE_H

#include "base/fault.h"
#include "pki/fragment.h"
#include "pki/store.h"

#include <stdbool.h>
#include <stdint.h>

/* Where the key goes. The certificate's chain is always written as NAME.pem. */
#define ISSUE_KEY      1u /* NAME.key, PEM */
#define ISSUE_P12      2u /* NAME.p12, with the chain */
#define ISSUE_FRAGMENT 4u /* NAME.cfg, a piece of a handset's configuration */

struct issue_order { /* all texts are borrowed */
    const struct profile *profile;
    const struct profile *role;              /* INTERMEDIATE: which role it signs for */
    const char *name;                        /* as a person writes it */
    const char *base;                        /* what the files are called; NULL: like the name */
    const struct names *names;               /* SERVER: further names, or NULL */
    int days;                                /* 0: the profile's default */
    enum key_kind key;                       /* for whoever generates it */
    unsigned forms;                          /* ISSUE_… */
    const struct passphrase *key_passphrase; /* KEY: encrypts it; NULL: not */
    const struct passphrase *p12;            /* P12 */
    struct fragment_slot slot;               /* FRAGMENT */
    bool force;                              /* overwrite files */
    bool without_root;                       /* SERVER: a chain that ends before the root */
};
struct issue_result {
    char name[NAMES_CN_MAX + 1], serial[MINT_SERIAL_MAX], stem[LEDGER_STEM_MAX + 1];
    char file[FILE_PATH]; /* the certificate */
    int64_t not_after;    /* Unix seconds */
};

/* Would there be something to do? *ret_done: the index has a certificate under this name that holds, and its
 * files are there (not with force). FAULT_INPUT: the name; FAULT_CONFLICT: a file is in the way. Changes
 * nothing.
 */
enum fault_code issue_look(const struct store *store, const struct issue_order *order, bool *ret_done,
                           struct fault *f);

/* key: the private key, whose public half `public` is; NULL when somebody else has it (forms must be 0 then).
 * FAULT_CONFLICT: a file is in the way; mint's and store's faults. What an interrupted run left is replaced:
 * files of a name that the index has, and whose certificate is not there. */
enum fault_code issue_certificate(struct store *store, const struct issuer *issuer,
                                  const struct issue_order *order, gnutls_x509_privkey_t key,
                                  gnutls_pubkey_t public, struct issue_result *ret_result, struct fault *f);
/* The same with a new key of order->key's kind. */
enum fault_code issue_with_key(struct store *store, const struct issuer *issuer,
                               const struct issue_order *order, struct issue_result *ret_result,
                               struct fault *f);

#endif
