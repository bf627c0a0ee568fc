/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"
#include "base/mem.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

struct loop {
    uv_loop_t uv;
    uv_async_t wake; /* posts of other threads */
    uv_idle_t soon;  /* posts of the loop's own: no system call needed */
    pthread_t thread;
    bool started;
    char name[16];
    struct loop_task stop_task;
    bool stopping;

    pthread_mutex_t lock; /* of what follows */
    struct loop_task *first, **last;
};

struct loop_timer {
    uv_timer_t uv;
    void (*fired)(void *user);
    void *user;
};

struct loop_watch {
    uv_poll_t uv;
    int events; /* as asked for */
    void (*ready)(void *user, int events);
    void *user;
};

/* The loop whose thread this is. A pthread_t in struct loop would be read before pthread_create has stored
 * it. */
static _Thread_local const struct loop *loop_of_thread;

/* Runs what was posted until now. What these tasks post waits for the next round, so that descriptors get
 * their turn. */
static void loop_run_posts(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    struct loop_task *task = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    pthread_mutex_unlock(&loop->lock);

    while (task != NULL) {
        struct loop_task *next = task->next; /* run may free or post the task again */
        task->run(task);
        task = next;
    }

    if (!loop->stopping)
        return;
    pthread_mutex_lock(&loop->lock);
    bool empty = loop->first == NULL;
    pthread_mutex_unlock(&loop->lock);
    if (empty)
        uv_stop(&loop->uv);
}

static void loop_woken(uv_async_t *wake)
{
    loop_run_posts(wake->data);
}

static void loop_soon(uv_idle_t *soon)
{
    uv_idle_stop(soon);
    loop_run_posts(soon->data);
}

static void loop_stop_now(struct loop_task *task)
{
    CONTAINER_OF(task, struct loop, stop_task)->stopping = true;
}

enum fault_code loop_new(struct loop **ret_loop, struct fault *f)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return fault_set(f, FAULT_MEMORY, "no memory for an event loop");
    int rc = uv_loop_init(&loop->uv);
    if (rc != 0) {
        free(loop);
        return fault_set(f, FAULT_IO, "cannot make an event loop: %s", uv_strerror(rc));
    }
    rc = uv_async_init(&loop->uv, &loop->wake, loop_woken);
    if (rc != 0) {
        uv_loop_close(&loop->uv);
        free(loop);
        return fault_set(f, FAULT_IO, "cannot make an event loop: %s", uv_strerror(rc));
    }
    uv_idle_init(&loop->uv, &loop->soon);
    loop->wake.data = loop;
    loop->soon.data = loop;
    loop->stop_task.run = loop_stop_now;
    loop->last = &loop->first;
    pthread_mutex_init(&loop->lock, NULL);
    *ret_loop = loop;
    return FAULT_OK;
}

static void *loop_thread(void *argument)
{
    struct loop *loop = argument;
    loop_of_thread = loop;
    pthread_setname_np(pthread_self(), loop->name);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    return NULL;
}

