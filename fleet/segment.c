/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/segment.h"

#include "base/clock.h"
#include "base/mem.h"
#include "fleet/listing.h"
#include "fleet/resend.h"
#include "fleet/stale.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- rows --- */

/* A generation as its row has it. */
struct generation {
    struct segment_generation shown;
    int64_t cost;
};

/* Within a generation bytes are only added, so when it began, its number and its size say which bytes they
 * are. The time tells it from an earlier one of that number, if all of a log was removed for the quota. */
static void segment_etag(struct segment_generation *g)
{
    snprintf(g->etag, sizeof g->etag, "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "\"", (uint64_t)g->started,
             (uint64_t)g->generation, (uint64_t)g->size);
}

/* generation 0: the newest. *ret_found false: there is none. */
static enum fault_code generation_get(struct db_conn *conn, const struct mac *mac, const char *path,
                                      int64_t generation, struct generation *ret_row, bool *ret_found,
                                      struct fault *f)
{
    struct db_rows rows;
    if (generation == 0)
        db_select(conn, SQL_LOG_NEWEST, DB_ARGS(db_text(mac->text), db_text(path)), &rows);
    else
        db_select(conn, SQL_LOG_FIND, DB_ARGS(db_text(mac->text), db_text(path), db_int(generation)), &rows);
    struct generation row = { 0 };
    bool found = db_next(&rows);
    if (found) {
        row.shown = (struct segment_generation){ .generation = db_row_int(&rows, 0),
                                                 .size = db_row_int(&rows, 1),
                                                 .started = db_row_int(&rows, 2),
                                                 .modified = db_row_int(&rows, 3),
                                                 .closed = db_row_int(&rows, 4),
                                                 .segments = db_row_int(&rows, 5),
                                                 .repeats = db_row_int(&rows, 6) };
        row.cost = db_row_int(&rows, 7);
        segment_etag(&row.shown);
    }
    enum fault_code code = db_end(&rows, f);
    if (code == FAULT_OK) {
        *ret_row = row;
        *ret_found = found;
    }
    return code;
}

enum fault_code segment_find(struct db_conn *conn, const struct mac *mac, const char *path,
                             int64_t generation, bool only_open, struct segment_generation *ret_generation,
                             struct fault *f)
{
    struct generation row;
    bool found;
    enum fault_code code = generation_get(conn, mac, path, generation, &row, &found, f);
    if (code)
        return code;
    if (found && (generation == 0 ? only_open && row.shown.closed : row.shown.closed == 0))
        found = false;
    if (!found)
        return fault_set(f, FAULT_ABSENT,
                         generation ? "there is no such closed generation" : "there is no such log");
    *ret_generation = row.shown;
    return FAULT_OK;
}

enum fault_code segment_contents(struct vault *vault, struct db_conn *conn, const struct mac *mac,
                                 const char *path, int64_t generation, struct content **ret_contents,
                                 size_t *ret_count, struct fault *f)
{
    struct content *contents = NULL;
    size_t count = 0, room = 0;
    struct db_rows rows;
    enum fault_code code = FAULT_OK;
    if (generation == 0)
        db_select(conn, SQL_LOG_CONTENTS_ALL, DB_ARGS(db_text(mac->text), db_text(path)), &rows);
    else
        db_select(conn, SQL_LOG_CONTENTS, DB_ARGS(db_text(mac->text), db_text(path), db_int(generation)),
                  &rows);
    while (code == FAULT_OK && db_next(&rows)) {
        if (count == room) {
            room = room ? 2 * room : 16;
            struct content *grown = realloc(contents, room * sizeof *contents);
            if (grown == NULL) {
                code = fault_set(f, FAULT_MEMORY, "out of memory for the segments of a log");
                break;
            }
            contents = grown;
        }
        code = content_row(vault, &rows, 0, &contents[count], f);
        count++;
    }
    enum fault_code ended = db_end(&rows, code ? NULL : f);
    if (code == FAULT_OK)
        code = ended;
    if (code) {
        free(contents);
        return code;
    }
    *ret_contents = contents;
    *ret_count = count;
    return FAULT_OK;
}

