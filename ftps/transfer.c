/* SPDX-License-Identifier: Apache-2.0 */
#include "ftps/transfer.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "ftps/command.h"
#include "ftps/data.h"
#include "ftps/session.h"
#include "ftps/shard.h"
#include "ftps/unclean.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRANSFER_READ      16384 /* a TLS record */
#define TRANSFER_READS     16    /* a turn */
#define TRANSFER_FINISH_MS 5000  /* for the client's close_notify on a data connection that is done with */

struct transfer {
    enum { TRANSFER_FILE, TRANSFER_BYTES, TRANSFER_UPLOAD } kind;
    const struct command *command;
    int64_t done, size; /* bytes; size of what is sent, its offset included in done */
    int64_t offset;
    int64_t began; /* steady clock */
    bool open;     /* the data channel is: from then on its pace counts */
    struct loop_timer *stall;
    int64_t looked; /* `done` without what still waits, at the last look of the stall timer */

    /* sending */
    const char *bytes; /* all of them, when they lie in memory */
    struct buf text;   /* where `bytes` of a listing lie */

    /* receiving */
    char *rest; /* read, and not yet taken by the upload */
    size_t n_rest;
    bool full; /* the upload has promised to say when there is room again */
    bool committing;
};

/* --- ending --- */

static void transfer_free(struct session *s)
{
    struct transfer *t = s->transfer;
    if (t == NULL)
        return;
    s->transfer = NULL;
    loop_timer_free(t->stall);
    buf_fini(&t->text);
    free(t->rest);
    free(t);
    if (!s->job.out)
        job_clear(&s->job);
}

static void transfer_log(const struct session *s, enum log_event event, const char *why)
{
    const struct transfer *t = s->transfer;
    log_event(event, "client=%s user=%s verb=%s path=%s bytes=%lld ms=%lld%s%s", s->address,
              LOG_VALUE(principal_name(&s->who)), t->command->verb, LOG_VALUE(s->path.text),
              (long long)(t->done - t->offset), (long long)(clock_steady_ms() - t->began), why ? " why=" : "",
              why ? LOG_VALUE(why) : "");
}

/* The reply was said: the session is READY as soon as no piece is being read any more. */
static void transfer_over(struct session *s)
{
    s->restart = 0;
    s->announced = -1;
    /* A reply to an upload is seen by who says something later; what was sent ahead of it proves nothing. */
    s->unseen_to = s->received;
    transfer_free(s);
    session_ready(s);
}

/* Who is to blame decides how it is logged: a handset that reads a firmware's header and leaves is normal. */
static void transfer_log_failure(const struct session *s, const struct fault *why)
{
    switch (why->code) {
    case FAULT_CUT:
    case FAULT_TIMEOUT:
    case FAULT_TLS:
        transfer_log(s, s->transfer->kind == TRANSFER_UPLOAD ? LOG_FTPS_CUT : LOG_TRANSFER, why->text);
        break;
    case FAULT_DAMAGED:
        transfer_log(s, LOG_CONTENT_DAMAGED, why->text);
        break;
    case FAULT_BUSY:
    case FAULT_QUOTA:
    case FAULT_IO:
    case FAULT_MEMORY:
    case FAULT_INTERNAL:
        transfer_log(s, LOG_TRANSFER_FAILED, why->text);
        break;
    default:
        transfer_log(s, LOG_TRANSFER, why->text);
    }
}

/* A data connection on which a client may still be sending is read to its end, so that no reset overtakes our
 * reply. */
static void transfer_let_data_go(struct session *s)
{
    struct data *data = s->data;
    s->data = NULL;
    if (data == NULL)
        return;
    if (data_state(data) == DATA_OPEN && s->transfer->kind == TRANSFER_UPLOAD) {
        session_drain(s, data);
        data_finish(data, TRANSFER_FINISH_MS);
    } else
        data_drop(data);
}

