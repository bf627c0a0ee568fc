/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exchange.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "server/admit.h"
#include "server/field.h"
#include "server/files.h"
#include "server/respond.h"
#include "server/route.h"

#include <stdlib.h>
#include <string.h>

/* A refused body up to this size is read and thrown away, so that the connection lives on; what is larger
 * ends it. */
#define DISCARD_SMALL 65536
/* An upload without a length that failed on its way may go on that long before the connection is cut. */
#define DISCARD_CHUNKED (16 << 20)

/* --- waiting --- */

bool exchange_begin(struct exchange *x)
{
    if (!gate_enter(x->gate))
        return false;
    x->busy = true; /* nobody else has x yet */
    return true;
}

/* Wakes the connection up if it waits for this; x may be gone afterwards. */
static void wake(struct exchange *x, enum exchange_waits what, bool leave)
{
    struct MHD_Connection *mhd = x->mhd;
    struct gate *gate = x->gate;
    bool resume = x->waits == what;
    if (resume)
        x->waits = WAITS_NOT;
    pthread_mutex_unlock(&x->lock);
    if (resume)
        MHD_resume_connection(mhd);
    if (leave || resume)
        gate_leave(gate);
}

void exchange_done(struct exchange *x)
{
    pthread_mutex_lock(&x->lock);
    x->busy = false;
    wake(x, WAITS_FOR_WORK, true);
}

bool exchange_wait(struct exchange *x)
{
    pthread_mutex_lock(&x->lock);
    bool sleeps = x->busy;
    if (sleeps) {
        x->waits = WAITS_FOR_WORK;
        connection_enter(x->connection, PHASE_WORKING);
        MHD_suspend_connection(x->mhd);
    }
    pthread_mutex_unlock(&x->lock);
    return sleeps;
}

/* struct upload_options */
static void progress(void *user)
{
    struct exchange *x = user;
    pthread_mutex_lock(&x->lock);
    x->progressed = true;
    wake(x, WAITS_FOR_ROOM, false);
}

enum room { ROOM_NOW, ROOM_LATER /* the connection sleeps */, ROOM_NEVER /* stopping */ };

static enum room wait_for_room(struct exchange *x)
{
    enum room room = ROOM_NOW;
    pthread_mutex_lock(&x->lock);
    if (x->progressed) {
        x->progressed = false;
    } else if (!gate_enter(x->gate)) {
        room = ROOM_NEVER;
    } else {
        room = ROOM_LATER;
        x->waits = WAITS_FOR_ROOM;
        connection_enter(x->connection, PHASE_WORKING);
        MHD_suspend_connection(x->mhd);
    }
    pthread_mutex_unlock(&x->lock);
    return room;
}

bool exchange_holds(struct exchange *x)
{
    if (x->login.peer.state == TLS_PEER_NONE ||
        login_holds(&x->login.who, &x->login.peer, connection_peer(x->connection)))
        return true;
    log_event(LOG_HTTPS_DISTRUSTED, "address=%s who=%s name=%s why=%s", x->connection->address,
              LOG_VALUE(principal_name(&x->login.who)), LOG_VALUE(x->connection->peer.common_name),
              LOG_VALUE(x->connection->peer.reason));
    return false;
}

/* --- the header --- */

void *exchange_uri(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    (void)cls;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct connection *connection = info ? info->socket_context : NULL;
    struct exchange *x = connection ? calloc(1, sizeof *x) : NULL;
    if (x == NULL)
        return NULL;
    x->target = strdup(uri ? uri : "");
    if (x->target == NULL) {
        free(x);
        return NULL;
    }
    x->mhd = mhd;
    x->connection = connection;
    x->gate = connection->gate;
    x->thread = pthread_self();
    x->place = uri;
    x->target_length = strlen(x->target);
    x->started = clock_steady_ms();
    x->request.fleet = x->gate->fleet;
    x->request.upload.progress = progress;
    x->request.upload.user = x;
    reply_init(&x->reply);
    buf_init(&x->json, REQUEST_JSON_MAX);
    pthread_mutex_init(&x->lock, NULL);
    connection_enter(connection, PHASE_HEADER);
    return x;
}

