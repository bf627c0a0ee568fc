/* SPDX-License-Identifier: Apache-2.0 */
#include "base/archive.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "base/seal.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ARCHIVE_VERSION 1
#define ARCHIVE_HEAD    5 /* kind and length, before what is sealed */
#define ARCHIVE_PURPOSE "backup"
#define ARCHIVE_SEALED  (ARCHIVE_HEADER - SEAL_WRAPPED_SIZE) /* where the wrapped key begins */
#define ARCHIVE_TOTAL   8

static const char archive_magic[8] = { 'C', 'R', 'A', 'D', 'L', 'E', 'B', 'K' };
static const char archive_label[] = "cradle backup"; /* with its NUL: no label begins another one */

#define ARCHIVE_AAD (sizeof archive_label + ARCHIVE_HEADER + 8 + 1)

_Static_assert(ARCHIVE_SEALED == 8 + 1 + 1 + 2 + 8 + 3 * ARCHIVE_ID, "doc/format.md");
_Static_assert(ARCHIVE_OVERHEAD == ARCHIVE_HEAD + SEAL_BYTES_OVERHEAD, "doc/format.md");

enum archive_kind { ARCHIVE_DATA = 1, ARCHIVE_END = 2 };

/* What both directions keep: the associated data of the next frame, and where it stands. */
struct archive_state {
    struct secret_key key;
    uint8_t header[ARCHIVE_HEADER];
    uint64_t index; /* of the next frame */
    uint64_t total; /* plain bytes so far */
    bool last;      /* the last data frame was a short one: only the end may follow */
    bool ended;
};

static void make_aad(const struct archive_state *state, enum archive_kind kind, uint8_t aad[ARCHIVE_AAD])
{
    uint8_t *at = bytes_put(aad, archive_label, sizeof archive_label);
    at = bytes_put(at, state->header, ARCHIVE_HEADER);
    at = bytes_put_be(at, state->index, 8);
    *at = (uint8_t)kind;
}

void archive_fingerprint(const struct secret_key *master, uint8_t ret_fingerprint[ARCHIVE_ID])
{
    struct secret_key derived;
    secret_derive(master, "cradle master key fingerprint", &derived);
    memcpy(ret_fingerprint, derived.bytes, ARCHIVE_ID);
    mem_wipe(&derived, sizeof derived);
}

int64_t archive_size(int64_t plain)
{
    int64_t frames = plain > 0 ? (plain - 1) / ARCHIVE_CHUNK + 1 : 0;
    return ARCHIVE_HEADER + plain + (frames + 1) * ARCHIVE_OVERHEAD + ARCHIVE_TOTAL;
}

/* --- writing --- */

struct archive_writer {
    struct archive_state state;
};

static enum fault_code write_header(struct archive_state *state, const struct secret_key *master,
                                    const struct archive_about *about, struct fault *f)
{
    uint8_t id[ARCHIVE_ID], fingerprint[ARCHIVE_ID];
    secret_random(id, sizeof id);
    archive_fingerprint(master, fingerprint);
    uint8_t *at = bytes_put(state->header, archive_magic, sizeof archive_magic);
    *at++ = ARCHIVE_VERSION;
    *at++ = 0;
    at = bytes_put_be(at, about->schema, 2);
    at = bytes_put_be(at, (uint64_t)about->created, 8);
    at = bytes_put(at, id, sizeof id);
    at = bytes_put(at, about->catalog, ARCHIVE_ID);
    at = bytes_put(at, fingerprint, sizeof fingerprint);
    return seal_wrap(master, 0, ARCHIVE_PURPOSE, &state->key, at, f);
}

enum fault_code archive_writer_new(const struct secret_key *master, const struct archive_about *about,
                                   struct archive_writer **ret_writer, struct fault *f)
{
    if (about->schema > UINT16_MAX)
        return fault_set(f, FAULT_INTERNAL, "schema %u does not fit in an archive", about->schema);
    struct archive_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory for an archive");
    secret_random(writer->state.key.bytes, sizeof writer->state.key.bytes);
    enum fault_code code = write_header(&writer->state, master, about, f);
    if (code == FAULT_OK)
        *ret_writer = writer;
    else
        archive_writer_free(writer);
    return code;
}

void archive_writer_free(struct archive_writer *writer)
{
    mem_wipe_free(writer, sizeof *writer);
}

const uint8_t *archive_writer_header(const struct archive_writer *writer)
{
    return writer->state.header;
}

static enum fault_code write_frame(struct archive_state *state, enum archive_kind kind, const void *plain,
                                   size_t n, uint8_t *out, size_t *ret_n, struct fault *f)
{
    uint8_t aad[ARCHIVE_AAD];
    make_aad(state, kind, aad);
    out[0] = (uint8_t)kind;
    bytes_put_be(out + 1, n, 4);
    enum fault_code code = seal_bytes(&state->key, aad, sizeof aad, plain, n, out + ARCHIVE_HEAD, f);
    if (code != FAULT_OK)
        return code;
    state->index++;
    *ret_n = n + ARCHIVE_OVERHEAD;
    return FAULT_OK;
}