static void transfer_fail(struct session *s, const struct fault *reason)
{
    const struct fault why = *reason; /* it may belong to the data channel, which goes */
    const char *words;
    enum reply reply = reply_of_fault(&why, &words);
    bool wire = why.code == FAULT_CUT || why.code == FAULT_TIMEOUT || why.code == FAULT_TLS;
    s->command = s->transfer->command;
    transfer_log_failure(s, &why);
    if (s->transfer->kind == TRANSFER_FILE && !wire)
        job_trouble(s, &s->path);
    if (wire && s->data) {
        /* Before it was open it is the connection that failed, afterwards the transfer. */
        bool opened = data_was_open(s->data);
        reply = opened ? REPLY_CUT : REPLY_NO_DATA;
        words = opened ? "The data connection was cut, nothing of the transfer counts" : why.text;
    }
    transfer_let_data_go(s);
    session_say(s, reply, words);
    transfer_over(s);
}

static void transfer_succeed(struct session *s)
{
    s->command = s->transfer->command;
    transfer_log(s, LOG_TRANSFER, NULL);
    session_say(s, REPLY_TRANSFERRED);
    transfer_over(s);
}

/* In good order; the client need not wait for what it has to wait for no more. */
static void transfer_finish_data(struct session *s)
{
    struct data *data = s->data;
    s->data = NULL;
    session_drain(s, data);
    data_finish(data, TRANSFER_FINISH_MS);
}

/* --- sending --- */

static void transfer_loaded(struct session *s)
{
    if (s->transfer == NULL) /* aborted meanwhile */
        session_ready(s);
    else if (s->job.code == FAULT_OK)
        transfer_advance(s);
    else {
        const struct fault f = s->job.fault;
        transfer_fail(s, &f);
    }
}

/* The next bytes that go, if they are here; asks for them otherwise. */
static const char *transfer_next(struct session *s, size_t *ret_n)
{
    struct transfer *t = s->transfer;
    if (t->bytes) {
        *ret_n = (size_t)(t->size - t->done);
        return t->bytes + t->done;
    }
    if (s->job.out)
        return NULL;
    const char *bytes = reader_at(s->job.reader, t->done, ret_n);
    if (bytes == NULL) {
        s->job.offset = t->done;
        job_give(s, job_load, transfer_loaded);
    }
    return bytes;
}

/* A piece a turn: the stream says `writable` when it has left, also when all of it left at once, and others
 * get theirs in between. */
static void transfer_push(struct session *s)
{
    struct transfer *t = s->transfer;
    struct stream *stream = data_stream(s->data);
    struct fault f;
    size_t n, turn = 0;
    const char *bytes;
    while (t->done < t->size && stream_queued(stream) == 0 && turn < TRANSFER_PIECE &&
           (bytes = transfer_next(s, &n)) != NULL) {
        if (n > TRANSFER_PIECE - turn)
            n = TRANSFER_PIECE - turn;
        if ((int64_t)n == t->size - t->done)
            stream_write_last(stream);
        if (stream_write(stream, bytes, n, &f) != FAULT_OK) {
            transfer_fail(s, &f);
            return;
        }
        t->done += (int64_t)n;
        turn += n;
    }
    if (t->done < t->size)
        (void)transfer_next(s, &n); /* read on while this leaves */
    else if (stream_queued(stream) == 0) {
        transfer_finish_data(s);
        transfer_succeed(s);
    }
}

/* --- receiving --- */

/* Hands bytes to the upload; what it does not take waits in `rest`. False: the transfer has failed and is
 * over. */
static bool transfer_put(struct session *s, const char *bytes, size_t n)
{
    struct transfer *t = s->transfer;
    struct fault f;
    size_t taken = 0;
    enum fault_code code = upload_write(s->job.upload, bytes, n, &taken, &f);
    if (code == FAULT_OK && taken < n && t->rest == NULL) {
        t->rest = malloc(TRANSFER_READ);
        if (t->rest == NULL)
            code = fault_set(&f, FAULT_MEMORY, "out of memory for an upload");
    }
    if (code != FAULT_OK) {
        transfer_fail(s, &f);
        return false;
    }
    t->n_rest = n - taken;
    t->full = t->n_rest > 0;
    if (t->full)
        memmove(t->rest, bytes + taken, t->n_rest);
    return true;
}

static void transfer_complete(struct session *s)
{
    s->transfer->committing = true;
    upload_commit(s->job.upload);
    /* Our close_notify goes at once: some clients read it before they look for the reply. */
    transfer_finish_data(s);
    transfer_advance(s);
}

