/* SPDX-License-Identifier: Apache-2.0 */
/* What needs a data connection, and how one is offered. */
#include "ftps/command.h"

#include "base/mem.h"
#include "ftps/data.h"
#include "ftps/list.h"
#include "ftps/session.h"
#include "ftps/shard.h"
#include "ftps/transfer.h"

#include <stdlib.h>
#include <string.h>

#define PORT_STILL_MS 3000 /* no port has come back for so long: the others are not done soon either */

/* --- offering --- */

static void data_changed(void *session)
{
    transfer_advance(session);
}

static enum fault_code open_port(struct session *s, struct fault *f)
{
    const struct shard_common *common = s->shard->common;
    struct tls_trust *trust = fleet_trust(common->fleet);
    const struct data_options options = {
        .loop = s->shard->loop,
        .ports = common->ports,
        .wait = &s->port_wait,
        .legacy = s->serves == SERVES_LEGACY,
        .identity = s->identity,
        .trust = trust,
        .ticket_key = &s->ticket_key,
        .recall = s->recall,
        .control = stream_session(s->control),
        .local = s->local,
        .peer = s->peer,
        .binding = s->who.binding,
        .resumed_before = s->resumed_before,
        .fingerprint = s->certificate.state == TLS_PEER_VERIFIED ? s->certificate.fingerprint : "",
        .patience_ms = common->fleet->settings->data_timeout,
        .changed = data_changed,
        .drained = session_drained,
        .user = s,
    };
    enum fault_code code = data_offer(&options, &s->data, f);
    tls_trust_unref(trust);
    return code;
}

static void say_offer(struct session *s)
{
    char text[32];
    /* TLS 1.3 clients use a ticket once: each data connection gets a fresh one, on the control connection,
     * before its peer can begin its handshake. */
    stream_send_ticket(s->control);
    if (s->command->handler == cmd_epsv)
        session_say(s, REPLY_EXTENDED_PASSIVE, (unsigned)data_port(s->data));
    else {
        address_passive(&s->local, session_fleet(s)->settings->passive_address, data_port(s->data), text,
                        sizeof text);
        session_say(s, REPLY_PASSIVE, text);
    }
}

static void say_no_offer(struct session *s)
{
    session_say(s, REPLY_NO_DATA, "No data connection is possible now, try again later");
}

/* A port for the next transfer; the one before, if nobody used it, is given up. When all are lent it waits
 * its turn, as the last of a whole fleet that boots at once has to. */
static enum outcome offer(struct session *s)
{
    struct fault f;
    data_drop(s->data);
    s->data = NULL;
    enum fault_code code = open_port(s, &f);
    if (code == FAULT_BUSY) {
        s->offering = s->command;
        session_enter(s, SESSION_BUSY);
        loop_timer_start(s->delay, PORT_STILL_MS);
        return PENDING;
    }
    if (code == FAULT_OK)
        say_offer(s);
    else
        say_no_offer(s);
    return DONE;
}

/* The wait is over: with a port, or without one. */
static void offer_over(struct session *s, bool offered)
{
    loop_timer_stop(s->delay);
    s->command = s->offering;
    s->offering = NULL;
    if (offered)
        say_offer(s);
    else
        say_no_offer(s);
    session_ready(s);
}

static void offer_again(struct loop_task *task)
{
    struct session *s =
        CONTAINER_OF(CONTAINER_OF(task, struct port_wait, granted), struct session, port_wait);
    struct fault f;
    if (!port_wait_granted(s->shard->common->ports, &s->port_wait)) {
        session_again(s); /* it was given up; if the session is over, it stayed for this alone */
        return;
    }
    enum fault_code code = open_port(s, &f);
    if (code != FAULT_BUSY)
        offer_over(s, code == FAULT_OK);
}

void command_offer_init(struct session *s)
{
    s->port_wait.loop = s->shard->loop;
    s->port_wait.granted.run = offer_again;
}

void command_offer_late(struct session *s)
{
    if (port_wait_moves(s->shard->common->ports, &s->port_wait))
        loop_timer_start(s->delay, PORT_STILL_MS);
    else
        command_offer_end(s);
}

void command_offer_end(struct session *s)
{
    port_wait_leave(s->shard->common->ports, &s->port_wait);
    offer_over(s, false);
}

enum outcome cmd_pasv(struct session *s, const char *argument)
{
    char text[32];
    const char *told = session_fleet(s)->settings->passive_address;
    (void)argument;
    if (s->extended_only)
        session_say(s, REPLY_BAD_SEQUENCE, "EPSV ALL was chosen");
    else if (!address_passive(&s->local, told, 0, text, sizeof text))
        session_say(s, REPLY_NO_DATA, "PASV is for IPv4; use EPSV");
    else
        return offer(s);
    return DONE;
}

