/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/listing.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static size_t listing_hash(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325ULL; /* FNV-1a */
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3ULL;
    return (size_t)(hash ^ (hash >> 29));
}

static uint32_t *listing_slot(const struct listing *listing, const char *name)
{
    size_t at = listing_hash(name) & (listing->slots - 1);
    while (listing->slot[at] && strcmp(listing->list->entry[listing->slot[at] - 1].name, name) != 0)
        at = (at + 1) & (listing->slots - 1);
    return &listing->slot[at];
}

/* Room for one entry more, with a hash table that is at most half full. */
static enum fault_code listing_grow(struct listing *listing, size_t room, struct fault *f)
{
    if (room > UINT32_MAX / 2)
        return fault_set(f, FAULT_TOO_LARGE, "the folder has too many entries");
    size_t slots = 32;
    while (slots < 2 * room)
        slots *= 2;
    struct tree_entry *entry = realloc(listing->list->entry, room * sizeof *entry);
    if (entry)
        listing->list->entry = entry;
    uint32_t *slot = entry ? calloc(slots, sizeof *slot) : NULL;
    if (slot == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory for a listing");
    free(listing->slot);
    listing->slot = slot;
    listing->slots = slots;
    listing->room = room;
    for (size_t i = 0; i < listing->list->count; i++)
        *listing_slot(listing, entry[i].name) = (uint32_t)i + 1;
    return FAULT_OK;
}

enum fault_code listing_begin(struct listing *listing, struct tree_list *list, struct fault *f)
{
    *listing = (struct listing){ .list = list };
    enum fault_code code = listing_grow(listing, list->count + 8, f);
    if (code)
        listing_end(listing);
    return code;
}

void listing_end(struct listing *listing)
{
    free(listing->slot);
    *listing = (struct listing){ 0 };
}

bool listing_has(const struct listing *listing, const char *name)
{
    return *listing_slot(listing, name) != 0;
}

enum fault_code listing_add(struct listing *listing, const struct tree_entry *entry, struct fault *f)
{
    struct tree_list *list = listing->list;
    if (list->count == listing->room) {
        enum fault_code code = listing_grow(listing, 2 * listing->room, f);
        if (code)
            return code;
    }
    uint32_t *slot = listing_slot(listing, entry->name);
    if (*slot) {
        struct tree_entry *there = &list->entry[*slot - 1];
        if (there->folder && entry->folder && there->modified < entry->modified)
            there->modified = entry->modified;
        return FAULT_OK;
    }
    list->entry[list->count++] = *entry;
    *slot = (uint32_t)list->count;
    return FAULT_OK;
}

/* What begins with "<folder>/" is what lies between that and "<folder>0": '0' is the byte after '/'. */
static void range_set(struct listing_range *range, const char *text, size_t n)
{
    memcpy(range->low, text, n);
    memcpy(range->high, text, n);
    memcpy(range->low + n, "/", 2);
    memcpy(range->high + n, "0", 2);
    range->prefix = n + 1;
}

void listing_range(struct listing_range *range, const struct path *folder)
{
    range_set(range, folder->text, folder->length > 1 ? folder->length : 0);
}

bool listing_folder(struct listing_range *range, const char *path, char ret_name[PATH_COMPONENT_LIMIT + 1],
                    struct listing_range *ret_below)
{
    const char *name = path + range->prefix;
    const char *end = strchr(name, '/');
    if (end == NULL || (size_t)(end - path) > PATH_LIMIT || (size_t)(end - name) > PATH_COMPONENT_LIMIT)
        return false;
    (void)mem_copy_bytes(ret_name, PATH_COMPONENT_LIMIT + 1, name, (size_t)(end - name));
    range_set(ret_below, path, (size_t)(end - path));
    memcpy(range->low, ret_below->high, (size_t)(end - path) + 2);
    return true;
}
