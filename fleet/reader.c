/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/reader.h"

#include "fleet/cache.h"
#include "fleet/content.h"
#include "fleet/fleet.h"
#include "fleet/hold.h"

#include <stdlib.h>
#include <string.h>

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
    struct cache_block *piece;   /* the chunk that was read last */
    size_t piece_part;
    int64_t piece_index;
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

void reader_free(struct reader *reader)
{
    if (reader == NULL)
        return;
    for (size_t i = 0; i < reader->held; i++)
        content_let_go(reader->fleet->db, reader->part[i].content.id);
    if (reader->origin.free)
        reader->origin.free(reader->origin.user);
    cache_block_unref(reader->piece);
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

static enum fault_code reader_hold(struct reader *reader, struct fault *f)
{
    for (; reader->held < reader->count; reader->held++) {
        enum fault_code code = hold_take(reader->part[reader->held].content.id, f);
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

static enum fault_code reader_fetch(struct reader *reader, size_t which, int64_t index, struct fault *f)
{
    struct fleet *fleet = reader->fleet;
    const struct content *content = &reader->part[which].content;
    bool single = reader->count == 1;
    if (reader->piece && reader->piece_part == which && reader->piece_index == index)
        return FAULT_OK;
    struct cache_block *piece = single ? cache_get(fleet->cache, content->id, index) : NULL;
    if (piece == NULL) {
        piece = cache_block_new(content_chunk_size(content->size, index));
        if (piece == NULL)
            return reader_no_memory(f);
        struct db_conn *conn = NULL;
        enum fault_code code = db_read_begin(fleet->db, &conn, f);
        if (code == FAULT_OK)
            code = content_chunk(fleet->vault, conn, content, index, cache_block_data(piece), f);
        db_read_end(fleet->db, conn);
        if (code) {
            cache_block_unref(piece);
            return code;
        }
        if (single)
            cache_put(fleet->cache, content->id, index, piece);
    }
    cache_block_unref(reader->piece);
    reader->piece = piece;
    reader->piece_part = which;
    reader->piece_index = index;
    return FAULT_OK;
}

enum fault_code reader_read(struct reader *reader, int64_t offset, void *out, size_t n, size_t *ret_n,
                            struct fault *f)
{
    if (offset < 0 || offset > reader->size)
        return fault_set(f, FAULT_RANGE, "offset %lld lies outside of %lld bytes", (long long)offset,
                         (long long)reader->size);
    if ((int64_t)n > reader->size - offset || n > INT64_MAX)
        n = (size_t)(reader->size - offset);
    if (reader->origin.read)
        return reader->origin.read(reader->origin.user, offset, out, n, ret_n, f);
    if (reader->hot) {
        memcpy(out, (const char *)cache_block_data(reader->hot) + offset, n);
        *ret_n = n;
        return FAULT_OK;
    }
    size_t got = 0;
    while (got < n) {
        size_t which = reader_part_at(reader, offset + (int64_t)got);
        int64_t within = offset + (int64_t)got - reader->part[which].start;
        enum fault_code code = reader_fetch(reader, which, within / CONTENT_CHUNK, f);
        /* What was read before is handed out; the next call meets the fault. */
        if (code && got == 0)
            return code;
        if (code)
            break;
        size_t at = (size_t)(within % CONTENT_CHUNK);
        size_t take = cache_block_size(reader->piece) - at;
        if (take > n - got)
            take = n - got;
        memcpy((char *)out + got, (const char *)cache_block_data(reader->piece) + at, take);
        got += take;
    }
    *ret_n = got;
    return FAULT_OK;
}