static enum MHD_Result collect(void *user, enum MHD_ValueKind kind, const char *name, size_t name_length,
                               const char *value, size_t value_length)
{
    (void)kind;
    struct guard *guard = user;
    if (guard->count++ >= GUARD_HEADERS_MAX)
        return MHD_NO;
    guard->header[guard->count - 1] =
        (struct guard_header){ name, value ? value : "", name_length, value ? value_length : 0 };
    return MHD_YES;
}

/* Fills the request in; sets a reply when it can be told already that there is no other. */
static void read_head(struct exchange *x, const char *method, const char *version)
{
    struct guard *guard = &x->request.guard;
    /* The version whose parsing guard.h describes. */
    guard->in_place = strcmp(MHD_get_version(), "0.9.75") == 0;
    guard->method = method;
    guard->target = x->place;
    guard->target_length = x->target_length;
    guard->version = version;
    MHD_get_connection_values_n(x->mhd, MHD_HEADER_KIND, collect, guard);
    guard_check(guard, &x->request.body);
    admit_head(x, method);
}

/* --- the answer --- */

static enum MHD_Result answer(struct exchange *x)
{
    x->stage = STAGE_ANSWERED;
    return respond(x) ? MHD_YES : MHD_NO;
}

/* The reply stands before the body was read. */
static enum MHD_Result answer_early(struct exchange *x)
{
    const struct guard_verdict *body = &x->request.body;
    if (!x->reply.close && !body->chunked && body->length <= DISCARD_SMALL &&
        request_header(&x->request, "Expect") == NULL) {
        x->discard = true;
        x->stage = STAGE_BODY;
        connection_enter(x->connection, PHASE_BODY);
        return MHD_YES;
    }
    return answer(x); /* which makes the library close the connection */
}

/* --- the body --- */

static void refuse_body(struct exchange *x, const struct fault *f)
{
    upload_free(x->request.upload_begun);
    x->request.upload_begun = NULL;
    reply_fault(&x->reply, f);
    x->discard = true;
}

static enum MHD_Result take_upload(struct exchange *x, const char *data, size_t *size)
{
    struct fault f;
    while (*size > 0) {
        size_t taken = 0;
        if (upload_write(x->request.upload_begun, data, *size, &taken, &f) != FAULT_OK) {
            refuse_body(x, &f);
            *size = 0;
            break;
        }
        data += taken;
        *size -= taken;
        if (*size == 0)
            break;
        enum room room = wait_for_room(x);
        if (room != ROOM_NOW)
            return room == ROOM_LATER ? MHD_YES : MHD_NO;
    }
    return MHD_YES;
}

static enum MHD_Result take_body(struct exchange *x, const char *data, size_t *size)
{
    if (x->connection->phase == PHASE_WORKING)
        connection_enter(x->connection, PHASE_BODY);
    connection_received(x->connection, *size);
    if (!x->discard && !exchange_holds(x))
        return MHD_NO;
    if (!x->discard && x->request.route->body == BODY_UPLOAD)
        return take_upload(x, data, size);
    struct fault f;
    if (!x->discard && buf_add(&x->json, data, *size, &f) != FAULT_OK)
        refuse_body(x, &f);
    if (x->discard)
        x->discarded += (int64_t)*size;
    if (x->discarded > DISCARD_CHUNKED && x->request.body.chunked)
        return MHD_NO;
    *size = 0;
    return MHD_YES;
}

