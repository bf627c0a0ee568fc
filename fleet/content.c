/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/content.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "fleet/hold.h"
#include "fleet/vault.h"

#include <stdlib.h>
#include <string.h>

static struct db_arg content_id(const uint8_t *id)
{
    return db_blob(id, SEAL_CONTENT_ID);
}

/* --- rows --- */

#define MAC_VERSION 1

void content_mac(struct vault *vault, const struct content *content, struct secret_digest *ret_mac)
{
    static const char label[] = "cradle content"; /* with its NUL */
    uint8_t text[sizeof label + 1 + SEAL_CONTENT_ID + 1 + 8 + 8 + SECRET_DIGEST_SIZE], *at = text;
    memcpy(at, label, sizeof label);
    at += sizeof label;
    *at++ = MAC_VERSION;
    memcpy(at, content->id, SEAL_CONTENT_ID);
    at += SEAL_CONTENT_ID;
    *at++ = (uint8_t)content->kind;
    at = bytes_put_be(at, (uint64_t)content->size, 8);
    at = bytes_put_be(at, (uint64_t)content_chunks(content->size), 8);
    memcpy(at, content->digest.bytes, SECRET_DIGEST_SIZE);
    secret_mac(vault_row_key(vault), text, sizeof text, ret_mac);
}

static enum fault_code row_damaged(const struct content *content, const char *words, struct fault *f)
{
    char hex[2 * SEAL_CONTENT_ID + 1];
    secret_hex(content->id, SEAL_CONTENT_ID, hex);
    return fault_set(f, FAULT_DAMAGED, "content %s: %s", hex, words);
}

enum fault_code content_row(struct vault *vault, struct db_rows *rows, int column,
                            struct content *ret_content, struct fault *f)
{
    struct content content = { 0 };
    size_t id_size = 0, digest_size = 0, mac_size = 0;
    const void *id = db_row_blob(rows, column, &id_size);
    if (id_size != sizeof content.id)
        return fault_set(f, FAULT_DAMAGED, "a row of the catalog names no proper content");
    memcpy(content.id, id, id_size);
    content.size = db_row_int(rows, column + 1);
    /* Sizes are added up and memory is made of the sum: none that was never stored may get that far. */
    if (content.size < 0 || content.size > CONTENT_SIZE_MAX)
        return row_damaged(&content, "its size is damaged", f);
    const void *digest = db_row_blob(rows, column + 2, &digest_size);
    if (digest_size != sizeof content.digest.bytes)
        return row_damaged(&content, "its digest is damaged", f);
    memcpy(content.digest.bytes, digest, digest_size);
    int64_t kind = db_row_int(rows, column + 3);
    if (kind < CONTENT_SEGMENT || kind > CONTENT_BEARER)
        return row_damaged(&content, "its kind is damaged", f);
    content.kind = (enum content_kind)kind;
    struct secret_digest expected;
    content_mac(vault, &content, &expected);
    const void *mac = db_row_blob(rows, column + 5, &mac_size);
    if (db_row_int(rows, column + 4) != content_chunks(content.size) || mac_size != sizeof expected.bytes ||
        !secret_equal(mac, expected.bytes, mac_size))
        return row_damaged(&content, "its row was changed", f);
    *ret_content = content;
    return FAULT_OK;
}

enum fault_code content_stage(struct db_conn *conn, const uint8_t id[SEAL_CONTENT_ID], uint32_t key,
                              int64_t created, struct fault *f)
{
    return db_run(conn, SQL_CONTENT_STAGE,
                  DB_ARGS(content_id(id), db_blob("", 0), db_int(key), db_int(created)), NULL, f);
}

enum fault_code content_add_chunk(struct db_conn *conn, const uint8_t id[SEAL_CONTENT_ID], int64_t index,
                                  const void *sealed, size_t n, struct fault *f)
{
    return db_run(conn, SQL_CHUNK_ADD, DB_ARGS(content_id(id), db_int(index), db_blob(sealed, n)), NULL, f);
}

