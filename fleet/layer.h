/* SPDX-License-Identifier: Apache-2.0 */
/* Files in layers: the shared layer ("") and one for each handset (its MAC). Names, versions and their
 * contents; no rights, no MAC rules (grant.h). Inside a read or write that is under way. Floor 2. */
#ifndef CRADLE_LAYER_H
#define CRADLE_LAYER_H

#include "base/fault.h"
#include "base/path.h"
#include "db/db.h"
#include "fleet/content.h"
#include "fleet/principal.h"
#include "fleet/tree.h"
#include <stdbool.h>
#include <stdint.h>

struct layer_file {
    struct content content;
    int64_t version, modified;
    char author[ACCOUNT_NAME_LIMIT + 1];
    bool unchecked; /* stored with ?unchecked=1 although its check failed */
};

/* version 0: the current file. FAULT_ABSENT. */
enum fault_code layer_find(struct vault *vault, struct db_conn *conn, const char *layer, const char *path,
                           int64_t version, struct layer_file *ret_file, struct fault *f);
/* Stores or replaces; the former one is kept as a version, of which at most `keep` stay (older ones are
 * removed with their contents). *ret_created: there was none. The content is settled by the caller in the
 * same write. */
enum fault_code layer_store(struct vault *vault, struct db_conn *conn, const char *layer, const char *path,
                            const struct layer_file *file, int64_t keep, bool *ret_created, struct fault *f);
/* The current file becomes a former version. FAULT_ABSENT. */
enum fault_code layer_remove(struct vault *vault, struct db_conn *conn, const char *layer, const char *path,
                             const char *actor, int64_t now, int64_t keep, struct fault *f);
/* What is directly in `folder` of one layer: files, and folders that have something below. Adds to *list,
 * unsorted, skipping names that are there already (the overlay of two layers). At most one entry a name. */
enum fault_code layer_list(struct db_conn *conn, const char *layer, const struct path *folder,
                           struct tree_list *list, struct fault *f);
enum fault_code layer_versions(struct db_conn *conn, const char *layer, const char *path,
                               struct tree_version **ret_versions, size_t *ret_count, struct fault *f);
/* Strong, with its quotes, from the digest: equal bytes have equal tags. */
void layer_etag(const struct content *content, char etag[80]);

#endif
