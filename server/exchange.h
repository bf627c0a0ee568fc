/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its answer: the dispatcher. Walks from the header to the queued answer, and lets the
 * connection sleep while somebody else works. Floor 3; belongs to its daemon's thread; exchange_done is
 * called by whoever did the work.
 *
 *   without a body   HEAD > LATE > ADMIT > FINISH > ANSWERED
 *   with one         HEAD > ADMIT > BODY > FINISH > ANSWERED       (refused early: ADMIT > ANSWERED, or >
 * BODY thrown away > ANSWERED)
 *
 * Races: the connection is suspended under the lock that `done` takes, and resumed after that lock was given
 * back; so a resume always follows its suspend, and an exchange lives until its connection was resumed. */
#ifndef CRADLE_EXCHANGE_H
#define CRADLE_EXCHANGE_H

#include "fleet/login.h"
#include "server/connection.h"
#include "server/gate.h"
#include "server/reply.h"
#include "server/request.h"
#include <microhttpd.h>
#include <pthread.h>

enum exchange_stage { STAGE_HEAD, STAGE_LATE, STAGE_ADMIT, STAGE_BODY, STAGE_FINISH, STAGE_ANSWERED };
enum exchange_waits { WAITS_NOT, WAITS_FOR_WORK, WAITS_FOR_ROOM };

struct exchange {
    struct MHD_Connection *mhd;
    struct connection *connection;
    struct gate *gate;
    pthread_t thread; /* the daemon's */
    enum exchange_stage stage;
    int64_t started;   /* steady ms */
    char *target;      /* as it came, a copy: the library cuts its own at '?' and '&' */
    const char *place; /* where it lies in the buffer */
    size_t target_length;
    struct request request;
    struct fault query_fault; /* when the query is malformed */
    struct reply reply;
    struct login login;
    struct gate_delay delay;
    struct work work;
    struct buf json;
    bool committed;
    bool discard; /* the body is thrown away, the reply stands already */
    int64_t discarded;
    bool in_memory;       /* the answer's body is */
    int64_t told;         /* bytes of the answer's body; for the log */
    pthread_mutex_t lock; /* of what follows */
    enum exchange_waits waits;
    bool busy;       /* work is under way */
    bool progressed; /* the upload has room again, or has ended */
};

/* The library's callbacks. */
void *exchange_uri(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result exchange_handle(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
                                const char *version, const char *data, size_t *size, void **context);
void exchange_completed(void *cls, struct MHD_Connection *mhd, void **context,
                        enum MHD_RequestTerminationCode how);

/* May its transfer go on? Not when a reload has brought a trust that its certificate does not stand before.
 * The daemon's thread. */
bool exchange_holds(struct exchange *x);
/* Before work is given away; false while stopping. */
bool exchange_begin(struct exchange *x);
/* It is done: the last that its doer does with x. Any thread. */
void exchange_done(struct exchange *x);
/* True: the connection sleeps until the work is done, return to the library. False: it is done. */
bool exchange_wait(struct exchange *x);

#endif
