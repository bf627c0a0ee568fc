/* SPDX-License-Identifier: Apache-2.0 */
#include "ftps/dispatch.h"

#include "base/log.h"
#include "fleet/census.h"
#include "fleet/logbook.h"
#include "ftps/command.h"
#include "ftps/session.h"
#include "ftps/transfer.h"

#include <string.h>

/* 0: nothing may be dispatched. */
static unsigned dispatch_place(enum session_state state)
{
    static const unsigned places[SESSION_STATES] = {
        [SESSION_NAME] = IN_NAME,
        [SESSION_SECRET] = IN_SECRET,
        [SESSION_READY] = IN_READY,
        [SESSION_BUSY] = IN_BUSY,
    };
    return places[state];
}

/* An unknown verb or a malformed line. A client that sends many is none of FTP's. */
static void dispatch_bad(struct session *s, const char *words)
{
    if (++s->bad < SESSION_BAD_MAX)
        session_say(s, REPLY_UNKNOWN, words);
    else
        session_bye(s, REPLY_CLOSING, "Too many unknown commands");
}

static void dispatch_too_early(struct session *s, const struct command *c)
{
    if (s->state == SESSION_READY)
        session_say(s, REPLY_BAD_SEQUENCE, "Already logged in; open a new connection to log in anew");
    else if (c->legal & IN_SECRET)
        session_say(s, REPLY_BAD_SEQUENCE, "USER first");
    else
        session_say(s, REPLY_NOT_LOGGED_IN, "Log in first");
}

/* "-la" and what follows it up to a blank, as `ls` clients send it. */
static const char *dispatch_skip_options(const char *argument)
{
    while (argument[0] == '-') {
        argument += strcspn(argument, " ");
        argument += strspn(argument, " ");
    }
    return argument;
}

static bool dispatch_excess(const struct command *c, const char *argument)
{
    return c->argument == A_NONE && argument[strspn(argument, " ")] != '\0';
}

/* Does the argument have the row's shape? Otherwise the reply is said. */
static bool dispatch_shape(struct session *s, const struct command *c, const char *argument)
{
    bool given = argument[0] != '\0';
    if (dispatch_excess(c, argument))
        session_say(s, REPLY_BAD_ARGUMENT, "This command has no argument");
    else if ((c->argument == A_TEXT || c->argument == A_PATH) && !given)
        session_say(s, REPLY_BAD_ARGUMENT, "This command needs an argument");
    else
        return true;
    return false;
}

/* What a path names from the working folder; the same. */
static bool dispatch_path(struct session *s, const struct command *c, const char *argument)
{
    struct fault f;
    if (c->argument != A_PATH && c->argument != A_PATH_OPTIONAL)
        return true;
    if (path_resolve(&s->folder, argument, strlen(argument), &s->path, &f) == FAULT_OK)
        return true;
    session_say_fault(s, &f);
    return false;
}

static void dispatch_run(struct session *s, const struct command *c, const char *argument)
{
    s->command = c;
    if (c->legal == 0) {
        session_say(s, c->refusal, c->help);
        return;
    }
    if (c->properties & SKIP_OPTIONS)
        argument = dispatch_skip_options(argument);
    if (!dispatch_shape(s, c, argument))
        return;
    if ((c->legal & dispatch_place(s->state)) == 0) {
        dispatch_too_early(s, c);
        return;
    }
    if (dispatch_path(s, c, argument) && c->handler(s, argument) == CLOSE)
        session_end(s);
}

/* The complete line: a command, or nonsense. */
static void dispatch_line(struct session *s, const struct command *c, size_t argument)
{
    const struct line *line = &s->line;
    s->command = NULL;
    /* A secret may be any bytes, and must look wrong like any other one. */
    bool malformed = (line->cut || line->nul) && !(c && c->properties & HIDE_ARGUMENT);
    if (malformed)
        dispatch_bad(s, line->cut ? "Line too long" : "Malformed line");
    else if (c == NULL)
        dispatch_bad(s, "Unknown command");
    else
        dispatch_run(s, c, line->text + argument);
}

