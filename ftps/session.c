/* SPDX-License-Identifier: Apache-2.0 */
/* Life and states of a session, its control connection's events and its deadlines. What commands do stands in
 * command_*.c, in which order they are done in dispatch.c. */
#include "ftps/session.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "fleet/logbook.h"
#include "fleet/refusal.h"
#include "ftps/command.h"
#include "ftps/data.h"
#include "ftps/dispatch.h"
#include "ftps/list.h"
#include "ftps/shard.h"
#include "ftps/transfer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECKING_MORE_MS 1000 /* a login that waits for us is not the client's delay */
#define CONTROL_READ     4096
#define CONTROL_READS    8 /* a turn */

struct fleet *session_fleet(const struct session *s)
{
    return s->shard->common->fleet;
}

/* --- states --- */

#define TO(state) (1u << SESSION_##state)
static const struct {
    const char *name;
    unsigned to; /* legal moves */
} states[SESSION_STATES] = {
    [SESSION_GREETING] = { "greeting", TO(NAME) | TO(BYE) },
    [SESSION_NAME] = { "name", TO(SECRET) | TO(CHECKING) | TO(BYE) },
    [SESSION_SECRET] = { "secret", TO(SECRET) | TO(CHECKING) | TO(BYE) },
    [SESSION_CHECKING] = { "checking", TO(NAME) | TO(SECRET) | TO(READY) | TO(BYE) },
    [SESSION_READY] = { "ready", TO(CHECKING) | TO(BUSY) | TO(BYE) },
    [SESSION_BUSY] = { "busy", TO(READY) | TO(BYE) },
    [SESSION_BYE] = { "bye", 0 },
};

bool session_legal_move(enum session_state from, enum session_state to)
{
    return (states[from].to >> to & 1u) != 0;
}

const char *session_state_name(enum session_state state)
{
    return states[state].name;
}

/* What may take how long: a whole login, and silence afterwards. What is BUSY has deadlines of its own
 * (data.h, transfer.h). */
static void session_set_deadline(struct session *s)
{
    const struct settings *settings = session_fleet(s)->settings;
    if (s->state == SESSION_GREETING)
        loop_timer_start(s->deadline, settings->handshake_timeout);
    else if (s->state == SESSION_READY)
        loop_timer_start(s->deadline, settings->idle_timeout_ftps);
    else if (s->state == SESSION_BUSY || s->state == SESSION_BYE)
        loop_timer_stop(s->deadline);
}

void session_enter(struct session *s, enum session_state state)
{
    if (s->state == SESSION_BYE)
        return; /* what was under way learns that it is over, and there is no way back */
    if (!session_legal_move(s->state, state)) {
        log_event(LOG_TRANSFER_FAILED, "client=%s why=\"a defect: from %s to %s\"", s->address,
                  session_state_name(s->state), session_state_name(state));
        state = SESSION_BYE;
    }
    bool login_begins = s->state == SESSION_GREETING && state == SESSION_NAME;
    s->state = state;
    if (login_begins)
        loop_timer_start(s->deadline, session_fleet(s)->settings->header_timeout);
    else
        session_set_deadline(s);
}

/* --- replies --- */

/* `made`: was there memory for the line? A client must not wait for a reply that never comes. */
static void session_write(struct session *s, const struct buf *out, enum fault_code made)
{
    struct fault f;
    if (s->control == NULL || !stream_is_open(s->control))
        return;
    /* A client that sends commands and never reads the replies has filled what we hold for it. */
    if (made != FAULT_OK || stream_write(s->control, out->data, out->used, &f) != FAULT_OK)
        session_leave(s);
}

static void session_log_reply(const struct session *s, enum reply reply)
{
    bool with_path =
        s->command && (s->command->argument == A_PATH || s->command->argument == A_PATH_OPTIONAL);
    log_event(LOG_FTPS_COMMAND, "client=%s verb=%s path=%s reply=%d", s->address,
              s->command ? s->command->verb : "-", with_path ? LOG_VALUE(s->path.text) : "-",
              reply_code(reply));
}

