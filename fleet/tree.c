/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/tree.h"

#include "base/mem.h"
#include "fleet/audit_file.h"
#include "fleet/found.h"
#include "fleet/grant.h"
#include "fleet/reader.h"
#include "fleet/rescue.h"
#include "fleet/trouble.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tree_list_free(struct tree_list *list)
{
    free(list->entry);
    *list = (struct tree_list){ 0 };
}

enum fault_code tree_enter(const struct principal *who, const struct path *path, struct fault *f)
{
    struct place place;
    return grant_place(who, GRANT_ENTER, path, &place, f);
}

/* --- errors that must not look like absence --- */

static bool is_storage_fault(enum fault_code code)
{
    return code == FAULT_BUSY || code == FAULT_DAMAGED || code == FAULT_IO || code == FAULT_MEMORY ||
           code == FAULT_INTERNAL;
}

/* Before a look-up: a handset whose own file could not be read gets no fall-back. */
static enum fault_code may_fall_back(struct fleet *fleet, const struct place *place, struct fault *f)
{
    if (place->fallback && trouble_is_marked(fleet, &place->mac))
        return fault_set(f, FAULT_BUSY,
                         "a file of this handset could not be read lately; try again in a minute");
    return FAULT_OK;
}

/* After it. */
static enum fault_code watch_trouble(struct fleet *fleet, const struct principal *who,
                                     const struct place *place, const struct found *found,
                                     enum fault_code code)
{
    if (who->role == ROLE_HANDSET && is_storage_fault(code) && (place->own_name || found->own))
        trouble_mark(fleet, &who->mac);
    return code;
}

/* --- looking --- */

static enum fault_code stat_in(struct fleet *fleet, struct db_conn *conn, const struct principal *who,
                               const struct path *path, const struct place *place, struct found *found,
                               struct tree_entry *ret_entry, struct fault *f)
{
    enum fault_code code = FAULT_ABSENT;
    if (!path->folder_asked)
        code = found_at(fleet->vault, conn, who, place, 0, found, f);
    if (code == FAULT_OK)
        found_entry(found, path, ret_entry);
    if (code != FAULT_ABSENT)
        return code;
    struct place folder;
    code = grant_place(who, GRANT_LIST, path, &folder, f);
    return code == FAULT_OK ? found_folder(conn, &folder, path, ret_entry, f) : code;
}

enum fault_code tree_stat(struct fleet *fleet, const struct principal *who, const struct path *path,
                          struct tree_entry *ret_entry, struct fault *f)
{
    struct place place;
    struct found found = { 0 };
    struct db_conn *conn;
    enum fault_code code = grant_place(who, GRANT_READ, path, &place, f);
    if (code == FAULT_OK)
        code = may_fall_back(fleet, &place, f);
    if (code != FAULT_OK)
        return code;
    code = db_read_begin(fleet->db, &conn, f);
    if (code == FAULT_OK) {
        code = stat_in(fleet, conn, who, path, &place, &found, ret_entry, f);
        db_read_end(fleet->db, conn);
    }
    return watch_trouble(fleet, who, &place, &found, code);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tree_entry *)a)->name, ((const struct tree_entry *)b)->name);
}

/* An empty listing is right for a folder that nobody filled yet, not for a file. */
static enum fault_code is_no_file(struct fleet *fleet, struct db_conn *conn, const struct principal *who,
                                  const struct path *path, struct fault *f)
{
    struct place place;
    struct found found = { 0 };
    if (path->folder_asked || path->length <= 1)
        return FAULT_OK;
    enum fault_code code = grant_place(who, GRANT_READ, path, &place, f);
    if (code == FAULT_OK)
        code = found_at(fleet->vault, conn, who, &place, 0, &found, f);
    if (code == FAULT_OK)
        return fault_set(f, FAULT_ABSENT, "a file, not a folder");
    return code == FAULT_ABSENT ? FAULT_OK : code;
}