/* It ended without close_notify. Whole or cut: nobody can tell, so it is only taken where the settings say
 * so. */
static void transfer_cut(struct session *s, const struct fault *why)
{
    const struct settings *settings = session_fleet(s)->settings;
    bool forgiven = why->code == FAULT_CUT && s->who.role == ROLE_HANDSET &&
                    unclean_allowed(settings->unclean_close, &s->who.mac) && data_ended_by_fin(s->data);
    if (!forgiven) {
        transfer_fail(s, why);
        return;
    }
    transfer_log(s, LOG_FTPS_UNCLEAN_ACCEPTED, NULL);
    s->transfer->committing = true;
    data_drop(s->data);
    s->data = NULL;
    upload_commit(s->job.upload);
    transfer_advance(s);
}

static void transfer_pull(struct session *s)
{
    struct transfer *t = s->transfer;
    struct stream *stream = data_stream(s->data);
    char bytes[TRANSFER_READ];
    struct fault f;
    if (t->n_rest > 0 && !transfer_put(s, t->rest, t->n_rest))
        return;
    for (int i = 0; i < TRANSFER_READS && !t->full; i++) {
        size_t n = 0;
        switch (stream_read(stream, bytes, sizeof bytes, &n, &f)) {
        case STREAM_SOME:
            t->done += (int64_t)n;
            if (!transfer_put(s, bytes, n))
                return;
            break;
        case STREAM_AGAIN:
            i = TRANSFER_READS;
            break;
        case STREAM_END:
            transfer_complete(s);
            return;
        case STREAM_BROKEN:
            transfer_cut(s, &f);
            return;
        }
    }
    stream_read_on(stream, !t->full);
}

/* The commit has ended, one way or the other. */
static void transfer_acknowledge(struct session *s)
{
    struct upload_outcome outcome;
    struct fault f;
    if (upload_result(s->job.upload, &outcome, &f) != FAULT_OK) {
        transfer_fail(s, &f);
        return;
    }
    if (outcome.repeat)
        transfer_log(s, LOG_LOG_REPEAT, NULL);
    transfer_succeed(s);
}

void transfer_progress(void *session)
{
    struct session *s = session;
    if (!atomic_exchange(&s->progress_posted, true))
        loop_post(s->shard->loop, &s->progress);
}

static void transfer_progressed(struct loop_task *task)
{
    struct session *s = CONTAINER_OF(task, struct session, progress);
    atomic_store(&s->progress_posted, false);
    session_again(s);
    transfer_advance(s);
}

/* --- both sides --- */

void transfer_advance(struct session *s)
{
    struct transfer *t = s->transfer;
    if (t == NULL || s->state == SESSION_BYE)
        return;
    if (t->committing) {
        if (upload_ended(s->job.upload))
            transfer_acknowledge(s);
        return;
    }
    switch (data_state(s->data)) {
    case DATA_OPEN:
        if (!t->open) {
            t->open = true;
            s->resumed_before = s->resumed_before || data_resumed(s->data);
            loop_timer_start(t->stall, session_fleet(s)->settings->data_timeout);
        }
        if (t->kind == TRANSFER_UPLOAD)
            transfer_pull(s);
        else
            transfer_push(s);
        break;
    case DATA_BROKEN:
        if (t->kind == TRANSFER_UPLOAD && data_was_open(s->data))
            transfer_cut(s, data_fault(s->data));
        else
            transfer_fail(s, data_fault(s->data));
        break;
    case DATA_OFFERED:
    case DATA_SHAKING:
    case DATA_DRAINING:
        break;
    }
}

/* Has the client done its share since the last look? What waits for us is not its fault. */
static void transfer_look(void *session)
{
    struct session *s = session;
    struct transfer *t = s->transfer;
    const struct settings *settings = session_fleet(s)->settings;
    if (t == NULL || t->committing || s->data == NULL || data_state(s->data) != DATA_OPEN)
        return;
    int64_t reached = t->done, enough = 1;
    bool ours = t->full || s->job.out;
    if (t->kind == TRANSFER_UPLOAD) {
        int64_t rate = settings->min_rate * settings->data_timeout / 1000;
        enough = rate > 1 ? rate : 1;
    } else
        reached -= (int64_t)stream_queued(data_stream(s->data));
    if (reached - t->looked < enough && !ours) {
        struct fault why;
        fault_set(&why, FAULT_TIMEOUT, "the data connection stalled");
        transfer_fail(s, &why);
        return;
    }
    t->looked = reached;
    loop_timer_start(t->stall, settings->data_timeout);
}