static void session_say_list(struct session *s, enum reply reply, bool more, va_list arguments)
{
    struct fault f;
    struct buf out;
    buf_init(&out, REPLY_LINE_MAX);
    session_write(s, &out, reply_add(&out, reply, more, &f, arguments));
    buf_fini(&out);
    if (!more)
        session_log_reply(s, reply);
}

void session_say(struct session *s, enum reply reply, ...)
{
    va_list arguments;
    va_start(arguments, reply);
    session_say_list(s, reply, false, arguments);
    va_end(arguments);
}

void session_say_more(struct session *s, enum reply reply, ...)
{
    va_list arguments;
    va_start(arguments, reply);
    session_say_list(s, reply, true, arguments);
    va_end(arguments);
}

void session_say_middle(struct session *s, const char *text)
{
    struct fault f;
    struct buf out;
    buf_init(&out, REPLY_LINE_MAX);
    session_write(s, &out, reply_add_middle(&out, text, &f));
    buf_fini(&out);
}

void session_say_fault(struct session *s, const struct fault *fault)
{
    const char *words;
    enum reply reply = reply_of_fault(fault, &words);
    if (reply == REPLY_LATER || reply == REPLY_NO_ROOM)
        log_event(fault->code == FAULT_DAMAGED ? LOG_CONTENT_DAMAGED : LOG_TRANSFER_FAILED,
                  "client=%s verb=%s path=%s why=%s", s->address, s->command ? s->command->verb : "-",
                  LOG_VALUE(s->path.text), LOG_VALUE(fault->text));
    session_say(s, reply, words);
}

/* --- ending --- */

static void session_destroy(struct session *s)
{
    job_clear(&s->job);
    loop_timer_free(s->deadline);
    loop_timer_free(s->delay);
    tls_ticket_key_free(&s->ticket_key);
    tls_recall_free(s->recall);
    tls_identity_unref(s->identity);
    tls_trust_unref(s->trust);
    line_clear(&s->line);
    buf_wipe(&s->input);
    mem_wipe(s->login.password, sizeof s->login.password);
    crowd_leave(session_fleet(s), &s->seat);
    shard_remove(s->shard, s);
    free(s);
}

/* Nothing that could still call back is left. */
static bool session_is_over(const struct session *s)
{
    if (s->state != SESSION_BYE || s->control || s->login_out || s->job.out ||
        atomic_load(&s->progress_posted) || s->port_wait.posted || s->turn_posted)
        return false;
    for (size_t i = 0; i < SESSION_DRAINS_MAX; i++)
        if (s->drains[i])
            return false;
    return true;
}

void session_bye(struct session *s, enum reply reply, ...)
{
    va_list arguments;
    va_start(arguments, reply);
    session_say_list(s, reply, false, arguments);
    va_end(arguments);
    session_end(s);
}

void session_ready(struct session *s)
{
    if (s->state == SESSION_BYE || s->job.out)
        return; /* what a job brings is not wanted any more, but it is still out */
    job_clear(&s->job);
    if (s->state != SESSION_BUSY)
        return;
    if (s->abort_asked)
        session_say(s, REPLY_ABORTED);
    s->abort_asked = false;
    session_enter(s, SESSION_READY);
    if (s->leaving)
        session_bye(s, REPLY_CLOSING, "The server is stopping");
    session_again(s);
}

/* --- turns --- */

void session_again(struct session *s)
{
    if (s->turn_posted)
        return;
    s->turn_posted = true;
    loop_post(s->shard->loop, &s->turn);
}

static void session_turn(struct loop_task *task)
{
    struct session *s = CONTAINER_OF(task, struct session, turn);
    s->turn_posted = false;
    if (session_is_over(s)) {
        session_destroy(s);
        return;
    }
    dispatch_input(s);
}

/* --- the control connection --- */

