/* SPDX-License-Identifier: Apache-2.0 */
/* An event loop with a thread of its own: timers, readiness of descriptors, and posts from other threads.
 * Thin, on libuv; nothing above this file sees uv_*. Floor 0. Everything but loop_post, loop_new, loop_start,
 * loop_stop, loop_free and loop_cpu_us is called on the loop's own thread (or before loop_start). */
#ifndef CRADLE_LOOP_H
#define CRADLE_LOOP_H

#include "base/fault.h"
#include <stdbool.h>
#include <stdint.h>

struct loop;
/* A task to run on a loop: part of its owner's struct (CONTAINER_OF), must live until it ran. */
struct loop_task {
    void (*run)(struct loop_task *task);
    struct loop_task *next; /* the loop's while posted */
};

enum fault_code loop_new(struct loop **ret_loop, struct fault *f);
/* Starts the thread. */
enum fault_code loop_start(struct loop *loop, const char *thread_name, struct fault *f);
/* Asks the thread to end, waits for it; what was posted before has run. Its users must have closed their
 * watches and timers. Any thread but the loop's own. */
void loop_stop(struct loop *loop);
void loop_free(struct loop *loop); /* stopped or never started; takes NULL */
/* Runs task on the loop's thread, in the order of posting. Any thread; never fails, never blocks. */
void loop_post(struct loop *loop, struct loop_task *task);
bool loop_is_current(const struct loop *loop);
/* Processor time that the thread of a started loop has used. Any thread. */
int64_t loop_cpu_us(const struct loop *loop);

/* A one-shot timer. Heap object, because libuv closes late; freed by loop_timer_free (takes NULL). */
struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *loop, void (*fired)(void *user),
                                  void *user);                     /* NULL: no memory */
void loop_timer_start(struct loop_timer *timer, int64_t after_ms); /* restarts when running */
void loop_timer_stop(struct loop_timer *timer);                    /* takes NULL */
void loop_timer_free(struct loop_timer *timer);

/* Readiness of a descriptor, level-triggered. The descriptor stays the caller's; free the watch before
 * closing it. */
#define LOOP_READ  1
#define LOOP_WRITE 2
struct loop_watch;
struct loop_watch *loop_watch_new(struct loop *loop, int fd, void (*ready)(void *user, int events),
                                  void *user);
void loop_watch_set(struct loop_watch *watch, int events); /* 0: none; errors show as LOOP_READ|LOOP_WRITE */
void loop_watch_free(struct loop_watch *watch);            /* takes NULL; `ready` is not called any more */

#endif