enum fault_code archive_write(struct archive_writer *writer, const void *plain, size_t n, uint8_t *out,
                              size_t *ret_n, struct fault *f)
{
    struct archive_state *state = &writer->state;
    if (n == 0 || n > ARCHIVE_CHUNK || state->last || state->ended)
        return fault_set(f, FAULT_INTERNAL, "an archive was given %zu bytes out of turn", n);
    enum fault_code code = write_frame(state, ARCHIVE_DATA, plain, n, out, ret_n, f);
    if (code != FAULT_OK)
        return code;
    state->total += n;
    state->last = n < ARCHIVE_CHUNK;
    return FAULT_OK;
}

enum fault_code archive_write_end(struct archive_writer *writer, uint8_t *out, size_t *ret_n, struct fault *f)
{
    struct archive_state *state = &writer->state;
    uint8_t total[ARCHIVE_TOTAL];
    if (state->ended)
        return fault_set(f, FAULT_INTERNAL, "an archive was ended twice");
    bytes_put_be(total, state->total, sizeof total);
    enum fault_code code = write_frame(state, ARCHIVE_END, total, sizeof total, out, ret_n, f);
    state->ended = code == FAULT_OK;
    return code;
}

/* --- reading --- */

struct archive_reader {
    struct archive_state state;
    struct secret_key master;
    bool opens; /* there is a master key */
    bool begun; /* the header has come */
    archive_sink *sink;
    void *user;
    size_t used;     /* of piece */
    uint8_t *plain;  /* ARCHIVE_CHUNK */
    uint8_t piece[]; /* the header, later a frame, as far as it has come */
};

enum fault_code archive_read_header(const void *header, size_t n, struct archive_about *ret_about,
                                    struct fault *f)
{
    const uint8_t *at = header;
    if (n < sizeof archive_magic || memcmp(at, archive_magic, sizeof archive_magic) != 0)
        return fault_set(f, FAULT_INPUT, "this is no backup of Cradle's");
    if (n > 8 && at[8] != ARCHIVE_VERSION)
        return fault_set(f, FAULT_INPUT,
                         "this backup is of the format version %d, which this program does not know: use a "
                         "newer one",
                         at[8]);
    if (n < ARCHIVE_HEADER)
        return fault_set(f, FAULT_DAMAGED, "the backup is cut: it has only %zu bytes", n);
    if (at[9] != 0)
        return fault_set(f, FAULT_INPUT, "this backup has flags that this program does not know");
    ret_about->schema = (unsigned)bytes_get_be(at + 10, 2);
    ret_about->created = (int64_t)bytes_get_be(at + 12, 8);
    memcpy(ret_about->id, at + 20, ARCHIVE_ID);
    memcpy(ret_about->catalog, at + 36, ARCHIVE_ID);
    memcpy(ret_about->master, at + 52, ARCHIVE_ID);
    return FAULT_OK;
}

enum fault_code archive_reader_new(const struct secret_key *master, archive_sink *sink, void *user,
                                   struct archive_reader **ret_reader, struct fault *f)
{
    struct archive_reader *reader = calloc(1, sizeof *reader + ARCHIVE_FRAME);
    if (reader != NULL)
        reader->plain = malloc(ARCHIVE_CHUNK);
    if (reader == NULL || reader->plain == NULL) {
        free(reader);
        return fault_set(f, FAULT_MEMORY, "out of memory for an archive");
    }
    reader->opens = master != NULL;
    if (master != NULL)
        reader->master = *master;
    reader->sink = sink;
    reader->user = user;
    *ret_reader = reader;
    return FAULT_OK;
}

void archive_reader_free(struct archive_reader *reader)
{
    if (reader == NULL)
        return;
    mem_wipe_free(reader->plain, ARCHIVE_CHUNK);
    mem_wipe_free(reader, sizeof *reader + ARCHIVE_FRAME);
}

static enum fault_code take_header(struct archive_reader *reader, struct fault *f)
{
    struct archive_about about;
    struct archive_state *state = &reader->state;
    enum fault_code code = archive_read_header(reader->piece, reader->used, &about, f);
    if (code != FAULT_OK)
        return code;
    memcpy(state->header, reader->piece, ARCHIVE_HEADER);
    reader->begun = true;
    reader->used = 0;
    if (!reader->opens)
        return FAULT_OK;
    uint8_t fingerprint[ARCHIVE_ID];
    archive_fingerprint(&reader->master, fingerprint);
    if (memcmp(fingerprint, about.master, ARCHIVE_ID) != 0) {
        char theirs[17], ours[17];
        secret_hex(about.master, 8, theirs);
        secret_hex(fingerprint, 8, ours);
        return fault_set(
            f, FAULT_FORBIDDEN,
            "this backup was made under the master key %s, and the one here is %s: it opens only "
            "with a copy of its own",
            theirs, ours);
    }
    code = seal_unwrap(&reader->master, 0, ARCHIVE_PURPOSE, reader->piece + ARCHIVE_SEALED, SEAL_WRAPPED_SIZE,
                       &state->key, NULL);
    return code == FAULT_OK ? code : fault_set(f, code, "the backup's header is damaged");
}

