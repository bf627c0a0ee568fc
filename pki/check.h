/* SPDX-License-Identifier: Apache-2.0 */
/* The checker of certificates (R19–R21): says what is wrong with a chain, a key, a bundle of CAs or their
 * CRLs before the first handset fails on it. One checker for the daemon (at start and at reload) and for the
 * command, on files and on what a server sent. Looks at everything it can reach instead of stopping at the
 * first fault. Opens no socket: names are looked up by the caller. Floor 1; blocking (files); any thread. */
#ifndef CRADLE_CHECK_H
#define CRADLE_CHECK_H

#include "base/fault.h"
#include "pki/finding.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CHECK_AUTHORITY: bundles of CAs of which it is not known whom they issue for. */
enum check_role { CHECK_SERVER, CHECK_HANDSET, CHECK_ADMINISTRATOR, CHECK_AUTHORITY };

#define CHECK_SOON ((int64_t)30 * 86400) /* the usual `soon` */

/* What the certificates are held against; texts borrowed. */
struct check_terms {
    enum check_role role;
    const char *const *names; /* host names and addresses that a server must answer to */
    size_t n_names;
    const char *ca;    /* bundle of the CAs that the other side holds; NULL or "": not known */
    const char *crl;   /* CRLs that apply to the chain; NULL or "": none */
    int64_t now, soon; /* Unix seconds, 0: the clock's; seconds before an expiry that it is announced */
    /* Does this host name resolve? NULL: not asked. */
    bool (*resolves)(void *user, const char *name);
    void *user;
};

/* All add to the list and give FAULT_OK whatever they find; FAULT_MEMORY is the only other outcome. */

/* A chain file, leaf first, and the file of its key (NULL or "": not looked at; "pkcs11:…": left alone). */
enum fault_code check_chain(const char *file, const char *key, const struct check_terms *terms,
                            struct findings *findings, struct fault *f);
/* A bundle of CAs that is trusted, and the CRLs that go with it (NULL or "": none). */
enum fault_code check_bundle(const char *file, const char *crl, const struct check_terms *terms,
                             struct findings *findings, struct fault *f);
/* A chain as a peer sent it, DER, in that order; `source` names the peer. */
struct check_der {
    const void *data;
    size_t size;
};
enum fault_code check_sent(const struct check_der *sent, size_t n, const char *source,
                           const struct check_terms *terms, struct findings *findings, struct fault *f);

/* A handset's configuration file, by its name: .cfg or .xml. */
bool check_is_configuration(const char *file);
/* The certificates in its slots (R22), and uses of the wrong kind of slot. */
enum fault_code check_configuration(const char *file, const struct check_terms *terms,
                                    struct findings *findings, struct fault *f);

#endif