enum fault_code segment_total(struct db_conn *conn, const struct mac *mac, const char *path,
                              int64_t *ret_size, struct fault *f)
{
    /* What is equal to path: no path has a control character in it. */
    char behind[PATH_LIMIT + 2];
    struct db_rows rows;
    int64_t size = 0;
    snprintf(behind, sizeof behind, "%s\001", path);
    db_select(conn, SQL_LOG_RANGE, DB_ARGS(db_text(mac->text), db_text(path), db_text(behind)), &rows);
    while (db_next(&rows))
        size += db_row_int(&rows, 2);
    enum fault_code code = db_end(&rows, f);
    if (code == FAULT_OK)
        *ret_size = size;
    return code;
}

/* --- room --- */

static enum fault_code segment_number(struct db_conn *conn, enum db_statement statement, struct db_args args,
                                      int64_t *ret_number, struct fault *f)
{
    struct db_rows rows;
    int64_t number = 0;
    db_select(conn, statement, args, &rows);
    if (db_next(&rows))
        number = db_row_int(&rows, 0);
    enum fault_code code = db_end(&rows, f);
    if (code == FAULT_OK)
        *ret_number = number;
    return code;
}

static int64_t segment_cost(int64_t size)
{
    return size > SEGMENT_COST_MIN ? size : SEGMENT_COST_MIN;
}

/* How much must go before `cost` more fits (<= 0: nothing)? FAULT_QUOTA when there is not so much that may
 * go, and *lacking is then how much more of it there should be; `ending` is the cost of what will be closed
 * first. */
static enum fault_code segment_excess(struct fleet *fleet, struct db_conn *conn, const struct mac *mac,
                                      int64_t cost, int64_t ending, int64_t now, int64_t *ret_excess,
                                      int64_t *lacking, struct fault *f)
{
    int64_t usage = 0, removable = 0;
    int64_t quota = fleet->settings->log_quota, keep = fleet->settings->log_keep_min;
    enum fault_code code = segment_number(conn, SQL_LOG_USAGE_GET, DB_ARGS(db_text(mac->text)), &usage, f);
    int64_t excess = usage + cost - quota;
    if (code == FAULT_OK && excess > 0)
        code = segment_number(conn, SQL_LOG_REMOVABLE, DB_ARGS(db_text(mac->text), db_int(now - keep)),
                              &removable, f);
    if (code)
        return code;
    if (keep <= 0)
        removable += ending;
    if (excess > removable) {
        *lacking = excess - removable;
        return fault_set(f, FAULT_QUOTA,
                         "the logs of %s fill their %lld bytes (log_quota), and too few are old enough to go "
                         "(log_keep_min)",
                         mac->text, (long long)quota);
    }
    *ret_excess = excess;
    return FAULT_OK;
}

enum fault_code segment_room(struct fleet *fleet, struct db_conn *conn, const struct mac *mac, int64_t size,
                             struct fault *f)
{
    int64_t excess, lacking = 0, stale = 0, now = clock_wall_ms();
    /* Whether the open generation will be closed by this upload is not known yet: that leaves the benefit of
     * the doubt. */
    enum fault_code code = segment_excess(fleet, conn, mac, segment_cost(size), fleet->settings->log_quota,
                                          now, &excess, &lacking, f);
    if (code != FAULT_QUOTA || lacking == 0)
        return code;
    enum fault_code looked = stale_cost(conn, mac, now - fleet->settings->log_keep_min, &stale, f);
    if (looked)
        return looked;
    return stale >= lacking ? FAULT_OK : code;
}

static enum fault_code segment_remove_generation(struct db_conn *conn, const struct mac *mac,
                                                 const char *path, int64_t generation, int64_t cost,
                                                 struct fault *f)
{
    const struct db_args which = DB_ARGS(db_text(mac->text), db_text(path), db_int(generation));
    struct db_rows rows;
    enum fault_code code = FAULT_OK;
    /* Damaged ones too: retention must not stumble over them. */
    db_select(conn, SQL_LOG_CONTENT_IDS, which, &rows);
    while (code == FAULT_OK && db_next(&rows)) {
        size_t n = 0;
        const void *id = db_row_blob(&rows, 0, &n);
        code = n == SEAL_CONTENT_ID ? content_remove(conn, id, f) : FAULT_OK;
    }
    enum fault_code ended = db_end(&rows, code ? NULL : f);
    if (code == FAULT_OK)
        code = ended;
    if (code == FAULT_OK)
        code = db_run(conn, SQL_LOG_SEGMENT_DELETE, which, NULL, f);
    if (code == FAULT_OK)
        code = db_run(conn, SQL_LOG_DELETE, which, NULL, f);
    if (code == FAULT_OK)
        code = db_run(conn, SQL_LOG_USAGE_TAKE, DB_ARGS(db_text(mac->text), db_int(cost)), NULL, f);
    return code;
}

