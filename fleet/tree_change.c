/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads begin here, and removals. What is judged before the body is judged again in the commit where it can
 * have changed. */
#include "base/clock.h"
#include "base/mem.h"
#include "fleet/audit_file.h"
#include "fleet/found.h"
#include "fleet/grant.h"
#include "fleet/handset.h"
#include "fleet/put.h"
#include "fleet/tree.h"

#include <string.h>
#include <strings.h>

static enum fault_code current_etag(const struct fleet *fleet, struct db_conn *conn,
                                    const struct principal *who, const struct place *place, char etag[80],
                                    struct fault *f)
{
    struct found found = { 0 };
    enum fault_code code = found_at(fleet->vault, conn, who, place, 0, &found, f);
    etag[0] = '\0';
    if (code == FAULT_OK)
        found_etag(&found, etag);
    return code == FAULT_ABSENT ? FAULT_OK : code;
}

/* --- put --- */

struct put {
    const struct principal *who;
    const struct upload_options *options;
    struct place place;
    struct put_target target;
};

static bool has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);
    return n >= m && strcasecmp(name + n - m, suffix) == 0;
}

static void aim(const struct settings *settings, struct put *put)
{
    struct put_target *t = &put->target;
    bool handset = put->who->role == ROLE_HANDSET;
    t->log = put->place.kind == PLACE_LOG;
    t->mac = put->place.mac;
    mem_copy_text(t->layer, sizeof t->layer, put->place.mac.text);
    t->path = put->place.path;
    t->limit = t->log ? settings->max_log : handset ? settings->max_override : settings->max_file;
    t->check_xml = !handset && (has_suffix(t->path.text, ".cfg") || has_suffix(t->path.text, ".xml"));
    t->look_for_keys = put->who->role == ROLE_ADMINISTRATOR && !t->log;
    mem_copy_text(t->author, sizeof t->author, principal_name(put->who));
    t->who = *put->who;
}

static enum fault_code check_handset(struct db_conn *conn, struct put *put, struct fault *f)
{
    struct handset handset;
    enum fault_code code = handset_find(conn, &put->place.mac, &handset, f);
    if (put->who->role == ROLE_HANDSET) {
        if (code == FAULT_ABSENT || (code == FAULT_OK && !handset.enabled))
            return fault_set(f, FAULT_FORBIDDEN, "this handset is not part of the fleet any more");
        return code;
    }
    if (code != FAULT_ABSENT)
        return code;
    put->target.register_handset = put->options->create;
    if (put->options->create)
        return FAULT_OK;
    return handset_unregistered(conn, &put->place.mac, "?create=1 registers it (over HTTPS)", f);
}

/* Clients that mirror a tree cannot have a file and a folder of one name. */
static enum fault_code check_names(const struct fleet *fleet, struct db_conn *conn, const struct put *put,
                                   struct fault *f)
{
    const char *layer = put->target.layer;
    struct path path = put->target.path;
    struct place folder = { .kind = layer[0] ? PLACE_LAYER : PLACE_SHARED,
                            .mac = put->place.mac,
                            .path = path };
    struct tree_entry entry;
    struct layer_file file;
    enum fault_code code = found_folder(conn, &folder, &path, &entry, f);
    if (code == FAULT_OK)
        return fault_set(f, FAULT_CONFLICT, "there is a folder of that name");
    while (code == FAULT_ABSENT && path_up(&path) && path.length > 1) {
        code = layer_find(fleet->vault, conn, layer, path.text, 0, &file, f);
        if (code == FAULT_OK)
            return fault_set(f, FAULT_CONFLICT, "%s is a file, not a folder", path.text);
    }
    return code == FAULT_ABSENT ? FAULT_OK : code;
}

static enum fault_code check_state(struct fleet *fleet, struct db_conn *conn, struct put *put,
                                   struct fault *f)
{
    const struct upload_options *options = put->options;
    enum fault_code code = FAULT_OK;
    if (put->place.mac.text[0] != '\0')
        code = check_handset(conn, put, f);
    if (code == FAULT_OK && put->who->role == ROLE_ADMINISTRATOR)
        code = check_names(fleet, conn, put, f);
    if (code == FAULT_OK && (options->if_match || options->if_none_match)) {
        char etag[80];
        code = current_etag(fleet, conn, put->who, &put->place, etag, f);
        if (code == FAULT_OK)
            code = tree_precondition(etag, options->if_match, options->if_none_match, f);
    }
    /* Worth it for a large body only: a small one is better judged by the commit, which also knows whether it
     * is a resend of bytes that are stored already. */
    if (code == FAULT_OK && put->target.log && options->size > CONTENT_CHUNK &&
        options->size <= put->target.limit)
        code = segment_room(fleet, conn, &put->place.mac, options->size, f);
    return code;
}

enum fault_code tree_put(struct fleet *fleet, const struct principal *who, const struct path *path,
                         const struct upload_options *options, struct upload **ret_upload, struct fault *f)
{
    /* What only an administrator may ask for means nothing from anybody else. */
    struct upload_options allowed = *options;
    allowed.create = options->create && who->role == ROLE_ADMINISTRATOR;
    allowed.unchecked = options->unchecked && who->role == ROLE_ADMINISTRATOR;
    struct put put = { .who = who, .options = &allowed };
    struct db_conn *conn;
    enum fault_code code =
        grant_place(who, options->append ? GRANT_APPEND : GRANT_REPLACE, path, &put.place, f);
    if (code != FAULT_OK)
        return code;
    aim(fleet->settings, &put);
    code = db_read_begin(fleet->db, &conn, f);
    if (code != FAULT_OK)
        return code;
    code = check_state(fleet, conn, &put, f);
    db_read_end(fleet->db, conn);
    return code == FAULT_OK ? upload_begin(fleet, &put.target, &allowed, ret_upload, f) : code;
}

/* --- remove --- */

struct remove_write {
    struct db_write write;
    struct fleet *fleet;
    const struct principal *who;
    struct place place;
    const char *if_match, *if_none_match;
};

static enum fault_code run_remove(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    const struct remove_write *w = CONTAINER_OF(write, struct remove_write, write);
    const struct place *place = &w->place;
    int64_t now = clock_wall_ms();
    enum fault_code code = FAULT_OK;
    if (w->if_match || w->if_none_match) {
        char etag[80];
        code = current_etag(w->fleet, conn, w->who, place, etag, f);
        if (code == FAULT_OK)
            code = tree_precondition(etag, w->if_match, w->if_none_match, f);
    }
    if (code == FAULT_OK && place->kind == PLACE_LOG)
        code = segment_end(conn, &place->mac, place->path.text, now, f);
    else if (code == FAULT_OK)
        code = layer_remove(w->fleet->vault, conn, place->mac.text, place->path.text, principal_name(w->who),
                            now, w->fleet->settings->file_versions, f);
    if (code == FAULT_OK)
        code = audit_removed(w->fleet, conn, w->who, place, f);
    return code == FAULT_ABSENT ? fault_set(f, FAULT_ABSENT, GRANT_ABSENT_WORDS) : code;
}

enum fault_code tree_remove(struct fleet *fleet, const struct principal *who, const struct path *path,
                            const char *if_match, const char *if_none_match, struct fault *f)
{
    struct remove_write w = { .write.run = run_remove,
                              .fleet = fleet,
                              .who = who,
                              .if_match = if_match,
                              .if_none_match = if_none_match };
    enum fault_code code = grant_place(who, GRANT_REMOVE, path, &w.place, f);
    if (code != FAULT_OK)
        return code;
    return db_write_wait(fleet->db, &w.write, f);
}
