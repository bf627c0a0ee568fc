/* SPDX-License-Identifier: Apache-2.0 */
/* How a session ends: in good order, at once, for the daemon's stop, or because its client must go. */
#include "base/log.h"
#include "fleet/logbook.h"
#include "ftps/data.h"
#include "ftps/session.h"
#include "ftps/shard.h"
#include "ftps/transfer.h"

#define CONTROL_CLOSE_MS 2000 /* for the client's close_notify after our last word */

void session_drop_sender(struct session *s)
{
    if (s->sender != 0)
        logbook_sender_gone(session_fleet(s), s->sender);
    s->sender = 0;
}

/* Everything but the control connection goes now. */
static void session_let_go(struct session *s)
{
    if (s->state == SESSION_BYE)
        return;
    session_enter(s, SESSION_BYE);
    loop_timer_stop(s->delay);
    transfer_drop(s);
    s->offering = NULL;
    port_wait_leave(s->shard->common->ports, &s->port_wait);
    data_drop(s->data);
    s->data = NULL;
    log_event(LOG_FTPS_CLOSE, "client=%s user=%s", s->address,
              s->who.account[0] || s->who.mac.text[0] ? LOG_VALUE(principal_name(&s->who)) : "-");
    session_drop_sender(s);
}

/* Without a word, at once. */
void session_leave(struct session *s)
{
    session_let_go(s);
    stream_free(s->control);
    s->control = NULL;
    session_again(s);
}

void session_end(struct session *s)
{
    session_let_go(s);
    if (s->control)
        stream_close(s->control, CONTROL_CLOSE_MS);
    session_again(s);
}
static void session_drop_drains(struct session *s)
{
    for (size_t i = 0; i < SESSION_DRAINS_MAX; i++) {
        data_drop(s->drains[i]);
        s->drains[i] = NULL;
    }
}

/* A last word if the client can be told one without waiting, and the end. */
static void session_part(struct session *s, const char *words)
{
    bool speaks = s->state != SESSION_BYE && s->state != SESSION_GREETING;
    if (speaks)
        session_say(s, REPLY_CLOSING, words);
    if (speaks && s->control && stream_queued(s->control) == 0) {
        session_let_go(s);
        stream_close(s->control, CONTROL_CLOSE_MS / 10);
    } else
        session_leave(s);
    session_again(s);
}

void session_stop(struct session *s)
{
    session_drop_drains(s);
    if (s->state != SESSION_BYE && transfer_is_committing(s)) {
        s->leaving = true;
        return;
    }
    session_part(s, "The server is stopping");
}

void session_cut(struct session *s, const char *words)
{
    session_drop_drains(s);
    session_part(s, words);
}

void session_evict(struct session *s)
{
    if (s->state == SESSION_BYE && s->control == NULL) {
        session_drop_drains(s);
        return; /* it only waits for what is with the workers */
    }
    log_event(LOG_EVICTED, "protocol=ftps address=%s who=%s fingerprint=%s", s->address,
              s->who.account[0] || s->who.mac.text[0] ? LOG_VALUE(principal_name(&s->who)) : "-",
              s->certificate.fingerprint[0] ? s->certificate.fingerprint : "-");
    session_cut(s, "Access was withdrawn");
}

void session_drain(struct session *s, struct data *data)
{
    size_t i = 0;
    while (i < SESSION_DRAINS_MAX - 1 && s->drains[i])
        i++;
    data_drop(s->drains[i]); /* a client that leaves so many unanswered waits for none of them */
    s->drains[i] = data;
}

void session_drained(void *session, struct data *data)
{
    struct session *s = session;
    for (size_t i = 0; i < SESSION_DRAINS_MAX; i++)
        if (s->drains[i] == data)
            s->drains[i] = NULL;
    session_again(s);
}