static enum fault_code segment_make_room(struct fleet *fleet, struct db_conn *conn,
                                         const struct segment_new *segment, int64_t excess, struct fault *f)
{
    int64_t until = segment->now - fleet->settings->log_keep_min;
    enum fault_code code = FAULT_OK;
    while (code == FAULT_OK && excess > 0) {
        char path[PATH_LIMIT + 1] = "";
        int64_t generation = 0, cost = 0;
        struct db_rows rows;
        db_select(conn, SQL_LOG_OLDEST, DB_ARGS(db_text(segment->mac.text), db_int(until)), &rows);
        if (db_next(&rows)) {
            (void)mem_copy_text(path, sizeof path, db_row_text(&rows, 0));
            generation = db_row_int(&rows, 1);
            cost = db_row_int(&rows, 2);
        }
        code = db_end(&rows, f);
        if (code == FAULT_OK && (generation == 0 || cost <= 0))
            return fault_set(f, FAULT_INTERNAL, "the sums of %s's logs do not agree", segment->mac.text);
        if (code == FAULT_OK)
            code = segment_remove_generation(conn, &segment->mac, path, generation, cost, f);
        excess -= cost;
    }
    return code;
}

/* --- storing --- */

/* Resends are never refused, so their rows need a bound of their own; each look for what they repeat passes
 * over them. No lost reply is that persistent. */
#define SEGMENT_REPEATS_MAX 4096

static enum fault_code segment_insert(struct db_conn *conn, const struct segment_new *segment,
                                      int64_t generation, int64_t number, int64_t repeats, struct fault *f)
{
    return db_run(conn, SQL_LOG_SEGMENT_ADD,
                  DB_ARGS(db_text(segment->mac.text), db_text(segment->path), db_int(generation),
                          db_int(number), repeats ? db_null() : db_blob(segment->content.id, SEAL_CONTENT_ID),
                          db_int(repeats), db_int(segment->now), db_text(segment->author),
                          db_int((int64_t)segment->sender)),
                  NULL, f);
}

/* Never refused for the quota: the client only asks whether its bytes are safe, and they are. */
static enum fault_code segment_repeat(struct db_conn *conn, const struct segment_new *segment,
                                      const struct segment_generation *open, int64_t repeats,
                                      struct upload_outcome *ret_outcome, struct fault *f)
{
    const struct db_arg mac = db_text(segment->mac.text), cost = db_int(SEGMENT_COST_MIN);
    int64_t number = open->segments + 1;
    enum fault_code code = segment_insert(conn, segment, open->generation, number, repeats, f);
    if (code == FAULT_OK)
        code = db_run(conn, SQL_LOG_GROW_REPEAT,
                      DB_ARGS(mac, db_text(segment->path), db_int(open->generation), cost), NULL, f);
    if (code == FAULT_OK)
        code = db_run(conn, SQL_LOG_USAGE_ADD, DB_ARGS(mac, cost, db_int(segment->now)), NULL, f);
    if (code)
        return code;
    *ret_outcome =
        (struct upload_outcome){ .repeat = true, .size = segment->content.size, .segment = number };
    (void)mem_copy_text(ret_outcome->etag, sizeof ret_outcome->etag, open->etag);
    return FAULT_OK;
}