/* Makes s->line complete out of the input; false: it needs more. */
static bool dispatch_fill(struct session *s)
{
    size_t used = 0;
    if (s->line_ready)
        return true;
    if (s->input.used == 0)
        return false;
    s->line_ready = line_feed(&s->line, s->input.data, s->input.used, &used);
    buf_consume(&s->input, used);
    if (s->input.used == 0)
        buf_wipe(&s->input); /* it may have been a password, and idle sessions keep no memory for it */
    return s->line_ready;
}

/* The client has said something that it said after our last reply to an upload, so it has seen that. What
 * came before, sent ahead, proves nothing. */
static void dispatch_heard(struct session *s)
{
    if (s->sender != 0 && s->received - s->input.used > s->unseen_to)
        logbook_sender_said(session_fleet(s), s->sender);
}

/* --- lines that are held --- */

/* What the line's argument names; false: it is no path, or none that the dispatcher will take. */
static bool dispatch_names(const struct session *s, const struct command *c, const char *argument,
                           struct path *ret_path)
{
    bool path = c->argument == A_PATH || c->argument == A_PATH_OPTIONAL || c->handler == cmd_stat;
    if (!path || (c->legal & dispatch_place(s->state)) == 0 || s->line.cut || s->line.nul)
        return false;
    if (c->properties & SKIP_OPTIONS)
        argument = dispatch_skip_options(argument);
    return path_resolve(&s->folder, argument, strlen(argument), ret_path, NULL) == FAULT_OK;
}

/* A handset that asks for others' names waits before anything is looked up. The line stays, and what is
 * behind it waits as behind any command that is BUSY. */
static bool dispatch_hold(struct session *s, const struct command *c, size_t argument)
{
    struct path path;
    bool was_held = s->hold == HOLD_OVER;
    s->hold = HOLD_NOT;
    if (was_held || s->state != SESSION_READY || c == NULL ||
        !dispatch_names(s, c, s->line.text + argument, &path))
        return false;
    int64_t wait = census_ask(session_fleet(s), &s->who, &path);
    if (wait <= 0)
        return false;
    s->hold = HOLD_ON;
    session_enter(s, SESSION_BUSY);
    loop_timer_start(s->delay, wait);
    return true;
}

void dispatch_release(struct session *s)
{
    s->hold = HOLD_OVER;
    session_ready(s);
}

/* One line, if there is one and its time has come. */
static bool dispatch_next(struct session *s)
{
    unsigned place = dispatch_place(s->state);
    if (place == 0 || s->hold == HOLD_ON || !dispatch_fill(s))
        return false;
    if (line_is_http(&s->line)) {
        log_event(LOG_FTPS_COMMAND, "client=%s verb=- path=- why=\"HTTP on the control connection\"",
                  s->address);
        session_end(s);
        return false;
    }
    size_t argument;
    size_t n = line_verb(&s->line, &argument);
    const struct command *c = command_find(s->line.text, n);
    /* Before its turn comes only what may, and is well formed: another's reply would be taken for its. */
    if (place == IN_BUSY &&
        (c == NULL || (c->legal & IN_BUSY) == 0 || dispatch_excess(c, s->line.text + argument)))
        return false;
    if (dispatch_hold(s, c, argument))
        return false;
    dispatch_heard(s);
    s->line_ready = false;
    dispatch_line(s, c, argument);
    line_clear(&s->line);
    if (s->state == SESSION_READY && s->deadline)
        loop_timer_start(s->deadline, session_fleet(s)->settings->idle_timeout_ftps);
    return true;
}

/* The client has said all that it will ever say. What waits is still answered; a transfer that its client has
 * left is worth nothing, unless all of it is here. */
static bool dispatch_is_over(const struct session *s)
{
    if (s->transfer)
        return !transfer_is_committing(s);
    return s->state != SESSION_CHECKING && s->state != SESSION_BUSY;
}

void dispatch_input(struct session *s)
{
    if (s->state == SESSION_BYE || s->control == NULL || !stream_is_open(s->control))
        return;
    struct stream *control = s->control;
    stream_cork(control);
    while (dispatch_next(s))
        continue;
    if (s->control == NULL) /* it broke, and is gone */
        return;
    stream_uncork(control);
    if (s->state == SESSION_BYE)
        return;
    if (s->input_ended && dispatch_is_over(s))
        session_end(s);
    else
        stream_read_on(control, s->input.used < SESSION_INPUT_MAX && !s->input_ended);
}