enum fault_code content_settle(struct vault *vault, struct db_conn *conn, const struct content *content,
                               int64_t created, struct fault *f)
{
    struct secret_digest mac;
    content_mac(vault, content, &mac);
    return db_run(conn, SQL_CONTENT_SETTLE,
                  DB_ARGS(content_id(content->id), db_int(content->size),
                          db_blob(content->digest.bytes, sizeof content->digest.bytes), db_int(created),
                          db_int(content->kind), db_int(content_chunks(content->size)), db_int(content->key),
                          db_blob(mac.bytes, sizeof mac.bytes)),
                  NULL, f);
}

/* --- equal ones are stored once --- */

enum fault_code content_equal(struct vault *vault, struct db_conn *conn, const struct content *content,
                              struct content *ret_equal, bool *ret_sound, struct fault *f)
{
    struct content equal = { 0 };
    struct db_rows rows;
    size_t n = 0;
    db_select(conn, SQL_CONTENT_EQUAL,
              DB_ARGS(db_blob(content->digest.bytes, sizeof content->digest.bytes), db_int(content->size)),
              &rows);
    bool found = db_next(&rows), sound = false;
    if (found) {
        const void *id = db_row_blob(&rows, 0, &n);
        sound = content_row(vault, &rows, 0, &equal, NULL) == FAULT_OK;
        memcpy(equal.id, id, n < sizeof equal.id ? n : sizeof equal.id);
    }
    enum fault_code code = db_end(&rows, f);
    if (code == FAULT_OK && !found)
        code = fault_set(f, FAULT_ABSENT, "no content has these bytes");
    if (code)
        return code;
    if (sound && equal.size <= CONTENT_HOT_MAX) {
        size_t size = (size_t)equal.size;
        void *plain = malloc(size + 1);
        sound = plain && content_load(vault, conn, &equal, plain, NULL) == FAULT_OK;
        mem_wipe_free(plain, plain ? size : 0);
    } else {
        sound = false;
    }
    *ret_equal = equal;
    *ret_sound = sound;
    return FAULT_OK;
}

