/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/batch.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FIELD_KEPT 64 /* bytes of the first field; a longer one is no MAC */

struct reader {
    const char *at, *end;
    unsigned line; /* of the record */
    unsigned next; /* of what follows it */
    char first[FIELD_KEPT + 1];
    const char *wrong; /* what is wrong with the record, or NULL */
};

/* A closed quote, or a field without: up to the comma or the line's end, which stay. keep: the first field.
 */
static void read_field(struct reader *r, bool keep)
{
    size_t used = 0;
    bool quoted = r->at < r->end && *r->at == '"', open = quoted;
    r->at += quoted;
    for (; r->at < r->end; r->at++) {
        char c = *r->at;
        if (open && c == '"') {
            bool doubled = r->at + 1 < r->end && r->at[1] == '"';
            r->at += doubled;
            open = doubled;
            if (!doubled)
                continue;
        } else if (!open && (c == ',' || c == '\n')) {
            break;
        } else if (quoted && !open && c != '\r') {
            r->wrong = "there is text after a closing quotation mark";
        } else if (!quoted && c == '"') {
            r->wrong = "there is a quotation mark within a field that does not begin with one";
        }
        if (c == '\n')
            r->next++;
        if (c == '\0')
            r->wrong = "there is a NUL in it";
        if (keep && used < FIELD_KEPT && (open || c != '\r'))
            r->first[used++] = c;
    }
    if (open)
        r->wrong = "a quotation mark is not closed";
    if (keep)
        r->first[used] = '\0';
}

/* A record may reach over several lines, where quotes hold line ends. */
static void read_record(struct reader *r)
{
    r->wrong = NULL;
    read_field(r, true);
    while (r->at < r->end && *r->at == ',') {
        r->at++;
        read_field(r, false);
    }
}

static bool is_blank(const struct reader *r)
{
    for (const char *at = r->at; at < r->end && *at != '\n'; at++)
        if (*at != ' ' && *at != '\t' && *at != '\r')
            return false;
    return true;
}

static enum fault_code add(struct batch *batch, const struct mac *mac, unsigned line, struct fault *f)
{
    if (batch->count == batch->room) {
        size_t room = batch->room == 0 ? 64 : batch->room * 2;
        struct mac *macs = reallocarray(batch->macs, room, sizeof *macs);
        if (macs != NULL)
            batch->macs = macs;
        unsigned *lines = macs != NULL ? reallocarray(batch->lines, room, sizeof *lines) : NULL;
        if (lines == NULL)
            return fault_set(f, FAULT_MEMORY, "out of memory");
        batch->lines = lines;
        batch->room = room;
    }
    batch->macs[batch->count] = *mac;
    batch->lines[batch->count++] = line;
    return FAULT_OK;
}

static void tell(struct buf *problems, size_t *wrong, unsigned line, const char *words)
{
    ++*wrong;
    /* A list of faults that does not fit is long enough. */
    (void)buf_printf(problems, NULL, "line %u: %s\n", line, words);
}

struct seen {
    struct mac mac;
    unsigned line;
};

static int by_mac(const void *a, const void *b)
{
    const struct seen *left = a, *right = b;
    int order = strcmp(left->mac.text, right->mac.text);
    return order != 0 ? order : (left->line > right->line) - (left->line < right->line);
}

/* Sorted, so that a long list takes no longer than it must. */
static enum fault_code find_doubles(const struct batch *batch, struct buf *problems, size_t *wrong,
                                    struct fault *f)
{
    AUTO_FREE struct seen *all = calloc(batch->count + 1, sizeof *all);
    if (all == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    for (size_t i = 0; i < batch->count; i++)
        all[i] = (struct seen){ batch->macs[i], batch->lines[i] };
    qsort(all, batch->count, sizeof *all, by_mac);
    for (size_t i = 1; i < batch->count; i++)
        if (mac_equal(&all[i].mac, &all[i - 1].mac))
            tell(problems, wrong, all[i].line, "this MAC address is there a second time");
    return FAULT_OK;
}

enum fault_code batch_parse(struct batch *batch, const char *text, size_t n, struct buf *problems,
                            size_t *ret_wrong, struct fault *f)
{
    struct reader r = { .at = text, .end = text + n, .next = 1 };
    bool heading = true;
    size_t wrong = 0;
    enum fault_code code = FAULT_OK;
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        r.at += 3;
    while (code == FAULT_OK && r.at < r.end) {
        r.line = r.next;
        if (*r.at == '#' || is_blank(&r)) {
            const char *end = memchr(r.at, '\n', (size_t)(r.end - r.at));
            r.at = end != NULL ? end : r.end;
        } else {
            struct mac mac;
            read_record(&r);
            bool title = heading && r.wrong == NULL && strcasecmp(r.first, "mac") == 0;
            heading = false;
            if (r.wrong != NULL)
                tell(problems, &wrong, r.line, r.wrong);
            else if (!title && !mac_parse(r.first, strlen(r.first), &mac))
                tell(problems, &wrong, r.line,
                     "the first field is no MAC address (12 hex digits, not all zero)");
            else if (!title && batch->count == BATCH_MAX)
                code = fault_set(f, FAULT_TOO_LARGE, "more than %d handsets in one list", BATCH_MAX);
            else if (!title)
                code = add(batch, &mac, r.line, f);
        }
        if (r.at < r.end) {
            r.at++;
            r.next++;
        }
    }
    if (code == FAULT_OK)
        code = find_doubles(batch, problems, &wrong, f);
    if (code == FAULT_OK)
        *ret_wrong = wrong;
    return code;
}

void batch_fini(struct batch *batch)
{
    free(batch->macs);
    free(batch->lines);
    memset(batch, 0, sizeof *batch);
}
