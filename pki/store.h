/* SPDX-License-Identifier: Apache-2.0 */
/* A PKI folder, as `cradlectl pki init` makes it:
 *
 *     index                          every certificate signed here (ledger.h)
 *     ca/root.pem, root-crl.pem      the root's certificate and list of revocations; its key is elsewhere
 *     ca/ROLE.pem, .key, -crl.pem    the intermediate of each role
 *     ROLE/NAME.pem, .key, .csr …    what was made for members of the role
 *     lock                           held by whoever changes something
 *
 * and the root's folder, which may be on a medium of its own: root.key, root.pem. Folders are 0700, keys
 * 0600. Floor 1; an object belongs to one thread at a time, blocking. */
#ifndef CRADLE_STORE_H
#define CRADLE_STORE_H

#include "base/fault.h"
#include "pki/file.h"
#include "pki/ledger.h"
#include "pki/mint.h"

#include <stdbool.h>

struct store {
    char folder[FILE_PATH];
    char root[FILE_PATH]; /* the root's folder; needed only for what the root signs */
    int lock;             /* -1: for reading only */
    struct ledger ledger;
};

/* Makes the folders and an empty index. FAULT_CONFLICT: there is a PKI already. store_close it. */
enum fault_code store_create(const char *folder, const char *root, struct store *ret_store, struct fault *f);
/* root NULL: FOLDER/root. change: waits for nobody: FAULT_BUSY when another process is at work there.
 * FAULT_ABSENT: no PKI there; FAULT_DAMAGED: the index. */
enum fault_code store_open(const char *folder, const char *root, bool change, struct store *ret_store,
                           struct fault *f);
void store_close(struct store *store);

/* The file of a CA: end is ".pem", ".key" or "-crl.pem". role: PROFILE_ROOT for the root. */
enum fault_code store_ca(const struct store *store, enum profile_id role, const char *end,
                         char ret_path[FILE_PATH], struct fault *f);
/* The file of a stem of the index. */
enum fault_code store_file(const struct store *store, const char *stem, const char *end,
                           char ret_path[FILE_PATH], struct fault *f);
/* The stem for a name under a profile; base NULL: made from the name ("*" and "/" become "_"). FAULT_INPUT: a
 * base with '/' in it, or too long. */
enum fault_code store_stem(enum profile_id profile, const char *name, const char *base,
                           char ret_stem[LEDGER_STEM_MAX + 1], struct fault *f);
/* The CA that signs certificates of this profile: the root for intermediates. */
enum profile_id store_issuer_of(enum profile_id profile);
enum fault_code store_issuer(const struct store *store, enum profile_id ca,
                             const struct passphrase_source *source, struct issuer *ret_issuer,
                             struct fault *f);

/* Appends to the index, on disk before it returns. */
enum fault_code store_record(struct store *store, const struct ledger_line *line, struct fault *f);
/* Writes the whole index anew, after lines of store->ledger were changed. */
enum fault_code store_save(const struct store *store, struct fault *f);

#endif
