/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define POSTERS 4
#define POSTS   2000

static struct loop *start_loop(void)
{
    struct loop *loop = NULL;
    struct fault f;
    assert_int_equal(loop_new(&loop, &f), FAULT_OK);
    assert_int_equal(loop_start(loop, "test-loop", &f), FAULT_OK);
    return loop;
}

struct posted {
    struct loop_task task;
    struct poster *poster;
    int number;
};
struct poster {
    struct loop *loop;
    pthread_t thread;
    struct posted posts[POSTS];
    int next; /* the loop's */
    bool in_order, on_loop;
};

static void take_post(struct loop_task *task)
{
    struct posted *posted = CONTAINER_OF(task, struct posted, task);
    struct poster *poster = posted->poster;
    poster->in_order = poster->in_order && posted->number == poster->next++;
    poster->on_loop = poster->on_loop && loop_is_current(poster->loop);
}

static void *post_all(void *argument)
{
    struct poster *poster = argument;
    for (int i = 0; i < POSTS; i++) {
        poster->posts[i] = (struct posted){ .task.run = take_post, .poster = poster, .number = i };
        loop_post(poster->loop, &poster->posts[i].task);
    }
    return NULL;
}

static void test_posts_of_many_threads(void **state)
{
    (void)state;
    struct loop *loop = start_loop();
    struct poster *posters = calloc(POSTERS, sizeof *posters);
    assert_non_null(posters);
    for (int i = 0; i < POSTERS; i++) {
        posters[i].loop = loop;
        posters[i].in_order = posters[i].on_loop = true;
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
    }
    for (int i = 0; i < POSTERS; i++)
        pthread_join(posters[i].thread, NULL);
    assert_false(loop_is_current(loop));
    loop_stop(loop); /* runs all that was posted */
    for (int i = 0; i < POSTERS; i++) {
        assert_int_equal(posters[i].next, POSTS);
        assert_true(posters[i].in_order);
        assert_true(posters[i].on_loop);
    }
    loop_free(loop);
    free(posters);
}

/* A task that posts itself again, and one that frees itself, both before and during the stop. */
struct chain {
    struct loop_task task;
    struct loop *loop;
    int *left;
};

static void run_chain(struct loop_task *task)
{
    struct chain *chain = CONTAINER_OF(task, struct chain, task);
    if (--*chain->left > 0)
        loop_post(chain->loop, task);
    else
        free(chain);
}

static void test_tasks_that_post(void **state)
{
    (void)state;
    struct loop *loop = start_loop();
    int left = 1000;
    struct chain *chain = calloc(1, sizeof *chain);
    assert_non_null(chain);
    *chain = (struct chain){ .task.run = run_chain, .loop = loop, .left = &left };
    loop_post(loop, &chain->task);
    loop_stop(loop);
    assert_int_equal(left, 0);
    loop_free(loop);
}

static void test_never_started(void **state)
{
    (void)state;
    struct loop *loop = NULL;
    assert_int_equal(loop_new(&loop, NULL), FAULT_OK);
    struct loop_timer *timer = loop_timer_new(loop, NULL, NULL);
    assert_non_null(timer);
    loop_timer_start(timer, 0);
    loop_timer_free(timer);
    loop_stop(loop);
    loop_free(loop);
    loop_free(NULL);
}

static void test_long_name(void **state)
{
    (void)state;
    struct loop *loop = NULL;
    struct fault f;
    assert_int_equal(loop_new(&loop, &f), FAULT_OK);
    assert_int_equal(loop_start(loop, "a-name-of-16-byt", &f), FAULT_INTERNAL);
    loop_free(loop);
}

/* Timers: started before loop_start, so they belong to this thread until then. */
struct timing {
    struct loop *loop;
    struct loop_timer *timer, *other;
    int64_t started, fired;
    int count;
    sem_t done;
};

static void fire_once(void *user)
{
    struct timing *timing = user;
    timing->fired = clock_steady_ms();
    timing->count++;
    loop_timer_free(timing->timer); /* from its own callback */
    sem_post(&timing->done);
}

static void fire_never(void *user)
{
    (void)user;
    abort();
}

static void test_timer(void **state)
{
    (void)state;
    struct timing timing = { 0 };
    sem_init(&timing.done, 0, 0);
    assert_int_equal(loop_new(&timing.loop, NULL), FAULT_OK);
    timing.timer = loop_timer_new(timing.loop, fire_once, &timing);
    timing.other = loop_timer_new(timing.loop, fire_never, &timing);
    timing.started = clock_steady_ms();
    loop_timer_start(timing.other, 1);
    loop_timer_start(timing.other, 60000); /* restarts */
    loop_timer_stop(timing.other);
    loop_timer_start(timing.other, 60000);
    loop_timer_start(timing.timer, 20);
    assert_int_equal(loop_start(timing.loop, "test-timer", NULL), FAULT_OK);
    sem_wait(&timing.done);
    loop_stop(timing.loop);
    loop_timer_free(timing.other);
    loop_free(timing.loop);
    assert_int_equal(timing.count, 1);
    assert_true(timing.fired - timing.started >= 19); /* whole milliseconds, both rounded down */
    sem_destroy(&timing.done);
}

/* A watch echoes what comes, and frees itself when the other side is gone. */
struct echo {
    struct loop_watch *watch;
    int fd;
    int saw_write;
    sem_t done;
};

static void echo_ready(void *user, int events)
{
    struct echo *echo = user;
    if (events & LOOP_WRITE) {
        echo->saw_write++;
        loop_watch_set(echo->watch, LOOP_READ);
    }
    if (!(events & LOOP_READ))
        return;
    char byte;
    ssize_t n = read(echo->fd, &byte, 1); /* one at a time: level-triggered tells again */
    if (n == 1)
        assert_int_equal(write(echo->fd, &byte, 1), 1);
    else if (n == 0) {
        loop_watch_free(echo->watch);
        close(echo->fd);
        sem_post(&echo->done);
    }
}

static void test_watch(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    struct loop *loop = NULL;
    assert_int_equal(loop_new(&loop, NULL), FAULT_OK);
    struct echo echo = { .fd = pair[0] };
    sem_init(&echo.done, 0, 0);
    echo.watch = loop_watch_new(loop, pair[0], echo_ready, &echo);
    assert_non_null(echo.watch);
    loop_watch_set(echo.watch, LOOP_READ | LOOP_WRITE);
    assert_int_equal(loop_start(loop, "test-watch", NULL), FAULT_OK);
    char got[6] = "";
    assert_int_equal(write(pair[1], "hello", 5), 5);
    assert_int_equal(recv(pair[1], got, 5, MSG_WAITALL), 5);
    assert_string_equal(got, "hello");
    close(pair[1]);
    sem_wait(&echo.done);
    loop_stop(loop);
    loop_free(loop);
    assert_int_equal(echo.saw_write, 1);
    sem_destroy(&echo.done);
}

static void test_watch_of_nothing(void **state)
{
    (void)state;
    struct loop *loop = NULL;
    assert_int_equal(loop_new(&loop, NULL), FAULT_OK);
    assert_null(loop_watch_new(loop, -1, echo_ready, NULL));
    loop_watch_free(NULL);
    loop_timer_free(NULL);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_posts_of_many_threads),
        cmocka_unit_test(test_tasks_that_post),
        cmocka_unit_test(test_never_started),
        cmocka_unit_test(test_long_name),
        cmocka_unit_test(test_timer),
        cmocka_unit_test(test_watch),
        cmocka_unit_test(test_watch_of_nothing),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