enum fault_code tree_list(struct fleet *fleet, const struct principal *who, const struct path *path,
                          struct tree_list *ret_list, struct fault *f)
{
    struct place place;
    struct db_conn *conn;
    struct tree_list list = { 0 };
    enum fault_code code = grant_place(who, GRANT_LIST, path, &place, f);
    if (code == FAULT_OK)
        code = db_read_begin(fleet->db, &conn, f);
    if (code != FAULT_OK)
        return code;
    code = found_list(conn, &place, &list, f);
    if (code == FAULT_OK && list.count == 0)
        code = is_no_file(fleet, conn, who, path, f);
    db_read_end(fleet->db, conn);
    if (code != FAULT_OK) {
        tree_list_free(&list);
        return code;
    }
    if (list.count > 1)
        qsort(list.entry, list.count, sizeof list.entry[0], by_name);
    *ret_list = list;
    return FAULT_OK;
}

/* --- opening --- */

static enum fault_code check_options(const struct principal *who, const struct place *place,
                                     const struct tree_open *options, struct fault *f)
{
    bool is_log = place->kind == PLACE_LOG;
    if (options->version != 0 && who->role != ROLE_ADMINISTRATOR)
        return fault_set(f, FAULT_FORBIDDEN, "former versions are for administrators");
    if (options->version != 0 && is_log)
        return fault_set(f, FAULT_INPUT, "a log has generations (PATH@N below /@log), not versions");
    if (options->version < 0)
        return fault_set(f, FAULT_INPUT, "versions are numbered from 1");
    if (options->all && who->role == ROLE_HANDSET)
        return fault_set(f, FAULT_FORBIDDEN, "ended generations are for administrators and operators");
    if (options->rescue && who->role == ROLE_HANDSET)
        return fault_set(f, FAULT_FORBIDDEN,
                         "what is left of a damaged log is for administrators and operators");
    if (options->rescue && !is_log)
        return fault_set(f, FAULT_INPUT,
                         "only of a damaged log the rest can be read; store a damaged file again");
    if (options->all && (!is_log || place->generation != 0))
        return fault_set(f, FAULT_INPUT, "all generations can be had of a log, named without @N");
    return FAULT_OK;
}

/* The joined view changes with every segment and with every generation that retention takes: the tag comes
 * from them all. */
static void joined_entry(const struct content *contents, size_t count, struct tree_entry *entry)
{
    const struct secret_key key = { { 0 } }; /* digests are keyed already */
    struct content joined = { 0 };
    struct secret_mac_state *state = secret_mac_new(&key);
    entry->etag[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        joined.size += contents[i].size;
        if (state)
            secret_mac_add(state, contents[i].digest.bytes, sizeof contents[i].digest.bytes);
    }
    entry->size = joined.size;
    if (state) {
        secret_mac_peek(state, &joined.digest);
        layer_etag(&joined, entry->etag);
    }
    secret_mac_free(state);
}

/* A segment whose content is missing has no row to be read: a log with a hole in it must not look whole. */
static enum fault_code check_whole(struct db_conn *conn, const struct place *place, const struct found *found,
                                   bool all, const struct content *contents, size_t count, struct fault *f)
{
    int64_t size = found->generation.size, sum = 0;
    enum fault_code code = FAULT_OK;
    if (all)
        code = segment_total(conn, &place->mac, place->path.text, &size, f);
    for (size_t i = 0; i < count; i++)
        sum += contents[i].size;
    if (code == FAULT_OK && sum != size)
        code = fault_set(f, FAULT_DAMAGED, "%lld of the log's %lld bytes are missing",
                         (long long)(size - sum), (long long)size);
    return code;
}

/* No tag: what is left is not the log, and may be less the next time. */
static enum fault_code open_rest(struct fleet *fleet, struct db_conn *conn, const struct place *place,
                                 const struct found *found, bool all, struct reader **ret_reader,
                                 struct tree_entry *entry, struct fault *f)
{
    enum fault_code code = rescue_open(fleet, conn, &place->mac, place->path.text,
                                       all ? 0 : found->generation.generation, ret_reader, f);
    if (code == FAULT_OK) {
        entry->size = reader_size(*ret_reader);
        entry->etag[0] = '\0';
    }
    return code;
}