/* Says 150 and lets the data channel begin, which may come back through transfer_advance at once. */
static void transfer_begin(struct session *s, struct transfer *t)
{
    struct fault f;
    t->command = s->command;
    t->began = clock_steady_ms();
    t->stall = loop_timer_new(s->shard->loop, transfer_look, s);
    s->transfer = t;
    s->progress.run = transfer_progressed;
    if (t->stall == NULL) {
        fault_set(&f, FAULT_MEMORY, "out of memory for a transfer");
        transfer_fail(s, &f);
        return;
    }
    t->looked = t->done;
    session_say(s, REPLY_OPENING);
    if (s->transfer)
        data_begin(s->data);
}

static struct transfer *transfer_new(struct session *s)
{
    struct fault f;
    struct transfer *t = NULL;
    if (s->abort_asked)
        session_say(s, REPLY_CUT, "Aborted, nothing of the transfer counts");
    else if (s->data == NULL || data_state(s->data) == DATA_BROKEN) {
        data_drop(s->data);
        s->data = NULL;
        session_say(s, REPLY_NO_DATA, "No data connection is offered; use PASV or EPSV");
    } else {
        t = calloc(1, sizeof *t);
        if (t)
            return t;
        fault_set(&f, FAULT_MEMORY, "out of memory for a transfer");
        session_say_fault(s, &f);
    }
    session_ready(s);
    return NULL;
}

void transfer_send_file(struct session *s, int64_t offset)
{
    struct transfer *t = transfer_new(s);
    if (t == NULL)
        return;
    t->kind = TRANSFER_FILE;
    t->size = reader_size(s->job.reader);
    t->done = t->offset = offset;
    t->bytes = reader_hot(s->job.reader);
    transfer_begin(s, t);
}

void transfer_send_bytes(struct session *s, struct buf *bytes)
{
    struct transfer *t = transfer_new(s);
    if (t == NULL) {
        buf_fini(bytes);
        return;
    }
    t->kind = TRANSFER_BYTES;
    t->text = *bytes;
    buf_init(bytes, bytes->limit);
    t->size = (int64_t)t->text.used;
    t->bytes = t->text.used > 0 ? t->text.data : "";
    transfer_begin(s, t);
}

void transfer_receive(struct session *s)
{
    struct transfer *t = transfer_new(s);
    if (t == NULL)
        return;
    t->kind = TRANSFER_UPLOAD;
    s->unseen_to = UINT64_MAX; /* until our reply nothing that is said can be said after it */
    transfer_begin(s, t);
}

bool transfer_is_committing(const struct session *s)
{
    return s->transfer && s->transfer->committing;
}

void transfer_abort(struct session *s)
{
    struct fault why;
    s->abort_asked = true;
    if (s->transfer == NULL || s->transfer->committing)
        return; /* the job, or the commit, comes to its end first */
    fault_set(&why, FAULT_CUT, "aborted by the client");
    s->command = s->transfer->command;
    transfer_log_failure(s, &why);
    transfer_let_data_go(s);
    session_say(s, REPLY_CUT, "Aborted, nothing of the transfer counts");
    transfer_over(s);
}

void transfer_drop(struct session *s)
{
    if (s->transfer == NULL)
        return;
    struct fault why;
    fault_set(&why, FAULT_CUT, "the control connection ended");
    if (!s->transfer->committing)
        transfer_log_failure(s, &why);
    transfer_free(s);
}

void transfer_describe(const struct session *s, char *out, size_t size)
{
    const struct transfer *t = s->transfer;
    if (s->offering != NULL)
        snprintf(out, size, "Waiting for a data connection");
    else if (t == NULL)
        snprintf(out, size, "Looking up %.1000s", s->path.text);
    else
        snprintf(out, size, "%s %.1000s: %lld bytes so far", t->command->verb, s->path.text,
                 (long long)(t->done - t->offset));
}
