/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/diary.h"
#include "base/mem.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void diary_init(struct diary *d, const struct mac *mac, const char *run, bool fresh)
{
    memset(d, 0, sizeof *d);
    d->mac = *mac;
    (void)mem_copy_text(d->run, sizeof d->run, run);
    d->fresh = fresh;
}

void diary_fini(struct diary *d)
{
    for (size_t i = 0; i < d->count; i++) {
        free(d->logs[i].path);
        free(d->logs[i].segments);
    }
    free(d->logs);
    memset(d, 0, sizeof *d);
}

struct diary_log *diary_log(struct diary *d, const char *path)
{
    for (size_t i = 0; i < d->count; i++)
        if (strcmp(d->logs[i].path, path) == 0)
            return &d->logs[i];
    struct diary_log *logs = reallocarray(d->logs, d->count + 1, sizeof *logs);
    if (logs == NULL)
        return NULL;
    d->logs = logs;
    struct diary_log *log = &logs[d->count];
    *log = (struct diary_log){ .path = strdup(path) };
    if (log->path == NULL)
        return NULL;
    if (d->fresh)
        log->tail = (struct diary_tail){ { -1 }, 1 };
    d->count++;
    return log;
}

struct diary_segment *diary_write(struct diary *d, struct diary_log *log, uint32_t boot, uint32_t size)
{
    if (log->count == log->room) {
        size_t room = log->room == 0 ? 4 : log->room * 2;
        struct diary_segment *segments = reallocarray(log->segments, room, sizeof *segments);
        if (segments == NULL)
            return NULL;
        log->segments = segments;
        log->room = room;
    }
    struct diary_segment *segment = &log->segments[log->count++];
    *segment = (struct diary_segment){ ++d->numbers, boot, size, false };
    return segment;
}

void diary_acknowledged(struct diary_log *log, bool appended)
{
    struct diary_segment *segment = &log->segments[log->count - 1];
    segment->sure = true;
    int64_t size = segment->size;
    struct diary_tail *tail = &log->tail;
    size_t known = tail->count;
    if (!appended) {
        *tail = (struct diary_tail){ { size }, 1 };
        return;
    }
    if (known == 0 || known == DIARY_TAIL) {
        tail->count = 0;
        return;
    }
    bool first = known == 1 && tail->sizes[0] <= 0;
    for (size_t i = 0; i < known; i++)
        tail->sizes[i] = (tail->sizes[i] < 0 ? 0 : tail->sizes[i]) + size;
    /* The server may have begun a new generation with it. */
    if (!first)
        tail->sizes[tail->count++] = size;
}

void diary_refused(struct diary_log *log)
{
    log->count--;
}

void diary_unsure(struct diary_log *log)
{
    log->tail.count = 0;
}

bool diary_size(struct diary_log *log, int64_t size)
{
    bool fits = log->tail.count == 0;
    for (size_t i = 0; i < log->tail.count; i++)
        fits = fits || log->tail.sizes[i] == size;
    log->tail = (struct diary_tail){ { size }, 1 };
    return fits;
}

static uint32_t line_count(const struct diary_segment *segment)
{
    return segment->size < 2 * DIARY_LINE ? 1 : segment->size / DIARY_LINE;
}

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* Line i (from 0) of a segment into `out`, DIARY_LAST + 1 bytes; gives its length, the line's end included.
 */
static size_t make_line(const struct diary *d, const struct diary_segment *segment, uint32_t i, char *out)
{
    static const char *const components[] = { "so   ", "cfg  ", "sip  ", "wlan ",
                                              "log  ", "utilm", "copy ", "ht   " };
    uint32_t lines = line_count(segment);
    size_t length = i + 1 < lines ? DIARY_LINE : segment->size - (size_t)DIARY_LINE * (lines - 1);
    uint64_t x =
        mix(strtoull(d->mac.text, NULL, 16) ^ ((uint64_t)segment->number << 48) ^ ((uint64_t)i << 20));
    int n = snprintf(out, DIARY_LAST + 1,
                     "%06" PRIu32 ".%03" PRIu32 "|%s|%u|00|%s %s %" PRIu32 ".%" PRIu32 " %" PRIu32 "/%" PRIu32
                     " ",
                     i / 8 % 1000000, i * 125 % 1000, components[x & 7], (unsigned)(x >> 3 & 3) + 2, d->run,
                     d->mac.text, segment->boot, segment->number, i + 1, lines);
    for (size_t at = (size_t)n; at + 1 < length; at++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        out[at] = "abcdefghijklmnopqrstuvwxyz 01234"[x >> 59];
    }
    out[length - 1] = '\n';
    return length;
}