enum outcome cmd_epsv(struct session *s, const char *argument)
{
    bool v4 = s->local.any.sa_family == AF_INET;
    const char *own = v4 ? "1" : "2";
    if (strcasecmp(argument, "ALL") == 0) {
        s->extended_only = true;
        session_say(s, REPLY_OK, "EPSV from now on");
    } else if (argument[strspn(argument, "0123456789")] != '\0')
        session_say(s, REPLY_BAD_ARGUMENT, "A network protocol's number, or ALL");
    else if (argument[0] != '\0' && strcmp(argument, own) != 0)
        session_say(s, REPLY_WRONG_FAMILY, v4 ? 1 : 2);
    else
        return offer(s);
    return DONE;
}

/* --- parameters of the next transfer --- */

/* A number at the beginning; what may follow it: nothing, or a blank and more. */
static bool number(const char *text, bool more, int64_t *ret_number)
{
    size_t n = strspn(text, "0123456789");
    if (n == 0 || n > 18 || (text[n] != '\0' && !(more && text[n] == ' ')))
        return false;
    *ret_number = strtoll(text, NULL, 10);
    return true;
}

enum outcome cmd_rest(struct session *s, const char *argument)
{
    if (number(argument, false, &s->restart))
        session_say(s, REPLY_RESTART);
    else
        session_say(s, REPLY_BAD_ARGUMENT, "A number of bytes, please");
    return DONE;
}

enum outcome cmd_allo(struct session *s, const char *argument)
{
    if (number(argument, true, &s->announced))
        session_say(s, REPLY_OK, "Size noted");
    else
        session_say(s, REPLY_BAD_ARGUMENT, "A number of bytes, please");
    return DONE;
}

/* --- transfers --- */

/* It ended before it began: what was set for it is used up all the same. */
static void unbegun(struct session *s, const struct fault *why)
{
    s->restart = 0;
    s->announced = -1;
    session_say_fault(s, why);
    session_ready(s);
}

static enum outcome ask(struct session *s,
                        enum fault_code (*run)(struct session *, struct job *, struct fault *),
                        void (*then)(struct session *))
{
    struct fault busy;
    s->job.path = s->path;
    if (job_give(s, run, then))
        return PENDING;
    fault_set(&busy, FAULT_BUSY, "too much work is waiting");
    if (run == job_open)
        job_trouble(s, &s->path);
    unbegun(s, &busy);
    return DONE;
}

static void then_retr(struct session *s)
{
    struct fault f = s->job.fault;
    if (s->job.code == FAULT_OK && s->restart > reader_size(s->job.reader))
        s->job.code = fault_set(&f, FAULT_RANGE, "REST beyond the end");
    if (s->job.code == FAULT_OK)
        transfer_send_file(s, s->restart);
    else
        unbegun(s, &f);
}

enum outcome cmd_retr(struct session *s, const char *argument)
{
    (void)argument;
    return ask(s, job_open, then_retr);
}

static void then_store(struct session *s)
{
    if (s->job.code == FAULT_OK)
        transfer_receive(s);
    else
        unbegun(s, &s->job.fault);
}

static enum outcome store(struct session *s, bool append)
{
    if (s->restart != 0) {
        s->restart = 0;
        session_say(s, REPLY_BAD_OFFSET, "An upload begins at 0");
        return DONE;
    }
    s->job.upload_options = (struct upload_options){
        .append = append,
        .size = s->announced,
        .sender = s->sender,
        .progress = transfer_progress,
        .user = s,
    };
    return ask(s, job_put, then_store);
}

enum outcome cmd_stor(struct session *s, const char *argument)
{
    (void)argument;
    return store(s, false);
}

enum outcome cmd_appe(struct session *s, const char *argument)
{
    (void)argument;
    return store(s, true);
}

static void then_list(struct session *s)
{
    struct job *job = &s->job;
    if (job->code == FAULT_OK)
        transfer_send_bytes(s, &job->text);
    else
        unbegun(s, &job->fault);
}

static enum outcome list(struct session *s, enum job_style style)
{
    s->job.style = style;
    s->job.facts = s->facts;
    return ask(s, job_listing, then_list);
}

enum outcome cmd_list(struct session *s, const char *argument)
{
    (void)argument;
    return list(s, JOB_LONG);
}

/* Names can be asked for as they are listed (RFC 1123, 4.1.2.7): with what the client called the folder,
 * unless that is where it is. */
enum outcome cmd_nlst(struct session *s, const char *argument)
{
    s->job.prefix = strcmp(s->path.text, s->folder.text) != 0 ? strdup(argument) : NULL;
    return list(s, JOB_NAMES);
}

enum outcome cmd_mlsd(struct session *s, const char *argument)
{
    (void)argument;
    return list(s, JOB_FACTS);
}

enum outcome cmd_abor(struct session *s, const char *argument)
{
    (void)argument;
    if (s->state == SESSION_BUSY && !s->abort_asked) {
        transfer_abort(s);
        if (s->offering != NULL)
            command_offer_end(s);
        return PENDING;
    }
    if (s->state == SESSION_BUSY) { /* the first one's reply is still owed: this has its own all the same */
        session_say(s, REPLY_NOTHING_TO_ABORT);
        return PENDING;
    }
    data_drop(s->data);
    s->data = NULL;
    session_say(s, REPLY_NOTHING_TO_ABORT);
    return DONE;
}
