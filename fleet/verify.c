/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/verify.h"

#include "base/mem.h"
#include "fleet/content.h"
#include "fleet/vault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 64 /* contents listed at once */
#define IN_A_READ \
    16 /* chunks: no snapshot of ours keeps the catalog's log from being written back for long */

struct verify {
    struct db *db;
    struct vault *vault;
    const struct verify_walk *walk;
    struct verify_counts counts;
    uint8_t chunk[CONTENT_CHUNK];
};
/* A content's row, or what is wrong with it. */
struct row {
    struct content content;
    struct fault fault;
};

static bool go_on(struct verify *v)
{
    return v->walk->pace == NULL || v->walk->pace(v->walk->user, &v->counts);
}

/* --- naming damage --- */

static void describe(struct verify_damage *damage, const uint8_t *id, size_t n, const char *words)
{
    *damage = (struct verify_damage){ "", "", "" };
    if (n <= SEAL_CONTENT_ID)
        secret_hex(id, n, damage->content);
    snprintf(damage->words, sizeof damage->words, "%s", words);
}

/* Columns: kind, layer or MAC, path, number. */
static void set_place(struct verify_damage *damage, struct db_rows *rows)
{
    const char *layer = db_row_text(rows, 1), *path = db_row_text(rows, 2);
    long long number = (long long)db_row_int(rows, 3);
    size_t size = sizeof damage->place;
    int64_t kind = db_row_int(rows, 0);
    if (kind == 2)
        snprintf(damage->place, size, "/@log/%.32s%s@%lld", layer, path, number);
    else
        snprintf(damage->place, size, "%s%.32s%s", layer[0] ? "/@handset/" : "", layer, path);
    size_t used = strlen(damage->place);
    if (kind == 1)
        snprintf(damage->place + used, size - used, " (version %lld)", number);
}

static enum fault_code tell_damage(struct verify *v, struct db_conn *conn, const uint8_t *id,
                                   const char *words, struct fault *f)
{
    struct verify_damage damage;
    struct db_rows rows;
    bool named = false;
    describe(&damage, id, SEAL_CONTENT_ID, words);
    v->counts.damaged++;
    db_select(conn, SQL_VERIFY_PLACES, DB_ARGS(db_blob(id, SEAL_CONTENT_ID)), &rows);
    for (; db_next(&rows); named = true) {
        set_place(&damage, &rows);
        v->walk->damaged(v->walk->user, &damage);
    }
    enum fault_code code = db_end(&rows, f);
    if (code == FAULT_OK && !named)
        v->walk->damaged(v->walk->user, &damage);
    return code;
}

/* What was removed since it was listed is no damage. */
static enum fault_code judge(struct verify *v, const uint8_t *id, const char *words, struct fault *f)
{
    struct db_conn *conn;
    struct db_rows rows;
    enum fault_code code = db_read_begin(v->db, &conn, f);
    if (code)
        return code;
    db_select(conn, SQL_VERIFY_THERE, DB_ARGS(db_blob(id, SEAL_CONTENT_ID)), &rows);
    bool there = db_next(&rows);
    code = db_end(&rows, f);
    if (code == FAULT_OK && there)
        code = tell_damage(v, conn, id, words, f);
    db_read_end(v->db, conn);
    return code;
}

static enum fault_code find_misnamed(struct verify *v, struct fault *f)
{
    struct db_conn *conn;
    struct db_rows rows;
    struct verify_damage damage;
    enum fault_code code = db_read_begin(v->db, &conn, f);
    if (code)
        return code;
    db_select(conn, SQL_VERIFY_MISNAMED, DB_NONE, &rows);
    while (db_next(&rows)) {
        size_t n = 0;
        const void *id = db_row_blob(&rows, 0, &n);
        describe(&damage, id, n, "its row has an id of a wrong length");
        v->counts.done++;
        v->counts.damaged++;
        v->walk->damaged(v->walk->user, &damage);
    }
    code = db_end(&rows, f);
    db_read_end(v->db, conn);
    return code;
}

static enum fault_code find_lost(struct verify *v, struct fault *f)
{
    struct db_conn *conn;
    struct db_rows rows;
    struct verify_damage damage;
    enum fault_code code = db_read_begin(v->db, &conn, f);
    if (code)
        return code;
    db_select(conn, SQL_VERIFY_LOST, DB_NONE, &rows);
    while (db_next(&rows)) {
        size_t n = 0;
        const void *id = db_row_blob(&rows, 4, &n);
        describe(&damage, id, n, "its content is not in the catalog");
        set_place(&damage, &rows);
        v->counts.damaged++;
        v->walk->damaged(v->walk->user, &damage);
    }
    code = db_end(&rows, f);
    db_read_end(v->db, conn);
    return code;
}

/* --- looking at contents --- */

/* Chunks from *index on, as many as one read may take; adds their bytes to the digest. */
static enum fault_code read_some(struct verify *v, const struct content *content, int64_t *index,
                                 struct secret_mac_state *digest, struct fault *f)
{
    struct db_conn *conn;
    int64_t end = content_chunks(content->size);
    if (end > *index + IN_A_READ)
        end = *index + IN_A_READ;
    enum fault_code code = db_read_begin(v->db, &conn, f);
    if (code)
        return code;
    for (; code == FAULT_OK && *index < end; ++*index) {
        code = content_chunk(v->vault, conn, content, *index, v->chunk, f);
        if (code == FAULT_OK)
            secret_mac_add(digest, v->chunk, content_chunk_size(content->size, *index));
    }
    db_read_end(v->db, conn);
    return code;
}

