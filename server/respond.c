/* SPDX-License-Identifier: Apache-2.0 */
#include "server/respond.h"

#include "base/log.h"
#include "base/mem.h"
#include "server/exchange.h"
#include "server/files.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK  65536
#define RECORD 16384 /* no TLS record holds more */

/* --- large contents --- */

struct download {
    struct exchange *x; /* alive whenever the library asks for more, and while it sleeps */
    struct reader *reader;
    int64_t offset; /* of the answer in the reader */
    struct work work;
    int64_t wanted; /* where the load begins in the reader */
    struct fault fault;
};

static void load(struct work *work)
{
    struct download *d = CONTAINER_OF(work, struct download, work);
    (void)reader_load(d->reader, d->wanted, &d->fault);
    exchange_done(d->x);
}

static ssize_t give(void *user, uint64_t at, char *out, size_t max)
{
    struct download *d = user;
    struct exchange *x = d->x;
    while (d->fault.code == FAULT_OK) {
        if (!exchange_holds(x))
            return MHD_CONTENT_READER_END_WITH_ERROR;
        size_t n;
        d->wanted = d->offset + (int64_t)at;
        const char *bytes = reader_at(d->reader, d->wanted, &n);
        if (bytes) {
            n = n < max ? n : max;
            memcpy(out, bytes, n);
            if (x->connection->phase == PHASE_WORKING)
                connection_enter(x->connection, PHASE_SENDING);
            x->connection->tap.more = (n - 1) / RECORD; /* the library sends a record at a time */
            return (ssize_t)n;
        }
        if (!exchange_begin(x))
            return MHD_CONTENT_READER_END_WITH_ERROR;
        d->work.run = load;
        work_give_more(x->gate->fleet->work, &d->work);
        if (exchange_wait(x))
            return 0;
    }
    log_event(d->fault.code == FAULT_DAMAGED ? LOG_CONTENT_DAMAGED : LOG_TRANSFER_FAILED,
              "protocol=https path=%s why=%s", LOG_VALUE(x->request.path.text), LOG_VALUE(d->fault.text));
    files_trouble(&x->request, &d->fault);
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

static void download_free(void *user)
{
    struct download *d = user;
    reader_free(d->reader);
    free(d);
}

static struct MHD_Response *make_download(struct exchange *x, struct reply *reply)
{
    struct download *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    d->x = x;
    d->reader = reply->reader;
    d->offset = reply->offset;
    struct MHD_Response *response =
        MHD_create_response_from_callback((uint64_t)reply->length, BLOCK, give, d, download_free);
    if (response == NULL)
        free(d);
    else
        reply->reader = NULL;
    return response;
}

/* --- everything else --- */

static void free_reader(void *user)
{
    reader_free(user);
}

static struct MHD_Response *make_hot(struct reply *reply, const char *bytes)
{
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        (size_t)reply->length, (void *)(uintptr_t)(bytes + reply->offset), free_reader, reply->reader);
    if (response != NULL)
        reply->reader = NULL;
    return response;
}

static ssize_t give_nothing(void *user, uint64_t at, char *out, size_t max)
{
    (void)user, (void)at, (void)out, (void)max;
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

struct text {
    size_t n;
    char *bytes;
};

static void free_text(void *user)
{
    struct text *text = user;
    mem_wipe_free(text->bytes, text->n);
    free(text);
}

static struct MHD_Response *make_text(struct reply *reply)
{
    if (reply->body.used == 0)
        return MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
    struct text *text = calloc(1, sizeof *text);
    if (text == NULL)
        return NULL;
    text->bytes = buf_take(&reply->body, &text->n);
    struct MHD_Response *response =
        text->bytes
            ? MHD_create_response_from_buffer_with_free_callback_cls(text->n, text->bytes, free_text, text)
            : NULL;
    if (response == NULL)
        free_text(text);
    return response;
}

static struct MHD_Response *make(struct exchange *x)
{
    struct reply *reply = &x->reply;
    if (reply->bodiless) /* the length is told, and nobody asks for bytes */
        return MHD_create_response_from_callback((uint64_t)reply->length, 1, give_nothing, NULL, NULL);
    x->told = reply->reader ? reply->length : (int64_t)reply->body.used;
    x->in_memory = reply->reader == NULL;
    if (x->in_memory)
        return make_text(reply);
    const char *hot = reader_hot(reply->reader);
    x->in_memory = hot != NULL;
    return hot ? make_hot(reply, hot) : make_download(x, reply);
}

bool respond(struct exchange *x)
{
    struct reply *reply = &x->reply;
    struct MHD_Response *response = make(x);
    if (response == NULL)
        return false;
    for (size_t i = 0; i < reply->headers; i++)
        if (MHD_add_response_header(response, reply->header[i].name, reply->header[i].value) != MHD_YES)
            log_event(LOG_TRANSFER_FAILED, "protocol=https header=%s why=\"not accepted\"",
                      reply->header[i].name);
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (reply->close)
        (void)MHD_add_response_header(response, "Connection", "close");
    /* The library sends the header in a record of its own; a body that is in memory follows at once. */
    bool follows = x->in_memory && x->request.method != METHOD_HEAD;
    x->connection->tap.more = follows ? ((size_t)x->told + RECORD - 1) / RECORD : 0;
    connection_enter(x->connection, PHASE_SENDING);
    enum MHD_Result queued = MHD_queue_response(x->mhd, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return queued == MHD_YES;
}
