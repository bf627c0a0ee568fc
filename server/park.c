/* SPDX-License-Identifier: Apache-2.0 */
#include "server/park.h"

#include "base/loop.h"
#include "server/connection.h"
#include "server/gate.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LEAVE_AT_ONCE 64

/* An epoll set of its own, which the loop watches as a whole: a daemon's thread puts a connection into it
 * without waking the loop. */
struct park {
    struct gate *gate;
    int set;
    struct loop_watch *watch;
};

/* From here on the connection is its daemon's again, and may be gone. */
static void leave(struct park *park, struct connection *connection)
{
    struct gate *gate = park->gate;
    struct MHD_Connection *mhd = connection->mhd;
    (void)epoll_ctl(park->set, EPOLL_CTL_DEL, connection->fd, NULL);
    pthread_mutex_lock(&gate->lock);
    connection->parked = false;
    pthread_mutex_unlock(&gate->lock);
    MHD_resume_connection(mhd);
    gate_leave(gate);
}

static void readable(void *user, int events)
{
    (void)events;
    struct park *park = user;
    struct epoll_event event[LEAVE_AT_ONCE];
    int n = epoll_wait(park->set, event, LEAVE_AT_ONCE, 0);
    for (int i = 0; i < n; i++)
        leave(park, event[i].data.ptr);
}

enum fault_code park_new(struct gate *gate, struct park **ret_park, struct fault *f)
{
    struct park *park = calloc(1, sizeof *park);
    if (park == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    park->gate = gate;
    park->set = epoll_create1(EPOLL_CLOEXEC);
    if (park->set >= 0)
        park->watch = loop_watch_new(gate->loop, park->set, readable, park);
    if (park->watch == NULL) {
        fault_set(f, FAULT_IO, "cannot watch connections: %s", strerror(errno));
        park_free(park);
        return FAULT_IO;
    }
    loop_watch_set(park->watch, LOOP_READ);
    *ret_park = park;
    return FAULT_OK;
}

void park_free(struct park *park)
{
    if (park == NULL)
        return;
    loop_watch_free(park->watch);
    if (park->set >= 0)
        close(park->set);
    free(park);
}

void park_enter(struct park *park, struct connection *connection)
{
    struct gate *gate = park->gate;
    struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = connection };
    /* As gate_enter does, and in the same step what park_cut looks for: it would miss one in between. */
    pthread_mutex_lock(&gate->lock);
    bool enters = !gate->stopping && !connection->parked;
    if (enters) {
        connection->parked = true;
        gate->held++;
    }
    pthread_mutex_unlock(&gate->lock);
    if (!enters)
        return;
    MHD_suspend_connection(connection->mhd);
    if (epoll_ctl(park->set, EPOLL_CTL_ADD, connection->fd, &event) == 0)
        return;
    shutdown(connection->fd, SHUT_RDWR);
    leave(park, connection);
}

void park_cut(struct park *park)
{
    struct gate *gate = park->gate;
    pthread_mutex_lock(&gate->lock);
    for (struct connection *c = gate->first; c != NULL; c = c->next)
        if (c->parked)
            shutdown(c->fd, SHUT_RDWR);
    pthread_mutex_unlock(&gate->lock);
}