/* The plain length that the frame in piece claims, when that can be at this place. */
static enum fault_code frame_length(const struct archive_reader *reader, size_t *ret_n, struct fault *f)
{
    const struct archive_state *state = &reader->state;
    uint64_t n = bytes_get_be(reader->piece + 1, 4);
    bool fits = reader->piece[0] == ARCHIVE_DATA  ? n > 0 && n <= ARCHIVE_CHUNK && !state->last
                : reader->piece[0] == ARCHIVE_END ? n == ARCHIVE_TOTAL
                                                  : false;
    if (!fits)
        return fault_set(f, FAULT_DAMAGED, "the backup is damaged (frame %llu)",
                         (unsigned long long)state->index);
    *ret_n = (size_t)n;
    return FAULT_OK;
}

static enum fault_code open_frame(struct archive_reader *reader, enum archive_kind kind, size_t n,
                                  struct fault *f)
{
    struct archive_state *state = &reader->state;
    uint8_t aad[ARCHIVE_AAD];
    make_aad(state, kind, aad);
    enum fault_code code = seal_open_bytes(&state->key, aad, sizeof aad, reader->piece + ARCHIVE_HEAD,
                                           n + SEAL_BYTES_OVERHEAD, reader->plain, f);
    if (code == FAULT_OK && kind == ARCHIVE_END && bytes_get_be(reader->plain, ARCHIVE_TOTAL) != state->total)
        code = fault_set(f, FAULT_DAMAGED, "its length is not what it was");
    if (code != FAULT_OK)
        fault_prefix(f, "the backup is damaged (frame %llu)", (unsigned long long)state->index);
    return code;
}

static enum fault_code take_frame(struct archive_reader *reader, size_t n, struct fault *f)
{
    struct archive_state *state = &reader->state;
    enum archive_kind kind = reader->piece[0] == ARCHIVE_END ? ARCHIVE_END : ARCHIVE_DATA;
    enum fault_code code = reader->opens ? open_frame(reader, kind, n, f) : FAULT_OK;
    if (code == FAULT_OK && reader->opens && kind == ARCHIVE_DATA)
        code = reader->sink(reader->user, reader->plain, n, f);
    if (code != FAULT_OK)
        return code;
    state->index++;
    state->last = n < ARCHIVE_CHUNK;
    state->ended = kind == ARCHIVE_END;
    if (kind == ARCHIVE_DATA)
        state->total += n;
    reader->used = 0;
    return FAULT_OK;
}

/* How many bytes of the piece at hand are still to come before there is something to do. */
static enum fault_code piece_lacks(const struct archive_reader *reader, size_t *ret_lacks, struct fault *f)
{
    size_t needs = ARCHIVE_HEAD;
    if (reader->state.ended)
        return fault_set(f, FAULT_DAMAGED, "there is something after the backup's end");
    if (!reader->begun) {
        needs = ARCHIVE_HEADER;
    } else if (reader->used >= ARCHIVE_HEAD) {
        size_t n = 0;
        enum fault_code code = frame_length(reader, &n, f);
        if (code != FAULT_OK)
            return code;
        needs = n + ARCHIVE_OVERHEAD;
    }
    *ret_lacks = needs - reader->used;
    return FAULT_OK;
}

enum fault_code archive_read(struct archive_reader *reader, const void *data, size_t n, struct fault *f)
{
    const uint8_t *at = data;
    while (n > 0) {
        size_t lacks = 0;
        enum fault_code code = piece_lacks(reader, &lacks, f);
        if (code != FAULT_OK)
            return code;
        size_t take = n < lacks ? n : lacks;
        memcpy(reader->piece + reader->used, at, take);
        reader->used += take;
        at += take;
        n -= take;
        if (take < lacks)
            break;
        if (!reader->begun)
            code = take_header(reader, f);
        else if (reader->used > ARCHIVE_HEAD)
            code = take_frame(reader, reader->used - ARCHIVE_OVERHEAD, f);
        if (code != FAULT_OK)
            return code;
    }
    return FAULT_OK;
}

enum fault_code archive_reader_end(const struct archive_reader *reader, struct fault *f)
{
    struct archive_about about;
    if (reader->state.ended)
        return FAULT_OK;
    if (!reader->begun && archive_read_header(reader->piece, reader->used, &about, f) != FAULT_OK && f)
        return f->code;
    return fault_set(f, FAULT_DAMAGED, "the backup is cut: its end is missing");
}