static enum fault_code open_log(struct fleet *fleet, struct db_conn *conn, const struct place *place,
                                const struct found *found, bool all, struct reader **ret_reader,
                                struct tree_entry *entry, struct fault *f)
{
    AUTO_FREE struct content *contents = NULL;
    size_t count = 0;
    enum fault_code code = segment_contents(fleet->vault, conn, &place->mac, place->path.text,
                                            all ? 0 : found->generation.generation, &contents, &count, f);
    if (code == FAULT_OK)
        code = check_whole(conn, place, found, all, contents, count, f);
    if (code == FAULT_OK)
        code = content_reader(fleet, conn, contents, count, ret_reader, f);
    if (code == FAULT_OK && all)
        joined_entry(contents, count, entry);
    return code;
}

static enum fault_code open_hot(struct fleet *fleet, const struct found *found, struct reader **ret_reader)
{
    *ret_reader = found->log ? NULL : reader_new_hot(fleet, &found->file.content);
    return FAULT_OK;
}

enum fault_code tree_open(struct fleet *fleet, const struct principal *who, const struct path *path,
                          const struct tree_open *options, struct reader **ret_reader,
                          struct tree_entry *ret_entry, struct fault *f)
{
    struct tree_open wish = options ? *options : (struct tree_open){ 0 };
    struct place place;
    struct found found = { 0 };
    struct db_conn *conn;
    struct tree_entry entry;
    enum fault_code code = grant_place(who, GRANT_READ, path, &place, f);
    if (code == FAULT_OK)
        code = may_fall_back(fleet, &place, f);
    if (code == FAULT_OK)
        code = check_options(who, &place, &wish, f);
    if (code == FAULT_OK && path->folder_asked)
        code = fault_set(f, FAULT_ABSENT, GRANT_ABSENT_WORDS);
    if (code != FAULT_OK)
        return code;
    code = db_read_begin(fleet->db, &conn, f);
    if (code != FAULT_OK)
        return watch_trouble(fleet, who, &place, &found, code);
    code = found_at(fleet->vault, conn, who, &place, wish.version, &found, f);
    if (code == FAULT_OK) {
        found_entry(&found, path, &entry);
        bool bearer = !found.log && found.file.content.kind == CONTENT_BEARER;
        code = bearer ? grant_bearer(who, f) : FAULT_OK;
    }
    if (code == FAULT_OK) {
        code = wish.hot      ? open_hot(fleet, &found, ret_reader)
               : wish.rescue ? open_rest(fleet, conn, &place, &found, wish.all, ret_reader, &entry, f)
               : found.log   ? open_log(fleet, conn, &place, &found, wish.all, ret_reader, &entry, f)
                             : content_reader(fleet, conn, &found.file.content, 1, ret_reader, f);
        /* A name without its bytes is damage, never absence. */
        if (code == FAULT_ABSENT)
            code = fault_set(f, FAULT_DAMAGED, "the stored bytes of %s are missing", path->text);
    }
    db_read_end(fleet->db, conn);
    if (code == FAULT_OK && *ret_reader != NULL) {
        *ret_entry = entry;
        audit_opened(fleet, who, path, &found, &wish);
    }
    return watch_trouble(fleet, who, &place, &found, code);
}

enum fault_code tree_versions(struct fleet *fleet, const struct principal *who, const struct path *path,
                              struct tree_version **ret_versions, size_t *ret_count, struct fault *f)
{
    struct place place;
    struct found found = { 0 };
    struct db_conn *conn;
    struct tree_version *versions = NULL;
    size_t count = 0;
    enum fault_code code = grant_role(who, GRANT_ADMINISTER, f);
    if (code == FAULT_OK)
        code = grant_place(who, GRANT_READ, path, &place, f);
    if (code == FAULT_OK && place.kind != PLACE_SHARED && place.kind != PLACE_LAYER)
        code = fault_set(f, FAULT_ABSENT, GRANT_ABSENT_WORDS);
    if (code == FAULT_OK)
        code = db_read_begin(fleet->db, &conn, f);
    if (code != FAULT_OK)
        return code;
    code = layer_versions(conn, place.mac.text, place.path.text, &versions, &count, f);
    if (code == FAULT_OK && count == 0)
        code = found_at(fleet->vault, conn, who, &place, 0, &found, f);
    db_read_end(fleet->db, conn);
    if (code != FAULT_OK) {
        free(versions);
        return code;
    }
    *ret_versions = versions;
    *ret_count = count;
    return FAULT_OK;
}
