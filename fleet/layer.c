/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/layer.h"

#include "base/mem.h"
#include "fleet/listing.h"

#include <stdlib.h>
#include <string.h>

static struct db_arg content_id(const struct content *content)
{
    return db_blob(content->id, sizeof content->id);
}

enum fault_code layer_find(struct vault *vault, struct db_conn *conn, const char *layer, const char *path,
                           int64_t version, struct layer_file *ret_file, struct fault *f)
{
    struct db_rows rows;
    if (version == 0)
        db_select(conn, SQL_FILE_FIND, DB_ARGS(db_text(layer), db_text(path)), &rows);
    else
        db_select(conn, SQL_FILE_FIND_FORMER, DB_ARGS(db_text(layer), db_text(path), db_int(version)), &rows);
    struct layer_file file = { 0 };
    enum fault_code code = FAULT_OK;
    bool found = db_next(&rows);
    if (found) {
        code = content_row(vault, &rows, 0, &file.content, f);
        file.version = db_row_int(&rows, 6);
        file.modified = db_row_int(&rows, 7);
        (void)mem_copy_text(file.author, sizeof file.author, db_row_text(&rows, 8));
        file.unchecked = db_row_int(&rows, 9) != 0;
    }
    enum fault_code ended = db_end(&rows, code ? NULL : f);
    if (code == FAULT_OK)
        code = ended;
    if (code == FAULT_OK && !found)
        code = fault_set(f, FAULT_ABSENT, version ? "there is no such version" : "there is no such file");
    if (code == FAULT_OK)
        *ret_file = file;
    return code;
}

/* Removes the former versions beyond the newest `keep`, in portions: one statement runs at a time. */
static enum fault_code layer_trim(struct db_conn *conn, const char *layer, const char *path, int64_t keep,
                                  struct fault *f)
{
    enum { PORTION = 100 };
    for (;;) {
        struct {
            int64_t version;
            struct content content;
        } excess[PORTION];
        size_t count = 0;
        struct db_rows rows;
        db_select(conn, SQL_FILE_EXCESS, DB_ARGS(db_text(layer), db_text(path), db_int(keep)), &rows);
        while (count < PORTION && db_next(&rows)) {
            size_t n = 0;
            const void *id = db_row_blob(&rows, 1, &n);
            excess[count].version = db_row_int(&rows, 0);
            memset(&excess[count].content, 0, sizeof excess[count].content);
            memcpy(excess[count].content.id, id, n < SEAL_CONTENT_ID ? n : SEAL_CONTENT_ID);
            count++;
        }
        enum fault_code code = db_end(&rows, f);
        for (size_t i = 0; code == FAULT_OK && i < count; i++) {
            code = db_run(conn, SQL_FILE_DELETE_FORMER,
                          DB_ARGS(db_text(layer), db_text(path), db_int(excess[i].version)), NULL, f);
            if (code == FAULT_OK)
                code = content_release(conn, excess[i].content.id, f);
        }
        if (code || count == 0)
            return code;
    }
}

/* A number that no version of this name has had: removed files leave theirs with the former versions. */
static enum fault_code layer_next_version(struct db_conn *conn, const char *layer, const char *path,
                                          int64_t current, int64_t *ret_version, struct fault *f)
{
    struct db_rows rows;
    int64_t last = current;
    db_select(conn, SQL_FILE_LAST_FORMER, DB_ARGS(db_text(layer), db_text(path)), &rows);
    if (db_next(&rows) && db_row_int(&rows, 0) > last)
        last = db_row_int(&rows, 0);
    enum fault_code code = db_end(&rows, f);
    if (code == FAULT_OK)
        *ret_version = last + 1;
    return code;
}

static enum fault_code layer_retire(struct db_conn *conn, const char *layer, const char *path, int64_t now,
                                    const char *actor, struct fault *f)
{
    return db_run(conn, SQL_FILE_RETIRE, DB_ARGS(db_text(layer), db_text(path), db_int(now), db_text(actor)),
                  NULL, f);
}

