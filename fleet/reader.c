/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/reader.h"

#include "fleet/cache.h"
#include "fleet/content.h"
#include "fleet/fleet.h"
#include "fleet/hold.h"

#include <stdlib.h>
#include <string.h>

#define READER_AHEAD 4 /* chunks that one load brings */

/* A content and where it begins in the whole. */
struct part {
    struct content content;
    int64_t start;
};

struct reader {
    struct fleet *fleet;
    int64_t size;
    struct reader_origin origin; /* read NULL: stored contents, as follows */
    struct cache_block *hot;     /* all bytes, or NULL: then parts, of which the first `held` are held */
    struct run {
        struct cache_block *block; /* NULL: none */
        int64_t start;             /* of its bytes in the whole */
        size_t n;                  /* how many count */
    } run[READER_AHEAD];
    size_t count, held;
    struct part part[];
};

int64_t reader_size(const struct reader *reader)
{
    return reader->size;
}

const void *reader_hot(const struct reader *reader)
{
    return reader->hot ? cache_block_data(reader->hot) : NULL;
}

static void reader_drop_runs(struct reader *reader)
{
    for (size_t i = 0; i < READER_AHEAD; i++) {
        cache_block_unref(reader->run[i].block);
        reader->run[i].block = NULL;
    }
}

void reader_free(struct reader *reader)
{
    if (reader == NULL)
        return;
    for (size_t i = 0; i < reader->held; i++)
        content_let_go(reader->fleet->db, reader->part[i].content.id);
    if (reader->origin.free)
        reader->origin.free(reader->origin.user);
    reader_drop_runs(reader);
    cache_block_unref(reader->hot);
    free(reader);
}

static enum fault_code reader_no_memory(struct fault *f)
{
    return fault_set(f, FAULT_MEMORY, "out of memory for a reader");
}

/* One content comes from the cache or goes there; several are a log that grows: not worth a place. */
static enum fault_code reader_heat(struct reader *reader, struct db_conn *conn, struct fault *f)
{
    struct fleet *fleet = reader->fleet;
    bool single = reader->count == 1;
    if (single)
        reader->hot = cache_get(fleet->cache, reader->part[0].content.id, CACHE_WHOLE);
    if (reader->hot)
        return FAULT_OK;
    reader->hot = cache_block_new((size_t)reader->size);
    if (reader->hot == NULL)
        return reader_no_memory(f);
    char *out = cache_block_data(reader->hot);
    for (size_t i = 0; i < reader->count; i++) {
        const struct part *part = &reader->part[i];
        enum fault_code code = content_load(fleet->vault, conn, &part->content, out + part->start, f);
        if (code)
            return code;
    }
    /* A private key is in memory for its answer alone (R20). */
    if (single && reader->part[0].content.kind != CONTENT_BEARER)
        cache_put(fleet->cache, reader->part[0].content.id, CACHE_WHOLE, reader->hot);
    return FAULT_OK;
}

static bool content_is_there(struct db *db, const uint8_t id[SEAL_CONTENT_ID])
{
    struct db_conn *conn;
    struct db_rows rows;
    if (db_read_begin(db, &conn, NULL) != FAULT_OK)
        return false;
    db_select(conn, SQL_VERIFY_THERE, DB_ARGS(db_blob(id, SEAL_CONTENT_ID)), &rows);
    bool there = db_next(&rows);
    there = db_end(&rows, NULL) == FAULT_OK && there;
    db_read_end(db, conn);
    return there;
}

/* One that was let go of a moment ago may be back: the write that did so was undone, for instance on a full
 * disk. When all writes of that time have ended, the catalog knows. */
static enum fault_code reader_hold_one(struct db *db, const uint8_t id[SEAL_CONTENT_ID], struct fault *f)
{
    enum fault_code code = hold_take(id, f);
    if (code != FAULT_BUSY)
        return code;
    uint64_t mark = hold_mark();
    db_flush(db);
    if (!content_is_there(db, id))
        return code;
    hold_revive(id, mark);
    return hold_take(id, f);
}

static enum fault_code reader_hold(struct reader *reader, struct fault *f)
{
    for (; reader->held < reader->count; reader->held++) {
        enum fault_code code = reader_hold_one(reader->fleet->db, reader->part[reader->held].content.id, f);
        if (code)
            return code;
    }
    return FAULT_OK;
}

enum fault_code reader_new(struct fleet *fleet, struct db_conn *conn, const struct content *contents,
                           size_t count, struct reader **ret_reader, struct fault *f)
{
    struct reader *reader = calloc(1, sizeof *reader + count * sizeof reader->part[0]);
    if (reader == NULL)
        return reader_no_memory(f);
    reader->fleet = fleet;
    reader->count = count;
    for (size_t i = 0; i < count; i++) {
        reader->part[i] = (struct part){ contents[i], reader->size };
        reader->size += contents[i].size;
    }
    enum fault_code code =
        reader->size <= CONTENT_HOT_MAX ? reader_heat(reader, conn, f) : reader_hold(reader, f);
    if (code) {
        reader_free(reader);
        return code;
    }
    *ret_reader = reader;
    return FAULT_OK;
}

struct reader *reader_new_hot(struct fleet *fleet, const struct content *content)
{
    struct cache_block *block = cache_get(fleet->cache, content->id, CACHE_WHOLE);
    struct reader *reader = block ? calloc(1, sizeof *reader) : NULL;
    if (reader == NULL) {
        cache_block_unref(block);
        return NULL;
    }
    reader->fleet = fleet;
    reader->size = content->size;
    reader->hot = block;
    return reader;
}

