/* SPDX-License-Identifier: Apache-2.0 */
/* How a folder is listed where folders are only names: a tree_list that grows without doubles, and the range
 * of stored paths that lie below a folder, in which a sub-folder is jumped over at once, however much it
 * holds. Knows no table. Floor 2; an object belongs to one thread. */
#ifndef CRADLE_LISTING_H
#define CRADLE_LISTING_H

#include "base/fault.h"
#include "base/path.h"
#include "fleet/tree.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct listing {
    struct tree_list *list; /* borrowed until listing_end */
    size_t room;
    uint32_t *slot; /* hash table over the names: entry number + 1 */
    size_t slots;
};
/* Takes up a list that may have entries already. FAULT_MEMORY. */
enum fault_code listing_begin(struct listing *listing, struct tree_list *list, struct fault *f);
bool listing_has(const struct listing *listing, const char *name);
/* Copies the entry; a name that is there already is skipped, but two folders of one name show the newer time.
 */
enum fault_code listing_add(struct listing *listing, const struct tree_entry *entry, struct fault *f);
void listing_end(struct listing *listing); /* the list stays; an all-zero listing is fine */

/* Stored paths p with low <= p < high (bytes) are what is left to be listed of the folder. */
struct listing_range {
    char low[PATH_LIMIT + 3], high[PATH_LIMIT + 3];
    size_t prefix; /* bytes of the folder with its '/' */
};
void listing_range(struct listing_range *range, const struct path *folder);
/* Is this path of the range in a sub-folder? Then its name is put in ret_name, the range of what is below it
 * in ret_below, and `range` goes on after it. False: it is a file of the folder itself, and its name is path
 * + range->prefix. */
bool listing_folder(struct listing_range *range, const char *path, char ret_name[PATH_COMPONENT_LIMIT + 1],
                    struct listing_range *ret_below);

#endif