static void session_examine(struct session *s, struct tls_peer *ret_peer)
{
    struct tls_trust *trust = fleet_trust(session_fleet(s));
    tls_peer_examine(trust, stream_session(s->control), ret_peer);
    tls_trust_unref(s->trust);
    s->trust = trust;
}

bool session_look_again(struct session *s, const struct tls_trust *trust)
{
    struct tls_peer now;
    if (s->state == SESSION_GREETING || s->state == SESSION_BYE || !s->control || s->trust == trust ||
        s->certificate.state == TLS_PEER_NONE)
        return false; /* nothing to look at, or not any more */
    session_examine(s, &now);
    bool same = now.state == s->certificate.state && now.bundle == s->certificate.bundle;
    bool named = s->state == SESSION_NAME || s->state == SESSION_SECRET;
    /* Who has not proved anything yet is judged by what holds then. What did not count before and now does is
     * for the next session. */
    bool gained = now.state == TLS_PEER_VERIFIED && s->certificate.state != TLS_PEER_VERIFIED;
    if (named)
        s->certificate = now;
    bool holds = s->state != SESSION_CHECKING && login_holds(&s->who, &s->certificate, &now);
    if (same || named || gained || holds)
        return true;
    log_event(LOG_FTPS_DISTRUSTED, "client=%s user=%s name=%s why=%s", s->address,
              s->who.account[0] || s->who.mac.text[0] ? LOG_VALUE(principal_name(&s->who)) : "-",
              LOG_VALUE(now.common_name), LOG_VALUE(now.reason));
    session_cut(s, "The certificate is not accepted any more");
    return true;
}

static void session_shaken(void *user)
{
    struct session *s = user;
    crowd_shaken(session_fleet(s), &s->seat);
    session_examine(s, &s->certificate);
    session_enter(s, SESSION_NAME);
    session_say(s, REPLY_GREETING);
    if (s->control)
        stream_read_on(s->control, true);
}

/* Before anything was said: what a client thinks of our certificate or our TLS. On TLS 1.3 it may come after
 * the handshake has ended for us. */
static void session_note_refusal(const struct session *s)
{
    const char *words = tls_tap_refusal(&s->tap);
    if (words == NULL && s->state == SESSION_GREETING)
        words = tls_tap_too_old(&s->tap);
    if (words != NULL && (s->state == SESSION_GREETING || s->state == SESSION_NAME))
        refusal_note(session_fleet(s), s->address, "ftps", words);
}

static void session_readable(void *user)
{
    struct session *s = user;
    char bytes[CONTROL_READ];
    size_t most = 0; /* bytes of it that were ever filled */
    for (int i = 0; i < CONTROL_READS && s->state != SESSION_BYE; i++) {
        struct fault f;
        size_t room = SESSION_INPUT_MAX - s->input.used, n = 0;
        if (room == 0)
            break; /* dispatch_input has turned reading off */
        enum stream_got got =
            stream_read(s->control, bytes, room < sizeof bytes ? room : sizeof bytes, &n, &f);
        if (got == STREAM_AGAIN)
            break;
        if (got == STREAM_BROKEN) {
            session_note_refusal(s);
            session_leave(s);
            break;
        }
        s->input_ended = got == STREAM_END;
        if (got == STREAM_SOME && buf_add(&s->input, bytes, n, &f) != FAULT_OK) {
            session_leave(s);
            break;
        }
        s->received += n;
        most = n > most ? n : most;
        dispatch_input(s);
        if (s->input_ended)
            break;
    }
    mem_wipe(bytes, most);
}

static void session_broken(void *user, const struct fault *why)
{
    struct session *s = user;
    if (s->state == SESSION_GREETING)
        log_event(LOG_TLS_FAILED, "client=%s protocol=ftps why=%s", s->address, LOG_VALUE(why->text));
    session_note_refusal(s);
    session_leave(s);
}

static void session_closed(void *user)
{
    session_leave(user);
}