/* What a name names, in whatever state that is; the id is all zero when there is none. */
static enum fault_code layer_named(struct db_conn *conn, const char *layer, const char *path,
                                   uint8_t id[SEAL_CONTENT_ID], int64_t *ret_version, struct fault *f)
{
    struct db_rows rows;
    size_t n = 0;
    memset(id, 0, SEAL_CONTENT_ID);
    db_select(conn, SQL_FILE_NAMED, DB_ARGS(db_text(layer), db_text(path)), &rows);
    if (db_next(&rows)) {
        const void *found = db_row_blob(&rows, 0, &n);
        memcpy(id, found, n < SEAL_CONTENT_ID ? n : SEAL_CONTENT_ID);
        *ret_version = db_row_int(&rows, 1);
    }
    return db_end(&rows, f);
}

/* Is this one kept as a former version when it goes? Never what bears a private key (R20). Whose bytes are
 * lost has nothing left that could be kept. */
static bool layer_keeps(enum fault_code found, const struct layer_file *file)
{
    return found == FAULT_OK && file->content.kind != CONTENT_BEARER;
}

enum fault_code layer_store(struct vault *vault, struct db_conn *conn, const char *layer, const char *path,
                            const struct layer_file *file, int64_t keep, bool *ret_created, struct fault *f)
{
    struct layer_file former = { 0 };
    uint8_t old[SEAL_CONTENT_ID];
    int64_t version = 0;
    enum fault_code found = layer_find(vault, conn, layer, path, 0, &former, f);
    bool created = found == FAULT_ABSENT, kept = layer_keeps(found, &former);
    /* To replace what is damaged is how it is mended. */
    if (found && !created && found != FAULT_DAMAGED)
        return found;
    enum fault_code code = layer_named(conn, layer, path, old, &version, f);
    if (code == FAULT_OK)
        code = layer_next_version(conn, layer, path, version, &version, f);
    if (code == FAULT_OK && kept)
        code = layer_retire(conn, layer, path, file->modified, file->author, f);
    if (code == FAULT_OK)
        code = db_run(conn, SQL_FILE_PUT,
                      DB_ARGS(db_text(layer), db_text(path), db_int(version), content_id(&file->content),
                              db_int(file->modified), db_text(file->author), db_int(file->unchecked)),
                      NULL, f);
    if (code == FAULT_OK && !created && !kept)
        code = content_release(conn, old, f);
    if (code == FAULT_OK && !created)
        code = layer_trim(conn, layer, path, keep, f);
    if (code == FAULT_OK)
        *ret_created = created;
    return code;
}

enum fault_code layer_remove(struct vault *vault, struct db_conn *conn, const char *layer, const char *path,
                             const char *actor, int64_t now, int64_t keep, struct fault *f)
{
    struct layer_file file = { 0 };
    uint8_t old[SEAL_CONTENT_ID];
    int64_t version;
    enum fault_code found = layer_find(vault, conn, layer, path, 0, &file, f);
    if (found && found != FAULT_DAMAGED)
        return found;
    bool kept = layer_keeps(found, &file);
    enum fault_code code = layer_named(conn, layer, path, old, &version, f);
    if (code == FAULT_OK && kept)
        code = layer_retire(conn, layer, path, now, actor, f);
    if (code == FAULT_OK)
        code = db_run(conn, SQL_FILE_DELETE, DB_ARGS(db_text(layer), db_text(path)), NULL, f);
    if (code == FAULT_OK && !kept)
        code = content_release(conn, old, f);
    if (code == FAULT_OK)
        code = layer_trim(conn, layer, path, keep, f);
    return code;
}

static enum fault_code layer_add_folder(struct db_conn *conn, const char *layer, const char *name,
                                        const struct listing_range *below, struct listing *listing,
                                        struct fault *f)
{
    struct tree_entry entry = { .folder = true };
    struct db_rows rows;
    db_select(conn, SQL_FILE_NEWEST, DB_ARGS(db_text(layer), db_text(below->low), db_text(below->high)),
              &rows);
    if (db_next(&rows))
        entry.modified = db_row_int(&rows, 0);
    enum fault_code code = db_end(&rows, f);
    (void)mem_copy_text(entry.name, sizeof entry.name, name);
    return code ? code : listing_add(listing, &entry, f);
}