/* Everything has come: commits, or lets the handler run. True: the reply stands. */
static enum MHD_Result finish(struct exchange *x)
{
    struct request *request = &x->request;
    if (request->route->body == BODY_UPLOAD) {
        if (!x->committed)
            upload_commit(request->upload_begun);
        x->committed = true;
        while (!upload_ended(request->upload_begun)) {
            enum room room = wait_for_room(x);
            if (room != ROOM_NOW)
                return room == ROOM_LATER ? MHD_YES : MHD_NO;
        }
        files_written(request, request->upload_begun, &x->reply);
        return answer(x);
    }
    struct fault f;
    if (request->json == NULL) {
        if (field_parse(x->json.data, x->json.used, &request->json, &f) != FAULT_OK) {
            reply_fault(&x->reply, &f);
            return answer(x);
        }
        if (!exchange_begin(x))
            return MHD_NO;
        admit_work(x);
    }
    return exchange_wait(x) ? MHD_YES : answer(x);
}

/* --- the walk --- */

static enum MHD_Result admit(struct exchange *x)
{
    if (x->stage != STAGE_ADMIT) {
        x->stage = STAGE_ADMIT;
        if (!exchange_begin(x))
            return MHD_NO;
        admit_start(x);
    }
    if (exchange_wait(x))
        return MHD_YES;
    if (x->request.body.has_body) {
        if (x->reply.status != 0)
            return answer_early(x);
        x->stage = STAGE_BODY;
        connection_enter(x->connection, PHASE_BODY);
        return MHD_YES;
    }
    if (x->reply.status != 0)
        return answer(x);
    x->stage = STAGE_FINISH;
    return finish(x);
}

enum MHD_Result exchange_handle(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
                                const char *version, const char *data, size_t *size, void **context)
{
    (void)cls, (void)mhd, (void)url;
    struct exchange *x = *context;
    if (x == NULL)
        return MHD_NO;
    if (*size > 0)
        return take_body(x, data, size);
    switch (x->stage) {
    case STAGE_HEAD:
        read_head(x, method, version);
        if (x->reply.close)
            return answer_early(x); /* the framing cannot be trusted: not one byte more */
        if (!x->request.body.has_body) {
            x->stage =
                STAGE_LATE; /* an answer in this call would cost the connection; the library calls again */
            return MHD_YES;
        }
        return x->reply.status != 0 ? answer_early(x) : admit(x);
    case STAGE_LATE:
        return x->reply.status != 0 ? answer(x) : admit(x);
    case STAGE_ADMIT:
        return admit(x);
    case STAGE_BODY:
        if (x->discard)
            return answer(x);
        x->stage = STAGE_FINISH;
        return finish(x);
    case STAGE_FINISH:
        return finish(x);
    case STAGE_ANSWERED:
        break;
    }
    return MHD_YES;
}

/* --- the end --- */

static void log_end(const struct exchange *x, bool whole)
{
    if (x->stage == STAGE_HEAD) {
        log_event(LOG_HTTPS_REJECTED, "address=%s target=%s why=\"malformed header\"", x->connection->address,
                  LOG_VALUE(x->target));
        return;
    }
    const char *who = x->request.who.address[0] ? principal_name(&x->request.who) : NULL;
    log_event(LOG_HTTPS_REQUEST, "address=%s who=%s method=%s path=%s status=%d bytes=%lld ms=%lld%s",
              x->connection->address, LOG_VALUE(who), LOG_VALUE(method_name(x->request.method)),
              LOG_VALUE(x->request.path.length ? x->request.path.text : x->target), x->reply.status,
              (long long)x->told, (long long)(clock_steady_ms() - x->started), whole ? "" : " cut=1");
}

void exchange_completed(void *cls, struct MHD_Connection *mhd, void **context,
                        enum MHD_RequestTerminationCode how)
{
    (void)cls, (void)mhd;
    struct exchange *x = *context;
    if (x == NULL)
        return;
    *context = NULL;
    log_end(x, how == MHD_REQUEST_TERMINATED_COMPLETED_OK && x->stage == STAGE_ANSWERED);
    connection_enter(x->connection, PHASE_IDLE);
    upload_free(x->request.upload_begun);
    json_decref(x->request.json);
    reply_fini(&x->reply);
    buf_wipe(&x->json);
    mem_wipe(&x->login, sizeof x->login);
    pthread_mutex_destroy(&x->lock);
    free(x->target);
    free(x);
}