static const struct stream_events session_events = {
    .shaken = session_shaken,
    .readable = session_readable,
    .broken = session_broken,
    .closed = session_closed,
};

static void session_deadline(void *user)
{
    struct session *s = user;
    if (s->state == SESSION_GREETING) {
        log_event(LOG_TLS_FAILED, "client=%s protocol=ftps why=\"the handshake took too long\"", s->address);
        session_leave(s);
    } else if (s->state == SESSION_CHECKING)
        loop_timer_start(s->deadline, CHECKING_MORE_MS);
    else if (s->state == SESSION_NAME || s->state == SESSION_SECRET)
        session_bye(s, REPLY_CLOSING, "The login took too long");
    else if (s->state == SESSION_READY)
        session_bye(s, REPLY_CLOSING, "Idle for too long");
}

static void session_delayed(void *user)
{
    struct session *s = user;
    if (s->hold == HOLD_ON)
        dispatch_release(s);
    else if (s->offering != NULL)
        command_offer_late(s);
    else
        command_refuse_login(s);
}

static enum fault_code session_secure(struct session *s, int fd, struct fault *f)
{
    struct shard_common *common = s->shard->common;
    gnutls_session_t tls;
    enum fault_code code = tls_ticket_key_new(&s->ticket_key, f);
    s->recall = tls_recall_new();
    if (code == FAULT_OK && s->recall == NULL)
        code = fault_set(f, FAULT_MEMORY, "out of memory for a session");
    s->identity = shard_identity(common);
    if (code == FAULT_OK) {
        const struct tls_session_options options = {
            .identity = s->identity,
            .alpn = "ftp",
            .ask_certificate = login_asks_certificate(common->fleet->settings, s->serves),
            .legacy = s->serves == SERVES_LEGACY,
            .ticket_key = &s->ticket_key,
            .manual_tickets = true,
        };
        code = tls_session_new(fd, &options, &tls, f);
    }
    if (code != FAULT_OK) {
        close(fd);
        return code;
    }
    code = tls_tap_begin(&s->tap, tls, fd, NULL, f);
    if (code != FAULT_OK) {
        tls_session_free(tls);
        close(fd);
        return code;
    }
    tls_recall_learn(s->recall, tls);
    return stream_new(s->shard->loop, fd, tls, &session_events, s, &s->control, f);
}

enum fault_code session_new(struct shard *shard, int fd, const union address *local,
                            const union address *peer, enum serves serves, struct fault *f)
{
    struct session *s = calloc(1, sizeof *s);
    if (s == NULL) {
        close(fd);
        return fault_set(f, FAULT_MEMORY, "out of memory for a session");
    }
    s->shard = shard;
    s->serves = serves;
    s->local = *local;
    s->peer = *peer;
    address_text(peer, s->address);
    enum fault_code code = crowd_enter(shard->common->fleet, s->address, &s->seat, f);
    if (code != FAULT_OK) {
        close(fd); /* as in shard_welcome: without a byte */
        free(s);
        return code;
    }
    s->turn.run = session_turn;
    command_offer_init(s);
    s->announced = -1;
    s->facts = LIST_FACT_ALL;
    path_root(&s->folder);
    buf_init(&s->input, SESSION_INPUT_MAX);
    shard_add(shard, s);
    log_event(LOG_FTPS_OPEN, "client=%s", s->address);
    s->deadline = loop_timer_new(shard->loop, session_deadline, s);
    s->delay = loop_timer_new(shard->loop, session_delayed, s);
    if (s->deadline && s->delay)
        code = session_secure(s, fd, f);
    else {
        close(fd);
        code = fault_set(f, FAULT_MEMORY, "out of memory for a session");
    }
    if (code != FAULT_OK) {
        s->state = SESSION_BYE;
        log_event(LOG_FTPS_CLOSE, "client=%s user=-", s->address);
        session_destroy(s);
        return code;
    }
    session_set_deadline(s);
    return FAULT_OK;
}