/* Lists files until the range ends (*ret_more false) or a sub-folder begins, which is added; then the range
 * goes on behind it. */
static enum fault_code layer_stretch(struct db_conn *conn, const char *layer, struct listing_range *range,
                                     struct listing *listing, bool *ret_more, struct fault *f)
{
    char folder[PATH_COMPONENT_LIMIT + 1];
    struct listing_range below;
    struct db_rows rows;
    enum fault_code code = FAULT_OK;
    bool met = false;
    /* A copy: the statement borrows its arguments, and listing_folder moves the range. */
    char low[sizeof range->low];
    memcpy(low, range->low, sizeof low);
    db_select(conn, SQL_FILE_RANGE, DB_ARGS(db_text(layer), db_text(low), db_text(range->high)), &rows);
    while (code == FAULT_OK && !met && db_next(&rows)) {
        const char *path = db_row_text(&rows, 0);
        met = listing_folder(range, path, folder, &below);
        if (met)
            break;
        struct content content = { .size = db_row_int(&rows, 1) };
        struct tree_entry entry = { .size = content.size, .modified = db_row_int(&rows, 3) };
        size_t n = 0;
        const void *digest = db_row_blob(&rows, 2, &n);
        memcpy(content.digest.bytes, digest,
               n < sizeof content.digest.bytes ? n : sizeof content.digest.bytes);
        layer_etag(&content, entry.etag);
        if (mem_copy_text(entry.name, sizeof entry.name, path + range->prefix))
            code = listing_add(listing, &entry, f);
    }
    enum fault_code ended = db_end(&rows, code ? NULL : f);
    if (code == FAULT_OK)
        code = ended;
    if (code == FAULT_OK && met)
        code = layer_add_folder(conn, layer, folder, &below, listing, f);
    *ret_more = met;
    return code;
}

enum fault_code layer_list(struct db_conn *conn, const char *layer, const struct path *folder,
                           struct tree_list *list, struct fault *f)
{
    struct listing_range range;
    struct listing listing;
    bool more = true;
    listing_range(&range, folder);
    enum fault_code code = listing_begin(&listing, list, f);
    while (code == FAULT_OK && more)
        code = layer_stretch(conn, layer, &range, &listing, &more, f);
    listing_end(&listing);
    return code;
}

enum fault_code layer_versions(struct db_conn *conn, const char *layer, const char *path,
                               struct tree_version **ret_versions, size_t *ret_count, struct fault *f)
{
    struct tree_version *versions = NULL;
    size_t count = 0, room = 0;
    struct db_rows rows;
    enum fault_code code = FAULT_OK;
    db_select(conn, SQL_FILE_VERSIONS, DB_ARGS(db_text(layer), db_text(path)), &rows);
    while (code == FAULT_OK && db_next(&rows)) {
        if (count == room) {
            room = room ? 2 * room : 16;
            struct tree_version *grown = realloc(versions, room * sizeof *versions);
            if (grown == NULL) {
                code = fault_set(f, FAULT_MEMORY, "out of memory for a list of versions");
                break;
            }
            versions = grown;
        }
        struct tree_version *v = &versions[count++];
        *v = (struct tree_version){ .version = db_row_int(&rows, 0),
                                    .size = db_row_int(&rows, 1),
                                    .modified = db_row_int(&rows, 2),
                                    .replaced = db_row_int(&rows, 3),
                                    .unchecked = db_row_int(&rows, 6) != 0 };
        (void)mem_copy_text(v->author, sizeof v->author, db_row_text(&rows, 4));
        (void)mem_copy_text(v->replaced_by, sizeof v->replaced_by, db_row_text(&rows, 5));
    }
    enum fault_code ended = db_end(&rows, code ? NULL : f);
    if (code == FAULT_OK)
        code = ended;
    if (code) {
        free(versions);
        return code;
    }
    *ret_versions = versions;
    *ret_count = count;
    return FAULT_OK;
}

/* Half of the digest: 128 bits are more than anybody's versions of a file need, and the tag travels with
 * every answer. */
void layer_etag(const struct content *content, char etag[80])
{
    etag[0] = '"';
    secret_hex(content->digest.bytes, 16, etag + 1);
    memcpy(etag + 33, "\"", 2);
}
