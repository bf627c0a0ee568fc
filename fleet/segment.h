/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the logbook: generations and segments, inside a read or write that is under way. For tree.c,
 * upload.c and logbook.c only; rules of resends, rotation and quota are applied by segment_store. Floor 2. */
#ifndef CRADLE_SEGMENT_H
#define CRADLE_SEGMENT_H

#include "base/fault.h"
#include "base/mac.h"
#include "base/path.h"
#include "db/db.h"
#include "fleet/content.h"
#include "fleet/tree.h"
#include "fleet/upload.h"
#include <stdbool.h>
#include <stdint.h>

struct segment_generation {
    int64_t generation, size, started, modified, closed; /* closed 0: open */
    int64_t segments, repeats;
    char etag[80];
};

/* generation 0: the newest one; with only_open FAULT_ABSENT when that one is closed (a handset's view after
 * DELE), otherwise the newest even when closed (an operator's). A number: that generation when closed, else
 * FAULT_ABSENT. */
enum fault_code segment_find(struct db_conn *conn, const struct mac *mac, const char *path,
                             int64_t generation, bool only_open, struct segment_generation *ret_generation,
                             struct fault *f);
/* The contents of a generation (0: of all, oldest first) in order, without repeats. *ret_contents is given
 * (free). */
enum fault_code segment_contents(struct vault *vault, struct db_conn *conn, const struct mac *mac,
                                 const char *path, int64_t generation, struct content **ret_contents,
                                 size_t *ret_count, struct fault *f);

/* The size of all generations together. */
enum fault_code segment_total(struct db_conn *conn, const struct mac *mac, const char *path,
                              int64_t *ret_size, struct fault *f);

struct segment_new {
    struct mac mac;
    const char *path;
    struct content content;
    bool append;
    uint64_t sender; /* 0: HTTPS */
    const char *author;
    int64_t now;
};
/* A segment counts for at least so much in the quota, repeats included: rows are not free either. */
#define SEGMENT_COST_MIN 512

/* In a write: recognises a resend (then content is not needed, *outcome says repeat, and what was staged of
 * it is the caller's to discard), makes room in the quota (closed generations first, then open ones
 * that nobody added to for log_keep_min), rotates, settles the content and adds it. Its chunks are the
 * caller's. FAULT_QUOTA changes nothing. */
enum fault_code segment_store(struct fleet *fleet, struct db_conn *conn, const struct segment_new *segment,
                              struct upload_outcome *ret_outcome, struct fault *f);
/* Could `size` more bytes be stored now? The early look before a body is read; segment_store decides. */
enum fault_code segment_room(struct fleet *fleet, struct db_conn *conn, const struct mac *mac, int64_t size,
                             struct fault *f);
/* Ends the newest generation. FAULT_ABSENT when there is no open one. */
enum fault_code segment_end(struct db_conn *conn, const struct mac *mac, const char *path, int64_t now,
                            struct fault *f);
/* What is directly in a folder of one handset's logs: "NAME" for an open generation, "NAME@N" for each closed
 * one (only with `closed`), folders. Adds to *list like layer_list. */
enum fault_code segment_list(struct db_conn *conn, const struct mac *mac, const struct path *folder,
                             bool closed, struct tree_list *list, struct fault *f);
/* The MACs that have logs, as folders. */
enum fault_code segment_macs(struct db_conn *conn, struct tree_list *list, struct fault *f);

#endif