/* Adds to `g`, which is open, or starts it when it has no segment yet. */
static enum fault_code segment_add(struct vault *vault, struct db_conn *conn,
                                   const struct segment_new *segment, struct segment_generation *g,
                                   struct fault *f)
{
    const struct db_arg mac = db_text(segment->mac.text), path = db_text(segment->path),
                        generation = db_int(g->generation), now = db_int(segment->now),
                        cost = db_int(segment_cost(segment->content.size));
    enum fault_code code = content_settle(vault, conn, &segment->content, segment->now, f);
    if (code == FAULT_OK && g->segments == 0)
        code = db_run(conn, SQL_LOG_START, DB_ARGS(mac, path, generation, now), NULL, f);
    if (code == FAULT_OK)
        code = segment_insert(conn, segment, g->generation, g->segments + 1, 0, f);
    if (code == FAULT_OK)
        code = db_run(conn, SQL_LOG_GROW,
                      DB_ARGS(mac, path, generation, db_int(segment->content.size), cost, now), NULL, f);
    if (code == FAULT_OK)
        code = db_run(conn, SQL_LOG_USAGE_ADD, DB_ARGS(mac, cost, now), NULL, f);
    g->size += segment->content.size;
    g->segments++;
    segment_etag(g);
    return code;
}

/* *lacking is set when the quota refused, and then nothing is changed yet. */
static enum fault_code segment_try(struct fleet *fleet, struct db_conn *conn,
                                   const struct segment_new *segment, struct upload_outcome *ret_outcome,
                                   int64_t *lacking, struct fault *f)
{
    struct generation newest = { 0 };
    bool found = false;
    int64_t repeats = 0, excess = 0;
    enum fault_code code = generation_get(conn, &segment->mac, segment->path, 0, &newest, &found, f);
    bool open = found && newest.shown.closed == 0;
    bool worn = newest.shown.repeats >= SEGMENT_REPEATS_MAX;
    if (code == FAULT_OK && open && !worn)
        code = segment->append ? resend_append(fleet, conn, segment, &newest.shown, &repeats, f)
                               : resend_replace(fleet, conn, segment, &newest.shown, &repeats, f);
    if (code == FAULT_OK && repeats)
        return segment_repeat(conn, segment, &newest.shown, repeats, ret_outcome, f);

    int64_t size = segment->content.size;
    bool rotate = newest.shown.size > 0 && newest.shown.size + size > fleet->settings->log_rotate;
    bool start = !open || !segment->append || rotate || worn;
    if (code == FAULT_OK)
        code = segment_excess(fleet, conn, &segment->mac, segment_cost(size), start && open ? newest.cost : 0,
                              segment->now, &excess, lacking, f);
    if (code == FAULT_OK && start && open)
        code = segment_end(conn, &segment->mac, segment->path, segment->now, f);
    if (code == FAULT_OK)
        code = segment_make_room(fleet, conn, segment, excess, f);
    struct segment_generation g = newest.shown;
    if (start)
        g = (struct segment_generation){ .generation = newest.shown.generation + 1, .started = segment->now };
    if (code == FAULT_OK)
        code = segment_add(fleet->vault, conn, segment, &g, f);
    if (code)
        return code;
    *ret_outcome = (struct upload_outcome){ .created = !open, .size = size, .segment = g.segments };
    (void)mem_copy_text(ret_outcome->etag, sizeof ret_outcome->etag, g.etag);
    return FAULT_OK;
}

enum fault_code segment_store(struct fleet *fleet, struct db_conn *conn, const struct segment_new *segment,
                              struct upload_outcome *ret_outcome, struct fault *f)
{
    int64_t lacking = 0, ended = 0, until = segment->now - fleet->settings->log_keep_min;
    enum fault_code code = segment_try(fleet, conn, segment, ret_outcome, &lacking, f);
    if (code != FAULT_QUOTA || lacking == 0)
        return code;
    /* f keeps the refusal's words: if it stands, what was ended is undone with it. */
    struct fault why = { 0 };
    enum fault_code looked = stale_end(conn, &segment->mac, until, lacking, &ended, &why);
    if (looked)
        return fault_set(f, looked, "%s", why.text);
    return ended ? segment_try(fleet, conn, segment, ret_outcome, &lacking, f) : code;
}

enum fault_code segment_end(struct db_conn *conn, const struct mac *mac, const char *path, int64_t now,
                            struct fault *f)
{
    struct segment_generation open;
    enum fault_code code = segment_find(conn, mac, path, 0, true, &open, f);
    /* 0 would mean open. */
    if (code == FAULT_OK)
        code = db_run(
            conn, SQL_LOG_CLOSE,
            DB_ARGS(db_text(mac->text), db_text(path), db_int(open.generation), db_int(now > 0 ? now : 1)),
            NULL, f);
    return code;
}

