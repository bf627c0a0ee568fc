/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/found.h"

#include "base/mem.h"
#include "fleet/handset.h"
#include "fleet/listing.h"

#include <string.h>

#define LAYER_SHARED ""

enum fault_code found_at(struct vault *vault, struct db_conn *conn, const struct principal *who,
                         const struct place *place, int64_t version, struct found *ret_found, struct fault *f)
{
    struct found found = { 0 };
    const char *path = place->path.text;
    enum fault_code code = FAULT_ABSENT;
    switch (place->kind) {
    case PLACE_OWN:
        found.own = true;
        code = layer_find(vault, conn, place->mac.text, path, version, &found.file, f);
        /* No shared name carries a MAC (grant.c). */
        if (code == FAULT_ABSENT && !place->own_name) {
            found.own = false;
            code = layer_find(vault, conn, LAYER_SHARED, path, version, &found.file, f);
        }
        break;
    case PLACE_SHARED:
        code = layer_find(vault, conn, LAYER_SHARED, path, version, &found.file, f);
        break;
    case PLACE_LAYER:
        code = layer_find(vault, conn, place->mac.text, path, version, &found.file, f);
        break;
    case PLACE_LOG:
        found.log = true;
        code = segment_find(conn, &place->mac, path, place->generation, who->role == ROLE_HANDSET,
                            &found.generation, f);
        break;
    case PLACE_LAYERS:
    case PLACE_LOGS:
    case PLACE_LOGS_OF:
    case PLACE_ROOT:
    case PLACE_ROOT_LOGS:
        break;
    }
    if (code == FAULT_ABSENT)
        return fault_set(f, FAULT_ABSENT, GRANT_ABSENT_WORDS);
    if (code == FAULT_OK)
        *ret_found = found;
    else if (found.own)
        ret_found->own = true; /* whose file could not be read decides what the handset may fall back to */
    return code;
}

const char *found_etag(const struct found *found, char etag[80])
{
    if (found->log)
        mem_copy_text(etag, 80, found->generation.etag);
    else
        layer_etag(&found->file.content, etag);
    return etag;
}

void found_entry(const struct found *found, const struct path *path, struct tree_entry *ret_entry)
{
    struct tree_entry entry = { 0 };
    mem_copy_text(entry.name, sizeof entry.name, path_name(path));
    entry.size = found->log ? found->generation.size : found->file.content.size;
    entry.modified = found->log ? found->generation.modified : found->file.modified;
    entry.repeats = found->log ? found->generation.repeats : 0;
    found_etag(found, entry.etag);
    *ret_entry = entry;
}

/* --- folders --- */

static enum fault_code add_folder(struct tree_list *list, const char *name, struct fault *f)
{
    struct tree_entry entry = { .folder = true };
    struct listing listing;
    mem_copy_text(entry.name, sizeof entry.name, name);
    enum fault_code code = listing_begin(&listing, list, f);
    if (code == FAULT_OK)
        code = listing_add(&listing, &entry, f);
    listing_end(&listing);
    return code;
}

static enum fault_code list_handsets(struct db_conn *conn, struct tree_list *list, struct fault *f)
{
    struct listing listing;
    enum fault_code code = listing_begin(&listing, list, f);
    if (code != FAULT_OK)
        return code;
    struct db_rows rows;
    db_select(conn, SQL_HANDSET_MACS, DB_NONE, &rows);
    while (code == FAULT_OK && db_next(&rows)) {
        struct tree_entry entry = { .folder = true, .modified = db_row_int(&rows, 1) };
        mem_copy_text(entry.name, sizeof entry.name, db_row_text(&rows, 0));
        code = listing_add(&listing, &entry, f);
    }
    enum fault_code end = db_end(&rows, code == FAULT_OK ? f : NULL);
    listing_end(&listing);
    return code == FAULT_OK ? end : code;
}

static enum fault_code list_root(struct db_conn *conn, const struct place *place, struct tree_list *list,
                                 struct fault *f)
{
    enum fault_code code = FAULT_OK;
    if (place->kind == PLACE_ROOT) {
        code = layer_list(conn, LAYER_SHARED, &place->path, list, f);
        if (code == FAULT_OK)
            code = add_folder(list, "@handset", f);
    }
    return code == FAULT_OK ? add_folder(list, "@log", f) : code;
}

enum fault_code found_list(struct db_conn *conn, const struct place *place, struct tree_list *list,
                           struct fault *f)
{
    enum fault_code code = FAULT_OK;
    switch (place->kind) {
    case PLACE_ROOT:
    case PLACE_ROOT_LOGS:
        return list_root(conn, place, list, f);
    case PLACE_LAYERS:
        return list_handsets(conn, list, f);
    case PLACE_LOGS:
        return segment_macs(conn, list, f);
    case PLACE_SHARED:
        return layer_list(conn, LAYER_SHARED, &place->path, list, f);
    case PLACE_LAYER:
        return layer_list(conn, place->mac.text, &place->path, list, f);
    case PLACE_OWN:
        code = segment_list(conn, &place->mac, &place->path, false, list, f);
        if (code == FAULT_OK)
            code = layer_list(conn, place->mac.text, &place->path, list, f);
        return code == FAULT_OK ? layer_list(conn, LAYER_SHARED, &place->path, list, f) : code;
    case PLACE_LOGS_OF:
    case PLACE_LOG:
        return segment_list(conn, &place->mac, &place->path, true, list, f);
    }
    return fault_set(f, FAULT_INTERNAL, "no such kind of place");
}

enum fault_code found_folder(struct db_conn *conn, const struct place *place, const struct path *path,
                             struct tree_entry *ret_entry, struct fault *f)
{
    struct tree_entry entry = { .folder = true };
    mem_copy_text(entry.name, sizeof entry.name, path_name(path));
    bool top = place->path.length <= 1;
    bool of_handset = place->kind == PLACE_LAYER || place->kind == PLACE_LOGS_OF;
    bool always = place->kind == PLACE_LAYERS || place->kind == PLACE_LOGS || (top && !of_handset);
    enum fault_code code = FAULT_OK;
    if (!always) {
        struct tree_list list = { 0 };
        code = found_list(conn, place, &list, f);
        for (size_t i = 0; i < list.count; i++)
            if (list.entry[i].modified > entry.modified)
                entry.modified = list.entry[i].modified;
        if (code == FAULT_OK && list.count == 0)
            code = top ? handset_find(conn, &place->mac, NULL, f) : FAULT_ABSENT;
        tree_list_free(&list);
    }
    if (code == FAULT_ABSENT)
        return fault_set(f, FAULT_ABSENT, GRANT_ABSENT_WORDS);
    if (code == FAULT_OK)
        *ret_entry = entry;
    return code;
}
