/* SPDX-License-Identifier: Apache-2.0 */
/* Founding a PKI: a root, and one intermediate for each role, constrained to it. Floor 1; blocking (RSA keys
 * of CAs take seconds). */
#ifndef CRADLE_FOUND_H
#define CRADLE_FOUND_H

#include "base/fault.h"
#include "pki/key.h"
#include "pki/store.h"

struct found_order {
    const char *name;              /* of the site: the CAs are called "NAME root CA", "NAME server CA" … */
    enum key_kind root_key, key;   /* of the root, of the intermediates */
    int root_days, days;           /* lifetimes; 0: the profiles' defaults */
    int crl_days;                  /* how long the first lists of revocations hold */
    const struct passphrase *root; /* of the root's key, always there */
    const struct passphrase *passphrase; /* of the intermediates' keys; NULL: they are not encrypted */
    void (*progress)(void *user, int done, int total); /* NULL: nobody watches */
    void *user;
};

/* The CA's common name for a role, PROFILE_ROOT for the root. FAULT_INPUT: too long. */
enum fault_code found_name(const char *site, enum profile_id role, char ret_name[NAMES_CN_MAX + 1],
                           struct fault *f);

/* In a store that store_create made, all keys first: what is interrupted meanwhile leaves empty folders. */
enum fault_code found_pki(struct store *store, const struct found_order *order, struct fault *f);

#endif
