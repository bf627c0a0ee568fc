/* SPDX-License-Identifier: Apache-2.0 */
/* The logs that one simulated handset sends, made from nothing but its MAC, the run and a number, so that
 * every byte can be made again when a log is read back: what was sent is remembered as sizes only. A segment
 * is one upload; its lines look like a handset's, `seconds|component|class|missed|text`, and each says in its
 * text which run, handset, boot and segment it belongs to. No socket; an object belongs to one thread. */
#ifndef CRADLE_DIARY_H
#define CRADLE_DIARY_H

#include "base/fault.h"
#include "base/mac.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIARY_LINE        96  /* bytes of every line but a segment's last */
#define DIARY_LAST        191 /* and at most of that */
#define DIARY_SEGMENT_MIN 96
#define DIARY_RUN         8 /* characters that tell a run */
#define DIARY_TAIL        8

struct diary_segment {
    uint32_t number; /* from 1, over all logs of the handset */
    uint32_t boot;
    uint32_t size;
    bool sure; /* acknowledged; otherwise the server may or may not have it */
};

/* What the size of the newest generation can be: known sizes, -1 for "no such log"; none when nothing is
 * known. */
struct diary_tail {
    int64_t sizes[DIARY_TAIL];
    size_t count;
};

struct diary_log {
    char *path; /* relative to the root */
    struct diary_segment *segments;
    size_t count, room;
    struct diary_tail tail;
};

struct diary {
    struct mac mac;
    char run[DIARY_RUN + 1];
    bool fresh; /* nobody wrote before: each log starts absent, and holds nothing of others */
    uint32_t numbers;
    struct diary_log *logs;
    size_t count;
};

void diary_init(struct diary *d, const struct mac *mac, const char *run, bool fresh);
void diary_fini(struct diary *d);

/* The log of this path, made when it is new; NULL if out of memory. Valid until the next call. */
struct diary_log *diary_log(struct diary *d, const char *path);
/* A new segment at the end of a log, not sure yet; size >= DIARY_SEGMENT_MIN. NULL if out of memory. Valid
 * until the next call for this log. */
struct diary_segment *diary_write(struct diary *d, struct diary_log *log, uint32_t boot, uint32_t size);
/* The newest segment was acknowledged, as an append or as a replacement · surely not stored · nobody knows.
 */
void diary_acknowledged(struct diary_log *log, bool appended);
void diary_refused(struct diary_log *log);
void diary_unsure(struct diary_log *log);
/* Can the newest generation have this size (-1: absent)? When yes, it is known to be that from now on. */
bool diary_size(struct diary_log *log, int64_t size);

/* Up to n bytes of a segment from `offset` on; gives how many. */
size_t diary_read(const struct diary *d, const struct diary_segment *segment, size_t offset, char *out,
                  size_t n);

/* Reads a log back: every sure segment is there, whole, once and in order, an unsure one at most once, and no
 * other of this run; nothing else at all in a fresh diary. With `newest` it may begin at any segment, as a
 * log's newest generation does. */
struct diary_check {
    const struct diary *diary;
    const struct diary_log *log;
    bool newest, started, wrong;
    size_t next;   /* segment */
    uint32_t line; /* of log->segments[next]; 0: between two segments */
    size_t used;
    char text[DIARY_LAST + 1];
    bool overlong;
    struct fault fault;
};
void diary_check_init(struct diary_check *c, const struct diary *d, const struct diary_log *log, bool newest);
void diary_check_feed(struct diary_check *c, const void *data, size_t n);
/* FAULT_CONTENT with what is wrong first. */
enum fault_code diary_check_finish(struct diary_check *c, struct fault *f);

#endif
