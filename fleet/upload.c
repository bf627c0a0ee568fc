/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two sides: the owner's thread, which takes bytes, seals chunks and submits writes, and the database's
 * writer, which stores them. The owner's side is never looked at by the writer, but for what the commit
 * needs, which is complete before it is submitted; what both touch stands under `lock`. Each write in flight
 * and the owner hold a reference.
 *
 * The last chunk is sealed as such, so one full chunk is held back until more bytes come. A content of one
 * chunk is therefore never staged: it goes with the commit. Larger ones are staged by one write a chunk;
 * writes are run in the order of their submission, so the commit, or the removal of what was staged, always
 * comes after them.
 */
#include "fleet/upload_inner.h"

#include "base/clock.h"
#include "base/mem.h"
#include "fleet/logbook.h"
#include "fleet/room.h"
#include "fleet/vault.h"

#include <stdlib.h>
#include <string.h>

#define UPLOAD_IN_FLIGHT 4
#define UPLOAD_ROOM_MIN  4096

/* --- beginning and ending --- */

static void upload_destroy(struct upload *u)
{
    secret_mac_free(u->mac);
    inspect_free(u->inspect);
    mem_wipe_free(u->plain, u->room);
    free(u->last);
    vault_leave(u->fleet->vault, u->key);
    free(u->if_match);
    free(u->if_none_match);
    pthread_mutex_destroy(&u->lock);
    free(u);
}

static void upload_unref(struct upload *u)
{
    pthread_mutex_lock(&u->lock);
    bool last = --u->refs == 0;
    pthread_mutex_unlock(&u->lock);
    if (last)
        upload_destroy(u);
}

static bool copy_text(const char *text, char **ret_copy)
{
    *ret_copy = text ? strdup(text) : NULL;
    return text == NULL || *ret_copy;
}

enum fault_code upload_begin(struct fleet *fleet, const struct put_target *target,
                             const struct upload_options *options, struct upload **ret_upload,
                             struct fault *f)
{
    if (options->size > target->limit)
        return fault_set(f, FAULT_TOO_LARGE, "%lld bytes are more than the %lld that are allowed here",
                         (long long)options->size, (long long)target->limit);
    enum fault_code code = room_check(fleet, f);
    if (code)
        return code;
    struct upload *u = calloc(1, sizeof *u);
    if (u == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory for an upload");
    pthread_mutex_init(&u->lock, NULL);
    u->refs = 1;
    u->fleet = fleet;
    u->target = *target;
    u->append = options->append;
    u->unchecked = options->unchecked;
    u->sender = options->sender;
    u->progress = options->progress;
    u->user = options->user;
    secret_random(u->content.id, sizeof u->content.id);
    u->content.kind = target->log ? CONTENT_SEGMENT : CONTENT_FILE;
    u->content.key = u->key = vault_enter(fleet->vault);
    u->mac = secret_mac_new(vault_digest_key(fleet->vault));
    bool complete = u->mac && copy_text(options->if_match, &u->if_match) &&
                    copy_text(options->if_none_match, &u->if_none_match);
    if (complete && target->check_xml && !target->log) {
        u->inspect = inspect_new();
        complete = u->inspect != NULL;
    }
    if (!complete) {
        upload_destroy(u);
        return fault_set(f, FAULT_MEMORY, "out of memory for an upload");
    }
    *ret_upload = u;
    return FAULT_OK;
}

static enum fault_code cleanup_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    return content_discard(conn, CONTAINER_OF(write, struct upload, cleanup)->content.id, f);
}

static void cleanup_done(struct db_write *write, const struct fault *result)
{
    (void)result; /* if it failed, what is staged goes at the next start */
    upload_unref(CONTAINER_OF(write, struct upload, cleanup));
}

/* Removes what was staged, if anything was. Once, by whoever knows that nothing will come of it. */
static void upload_cleanup(struct upload *u)
{
    if (u->index == 0)
        return;
    pthread_mutex_lock(&u->lock);
    u->refs++;
    pthread_mutex_unlock(&u->lock);
    u->cleanup.run = cleanup_run;
    u->cleanup.done = cleanup_done;
    db_submit(u->fleet->db, &u->cleanup);
}

void upload_free(struct upload *u)
{
    if (u == NULL)
        return;
    pthread_mutex_lock(&u->lock);
    u->left = true;
    pthread_mutex_unlock(&u->lock);
    if (!u->committing)
        upload_cleanup(u);
    upload_unref(u);
}

/* The lock is held over the callback, so that none comes after upload_free has returned: it only posts. */
static void upload_tell(struct upload *u)
{
    if (!u->left && u->progress)
        u->progress(u->user);
}

