/* SPDX-License-Identifier: Apache-2.0 */
/* What a session asks of the fleet and must wait for: one job at a time, run by a worker, its result posted
 * back to the session's loop; but a file that lies in memory is opened there and then. The inputs do not
 * change while it is out; nobody else looks at the results until it is back. Floor 3. */
#ifndef CRADLE_JOB_H
#define CRADLE_JOB_H

#include "base/buf.h"
#include "base/fault.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/work.h"
#include "fleet/reader.h"
#include "fleet/tree.h"
#include "fleet/upload.h"
#include <stdbool.h>

enum job_style { JOB_LONG, JOB_NAMES, JOB_FACTS };

struct session;
struct job {
    struct work work;
    struct loop_task back;
    bool out;                              /* with the workers, or on its way back */
    void (*then)(struct session *session); /* on the loop; not called when the session has ended meanwhile */
    /* in */
    enum fault_code (*run)(struct session *session, struct job *job, struct fault *f);
    struct path path;
    struct upload_options upload_options;
    int64_t offset;       /* of job_load */
    enum job_style style; /* of job_listing, and what it needs */
    unsigned facts;
    char *prefix; /* NULL: none */
    /* out */
    enum fault_code code;
    struct fault fault; /* when code is not FAULT_OK */
    struct tree_entry entry;
    struct tree_list list;
    bool list_is_file; /* the list is the one file that the path names */
    struct buf text;   /* job_listing's */
    struct reader *reader;
    struct upload *upload;
};

/* The things that can be asked for. job_load brings bytes from job->offset on into job->reader's memory. */
enum fault_code job_stat(struct session *session, struct job *job, struct fault *f);
enum fault_code job_list(struct session *session, struct job *job, struct fault *f);
enum fault_code job_listing(struct session *session, struct job *job, struct fault *f); /* as text */
enum fault_code job_open(struct session *session, struct job *job, struct fault *f);
enum fault_code job_load(struct session *session, struct job *job, struct fault *f);
enum fault_code job_put(struct session *session, struct job *job, struct fault *f);
enum fault_code job_remove(struct session *session, struct job *job, struct fault *f);

/* Sends job->path (set before, like its other inputs) to a worker, or opens a file in memory at once; the
 * session is BUSY then. False when the queue is full: nothing happened. A session that is READY has an empty
 * job. */
bool job_give(struct session *session, enum fault_code (*run)(struct session *, struct job *, struct fault *),
              void (*then)(struct session *session));
/* Frees what the job still holds. */
void job_clear(struct job *job);
/* A read for a handset failed for a reason that is no absence: its fall-back must not be served for a while.
 */
void job_trouble(struct session *session, const struct path *path);

#endif
