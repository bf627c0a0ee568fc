/* SPDX-License-Identifier: Apache-2.0 */
#include "base/work.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct work_pool {
    char name[10];
    size_t limit;
    pthread_t *threads;
    size_t n_threads;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t some;
    struct work_queue {
        struct work *first, **last;
        size_t waiting;
    } urgent, usual;
    size_t named; /* threads that took their number */
    bool ending;
};

static void work_name_thread(struct work_pool *pool, size_t number)
{
    char name[16];
    snprintf(name, sizeof name, "%s-%zu", pool->name, number % 10000);
    pthread_setname_np(pthread_self(), name);
}

/* NULL when nothing waits. */
static struct work *work_take(struct work_queue *queue)
{
    struct work *work = queue->first;
    if (work == NULL)
        return NULL;
    queue->first = work->next;
    if (queue->first == NULL)
        queue->last = &queue->first;
    queue->waiting--;
    return work;
}

static void *work_thread(void *argument)
{
    struct work_pool *pool = argument;
    pthread_mutex_lock(&pool->lock);
    work_name_thread(pool, ++pool->named);
    for (;;) {
        while (pool->urgent.first == NULL && pool->usual.first == NULL && !pool->ending)
            pthread_cond_wait(&pool->some, &pool->lock);
        struct work *work = work_take(&pool->urgent);
        if (work == NULL)
            work = work_take(&pool->usual);
        if (work == NULL)
            break;
        pthread_mutex_unlock(&pool->lock);
        work->run(work); /* may have freed it */
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Signals are the main thread's; threads inherit the mask they are born with. */
static int work_start_threads(struct work_pool *pool, size_t threads)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = 0;
    while (rc == 0 && pool->n_threads < threads) {
        rc = pthread_create(&pool->threads[pool->n_threads], NULL, work_thread, pool);
        if (rc == 0)
            pool->n_threads++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

enum fault_code work_pool_new(const char *thread_name, size_t threads, size_t queue_limit,
                              struct work_pool **ret_pool, struct fault *f)
{
    if (threads == 0)
        return fault_set(f, FAULT_INTERNAL, "a pool of workers needs at least one thread");
    struct work_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return fault_set(f, FAULT_MEMORY, "no memory for a pool of workers");
    snprintf(pool->name, sizeof pool->name, "%s", thread_name);
    pool->limit = queue_limit;
    pool->urgent.last = &pool->urgent.first;
    pool->usual.last = &pool->usual.first;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->some, NULL);
    pool->threads = calloc(threads, sizeof *pool->threads);
    if (pool->threads == NULL) {
        work_pool_free(pool);
        return fault_set(f, FAULT_MEMORY, "no memory for a pool of workers");
    }
    int rc = work_start_threads(pool, threads);
    if (rc != 0) {
        work_pool_free(pool);
        return fault_set(f, FAULT_IO, "cannot start the worker threads %s: %s", thread_name, strerror(rc));
    }
    *ret_pool = pool;
    return FAULT_OK;
}

static bool work_put(struct work_pool *pool, struct work_queue *queue, struct work *work, size_t limit)
{
    work->next = NULL;
    pthread_mutex_lock(&pool->lock);
    bool fits = queue->waiting < limit;
    if (fits) {
        *queue->last = work;
        queue->last = &work->next;
        queue->waiting++;
        pthread_cond_signal(&pool->some);
    }
    pthread_mutex_unlock(&pool->lock);
    return fits;
}

bool work_give(struct work_pool *pool, struct work *work)
{
    return work_put(pool, &pool->usual, work, pool->limit);
}

bool work_give_first(struct work_pool *pool, struct work *work)
{
    return work_put(pool, &pool->urgent, work, pool->limit);
}

void work_give_more(struct work_pool *pool, struct work *work)
{
    (void)work_put(pool, &pool->usual, work, (size_t)-1);
}

void work_pool_free(struct work_pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    pthread_cond_broadcast(&pool->some);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->n_threads; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->some);
    pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool);
}
