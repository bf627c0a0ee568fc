/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/adopt.h"

#include "base/mem.h"
#include "fleet/content.h"

#include <stdlib.h>
#include <string.h>

#define ADOPT_BATCH 64

struct batch {
    struct db_write write;
    size_t count;
    struct {
        struct content content;
        bool sound;
        struct secret_digest mac;
    } row[ADOPT_BATCH];
};

/* Columns: id, size, digest, kind, chunks. False: this cannot be a content. */
static bool adopt_row(struct db_rows *rows, struct content *content)
{
    size_t id_size = 0, digest_size = 0;
    const void *id = db_row_blob(rows, 0, &id_size);
    const void *digest = db_row_blob(rows, 2, &digest_size);
    int64_t kind = db_row_int(rows, 3);
    *content = (struct content){ .size = db_row_int(rows, 1) };
    if (id_size == sizeof content->id)
        memcpy(content->id, id, id_size);
    if (digest_size == sizeof content->digest.bytes)
        memcpy(content->digest.bytes, digest, digest_size);
    content->kind = kind == CONTENT_FILE ? CONTENT_FILE : CONTENT_SEGMENT;
    return id_size == sizeof content->id && digest_size == sizeof content->digest.bytes &&
           content->size >= 0 && content->size <= CONTENT_SIZE_MAX && kind < CONTENT_BEARER &&
           db_row_int(rows, 4) == content_chunks(content->size);
}

/* Opens every chunk and makes the digest anew. Damage is an answer, anything else a fault. */
static enum fault_code adopt_look(struct db *db, struct vault *vault, const struct content *content,
                                  void *plain, bool *ret_sound, struct fault *f)
{
    struct db_conn *conn = NULL;
    struct secret_digest digest;
    struct secret_mac_state *state = secret_mac_new(vault_digest_key(vault));
    enum fault_code code =
        state ? db_read_begin(db, &conn, f) : fault_set(f, FAULT_MEMORY, "out of memory for a digest");
    for (int64_t at = 0; code == FAULT_OK && at < content_chunks(content->size); at++) {
        code = content_chunk(vault, conn, content, at, plain, f);
        if (code == FAULT_OK)
            secret_mac_add(state, plain, content_chunk_size(content->size, at));
    }
    db_read_end(db, conn);
    if (code == FAULT_OK) {
        secret_mac_peek(state, &digest);
        *ret_sound = secret_equal(digest.bytes, content->digest.bytes, sizeof digest.bytes);
    }
    secret_mac_free(state);
    return code == FAULT_DAMAGED ? FAULT_OK : code;
}

static enum fault_code adopt_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    const struct batch *batch = CONTAINER_OF(write, struct batch, write);
    enum fault_code code = FAULT_OK;
    for (size_t i = 0; code == FAULT_OK && i < batch->count; i++)
        code = db_run(conn, SQL_CONTENT_ADOPT,
                      DB_ARGS(db_blob(batch->row[i].content.id, SEAL_CONTENT_ID),
                              db_blob(batch->row[i].mac.bytes, batch->row[i].sound ? SECRET_DIGEST_SIZE : 0)),
                      NULL, f);
    return code;
}

static enum fault_code adopt_list(struct db *db, const uint8_t after[SEAL_CONTENT_ID], struct batch *batch,
                                  struct fault *f)
{
    struct db_conn *conn;
    struct db_rows rows;
    enum fault_code code = db_read_begin(db, &conn, f);
    if (code)
        return code;
    batch->count = 0;
    db_select(conn, SQL_CONTENT_STRANGE, DB_ARGS(db_blob(after, SEAL_CONTENT_ID), db_int(ADOPT_BATCH)),
              &rows);
    while (batch->count < ADOPT_BATCH && db_next(&rows)) {
        batch->row[batch->count].sound = adopt_row(&rows, &batch->row[batch->count].content);
        batch->count++;
    }
    code = db_end(&rows, f);
    db_read_end(db, conn);
    return code;
}

static enum fault_code adopt_batch(struct db *db, struct vault *vault, struct batch *batch, void *plain,
                                   struct adopt_result *result, struct fault *f)
{
    enum fault_code code = FAULT_OK;
    for (size_t i = 0; code == FAULT_OK && i < batch->count; i++) {
        bool sound = false;
        if (batch->row[i].sound)
            code = adopt_look(db, vault, &batch->row[i].content, plain, &sound, f);
        batch->row[i].sound = sound;
        content_mac(vault, &batch->row[i].content, &batch->row[i].mac);
        *(sound ? &result->adopted : &result->damaged) += 1;
    }
    batch->write.run = adopt_run;
    return code ? code : db_write_wait(db, &batch->write, f);
}

enum fault_code adopt_contents(struct db *db, struct vault *vault, struct adopt_result *ret_result,
                               struct fault *f)
{
    struct adopt_result result = { 0 };
    uint8_t after[SEAL_CONTENT_ID] = { 0 };
    AUTO_FREE struct batch *batch = calloc(1, sizeof *batch);
    void *plain = malloc(CONTENT_CHUNK);
    enum fault_code code =
        batch && plain ? FAULT_OK : fault_set(f, FAULT_MEMORY, "out of memory for the catalog's upgrade");
    while (code == FAULT_OK) {
        code = adopt_list(db, after, batch, f);
        if (code || batch->count == 0)
            break;
        memcpy(after, batch->row[batch->count - 1].content.id, sizeof after);
        code = adopt_batch(db, vault, batch, plain, &result, f);
    }
    mem_wipe_free(plain, plain ? CONTENT_CHUNK : 0);
    if (code == FAULT_OK)
        *ret_result = result;
    return code;
}
