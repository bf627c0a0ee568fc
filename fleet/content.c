/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/content.h"

#include "fleet/hold.h"
#include "fleet/vault.h"

#include <stdlib.h>
#include <string.h>

/* Far above any setting, and so small that millions of them can be added. */
#define CONTENT_SIZE_MAX ((int64_t)1 << 40)

static struct db_arg content_id(const uint8_t *id)
{
    return db_blob(id, SEAL_CONTENT_ID);
}

enum fault_code content_row(struct db_rows *rows, int column, struct content *ret_content, struct fault *f)
{
    size_t id_size = 0, digest_size = 0;
    const void *id = db_row_blob(rows, column, &id_size);
    if (id_size != sizeof ret_content->id)
        return fault_set(f, FAULT_DAMAGED, "a row of the catalog names no proper content");
    memcpy(ret_content->id, id, id_size);
    ret_content->size = db_row_int(rows, column + 1);
    /* Sizes are added up and memory is made of the sum: none that was never stored may get that far. */
    if (ret_content->size < 0 || ret_content->size > CONTENT_SIZE_MAX)
        return fault_set(f, FAULT_DAMAGED, "a content's size is damaged");
    const void *digest = db_row_blob(rows, column + 2, &digest_size);
    if (digest_size != sizeof ret_content->digest.bytes)
        return fault_set(f, FAULT_DAMAGED, "a content's digest is damaged");
    memcpy(ret_content->digest.bytes, digest, digest_size);
    return FAULT_OK;
}

enum fault_code content_stage(struct db_conn *conn, const uint8_t id[SEAL_CONTENT_ID], int64_t created,
                              struct fault *f)
{
    return db_run(conn, SQL_CONTENT_STAGE, DB_ARGS(content_id(id), db_blob("", 0), db_int(created)), NULL, f);
}

enum fault_code content_add_chunk(struct db_conn *conn, const uint8_t id[SEAL_CONTENT_ID], int64_t index,
                                  const void *sealed, size_t n, struct fault *f)
{
    return db_run(conn, SQL_CHUNK_ADD, DB_ARGS(content_id(id), db_int(index), db_blob(sealed, n)), NULL, f);
}

enum fault_code content_settle(struct db_conn *conn, const struct content *content, int64_t created,
                               struct fault *f)
{
    return db_run(conn, SQL_CONTENT_SETTLE,
                  DB_ARGS(content_id(content->id), db_int(content->size),
                          db_blob(content->digest.bytes, sizeof content->digest.bytes), db_int(created)),
                  NULL, f);
}

enum fault_code content_discard(struct db_conn *conn, const uint8_t id[SEAL_CONTENT_ID], struct fault *f)
{
    enum fault_code code = db_run(conn, SQL_CHUNK_DELETE, DB_ARGS(content_id(id)), NULL, f);
    return code ? code : db_run(conn, SQL_CONTENT_DELETE, DB_ARGS(content_id(id)), NULL, f);
}

enum fault_code content_remove(struct db_conn *conn, const uint8_t id[SEAL_CONTENT_ID], struct fault *f)
{
    if (hold_claim(id))
        return db_run(conn, SQL_CONTENT_DOOM, DB_ARGS(content_id(id)), NULL, f);
    return content_discard(conn, id, f);
}

enum fault_code content_clean(struct db_conn *conn, int64_t *ret_removed, struct fault *f)
{
    enum fault_code code = db_run(conn, SQL_CHUNK_DELETE_STAGED, DB_NONE, NULL, f);
    return code ? code : db_run(conn, SQL_CONTENT_DELETE_STAGED, DB_NONE, ret_removed, f);
}

struct let_go {
    struct db_write write;
    uint8_t id[SEAL_CONTENT_ID];
};

/* Only what the catalog itself calls staged: the write that let go of it may have been undone. */
static enum fault_code let_go_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct let_go *job = (struct let_go *)(void *)write;
    int64_t gone = 0;
    enum fault_code code = db_run(conn, SQL_CHUNK_DELETE_DOOMED, DB_ARGS(content_id(job->id)), NULL, f);
    if (code == FAULT_OK)
        code = db_run(conn, SQL_CONTENT_DELETE_DOOMED, DB_ARGS(content_id(job->id)), &gone, f);
    /* A reader whose snapshot is older than the removal holds it again: then it is that one's to let go. */
    if (code == FAULT_OK && gone && hold_claim(job->id))
        code = fault_set(f, FAULT_BUSY, "the content is being read");
    return code;
}

