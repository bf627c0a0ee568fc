/* SPDX-License-Identifier: Apache-2.0 */
/* An upload in progress: streamed in chunks that are sealed and staged, visible in one transaction, or not at
 * all. At most a few chunks are in memory. Begun by tree_put. Floor 2; one thread at a time, never blocks;
 * `progress` comes on any thread. */
#ifndef CRADLE_UPLOAD_H
#define CRADLE_UPLOAD_H

#include "base/fault.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct upload;
struct upload_options {
    bool append;          /* APPE: a segment more; otherwise replace (PUT, STOR) */
    bool create;          /* ?create=1: register a handset that is not (administrators) */
    bool unchecked;       /* ?unchecked=1: store although the check fails; recorded (administrators) */
    int64_t size;         /* announced (Content-Length, ALLO), -1: unknown */
    const char *if_match; /* header texts, or NULL; copied */
    const char *if_none_match;
    uint64_t sender; /* logbook_sender_new of an FTPS control session; 0: none */
    /* There is room again after upload_write took less than it was given, or the commit has ended. Must not
     * block nor call upload_*: post it to your thread. */
    void (*progress)(void *user);
    void *user;
};

/* Takes up to n bytes; *ret_taken < n means: wait for `progress`, then give the rest again. FAULT_TOO_LARGE,
 * FAULT_CONTENT (XML: line and column), FAULT_QUOTA, FAULT_IO …: the upload has failed, free it. */
enum fault_code upload_write(struct upload *upload, const void *data, size_t n, size_t *ret_taken,
                             struct fault *f);
/* The bytes are complete. `progress` is called when the commit has ended; upload_ended is true from then on.
 * Failures found here (XML cut short) are told the same way. */
void upload_commit(struct upload *upload);
bool upload_ended(const struct upload *upload);

struct upload_outcome {
    bool created; /* 201 rather than 204 */
    bool repeat;  /* recognised as a resend: acknowledged, no bytes kept */
    char etag[80];
    int64_t size;    /* bytes of this upload */
    int64_t segment; /* its number in its generation of the log, from 1; 0 for a file */
};
/* After upload_ended. */
enum fault_code upload_result(const struct upload *upload, struct upload_outcome *ret_outcome,
                              struct fault *f);
/* Ends it: without a committed commit nothing of it stays. A commit under way goes on by itself; `progress`
 * is not called after this returns. Takes NULL. */
void upload_free(struct upload *upload);

#endif
