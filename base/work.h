/* SPDX-License-Identifier: Apache-2.0 */
/* Worker threads for what can block: database, password hashes, files. A bounded queue, first come first
 * served, and a second one that is served before it. Floor 0; any thread gives, a worker runs. How the result
 * goes back is the job's business (loop_post). */
#ifndef CRADLE_WORK_H
#define CRADLE_WORK_H

#include "base/fault.h"
#include <stdbool.h>
#include <stddef.h>

struct work_pool;
/* A job: part of its owner's struct, must live until run() was entered (run may free it). */
struct work {
    void (*run)(struct work *work);
    struct work *next; /* the pool's while queued */
};

enum fault_code work_pool_new(const char *thread_name, size_t threads, size_t queue_limit,
                              struct work_pool **ret_pool, struct fault *f);
/* False when the queue is full: nothing was taken, tell the client to come back. */
bool work_give(struct work_pool *pool, struct work *work);
/* The same ahead of all that was given by work_give; what was given this way keeps its order. The limit holds
 * for each kind by itself, so that no flood of the one keeps the other out. */
bool work_give_first(struct work_pool *pool, struct work *work);
/* The same as work_give without a limit, for the later steps of a job that was admitted already: never fails.
 */
void work_give_more(struct work_pool *pool, struct work *work);
/* Runs what is queued, then ends the threads. Takes NULL. */
void work_pool_free(struct work_pool *pool);

#endif
