/* SPDX-License-Identifier: Apache-2.0 */
/* Logging in and leaving. USER is answered with 331 whoever is named, or 232 where a certificate is enough; a
 * second USER after the login is refused (a session is one client's from then on, for its certificate, its
 * data binding and its log). */
#include "ftps/command.h"

#include "base/clock.h"
#include "base/mem.h"
#include "fleet/evict.h"
#include "fleet/handset.h"
#include "fleet/logbook.h"
#include "ftps/session.h"
#include "ftps/shard.h"

#include <string.h>

static void login_granted(struct session *s)
{
    s->who = s->login.who;
    s->by_certificate = !s->login.has_password;
    if (evict_missed(session_fleet(s)->evictions, s->login.since, &s->who, s->certificate.fingerprint)) {
        session_evict(s); /* what the login was judged by has changed meanwhile */
        return;
    }
    session_enter(s, SESSION_READY);
    if (s->who.role == ROLE_HANDSET && s->sender == 0) {
        s->sender = logbook_sender_new(session_fleet(s));
        s->unseen_to = s->received;
        handset_seen(session_fleet(s), &s->who, NULL);
    }
    session_say(s, s->by_certificate ? REPLY_CERTIFIED : REPLY_LOGGED_IN);
}

/* A refusal leaves when its delay has passed since it was asked for, however soon it was known. */
static void login_refused(struct session *s)
{
    int64_t passed = clock_steady_ms() - s->asked_at;
    loop_timer_start(s->delay, s->login.refuse_after_ms - passed);
}

void command_refuse_login(void *session)
{
    struct session *s = session;
    if (s->state != SESSION_CHECKING)
        return;
    if (++s->failures >= SESSION_FAILURES_MAX) {
        session_bye(s, REPLY_CLOSING, "Too many failed logins");
        return;
    }
    /* After a PASS behind 232 somebody was logged in. */
    session_drop_sender(s);
    s->by_certificate = false;
    memset(&s->who, 0, sizeof s->who);
    session_enter(s, SESSION_NAME);
    session_say(s, REPLY_NOT_LOGGED_IN,
                s->login.result == LOGIN_FORBIDDEN ? "More is needed to log in" : LOGIN_REFUSED_WORDS);
    session_again(s);
}

static void login_back(struct loop_task *task)
{
    struct session *s = CONTAINER_OF(task, struct session, login_back);
    s->login_out = false;
    session_again(s);
    if (s->state != SESSION_CHECKING)
        return;
    switch (s->login.result) {
    case LOGIN_GRANTED:
        login_granted(s);
        break;
    case LOGIN_PASSWORD_NEEDED:
        session_enter(s, SESSION_SECRET);
        session_say(s, REPLY_PASSWORD_NEEDED);
        break;
    case LOGIN_REFUSED:
    case LOGIN_FORBIDDEN:
        login_refused(s);
        break;
    case LOGIN_BUSY:
        session_bye(s, REPLY_CLOSING, "Too busy to check a login, try again later");
        break;
    }
}

/* On a hash worker, or in login_start. */
static void login_done(struct login *login)
{
    struct session *s = CONTAINER_OF(login, struct session, login);
    loop_post(s->shard->loop, &s->login_back);
}

static enum outcome login_begin(struct session *s)
{
    struct login *login = &s->login;
    login->fleet = session_fleet(s);
    login->peer = s->certificate;
    login->serves = s->serves;
    login->protocol = "ftps";
    mem_copy_text(login->address, sizeof login->address, s->address);
    login->done = login_done;
    s->login_back.run = login_back;
    s->login_out = true;
    s->asked_at = clock_steady_ms();
    session_enter(s, SESSION_CHECKING);
    login_start(login);
    return PENDING;
}

/* Can nobody have it? Too long, a NUL, a control character. */
static bool unfit(const struct session *s, const char *text, size_t limit)
{
    if (s->line.cut || s->line.nul || strlen(text) > limit)
        return true;
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return true;
    return false;
}

enum outcome cmd_user(struct session *s, const char *argument)
{
    struct login *login = &s->login;
    login->user_unfit = unfit(s, argument, ACCOUNT_NAME_LIMIT);
    if (login->user_unfit || !mem_copy_text(login->user, sizeof login->user, argument))
        login->user[0] = '\0';
    login->has_password = false;
    login->password_unfit = false;
    /* Without a certificate there is nothing that a name alone could decide. */
    if (s->certificate.state != TLS_PEER_NONE)
        return login_begin(s);
    session_enter(s, SESSION_SECRET);
    session_say(s, REPLY_PASSWORD_NEEDED);
    return DONE;
}

enum outcome cmd_pass(struct session *s, const char *argument)
{
    struct login *login = &s->login;
    if (s->state == SESSION_READY) {
        /* Many clients send it whatever USER was answered with. It proves nothing more, but if it is the
         * right one of another account, nobody knows who this is. */
        if (!s->by_certificate) {
            session_say(s, REPLY_BAD_SEQUENCE, "Already logged in");
            return DONE;
        }
    }
    login->has_password = true;
    login->password_unfit = s->line.cut || s->line.nul || strlen(argument) > SECRET_PASSWORD_MAX;
    if (login->password_unfit || !mem_copy_text(login->password, sizeof login->password, argument))
        login->password[0] = '\0';
    return login_begin(s);
}

enum outcome cmd_quit(struct session *s, const char *argument)
{
    (void)argument;
    session_say(s, REPLY_GOODBYE);
    return CLOSE;
}