size_t diary_read(const struct diary *d, const struct diary_segment *segment, size_t offset, char *out,
                  size_t n)
{
    uint32_t lines = line_count(segment);
    size_t done = 0;
    char text[DIARY_LAST + 1];
    while (done < n && offset < segment->size) {
        uint32_t i = (uint32_t)(offset / DIARY_LINE) < lines ? (uint32_t)(offset / DIARY_LINE) : lines - 1;
        size_t length = make_line(d, segment, i, text);
        size_t within = offset - (size_t)DIARY_LINE * i;
        size_t piece = length - within < n - done ? length - within : n - done;
        memcpy(out + done, text + within, piece);
        done += piece;
        offset += piece;
    }
    return done;
}

void diary_check_init(struct diary_check *c, const struct diary *d, const struct diary_log *log, bool newest)
{
    memset(c, 0, sizeof *c);
    c->diary = d;
    c->log = log;
    c->newest = newest;
}

static void wrong(struct diary_check *c, const char *what, uint32_t number)
{
    if (c->wrong)
        return;
    c->wrong = true;
    (void)fault_set(&c->fault, FAULT_CONTENT, "%s (segment %" PRIu32 " of this run)", what, number);
}

/* The segment that a line of this run says it belongs to, and its line number from 0; false for a line of
 * anybody else. */
static bool identify(const struct diary_check *c, uint32_t *ret_number, uint32_t *ret_line)
{
    const char *at = c->text;
    for (int bars = 0; bars < 4; bars++) {
        at = strchr(at, '|');
        if (at == NULL)
            return false;
        at++;
    }
    size_t n = strlen(c->diary->run);
    unsigned boot, number, line;
    if (strncmp(at, c->diary->run, n) != 0 ||
        sscanf(at + n, " %*12[0-9a-f] %9u.%9u %9u/", &boot, &number, &line) != 3 || line == 0)
        return false;
    *ret_number = number;
    *ret_line = line - 1;
    return true;
}

/* A line that begins a segment: moves to that one, over unsure ones that are not there. */
static void begin_segment(struct diary_check *c, uint32_t number)
{
    const struct diary_log *log = c->log;
    size_t i = 0;
    while (i < log->count && log->segments[i].number != number)
        i++;
    if (i == log->count) {
        wrong(c, "bytes are there that were refused, or never sent to this log", number);
        return;
    }
    if (i < c->next) {
        wrong(c, "a segment is there twice, or out of order", number);
        return;
    }
    bool any = c->newest && !c->started;
    for (size_t j = c->next; j < i && !any; j++)
        if (log->segments[j].sure)
            wrong(c, "an acknowledged segment is missing", log->segments[j].number);
    c->started = true;
    c->next = i;
}

static void take_line(struct diary_check *c)
{
    uint32_t number = 0, line = 0;
    bool ours = !c->overlong && identify(c, &number, &line);
    bool inside = c->line > 0;
    if (inside && (!ours || number != c->log->segments[c->next].number || line != c->line)) {
        wrong(c, "a segment is not whole", c->log->segments[c->next].number);
        return;
    }
    if (!ours) {
        if (c->diary->fresh)
            wrong(c, "lines are there that this run did not send, after", c->next);
        return;
    }
    if (!inside && line != 0) {
        wrong(c, "a segment lacks its beginning", number);
        return;
    }
    if (!inside)
        begin_segment(c, number);
    if (c->wrong)
        return;
    const struct diary_segment *segment = &c->log->segments[c->next];
    char expected[DIARY_LAST + 1];
    size_t n = make_line(c->diary, segment, line, expected);
    if (n != c->used || memcmp(expected, c->text, n) != 0) {
        wrong(c, "bytes of a line differ", number);
        return;
    }
    c->line = line + 1;
    if (c->line == line_count(segment)) {
        c->line = 0;
        c->next++;
    }
}

void diary_check_feed(struct diary_check *c, const void *data, size_t n)
{
    const char *bytes = data;
    for (size_t i = 0; i < n && !c->wrong; i++) {
        /* A NUL would end the text early; it is in no line of ours. */
        if (c->used == DIARY_LAST || bytes[i] == '\0')
            c->overlong = true;
        else
            c->text[c->used++] = bytes[i];
        if (bytes[i] != '\n')
            continue;
        c->text[c->used] = '\0';
        take_line(c);
        c->used = 0;
        c->overlong = false;
    }
}

enum fault_code diary_check_finish(struct diary_check *c, struct fault *f)
{
    if (!c->wrong && (c->line > 0 || (c->used > 0 && c->diary->fresh)))
        wrong(c, "the last segment is not whole",
              c->next < c->log->count ? c->log->segments[c->next].number : 0);
    for (size_t i = c->next; i < c->log->count && !c->wrong; i++)
        if (c->log->segments[i].sure)
            wrong(c, "an acknowledged segment is missing", c->log->segments[i].number);
    if (!c->wrong)
        return FAULT_OK;
    if (f != NULL)
        *f = c->fault;
    return c->fault.code;
}
