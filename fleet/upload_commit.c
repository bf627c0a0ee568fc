/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an upload on the database's writer: what was staged, and the last chunk, become a segment of a
 * log or a version of a file. */
#include "base/clock.h"
#include "base/mem.h"
#include "fleet/audit_file.h"
#include "fleet/delivery.h"
#include "fleet/layer.h"
#include "fleet/segment.h"
#include "fleet/tree.h"
#include "fleet/upload_inner.h"
#include "fleet/vault.h"

/* The tag of what the upload would replace, "" when there is nothing. */
static enum fault_code commit_etag(struct upload *u, struct db_conn *conn, char etag[80], struct fault *f)
{
    const struct put_target *t = &u->target;
    struct segment_generation open;
    struct layer_file file;
    enum fault_code code = t->log ? segment_find(conn, &t->mac, t->path.text, 0, true, &open, f)
                                  : layer_find(u->fleet->vault, conn, t->layer, t->path.text, 0, &file, f);
    etag[0] = '\0';
    if (code == FAULT_ABSENT)
        return FAULT_OK;
    /* What is damaged can be replaced, unless that depends on what it was. */
    if (code == FAULT_DAMAGED && !t->log && u->if_match == NULL && u->if_none_match == NULL)
        return FAULT_OK;
    if (code == FAULT_OK && t->log)
        (void)mem_copy_text(etag, 80, open.etag);
    else if (code == FAULT_OK)
        layer_etag(&file.content, etag);
    return code;
}

static enum fault_code commit_segment(struct upload *u, struct db_conn *conn, int64_t now, struct fault *f)
{
    const struct put_target *t = &u->target;
    const struct segment_new segment = { .mac = t->mac,
                                         .path = t->path.text,
                                         .content = u->content,
                                         .append = u->append,
                                         .sender = u->sender,
                                         .author = t->author,
                                         .now = now };
    enum fault_code code = segment_store(u->fleet, conn, &segment, &u->committed, f);
    if (code == FAULT_OK && u->committed.repeat)
        return u->index ? content_discard(conn, u->content.id, f) : FAULT_OK;
    return code ? code : content_add_chunk(conn, u->content.id, u->index, u->last->sealed, u->last->n, f);
}

/* The bytes of a file, stored once: *ret_content is what the file is to name. */
static enum fault_code commit_bytes(struct upload *u, struct db_conn *conn, int64_t now,
                                    struct content *ret_content, struct fault *f)
{
    struct content equal;
    bool sound = false;
    if (u->bearer.keys) {
        enum fault_code stored = delivery_store(u->fleet, conn, &u->target, &u->content, u->plain, now, f);
        *ret_content = u->content;
        return stored;
    }
    enum fault_code found = content_equal(u->fleet->vault, conn, &u->content, &equal, &sound, f);
    if (found && found != FAULT_ABSENT)
        return found;
    if (found == FAULT_OK && sound) {
        *ret_content = equal;
        return u->index ? content_discard(conn, u->content.id, f) : FAULT_OK;
    }
    enum fault_code code = content_settle(u->fleet->vault, conn, &u->content, now, f);
    if (code == FAULT_OK)
        code = content_add_chunk(conn, u->content.id, u->index, u->last->sealed, u->last->n, f);
    if (code == FAULT_OK && found == FAULT_OK)
        code = content_rename(conn, equal.id, u->content.id, f);
    *ret_content = u->content;
    return code;
}

static enum fault_code commit_file(struct upload *u, struct db_conn *conn, int64_t now, struct fault *f)
{
    const struct put_target *t = &u->target;
    struct layer_file file = { .modified = now, .unchecked = u->flaw.code != FAULT_OK };
    (void)mem_copy_text(file.author, sizeof file.author, t->author);
    enum fault_code code = commit_bytes(u, conn, now, &file.content, f);
    u->committed = (struct upload_outcome){ .size = u->content.size };
    if (code == FAULT_OK)
        code = layer_store(u->fleet->vault, conn, t->layer, t->path.text, &file,
                           u->fleet->settings->file_versions, &u->committed.created, f);
    layer_etag(&u->content, u->committed.etag);
    return code == FAULT_OK ? audit_stored(u->fleet, conn, t, &u->committed, file.unchecked, f) : code;
}

enum fault_code upload_commit_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct upload *u = CONTAINER_OF(write, struct upload, commit);
    char etag[80];
    if (u->stage_failed)
        return fault_set(f, FAULT_IO, "a part of the upload was not stored");
    int64_t now = clock_wall_ms();
    enum fault_code code = commit_etag(u, conn, etag, f);
    if (code == FAULT_OK)
        code = tree_precondition(etag, u->if_match, u->if_none_match, f);
    if (code == FAULT_OK && u->target.register_handset)
        code = db_run(conn, SQL_HANDSET_ENSURE, DB_ARGS(db_text(u->target.mac.text), db_int(now)), NULL, f);
    if (code)
        return code;
    return u->target.log ? commit_segment(u, conn, now, f) : commit_file(u, conn, now, f);
}
