/* SPDX-License-Identifier: Apache-2.0 */
/* What the server tells about itself and the session, and the parameters that change nothing. */
#include "ftps/command.h"

#include "base/buf.h"
#include "base/mem.h"
#include "ftps/list.h"
#include "ftps/session.h"
#include "ftps/transfer.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Extensions that belong to no command's row. */
static const char *const other_features[] = { "TVFS" };

enum outcome cmd_feat(struct session *s, const char *argument)
{
    char text[96];
    (void)argument;
    session_say_more(s, REPLY_FEATURES);
    for (size_t i = 0; i < command_count; i++) {
        const char *feature = command_table[i].feature;
        if (feature == NULL)
            continue;
        if (command_table[i].handler == cmd_mlst) {
            char facts[64];
            list_fact_names(s->facts, true, facts, sizeof facts);
            snprintf(text, sizeof text, "%s %s", feature, facts);
            feature = text;
        }
        session_say_middle(s, feature);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(other_features); i++)
        session_say_middle(s, other_features[i]);
    session_say(s, REPLY_FEATURES_END);
    return DONE;
}

enum outcome cmd_opts(struct session *s, const char *argument)
{
    if (strcasecmp(argument, "UTF8 ON") == 0 || strcasecmp(argument, "UTF8") == 0)
        session_say(s, REPLY_OK, "Names are UTF-8");
    else if (strcasecmp(argument, "UTF8 OFF") == 0)
        session_say(s, REPLY_BAD_PARAMETER, "Names are UTF-8 always");
    else if (strncasecmp(argument, "MLST", 4) == 0 && (argument[4] == ' ' || argument[4] == '\0')) {
        char facts[64], text[80];
        s->facts = list_parse_facts(argument[4] == ' ' ? argument + 5 : "");
        list_fact_names(s->facts, false, facts, sizeof facts);
        snprintf(text, sizeof text, "MLST OPTS%s%s", facts[0] ? " " : "", facts);
        session_say(s, REPLY_OK, text);
    } else
        session_say(s, REPLY_BAD_ARGUMENT, "No such option");
    return DONE;
}

enum outcome cmd_syst(struct session *s, const char *argument)
{
    (void)argument;
    session_say(s, REPLY_SYSTEM);
    return DONE;
}

static void help_all(struct session *s)
{
    char text[80];
    size_t n = 0;
    session_say_more(s, REPLY_HELP, "Commands (* is refused)");
    for (size_t i = 0; i < command_count; i++) {
        int added = snprintf(text + n, sizeof text - n, "%-5s%s ", command_table[i].verb,
                             command_table[i].legal ? " " : "*");
        n += added > 0 ? (size_t)added : 0;
        if (n + 8 < sizeof text && i + 1 < command_count)
            continue;
        session_say_middle(s, text);
        n = 0;
    }
    session_say(s, REPLY_HELP_END);
}

enum outcome cmd_help(struct session *s, const char *argument)
{
    if (argument[0] == '\0') {
        help_all(s);
        return DONE;
    }
    const struct command *c = command_find(argument, strlen(argument));
    char text[200];
    if (c == NULL) {
        session_say(s, REPLY_BAD_ARGUMENT, "No such command");
        return DONE;
    }
    snprintf(text, sizeof text, c->legal ? "%s%s%s %s" : "%s%s%s is refused: %s", c->verb,
             c->syntax[0] ? " " : "", c->syntax, c->help);
    session_say(s, REPLY_HELP, text);
    return DONE;
}

enum outcome cmd_noop(struct session *s, const char *argument)
{
    (void)argument;
    session_say(s, REPLY_OK, "Nothing done");
    return DONE;
}

enum outcome cmd_stat(struct session *s, const char *argument)
{
    char text[REPLY_LINE_MAX - 8];
    bool busy = s->state == SESSION_BUSY;
    if (argument[0] != '\0') {
        if (busy)
            session_say(s, REPLY_BAD_SEQUENCE, "Not during a transfer");
        else if (s->state != SESSION_READY)
            session_say(s, REPLY_NOT_LOGGED_IN, "Log in first");
        else
            return command_stat_path(s, argument);
        return DONE;
    }
    session_say_more(s, REPLY_STATUS);
    if (s->state == SESSION_READY || busy) {
        snprintf(text, sizeof text, "Logged in as %s", principal_name(&s->who));
        session_say_middle(s, text);
        snprintf(text, sizeof text, "Working folder %s", s->folder.text);
        session_say_middle(s, text);
    } else
        session_say_middle(s, "Not logged in");
    session_say_middle(s, "Control and data connections protected by TLS; structure F, mode S");
    if (busy) {
        transfer_describe(s, text, sizeof text);
        session_say_middle(s, text);
    }
    session_say(s, REPLY_STATUS_END);
    return DONE;
}

enum outcome cmd_pbsz(struct session *s, const char *argument)
{
    if (argument[strspn(argument, "0123456789")] != '\0')
        session_say(s, REPLY_BAD_ARGUMENT, "A number, please");
    else
        session_say(s, REPLY_OK, "PBSZ=0");
    return DONE;
}

/* What a parameter may be, and the reply to it. */
struct choice {
    const char *argument;
    enum reply reply;
    const char *text;
};

static enum outcome choose(struct session *s, const char *argument, const struct choice *choices, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcasecmp(argument, choices[i].argument) != 0)
            continue;
        session_say(s, choices[i].reply, choices[i].text);
        return DONE;
    }
    session_say(s, REPLY_BAD_PARAMETER, "Unknown or not offered");
    return DONE;
}

enum outcome cmd_prot(struct session *s, const char *argument)
{
    static const struct choice choices[] = {
        { "P", REPLY_OK, "Data connections are protected" },
        { "C", REPLY_POLICY_DENIED, "Data connections are never clear" },
        { "S", REPLY_PROTECTION_UNSUPPORTED, "Only P is offered" },
        { "E", REPLY_PROTECTION_UNSUPPORTED, "Only P is offered" },
    };
    return choose(s, argument, choices, ARRAY_LENGTH(choices));
}

enum outcome cmd_type(struct session *s, const char *argument)
{
    static const struct choice choices[] = {
        { "A", REPLY_OK, "Type A; bytes are sent as they are" },
        { "A N", REPLY_OK, "Type A; bytes are sent as they are" },
        { "I", REPLY_OK, "Type I" },
        { "L 8", REPLY_OK, "Type L 8" },
        { "L8", REPLY_OK, "Type L 8" },
    };
    return choose(s, argument, choices, ARRAY_LENGTH(choices));
}

enum outcome cmd_mode(struct session *s, const char *argument)
{
    static const struct choice choices[] = { { "S", REPLY_OK, "Mode S" } };
    return choose(s, argument, choices, ARRAY_LENGTH(choices));
}

enum outcome cmd_stru(struct session *s, const char *argument)
{
    static const struct choice choices[] = { { "F", REPLY_OK, "Structure F" } };
    return choose(s, argument, choices, ARRAY_LENGTH(choices));
}
