/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/rescue.h"

#include "base/clock.h"
#include "base/mem.h"
#include "fleet/content.h"
#include "fleet/hold.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK_MAX 160

/* A segment, or, where `mark` is not empty, the line in its place. */
struct part {
    struct content content;
    int64_t start, size;
    bool held;
    char mark[MARK_MAX];
};
struct rescue {
    struct fleet *fleet;
    size_t count, room;
    struct part *part;
    int64_t size;
    /* the chunk that was read last */
    size_t chunk_part;
    int64_t chunk_index; /* -1: none */
    uint8_t chunk[CONTENT_CHUNK];
};

static void rescue_free(void *user)
{
    struct rescue *r = user;
    for (size_t i = 0; i < r->count; i++)
        if (r->part[i].held)
            content_let_go(r->fleet->db, r->part[i].content.id);
    free(r->part);
    mem_wipe_free(r, sizeof *r);
}

/* --- reading --- */

static size_t part_at(const struct rescue *r, int64_t offset)
{
    size_t low = 0, high = r->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (r->part[middle].start <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static enum fault_code chunk_fetch(struct rescue *r, size_t which, int64_t index, struct fault *f)
{
    struct db_conn *conn;
    if (r->chunk_index == index && r->chunk_part == which)
        return FAULT_OK;
    enum fault_code code = db_read_begin(r->fleet->db, &conn, f);
    if (code)
        return code;
    r->chunk_index = -1;
    code = content_chunk(r->fleet->vault, conn, &r->part[which].content, index, r->chunk, f);
    db_read_end(r->fleet->db, conn);
    if (code == FAULT_OK) {
        r->chunk_part = which;
        r->chunk_index = index;
    }
    return code;
}

/* Up to the end of a part or a chunk: who wants more asks again. */
static enum fault_code rescue_read(void *user, int64_t offset, void *out, size_t n, size_t *ret_n,
                                   struct fault *f)
{
    struct rescue *r = user;
    if (offset < 0 || offset > r->size)
        return fault_set(f, FAULT_RANGE, "the offset lies outside of what is left");
    if (offset == r->size || n == 0) {
        *ret_n = 0;
        return FAULT_OK;
    }
    size_t which = part_at(r, offset);
    const struct part *part = &r->part[which];
    int64_t within = offset - part->start, left = part->size - within;
    const uint8_t *from = (const uint8_t *)part->mark + within;
    if (part->mark[0] == '\0') {
        enum fault_code code = chunk_fetch(r, which, within / CONTENT_CHUNK, f);
        if (code)
            return code;
        from = r->chunk + within % CONTENT_CHUNK;
        if (left > CONTENT_CHUNK - within % CONTENT_CHUNK)
            left = CONTENT_CHUNK - within % CONTENT_CHUNK;
    }
    size_t some = n < (size_t)left ? n : (size_t)left;
    memcpy(out, from, some);
    *ret_n = some;
    return FAULT_OK;
}

/* --- looking --- */

static enum fault_code part_add(struct rescue *r, const struct part *part, struct fault *f)
{
    if (r->count == r->room) {
        size_t room = r->room ? 2 * r->room : 16;
        struct part *grown = reallocarray(r->part, room, sizeof *grown);
        if (grown == NULL)
            return fault_set(f, FAULT_MEMORY, "out of memory for a damaged log");
        r->part = grown;
        r->room = room;
    }
    r->part[r->count++] = *part;
    return FAULT_OK;
}

/* Columns: generation, segment, received, then a content's. What cannot be read is marked. */
static enum fault_code part_list(struct rescue *r, struct db_conn *conn, const struct mac *mac,
                                 const char *path, int64_t generation, struct fault *f)
{
    struct db_rows rows;
    enum fault_code code = FAULT_OK;
    db_select(conn, SQL_LOG_RESCUE, DB_ARGS(db_text(mac->text), db_text(path), db_int(generation)), &rows);
    while (code == FAULT_OK && db_next(&rows)) {
        struct part part = { 0 };
        char received[32];
        clock_rfc3339(db_row_int(&rows, 2), received, sizeof received);
        snprintf(part.mark, sizeof part.mark,
                 "*** segment %" PRId64 " of generation %" PRId64
                 ", received %s, is damaged and left out ***\n",
                 db_row_int(&rows, 1), db_row_int(&rows, 0), received);
        /* Sound as far as the row goes: a size, and its chunks are looked at next. */
        if (content_row(r->fleet->vault, &rows, 3, &part.content, NULL) == FAULT_OK)
            part.size = part.content.size;
        else
            part.size = -1;
        code = part_add(r, &part, f);
    }
    enum fault_code ended = db_end(&rows, code ? NULL : f);
    return code ? code : ended;
}

/* Opens every chunk. Damage is an answer; *ret_last is the last byte. */
static enum fault_code part_look(struct rescue *r, struct db_conn *conn, const struct part *part,
                                 bool *ret_sound, uint8_t *ret_last, struct fault *f)
{
    enum fault_code code = FAULT_OK;
    for (int64_t i = 0; code == FAULT_OK && i < content_chunks(part->size); i++)
        code = content_chunk(r->fleet->vault, conn, &part->content, i, r->chunk, f);
    *ret_sound = code == FAULT_OK;
    if (code == FAULT_OK && part->size > 0)
        *ret_last = r->chunk[(part->size - 1) % CONTENT_CHUNK];
    return code == FAULT_DAMAGED ? FAULT_OK : code;
}

/* Decides for each part what it is, and where it begins. A mark begins on a line of its own. */
static enum fault_code rescue_lay(struct rescue *r, struct db_conn *conn, struct fault *f)
{
    uint8_t last = '\n';
    enum fault_code code = FAULT_OK;
    for (size_t i = 0; code == FAULT_OK && i < r->count; i++) {
        struct part *part = &r->part[i];
        bool sound = false;
        part->start = r->size;
        if (part->size >= 0)
            code = part_look(r, conn, part, &sound, &last, f);
        if (code == FAULT_OK && sound) {
            part->mark[0] = '\0';
            code = hold_take(part->content.id, f);
            part->held = code == FAULT_OK;
        } else if (code == FAULT_OK) {
            size_t n = strlen(part->mark);
            if (last != '\n' && n + 1 < sizeof part->mark) {
                memmove(part->mark + 1, part->mark, ++n);
                part->mark[0] = '\n';
            }
            part->size = (int64_t)n;
            last = '\n';
        }
        r->size += part->size;
    }
    return code;
}

enum fault_code rescue_open(struct fleet *fleet, struct db_conn *conn, const struct mac *mac,
                            const char *path, int64_t generation, struct reader **ret_reader, struct fault *f)
{
    struct rescue *r = calloc(1, sizeof *r);
    if (r == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory for a damaged log");
    r->fleet = fleet;
    r->chunk_index = -1;
    enum fault_code code = part_list(r, conn, mac, path, generation, f);
    if (code == FAULT_OK)
        code = rescue_lay(r, conn, f);
    if (code) {
        rescue_free(r);
        return code;
    }
    const struct reader_origin origin = { .read = rescue_read, .free = rescue_free, .user = r };
    return reader_over(&origin, r->size, ret_reader, f);
}