enum fault_code content_store(struct vault *vault, struct db_conn *conn, const void *plain, size_t n,
                              int64_t now, struct content *ret_content, struct fault *f)
{
    struct content content = { .kind = CONTENT_FILE, .size = (int64_t)n }, equal;
    struct seal_place place = { .last = true };
    bool sound = false;
    secret_mac(vault_digest_key(vault), plain, n, &content.digest);
    if (content_equal(vault, conn, &content, &equal, &sound, NULL) == FAULT_OK && sound) {
        *ret_content = equal;
        return FAULT_OK;
    }
    secret_random(content.id, sizeof content.id);
    memcpy(place.content, content.id, sizeof place.content);
    uint8_t *sealed = malloc(n + SEAL_OVERHEAD);
    if (sealed == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory for a file");
    enum fault_code code = vault_seal(vault, &place, plain, n, sealed, &content.key, f);
    if (code == FAULT_OK)
        code = content_settle(vault, conn, &content, now, f);
    if (code == FAULT_OK)
        code = content_add_chunk(conn, content.id, 0, sealed, n + SEAL_OVERHEAD, f);
    free(sealed);
    if (code == FAULT_OK)
        *ret_content = content;
    return code;
}

enum fault_code content_rename(struct db_conn *conn, const uint8_t from[SEAL_CONTENT_ID],
                               const uint8_t to[SEAL_CONTENT_ID], struct fault *f)
{
    const struct db_args both = DB_ARGS(content_id(from), content_id(to));
    enum fault_code code = db_run(conn, SQL_CONTENT_RENAME_FILES, both, NULL, f);
    if (code == FAULT_OK)
        code = db_run(conn, SQL_CONTENT_RENAME_FORMER, both, NULL, f);
    return code ? code : content_remove(conn, from, f);
}

enum fault_code content_release(struct db_conn *conn, const uint8_t id[SEAL_CONTENT_ID], struct fault *f)
{
    struct db_rows rows;
    db_select(conn, SQL_CONTENT_NAMED, DB_ARGS(content_id(id)), &rows);
    bool named = db_next(&rows);
    int64_t keys = 0;
    enum fault_code code = db_end(&rows, f);
    if (code || named)
        return code;
    code = db_run(conn, SQL_KEY_DELETE_OWN, DB_ARGS(content_id(id)), &keys, f);
    if (code == FAULT_OK && keys) {
        db_scrub(conn);
        code = db_run(conn, SQL_DELIVERY_DELETE, DB_ARGS(content_id(id)), NULL, f);
    }
    return code ? code : content_remove(conn, id, f);
}

/* --- removing --- */

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

/* --- chunks --- */

int64_t content_chunks(int64_t size)
{
    return size > 0 ? (size - 1) / CONTENT_CHUNK + 1 : 1;
}

size_t content_chunk_size(int64_t size, int64_t index)
{
    int64_t left = size - index * CONTENT_CHUNK;
    return (size_t)(left < CONTENT_CHUNK ? left : CONTENT_CHUNK);
}

/* What bears a private key lies under a key of its own, which is fetched for this one use. */
static enum fault_code bearer_open(struct vault *vault, struct db_conn *conn, const struct seal_place *place,
                                   const uint8_t *sealed, size_t n, void *out, struct fault *f)
{
    struct secret_key key = { { 0 } };
    uint32_t id = 0;
    enum fault_code code = seal_chunk_key(sealed, n, &id, f);
    if (code == FAULT_OK)
        code = vault_own_get(vault, conn, id, &key, f);
    if (code == FAULT_OK)
        code = seal_open_chunk(&key, place, sealed, n, out, f);
    mem_wipe(&key, sizeof key);
    return code;
}

static enum fault_code content_open(struct vault *vault, struct db_conn *conn, const struct content *content,
                                    int64_t index, const uint8_t *sealed, size_t n, void *out,
                                    struct fault *f)
{
    if (n != content_chunk_size(content->size, index) + SEAL_OVERHEAD)
        return fault_set(f, FAULT_DAMAGED, "its length is wrong");
    struct seal_place place = { .index = (uint64_t)index,
                                .last = index == content_chunks(content->size) - 1 };
    memcpy(place.content, content->id, SEAL_CONTENT_ID);
    if (content->kind == CONTENT_BEARER)
        return bearer_open(vault, conn, &place, sealed, n, out, f);
    return vault_open(vault, &place, sealed, n, out, f);
}

static enum fault_code content_named(const struct content *content, int64_t index, enum fault_code code,
                                     struct fault *f)
{
    char hex[2 * SEAL_CONTENT_ID + 1];
    secret_hex(content->id, SEAL_CONTENT_ID, hex);
    fault_prefix(f, "content %s, chunk %lld", hex, (long long)index);
    return code;
}

enum fault_code content_chunk(struct vault *vault, struct db_conn *conn, const struct content *content,
                              int64_t index, void *out, struct fault *f)
{
    struct db_rows rows;
    enum fault_code code;
    db_select(conn, SQL_CHUNK_GET, DB_ARGS(content_id(content->id), db_int(index)), &rows);
    bool found = db_next(&rows);
    if (found) {
        size_t n = 0;
        const void *sealed = db_row_blob(&rows, 0, &n);
        code = content_open(vault, conn, content, index, sealed, n, out, f);
        db_end(&rows, NULL);
    } else {
        code = db_end(&rows, f);
        if (code)
            return code;
        code = fault_set(f, FAULT_DAMAGED, "it is missing");
    }
    return code == FAULT_DAMAGED ? content_named(content, index, code, f) : code;
}

enum fault_code content_load(struct vault *vault, struct db_conn *conn, const struct content *content,
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
        code = content_open(vault, conn, content, index, sealed, n, (char *)out + index * CONTENT_CHUNK, f);
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