enum fault_code reader_over(const struct reader_origin *origin, int64_t size, struct reader **ret_reader,
                            struct fault *f)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        origin->free(origin->user);
        return reader_no_memory(f);
    }
    reader->origin = *origin;
    reader->size = size;
    *ret_reader = reader;
    return FAULT_OK;
}

/* The last part that begins at or before offset and is not empty there. */
static size_t reader_part_at(const struct reader *reader, int64_t offset)
{
    size_t low = 0, high = reader->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (reader->part[middle].start <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The chunk of the parts that holds the byte at offset. */
struct place {
    const struct content *content;
    int64_t index;
    int64_t start; /* in the whole */
};

static struct place reader_place(const struct reader *reader, int64_t offset)
{
    const struct part *part = &reader->part[reader_part_at(reader, offset)];
    int64_t index = (offset - part->start) / CONTENT_CHUNK;
    return (struct place){ &part->content, index, part->start + index * CONTENT_CHUNK };
}

static void reader_keep(struct reader *reader, size_t which, struct cache_block *block, int64_t start)
{
    cache_block_unref(reader->run[which].block);
    reader->run[which] = (struct run){ block, start, cache_block_size(block) };
}

/* Several contents are a log that grows: not worth a place in the cache. */
static struct cache_block *reader_cached(struct reader *reader, const struct place *place)
{
    return reader->count == 1 ? cache_get(reader->fleet->cache, place->content->id, place->index) : NULL;
}

const void *reader_at(struct reader *reader, int64_t offset, size_t *ret_n)
{
    *ret_n = 0;
    if (offset < 0 || offset >= reader->size)
        return NULL;
    if (reader->hot) {
        *ret_n = (size_t)(reader->size - offset);
        return (const char *)cache_block_data(reader->hot) + offset;
    }
    for (int again = 0; again < 2; again++) {
        for (size_t i = 0; i < READER_AHEAD; i++) {
            const struct run *run = &reader->run[i];
            if (run->block && offset >= run->start && offset < run->start + (int64_t)run->n) {
                *ret_n = (size_t)(run->start + (int64_t)run->n - offset);
                return (const char *)cache_block_data(run->block) + (offset - run->start);
            }
        }
        if (reader->origin.read)
            return NULL;
        struct place place = reader_place(reader, offset);
        struct cache_block *block = reader_cached(reader, &place);
        if (block == NULL)
            return NULL;
        reader_keep(reader, 0, block, place.start);
    }
    return NULL;
}

static enum fault_code reader_load_origin(struct reader *reader, int64_t offset, struct fault *f)
{
    struct cache_block *block = cache_block_new(CONTENT_CHUNK);
    if (block == NULL)
        return reader_no_memory(f);
    size_t n = 0;
    enum fault_code code =
        reader->origin.read(reader->origin.user, offset, cache_block_data(block), CONTENT_CHUNK, &n, f);
    if (code == FAULT_OK && n == 0)
        code = fault_set(f, FAULT_DAMAGED, "the bytes end before their size");
    if (code) {
        cache_block_unref(block);
        return code;
    }
    reader_keep(reader, 0, block, offset);
    reader->run[0].n = n;
    return FAULT_OK;
}

/* One chunk, from the cache or by *conn, which is begun when it is needed. */
static enum fault_code reader_fetch(struct reader *reader, const struct place *place, struct db_conn **conn,
                                    struct cache_block **ret_block, struct fault *f)
{
    struct fleet *fleet = reader->fleet;
    const struct content *content = place->content;
    *ret_block = reader_cached(reader, place);
    if (*ret_block)
        return FAULT_OK;
    struct cache_block *block = cache_block_new(content_chunk_size(content->size, place->index));
    if (block == NULL)
        return reader_no_memory(f);
    enum fault_code code = *conn ? FAULT_OK : db_read_begin(fleet->db, conn, f);
    if (code == FAULT_OK)
        code = content_chunk(fleet->vault, *conn, content, place->index, cache_block_data(block), f);
    if (code) {
        cache_block_unref(block);
        return code;
    }
    if (reader->count == 1)
        cache_put(fleet->cache, content->id, place->index, block);
    *ret_block = block;
    return FAULT_OK;
}

enum fault_code reader_load(struct reader *reader, int64_t offset, struct fault *f)
{
    if (offset < 0 || offset >= reader->size)
        return fault_set(f, FAULT_RANGE, "offset %lld lies outside of %lld bytes", (long long)offset,
                         (long long)reader->size);
    if (reader->hot)
        return FAULT_OK;
    reader_drop_runs(reader);
    if (reader->origin.read)
        return reader_load_origin(reader, offset, f);
    struct db_conn *conn = NULL;
    struct fault why;
    enum fault_code code = FAULT_OK;
    size_t got = 0;
    for (int64_t at = offset; got < READER_AHEAD && at < reader->size; got++) {
        struct place place = reader_place(reader, at);
        struct cache_block *block;
        code = reader_fetch(reader, &place, &conn, &block, &why);
        if (code)
            break;
        reader_keep(reader, got, block, place.start);
        at = place.start + (int64_t)cache_block_size(block);
    }
    db_read_end(reader->fleet->db, conn);
    /* What was read before is handed out; the next call meets the fault. */
    if (code == FAULT_OK || got > 0)
        return FAULT_OK;
    if (f)
        *f = why;
    return code;
}