/* --- listing --- */

static enum fault_code segment_list_row(struct db_rows *rows, const char *name, struct listing *listing,
                                        struct fault *f)
{
    struct segment_generation g = { .generation = db_row_int(rows, 1),
                                    .size = db_row_int(rows, 2),
                                    .started = db_row_int(rows, 3),
                                    .modified = db_row_int(rows, 4),
                                    .closed = db_row_int(rows, 5),
                                    .repeats = db_row_int(rows, 6) };
    struct tree_entry entry = { .size = g.size, .modified = g.modified, .repeats = g.repeats };
    if (g.closed)
        snprintf(entry.name, sizeof entry.name, "%.*s@%" PRId64, PATH_COMPONENT_LIMIT, name, g.generation);
    else
        snprintf(entry.name, sizeof entry.name, "%.*s", PATH_COMPONENT_LIMIT, name);
    segment_etag(&g);
    (void)mem_copy_text(entry.etag, sizeof entry.etag, g.etag);
    return listing_add(listing, &entry, f);
}

static enum fault_code segment_list_folder(struct db_conn *conn, const struct mac *mac, const char *name,
                                           const struct listing_range *below, struct listing *listing,
                                           struct fault *f)
{
    struct tree_entry entry = { .folder = true };
    enum fault_code code = segment_number(
        conn, SQL_LOG_BELOW, DB_ARGS(db_text(mac->text), db_text(below->low), db_text(below->high)),
        &entry.modified, f);
    (void)mem_copy_text(entry.name, sizeof entry.name, name);
    return code ? code : listing_add(listing, &entry, f);
}

/* As layer_stretch: up to the next sub-folder, or to the end. */
static enum fault_code segment_stretch(struct db_conn *conn, const struct mac *mac, bool closed,
                                       struct listing_range *range, struct listing *listing, bool *ret_more,
                                       struct fault *f)
{
    char folder[PATH_COMPONENT_LIMIT + 1], low[sizeof range->low];
    struct listing_range below;
    struct db_rows rows;
    enum fault_code code = FAULT_OK;
    bool met = false;
    memcpy(low, range->low, sizeof low);
    db_select(conn, closed ? SQL_LOG_RANGE : SQL_LOG_RANGE_OPEN,
              DB_ARGS(db_text(mac->text), db_text(low), db_text(range->high)), &rows);
    while (code == FAULT_OK && !met && db_next(&rows)) {
        const char *path = db_row_text(&rows, 0);
        met = listing_folder(range, path, folder, &below);
        if (!met)
            code = segment_list_row(&rows, path + range->prefix, listing, f);
    }
    enum fault_code ended = db_end(&rows, code ? NULL : f);
    if (code == FAULT_OK)
        code = ended;
    if (code == FAULT_OK && met)
        code = segment_list_folder(conn, mac, folder, &below, listing, f);
    *ret_more = met;
    return code;
}

enum fault_code segment_list(struct db_conn *conn, const struct mac *mac, const struct path *folder,
                             bool closed, struct tree_list *list, struct fault *f)
{
    struct listing_range range;
    struct listing listing;
    bool more = true;
    listing_range(&range, folder);
    enum fault_code code = listing_begin(&listing, list, f);
    while (code == FAULT_OK && more)
        code = segment_stretch(conn, mac, closed, &range, &listing, &more, f);
    listing_end(&listing);
    return code;
}

enum fault_code segment_macs(struct db_conn *conn, struct tree_list *list, struct fault *f)
{
    struct listing listing;
    struct db_rows rows;
    enum fault_code code = listing_begin(&listing, list, f);
    if (code)
        return code;
    db_select(conn, SQL_LOG_USAGE_LIST, DB_NONE, &rows);
    while (code == FAULT_OK && db_next(&rows)) {
        struct tree_entry entry = { .folder = true, .modified = db_row_int(&rows, 1) };
        (void)mem_copy_text(entry.name, sizeof entry.name, db_row_text(&rows, 0));
        code = listing_add(&listing, &entry, f);
    }
    enum fault_code ended = db_end(&rows, code ? NULL : f);
    listing_end(&listing);
    return code ? code : ended;
}