static void let_go_done(struct db_write *write, const struct fault *result)
{
    (void)result; /* what stays behind is staged, and goes at the next start if not before */
    free(write);
}

void content_let_go(struct db *db, const uint8_t id[SEAL_CONTENT_ID])
{
    if (!hold_drop(id))
        return;
    struct let_go *job = calloc(1, sizeof *job);
    if (job == NULL)
        return;
    job->write.run = let_go_run;
    job->write.done = let_go_done;
    memcpy(job->id, id, SEAL_CONTENT_ID);
    db_submit_lazy(db, &job->write);
}

int64_t content_chunks(int64_t size)
{
    return size > 0 ? (size - 1) / CONTENT_CHUNK + 1 : 1;
}

size_t content_chunk_size(int64_t size, int64_t index)
{
    int64_t left = size - index * CONTENT_CHUNK;
    return (size_t)(left < CONTENT_CHUNK ? left : CONTENT_CHUNK);
}

static enum fault_code content_open(const struct vault *vault, const struct content *content, int64_t index,
                                    const uint8_t *sealed, size_t n, void *out, struct fault *f)
{
    uint32_t key_id;
    if (n != content_chunk_size(content->size, index) + SEAL_OVERHEAD)
        return fault_set(f, FAULT_DAMAGED, "its length is wrong");
    enum fault_code code = seal_chunk_key(sealed, n, &key_id, f);
    if (code)
        return code;
    const struct secret_key *key = vault_chunk_key(vault, key_id);
    if (key == NULL)
        return fault_set(f, FAULT_DAMAGED, "its data key %lu is not in the catalog", (unsigned long)key_id);
    struct seal_place place = { .index = (uint64_t)index,
                                .last = index == content_chunks(content->size) - 1 };
    memcpy(place.content, content->id, SEAL_CONTENT_ID);
    return seal_open_chunk(key, &place, sealed, n, out, f);
}

static enum fault_code content_named(const struct content *content, int64_t index, enum fault_code code,
                                     struct fault *f)
{
    char hex[2 * SEAL_CONTENT_ID + 1];
    secret_hex(content->id, SEAL_CONTENT_ID, hex);
    fault_prefix(f, "content %s, chunk %lld", hex, (long long)index);
    return code;
}

enum fault_code content_chunk(const struct vault *vault, struct db_conn *conn, const struct content *content,
                              int64_t index, void *out, struct fault *f)
{
    struct db_rows rows;
    enum fault_code code;
    db_select(conn, SQL_CHUNK_GET, DB_ARGS(content_id(content->id), db_int(index)), &rows);
    bool found = db_next(&rows);
    if (found) {
        size_t n = 0;
        const void *sealed = db_row_blob(&rows, 0, &n);
        code = content_open(vault, content, index, sealed, n, out, f);
        db_end(&rows, NULL);
    } else {
        code = db_end(&rows, f);
        if (code)
            return code;
        code = fault_set(f, FAULT_DAMAGED, "it is missing");
    }
    return code == FAULT_DAMAGED ? content_named(content, index, code, f) : code;
}

enum fault_code content_load(const struct vault *vault, struct db_conn *conn, const struct content *content,
                             void *out, struct fault *f)
{
    struct db_rows rows;
    enum fault_code code = FAULT_OK;
    int64_t index = 0, chunks = content_chunks(content->size);
    db_select(conn, SQL_CHUNK_LIST, DB_ARGS(content_id(content->id)), &rows);
    while (code == FAULT_OK && index < chunks && db_next(&rows)) {
        size_t n = 0;
        const void *sealed = db_row_blob(&rows, 1, &n);
        if (db_row_int(&rows, 0) != index)
            break;
        code = content_open(vault, content, index, sealed, n, (char *)out + index * CONTENT_CHUNK, f);
        if (code == FAULT_OK)
            index++;
    }
    enum fault_code ended = db_end(&rows, code == FAULT_OK ? f : NULL);
    if (code == FAULT_OK && ended != FAULT_OK)
        return ended;
    if (code == FAULT_OK && index < chunks)
        code = fault_set(f, FAULT_DAMAGED, "it is missing");
    return code == FAULT_DAMAGED ? content_named(content, index, code, f) : code;
}

enum fault_code content_reader(struct fleet *fleet, struct db_conn *conn, const struct content *contents,
                               size_t count, struct reader **ret_reader, struct fault *f)
{
    return reader_new(fleet, conn, contents, count, ret_reader, f);
}
