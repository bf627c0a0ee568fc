/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/resend.h"

#include "base/mem.h"
#include "fleet/logbook.h"
#include "fleet/vault.h"

#include <stdlib.h>
#include <string.h>

/* The wall clock may have been set in between, either way. */
static bool resend_within(const struct fleet *fleet, int64_t then, int64_t now)
{
    int64_t window = fleet->settings->resend_window;
    return window > 0 && llabs(now - then) <= window;
}

/* The newest segment that has bytes. */
struct bytes {
    int64_t segment, size;
    struct secret_digest digest;
};
static enum fault_code resend_bytes(struct fleet *fleet, struct db_conn *conn,
                                    const struct segment_new *segment, int64_t generation,
                                    struct bytes *ret_bytes, struct fault *f)
{
    struct db_rows rows;
    struct bytes bytes = { .size = -1 };
    struct content content;
    db_select(conn, SQL_LOG_SEGMENT_BYTES,
              DB_ARGS(db_text(segment->mac.text), db_text(segment->path), db_int(generation)), &rows);
    /* A row that was changed is like no other: new bytes are welcome then. */
    if (db_next(&rows) && content_row(fleet->vault, &rows, 1, &content, NULL) == FAULT_OK)
        bytes = (struct bytes){ db_row_int(&rows, 0), content.size, content.digest };
    enum fault_code code = db_end(&rows, f);
    if (code == FAULT_OK)
        *ret_bytes = bytes;
    return code;
}

static bool resend_same(const struct bytes *bytes, const struct content *content)
{
    return bytes->size == content->size &&
           secret_equal(bytes->digest.bytes, content->digest.bytes, sizeof content->digest.bytes);
}

/* An append is a resend when the last thing that came for this log was the same bytes, itself or as a resend,
 * from a sender that went away without a word after our reply. A word after it would prove that the reply was
 * seen. */
enum fault_code resend_append(struct fleet *fleet, struct db_conn *conn, const struct segment_new *segment,
                              const struct segment_generation *open, int64_t *ret_repeats, struct fault *f)
{
    struct bytes bytes;
    struct db_rows rows;
    int64_t last = 0;
    db_select(conn, SQL_LOG_SEGMENT_NEWEST,
              DB_ARGS(db_text(segment->mac.text), db_text(segment->path), db_int(open->generation)), &rows);
    if (db_next(&rows)) {
        int64_t repeats = db_row_int(&rows, 1);
        uint64_t sender = (uint64_t)db_row_int(&rows, 3);
        bool seen = db_row_int(&rows, 4) != 0;
        if (sender != 0 && !seen && resend_within(fleet, db_row_int(&rows, 2), segment->now) &&
            !logbook_sender_alive(fleet, sender))
            last = repeats ? repeats : db_row_int(&rows, 0);
    }
    enum fault_code code = db_end(&rows, f);
    if (code == FAULT_OK && last)
        code = resend_bytes(fleet, conn, segment, open->generation, &bytes, f);
    if (code == FAULT_OK && last && bytes.segment == last && resend_same(&bytes, &segment->content))
        *ret_repeats = last;
    return code;
}

/* The digest of a generation of several segments is kept nowhere; made anew only when the sizes agree
 * already. */
static enum fault_code resend_digest(struct fleet *fleet, struct db_conn *conn,
                                     const struct segment_new *segment, int64_t generation,
                                     struct secret_digest *ret_digest, struct fault *f)
{
    AUTO_FREE struct content *contents = NULL;
    size_t count = 0;
    enum fault_code code =
        segment_contents(fleet->vault, conn, &segment->mac, segment->path, generation, &contents, &count, f);
    if (code)
        return code;
    struct secret_mac_state *state = secret_mac_new(vault_digest_key(fleet->vault));
    uint8_t *plain = malloc(CONTENT_CHUNK);
    if (state == NULL || plain == NULL)
        code = fault_set(f, FAULT_MEMORY, "out of memory for a comparison");
    for (size_t i = 0; code == FAULT_OK && i < count; i++)
        for (int64_t at = 0; code == FAULT_OK && at < content_chunks(contents[i].size); at++) {
            code = content_chunk(fleet->vault, conn, &contents[i], at, plain, f);
            if (code == FAULT_OK)
                secret_mac_add(state, plain, content_chunk_size(contents[i].size, at));
        }
    if (code == FAULT_OK)
        secret_mac_peek(state, ret_digest);
    secret_mac_free(state);
    mem_wipe_free(plain, plain ? CONTENT_CHUNK : 0);
    return code;
}

/* A replacement by exactly the bytes that are there is idempotent, for a while. Such a repeat refers to the
 * first segment: with several of them it then cannot be mistaken for a resend of the last one. */
enum fault_code resend_replace(struct fleet *fleet, struct db_conn *conn, const struct segment_new *segment,
                               const struct segment_generation *open, int64_t *ret_repeats, struct fault *f)
{
    if (open->size != segment->content.size || !resend_within(fleet, open->modified, segment->now))
        return FAULT_OK;
    struct bytes whole = { .size = open->size };
    enum fault_code code;
    if (open->segments - open->repeats == 1) {
        code = resend_bytes(fleet, conn, segment, open->generation, &whole, f);
    } else {
        code = resend_digest(fleet, conn, segment, open->generation, &whole.digest, f);
        /* What cannot be read cannot be compared: new bytes are welcome then. */
        if (code == FAULT_DAMAGED)
            return FAULT_OK;
    }
    if (code == FAULT_OK && resend_same(&whole, &segment->content))
        *ret_repeats = 1;
    return code;
}
