/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/stale.h"

#include "fleet/segment.h"

#include <stdlib.h>
#include <string.h>

struct stale {
    char *path; /* owned */
    int64_t generation, modified, cost;
};
struct stale_list {
    size_t count, room;
    struct stale *entry;
};

static void stale_free(struct stale_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->entry[i].path);
    free(list->entry);
}

static enum fault_code stale_add(struct stale_list *list, const struct stale *stale, struct fault *f)
{
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 16;
        struct stale *grown = reallocarray(list->entry, room, sizeof *grown);
        if (grown == NULL)
            return fault_set(f, FAULT_MEMORY, "out of memory for old logs");
        list->entry = grown;
        list->room = room;
    }
    struct stale *entry = &list->entry[list->count];
    *entry = *stale;
    entry->path = strdup(stale->path);
    if (entry->path == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory for old logs");
    list->count++;
    return FAULT_OK;
}

/* A row's cost is not among its columns; it is never less than this. */
static int64_t stale_least_cost(int64_t size)
{
    return size > SEGMENT_COST_MIN ? size : SEGMENT_COST_MIN;
}

/* Every path begins with '/', and '0' is the byte after it. list NULL: only the sum is wanted. */
static enum fault_code stale_find(struct db_conn *conn, const struct mac *mac, int64_t until,
                                  struct stale_list *list, int64_t *ret_cost, struct fault *f)
{
    struct db_rows rows;
    enum fault_code code = FAULT_OK;
    int64_t cost = 0;
    db_select(conn, SQL_LOG_RANGE_OPEN, DB_ARGS(db_text(mac->text), db_text("/"), db_text("0")), &rows);
    while (code == FAULT_OK && db_next(&rows)) {
        struct stale stale = { .generation = db_row_int(&rows, 1),
                               .modified = db_row_int(&rows, 4),
                               .cost = stale_least_cost(db_row_int(&rows, 2)) };
        if (stale.modified > until)
            continue;
        cost += stale.cost;
        stale.path = (char *)(uintptr_t)db_row_text(&rows, 0); /* borrowed: stale_add copies it */
        if (list)
            code = stale_add(list, &stale, f);
    }
    enum fault_code ended = db_end(&rows, code ? NULL : f);
    if (code == FAULT_OK)
        code = ended;
    if (code == FAULT_OK)
        *ret_cost = cost;
    return code;
}

enum fault_code stale_cost(struct db_conn *conn, const struct mac *mac, int64_t until, int64_t *ret_cost,
                           struct fault *f)
{
    return stale_find(conn, mac, until, NULL, ret_cost, f);
}

static int stale_by_age(const void *a, const void *b)
{
    int64_t x = ((const struct stale *)a)->modified, y = ((const struct stale *)b)->modified;
    return (x > y) - (x < y);
}

enum fault_code stale_end(struct db_conn *conn, const struct mac *mac, int64_t until, int64_t need,
                          int64_t *ret_ended, struct fault *f)
{
    struct stale_list list = { 0 };
    int64_t cost = 0, ended = 0;
    enum fault_code code = stale_find(conn, mac, until, &list, &cost, f);
    if (code == FAULT_OK && list.count > 1)
        qsort(list.entry, list.count, sizeof *list.entry, stale_by_age);
    for (size_t i = 0; code == FAULT_OK && i < list.count && need > 0; i++, ended++) {
        const struct stale *stale = &list.entry[i];
        /* 0 would mean open. */
        int64_t closed = stale->modified > 0 ? stale->modified : 1;
        code = db_run(
            conn, SQL_LOG_CLOSE,
            DB_ARGS(db_text(mac->text), db_text(stale->path), db_int(stale->generation), db_int(closed)),
            NULL, f);
        need -= stale->cost;
    }
    stale_free(&list);
    if (code == FAULT_OK)
        *ret_ended = ended;
    return code;
}