enum fault_code loop_start(struct loop *loop, const char *thread_name, struct fault *f)
{
    if (!mem_copy_text(loop->name, sizeof loop->name, thread_name))
        return fault_set(f, FAULT_INTERNAL, "the thread name %s is longer than 15 bytes", thread_name);
    /* Signals are the main thread's; a thread inherits the mask it is born with. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&loop->thread, NULL, loop_thread, loop);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return fault_set(f, FAULT_IO, "cannot start the thread %s: %s", thread_name, uv_strerror(-rc));
    loop->started = true;
    return FAULT_OK;
}

void loop_stop(struct loop *loop)
{
    if (!loop->started)
        return;
    loop_post(loop, &loop->stop_task);
    pthread_join(loop->thread, NULL);
    loop->started = false;
}

int64_t loop_cpu_us(const struct loop *loop)
{
    clockid_t clock;
    struct timespec used;
    if (pthread_getcpuclockid(loop->thread, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return 0;
    return used.tv_sec * INT64_C(1000000) + used.tv_nsec / 1000;
}

static void loop_timer_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF(handle, struct loop_timer, uv));
}

static void loop_watch_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF(handle, struct loop_watch, uv));
}

static void loop_close_handle(uv_handle_t *handle, void *argument)
{
    (void)argument;
    if (uv_is_closing(handle))
        return;
    if (handle->type == UV_TIMER)
        uv_close(handle, loop_timer_closed);
    else if (handle->type == UV_POLL)
        uv_close(handle, loop_watch_closed);
    else
        uv_close(handle, NULL);
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    uv_walk(&loop->uv, loop_close_handle, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT); /* nothing but the closings is left */
    uv_loop_close(&loop->uv);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

void loop_post(struct loop *loop, struct loop_task *task)
{
    task->next = NULL;
    pthread_mutex_lock(&loop->lock);
    bool was_empty = loop->first == NULL;
    *loop->last = task;
    loop->last = &task->next;
    /* Under the lock: once the loop has run this task its owner may stop and free the loop. */
    if (was_empty && loop_is_current(loop))
        uv_idle_start(&loop->soon, loop_soon);
    else if (was_empty)
        uv_async_send(&loop->wake);
    pthread_mutex_unlock(&loop->lock);
}

bool loop_is_current(const struct loop *loop)
{
    return loop_of_thread == loop;
}

struct loop_timer *loop_timer_new(struct loop *loop, void (*fired)(void *user), void *user)
{
    struct loop_timer *timer = calloc(1, sizeof *timer);
    if (timer == NULL)
        return NULL;
    uv_timer_init(&loop->uv, &timer->uv);
    timer->fired = fired;
    timer->user = user;
    return timer;
}

static void loop_timer_fired(uv_timer_t *uv)
{
    struct loop_timer *timer = CONTAINER_OF(uv, struct loop_timer, uv);
    timer->fired(timer->user);
}

void loop_timer_start(struct loop_timer *timer, int64_t after_ms)
{
    /* libuv counts from the beginning of the round, which may be long past: without this a timer could fire
     * early. */
    uv_update_time(timer->uv.loop);
    uv_timer_start(&timer->uv, loop_timer_fired, after_ms < 0 ? 0 : (uint64_t)after_ms, 0);
}

void loop_timer_stop(struct loop_timer *timer)
{
    if (timer != NULL)
        uv_timer_stop(&timer->uv);
}

void loop_timer_free(struct loop_timer *timer)
{
    if (timer != NULL)
        uv_close((uv_handle_t *)&timer->uv, loop_timer_closed);
}

struct loop_watch *loop_watch_new(struct loop *loop, int fd, void (*ready)(void *user, int events),
                                  void *user)
{
    struct loop_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return NULL;
    if (uv_poll_init(&loop->uv, &watch->uv, fd) != 0) {
        free(watch); /* libuv does not know the handle yet */
        return NULL;
    }
    watch->ready = ready;
    watch->user = user;
    return watch;
}

static void loop_watch_arm(struct loop_watch *watch);

static void loop_watch_ready(uv_poll_t *uv, int status, int uv_events)
{
    struct loop_watch *watch = CONTAINER_OF(uv, struct loop_watch, uv);
    int events = 0;
    if (status != 0)
        events = LOOP_READ | LOOP_WRITE;
    if (uv_events & UV_READABLE)
        events |= LOOP_READ;
    if (uv_events & UV_WRITABLE)
        events |= LOOP_WRITE;
    watch->ready(watch->user, events);
    /* libuv stops polling at an error. Level-triggered means that the owner hears of it again. (If the owner
     * freed the watch, its memory lives on until libuv has closed it.) */
    if (status != 0 && !uv_is_closing((uv_handle_t *)uv))
        loop_watch_arm(watch);
}

static void loop_watch_arm(struct loop_watch *watch)
{
    int uv_events = 0;
    if (watch->events & LOOP_READ)
        uv_events |= UV_READABLE;
    if (watch->events & LOOP_WRITE)
        uv_events |= UV_WRITABLE;
    if (uv_events == 0)
        uv_poll_stop(&watch->uv);
    else
        uv_poll_start(&watch->uv, uv_events, loop_watch_ready);
}

void loop_watch_set(struct loop_watch *watch, int events)
{
    if (events == watch->events && (events == 0 || uv_is_active((uv_handle_t *)&watch->uv)))
        return;
    watch->events = events;
    loop_watch_arm(watch);
}

void loop_watch_free(struct loop_watch *watch)
{
    if (watch != NULL)
        uv_close((uv_handle_t *)&watch->uv, loop_watch_closed);
}