static enum fault_code check_content(struct verify *v, const struct content *content, struct fault *f)
{
    int64_t index = 0, chunks = content_chunks(content->size), before = v->counts.done_bytes;
    struct secret_digest found;
    struct secret_mac_state *digest = secret_mac_new(vault_digest_key(v->vault));
    if (digest == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    enum fault_code code = FAULT_OK;
    while (code == FAULT_OK && index < chunks) {
        code = read_some(v, content, &index, digest, f);
        v->counts.done_bytes = before + (index < chunks ? index * CONTENT_CHUNK : content->size);
        if (code == FAULT_OK && index < chunks && !go_on(v))
            code = fault_set(f, FAULT_CUT, "stopped");
    }
    secret_mac_peek(digest, &found);
    secret_mac_free(digest);
    if (code == FAULT_OK && !secret_equal(found.bytes, content->digest.bytes, sizeof found.bytes))
        code = fault_set(f, FAULT_DAMAGED, "its bytes are not those that its digest tells of");
    v->counts.done_bytes = before + content->size;
    return code;
}

/* A sector that the disk cannot read any more is damage too. */
static bool is_damage(enum fault_code code)
{
    return code == FAULT_DAMAGED || code == FAULT_IO;
}

static enum fault_code check_row(struct verify *v, const struct row *row, struct fault *f)
{
    struct fault why = row->fault;
    enum fault_code code = why.code;
    if (code == FAULT_OK)
        code = check_content(v, &row->content, &why);
    if (is_damage(code))
        code = judge(v, row->content.id, why.text, f);
    else if (code != FAULT_OK && f)
        *f = why;
    v->counts.done++;
    if (code == FAULT_OK && !go_on(v))
        code = fault_set(f, FAULT_CUT, "stopped");
    return code;
}

/* The next contents behind *after, which is moved on. */
static enum fault_code list_some(struct verify *v, uint8_t after[SEAL_CONTENT_ID], bool *begun,
                                 struct row rows[BATCH], size_t *ret_count, struct fault *f)
{
    struct db_conn *conn;
    struct db_rows listed;
    size_t count = 0;
    enum fault_code code = db_read_begin(v->db, &conn, f);
    if (code)
        return code;
    db_select(conn, SQL_VERIFY_CONTENTS, DB_ARGS(db_blob(after, *begun ? SEAL_CONTENT_ID : 0), db_int(BATCH)),
              &listed);
    while (db_next(&listed)) {
        size_t n = 0;
        const void *id = db_row_blob(&listed, 0, &n);
        struct row *row = &rows[count++];
        *row = (struct row){ 0 };
        memcpy(after, id, SEAL_CONTENT_ID); /* the statement lists none of another length */
        (void)content_row(v->vault, &listed, 0, &row->content, &row->fault);
        memcpy(row->content.id, after, SEAL_CONTENT_ID);
    }
    *begun = true;
    code = db_end(&listed, f);
    db_read_end(v->db, conn);
    *ret_count = count;
    return code;
}

static enum fault_code count_all(struct verify *v, struct fault *f)
{
    struct db_conn *conn;
    struct db_rows rows;
    enum fault_code code = db_read_begin(v->db, &conn, f);
    if (code)
        return code;
    db_select(conn, SQL_VERIFY_TOTAL, DB_NONE, &rows);
    while (db_next(&rows)) {
        v->counts.contents = db_row_int(&rows, 0);
        v->counts.bytes = db_row_int(&rows, 1);
    }
    code = db_end(&rows, f);
    db_read_end(v->db, conn);
    return code;
}

static enum fault_code walk_all(struct verify *v, struct fault *f)
{
    uint8_t after[SEAL_CONTENT_ID] = { 0 };
    bool begun = false;
    struct row rows[BATCH];
    size_t count = BATCH;
    enum fault_code code = FAULT_OK;
    while (code == FAULT_OK && count == BATCH) {
        code = list_some(v, after, &begun, rows, &count, f);
        for (size_t i = 0; code == FAULT_OK && i < count; i++)
            code = check_row(v, &rows[i], f);
    }
    return code;
}

enum fault_code verify_all(struct db *db, struct vault *vault, const struct verify_walk *walk,
                           struct verify_counts *ret_counts, struct fault *f)
{
    struct verify *v = calloc(1, sizeof *v);
    if (v == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    v->db = db;
    v->vault = vault;
    v->walk = walk;
    enum fault_code code = count_all(v, f);
    if (code == FAULT_OK)
        code = walk_all(v, f);
    if (code == FAULT_OK)
        code = find_misnamed(v, f);
    if (code == FAULT_OK)
        code = find_lost(v, f);
    if (code == FAULT_OK)
        *ret_counts = v->counts;
    mem_wipe_free(v, sizeof *v);
    return code;
}