/* --- taking bytes --- */

static enum fault_code chunk_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct chunk *c = CONTAINER_OF(write, struct chunk, write);
    struct upload *u = c->upload;
    enum fault_code code = FAULT_OK;
    if (u->stage_failed)
        return fault_set(f, FAULT_IO, "an earlier part was not stored");
    if (c->index == 0)
        code = content_stage(conn, u->content.id, u->key, clock_wall_ms(), f);
    if (code == FAULT_OK)
        code = content_add_chunk(conn, u->content.id, c->index, c->sealed, c->n, f);
    u->stage_failed = code != FAULT_OK;
    return code;
}

static void chunk_done(struct db_write *write, const struct fault *result)
{
    struct chunk *c = CONTAINER_OF(write, struct chunk, write);
    struct upload *u = c->upload;
    pthread_mutex_lock(&u->lock);
    u->in_flight--;
    if (result->code) {
        u->stage_failed = true;
        if (u->failure.code == FAULT_OK)
            u->failure = *result;
    }
    if (u->waiting) {
        u->waiting = false;
        upload_tell(u);
    }
    pthread_mutex_unlock(&u->lock);
    free(c);
    upload_unref(u);
}

/* Seals the chunk that was filled. */
static enum fault_code upload_seal(struct upload *u, bool last, struct chunk **ret_chunk, struct fault *f)
{
    struct chunk *c = calloc(1, sizeof *c + u->used + SEAL_OVERHEAD);
    if (c == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory for an upload");
    uint32_t key_id;
    struct seal_place place = { .index = (uint64_t)u->index, .last = last };
    memcpy(place.content, u->content.id, sizeof place.content);
    c->upload = u;
    c->index = u->index;
    c->n = u->used + SEAL_OVERHEAD;
    enum fault_code code = vault_seal(u->fleet->vault, &place, u->plain ? u->plain : (const uint8_t *)"",
                                      u->used, c->sealed, &key_id, f);
    if (code) {
        free(c);
        return code;
    }
    *ret_chunk = c;
    return FAULT_OK;
}

/* Sends a full chunk off; *ret_full when too many are on their way, and progress will tell. */
static enum fault_code upload_flush(struct upload *u, bool *ret_full, struct fault *f)
{
    pthread_mutex_lock(&u->lock);
    bool full = u->in_flight >= UPLOAD_IN_FLIGHT;
    u->waiting = full;
    pthread_mutex_unlock(&u->lock);
    *ret_full = full;
    if (full)
        return FAULT_OK;
    struct chunk *c;
    enum fault_code code = room_check(u->fleet, f);
    if (code == FAULT_OK)
        code = upload_seal(u, false, &c, f);
    if (code)
        return code;
    u->index++;
    u->used = 0;
    pthread_mutex_lock(&u->lock);
    u->refs++;
    u->in_flight++;
    pthread_mutex_unlock(&u->lock);
    c->write.run = chunk_run;
    c->write.done = chunk_done;
    db_submit(u->fleet->db, &c->write);
    return FAULT_OK;
}

/* The buffer grows with what comes: most uploads are small, and thousands may be under way. */
static enum fault_code upload_make_room(struct upload *u, size_t n, struct fault *f)
{
    size_t room = u->room ? u->room : UPLOAD_ROOM_MIN;
    while (room < CONTENT_CHUNK && room - u->used < n)
        room *= 2;
    if (room == u->room)
        return FAULT_OK;
    uint8_t *grown = malloc(room);
    if (grown == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory for an upload");
    if (u->used)
        memcpy(grown, u->plain, u->used);
    mem_wipe_free(u->plain, u->room);
    u->plain = grown;
    u->room = room;
    return FAULT_OK;
}

/* With `unchecked` a flaw is only noted. */
static enum fault_code upload_judge(struct upload *u, enum fault_code code, const struct fault *flaw,
                                    struct fault *f)
{
    if (code != FAULT_CONTENT)
        return code ? fault_set(f, code, "%s", flaw->text) : FAULT_OK;
    if (u->unchecked) {
        u->flaw = *flaw;
        return FAULT_OK;
    }
    return fault_set(f, code, "not well-formed XML: %s", flaw->text);
}

/* Where a private key may be, and how much beside it: one chunk, under a key of its own. So no part of such a
 * file was staged under another key: its mark ends before the key begins, and what follows is refused. */
static enum fault_code upload_bearer(struct upload *u, const void *data, size_t n, struct fault *f)
{
    if (!u->target.look_for_keys)
        return FAULT_OK;
    bearer_feed(&u->bearer, data, n);
    if (u->bearer.keys == 0)
        return FAULT_OK;
    if (u->target.layer[0] == '\0')
        return fault_set(
            f, FAULT_CONTENT,
            "a private key in a file that all handsets share would be nobody's secret: store it in its "
            "handset's layer");
    if (u->bearer.keys > 1)
        return fault_set(f, FAULT_CONTENT,
                         "more than one private key in a file: give each a file of its own");
    if (u->index > 0 || u->content.size + (int64_t)n > CONTENT_CHUNK)
        return fault_set(f, FAULT_CONTENT, "a file that bears a private key has at most %d bytes",
                         CONTENT_CHUNK);
    return FAULT_OK;
}

static enum fault_code upload_take(struct upload *u, const void *data, size_t n, struct fault *f)
{
    struct fault flaw = { 0 };
    enum fault_code code = upload_make_room(u, n, f);
    if (code == FAULT_OK)
        code = upload_bearer(u, data, n, f);
    if (code == FAULT_OK && u->inspect && u->flaw.code == FAULT_OK)
        code = upload_judge(u, inspect_feed(u->inspect, data, n, &flaw), &flaw, f);
    if (code)
        return code;
    memcpy(u->plain + u->used, data, n);
    secret_mac_add(u->mac, data, n);
    u->used += n;
    u->content.size += (int64_t)n;
    return FAULT_OK;
}

enum fault_code upload_write(struct upload *u, const void *data, size_t n, size_t *ret_taken, struct fault *f)
{
    pthread_mutex_lock(&u->lock);
    struct fault failure = u->failure;
    pthread_mutex_unlock(&u->lock);
    if (failure.code)
        return fault_set(f, failure.code, "%s", failure.text);
    if ((int64_t)n > u->target.limit - u->content.size || n > INT64_MAX)
        return fault_set(f, FAULT_TOO_LARGE, "more than the %lld bytes that are allowed here",
                         (long long)u->target.limit);
    size_t taken = 0;
    while (taken < n) {
        enum fault_code code = FAULT_OK;
        bool full = false;
        if (u->used == CONTENT_CHUNK)
            code = upload_flush(u, &full, f);
        if (code)
            return code;
        if (full)
            break;
        size_t some = CONTENT_CHUNK - u->used;
        if (some > n - taken)
            some = n - taken;
        code = upload_take(u, (const char *)data + taken, some, f);
        if (code)
            return code;
        taken += some;
    }
    *ret_taken = taken;
    return FAULT_OK;
}

/* --- the commit --- */

static void upload_end(struct upload *u, const struct fault *result)
{
    pthread_mutex_lock(&u->lock);
    /* The reason why a part was not stored says more than that one was not. */
    u->result = result->code && u->failure.code ? u->failure : *result;
    if (result->code == FAULT_OK)
        u->outcome = u->committed;
    atomic_store(&u->ended, true);
    u->waiting = false;
    upload_tell(u);
    pthread_mutex_unlock(&u->lock);
}

static void commit_done(struct db_write *write, const struct fault *result)
{
    struct upload *u = CONTAINER_OF(write, struct upload, commit);
    if (result->code)
        upload_cleanup(u);
    else if (u->target.log && u->sender)
        logbook_sender_stored(u->fleet, u->sender);
    upload_end(u, result);
    upload_unref(u);
}

static enum fault_code upload_complete(struct upload *u, struct fault *f)
{
    struct fault flaw = { 0 };
    enum fault_code code = FAULT_OK;
    if (u->inspect && u->flaw.code == FAULT_OK)
        code = upload_judge(u, inspect_finish(u->inspect, &flaw), &flaw, f);
    if (code)
        return code;
    secret_mac_peek(u->mac, &u->content.digest);
    return u->bearer.keys ? FAULT_OK : upload_seal(u, true, &u->last, f);
}

void upload_commit(struct upload *u)
{
    struct fault f = { 0 };
    if (upload_complete(u, &f) != FAULT_OK) {
        upload_end(u, &f);
        return;
    }
    u->committing = true;
    u->commit.run = upload_commit_run;
    u->commit.done = commit_done;
    pthread_mutex_lock(&u->lock);
    u->refs++;
    pthread_mutex_unlock(&u->lock);
    db_submit(u->fleet->db, &u->commit);
}

bool upload_ended(const struct upload *u)
{
    return atomic_load(&u->ended);
}

enum fault_code upload_result(const struct upload *u, struct upload_outcome *ret_outcome, struct fault *f)
{
    if (!upload_ended(u))
        return fault_set(f, FAULT_INTERNAL, "the upload has not ended");
    if (u->result.code)
        return fault_set(f, u->result.code, "%s", u->result.text);
    *ret_outcome = u->outcome;
    return FAULT_OK;
}
