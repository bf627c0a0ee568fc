/* SPDX-License-Identifier: Apache-2.0 */
/* What is stored at a place (grant.h): the look-up that reading, listing and changing share, for files in
 * layers and logs alike. Inside a read or write that is under way. For tree*.c only. Floor 2. */
#ifndef CRADLE_FOUND_H
#define CRADLE_FOUND_H

#include "base/fault.h"
#include "db/db.h"
#include "fleet/grant.h"
#include "fleet/layer.h"
#include "fleet/segment.h"
#include "fleet/tree.h"
#include <stdbool.h>
#include <stdint.h>

struct found {
    bool log;
    bool own;                             /* in the layer of the handset that asks */
    struct layer_file file;               /* unless log */
    struct segment_generation generation; /* log */
};

/* The file or log at a place; version as in layer_find. A handset sees its newest generation only while that
 * is open. FAULT_ABSENT also for every place that is a folder. On any other failure ret_found->own alone is
 * set: it tells whose file it was that could not be read. */
enum fault_code found_at(struct vault *vault, struct db_conn *conn, const struct principal *who,
                         const struct place *place, int64_t version, struct found *ret_found,
                         struct fault *f);
/* Its entry; the name is the path's last component. */
void found_entry(const struct found *found, const struct path *path, struct tree_entry *ret_entry);
const char *found_etag(const struct found *found, char etag[80]);

/* What is directly in the folder at a place that GRANT_LIST gave; unsorted, empty when there is no such
 * folder. */
enum fault_code found_list(struct db_conn *conn, const struct place *place, struct tree_list *list,
                           struct fault *f);
/* Is there such a folder? FAULT_ABSENT. The root, @handset and @log always are, and what stands for a
 * registered handset. */
enum fault_code found_folder(struct db_conn *conn, const struct place *place, const struct path *path,
                             struct tree_entry *ret_entry, struct fault *f);

#endif
