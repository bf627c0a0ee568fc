/* SPDX-License-Identifier: Apache-2.0 */
#include "server/drain.h"

#include "base/loop.h"
#include "base/mem.h"
#include "server/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define DRAIN_MS  2000
#define DRAIN_MAX (64 << 20) /* bytes thrown away */
#define DRAINS    256        /* at once; beyond them sockets close as the kernel closes them */

struct drain {
    struct loop_task task;
    struct gate *gate;
    int fd;
    size_t thrown_away;
    int unacknowledged; /* bytes of the answer, at the last look */
    struct loop_watch *watch;
    struct loop_timer *timer;
    struct drain *next, **back;
};

static void drain_end(struct drain *drain)
{
    *drain->back = drain->next;
    if (drain->next != NULL)
        drain->next->back = drain->back;
    drain->gate->drain_count--;
    loop_watch_free(drain->watch);
    loop_timer_free(drain->timer);
    close(drain->fd);
    free(drain);
}

static int unacknowledged(const struct drain *drain)
{
    int bytes = 0;
    return ioctl(drain->fd, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

/* The client may take its time with the answer, as long as it takes some of it. */
static void drain_over(void *user)
{
    struct drain *drain = user;
    int left = unacknowledged(drain);
    if (left == 0 || left >= drain->unacknowledged) {
        drain_end(drain);
        return;
    }
    drain->unacknowledged = left;
    loop_timer_start(drain->timer, DRAIN_MS);
}

static void drain_readable(void *user, int events)
{
    (void)events;
    struct drain *drain = user;
    char waste[65536];
    ssize_t n = recv(drain->fd, waste, sizeof waste, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    drain->thrown_away += n > 0 ? (size_t)n : 0;
    if (n <= 0 || drain->thrown_away > DRAIN_MAX)
        drain_end(drain);
}

static void drain_begin(struct loop_task *task)
{
    struct drain *drain = CONTAINER_OF(task, struct drain, task);
    struct gate *gate = drain->gate;
    drain->next = gate->drains;
    drain->back = &gate->drains;
    if (drain->next != NULL)
        drain->next->back = &drain->next;
    gate->drains = drain;
    gate->drain_count++;
    drain->watch = loop_watch_new(gate->loop, drain->fd, drain_readable, drain);
    drain->timer = loop_timer_new(gate->loop, drain_over, drain);
    if (drain->watch == NULL || drain->timer == NULL || gate->tick == NULL || gate->drain_count > DRAINS) {
        drain_end(drain);
        return;
    }
    /* Only our own end of the stream tells the client that there is no more; the library may have left it
     * open. */
    shutdown(drain->fd, SHUT_WR);
    drain->unacknowledged = unacknowledged(drain);
    loop_watch_set(drain->watch, LOOP_READ);
    loop_timer_start(drain->timer, DRAIN_MS);
}

/* It has not ended yet, or something that it sent was not read. */
static bool may_be_reset(int fd)
{
    char one;
    ssize_t n = recv(fd, &one, 1, MSG_PEEK | MSG_DONTWAIT);
    return n > 0 || (n < 0 && errno == EAGAIN);
}

void drain_on(struct gate *gate, int fd)
{
    struct drain *drain = may_be_reset(fd) ? calloc(1, sizeof *drain) : NULL;
    if (drain == NULL)
        return;
    drain->gate = gate;
    drain->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    drain->task.run = drain_begin;
    if (drain->fd < 0)
        free(drain);
    else
        loop_post(gate->loop, &drain->task);
}

void drain_end_all(struct gate *gate)
{
    while (gate->drains != NULL)
        drain_end(gate->drains);
}
