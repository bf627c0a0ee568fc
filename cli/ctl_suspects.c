/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ctl_suspects.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static void print_part(const struct ctl *ctl, const char *heading, const json_t *array,
                       const struct ctl_column *columns, size_t count)
{
    if (json_array_size(array) == 0)
        return;
    printf("%s\n\n", heading);
    ctl_print_table(ctl, array, columns, count);
    putchar('\n');
}

static void print_suspects(const struct ctl *ctl, const json_t *answer)
{
    static const struct ctl_column login[] = {
        { "ACCOUNT", "account" }, { "ADDRESS", "address" }, { "FAILURES", "failures" },
        { "LAST", "last" },       { "UNTIL", "until" },
    };
    static const struct ctl_column handset[] = {
        { "HANDSET", "mac" },       { "ADDRESS", "address" }, { "MACS", "macs" },
        { "REQUESTS", "requests" }, { "SINCE", "since" },     { "UNTIL", "until" },
    };
    static const struct ctl_column address[] = { { "ADDRESS", "address" },
                                                 { "SESSIONS", "sessions" },
                                                 { "HANDSHAKES", "handshakes" } };
    const json_t *logins = json_object_get(answer, "logins"), *handsets = json_object_get(answer, "handsets");
    const json_t *crowd = json_object_get(answer, "crowd");
    print_part(ctl, "Failed logins:", logins, login, ARRAY_LENGTH(login));
    print_part(ctl, "Handsets that ask for others' names:", handsets, handset, ARRAY_LENGTH(handset));
    if (json_array_size(logins) == 0 && json_array_size(handsets) == 0)
        puts("Nobody is suspect.\n");
    print_part(ctl, "Where clients come from, the most first:", json_object_get(crowd, "addresses"), address,
               ARRAY_LENGTH(address));
    printf("%lld sessions, %lld handshakes under way, %lld turned away since the start\n",
           (long long)json_integer_value(json_object_get(crowd, "sessions")),
           (long long)json_integer_value(json_object_get(crowd, "handshakes")),
           (long long)json_integer_value(json_object_get(crowd, "turned_away")));
}

struct whose {
    const char *account, *address, *handset;
};

/* The query that names them; given (free), NULL if out of memory. */
static char *query_of(const struct whose *whose)
{
    const char *const names[] = { "account", "address", "handset" };
    const char *const values[] = { whose->account, whose->address, whose->handset };
    char *query = strdup("");
    for (size_t i = 0; query != NULL && i < ARRAY_LENGTH(names); i++) {
        AUTO_FREE char *former = query, *value = NULL;
        if (values[i] == NULL) {
            former = NULL;
            continue;
        }
        value = client_escape(values[i]);
        if (value == NULL ||
            asprintf(&query, "%s%s%s=%s", former, former[0] ? "&" : "?", names[i], value) < 0)
            query = NULL;
    }
    return query;
}

static int lift(struct ctl *ctl, const struct whose *whose)
{
    struct fault f;
    json_t *answer = NULL;
    AUTO_FREE char *query = query_of(whose);
    enum fault_code code = query == NULL ? fault_set(&f, FAULT_MEMORY, "out of memory")
                                         : ctl_call(ctl, "DELETE", NULL, &answer, &f, "/suspects%s", query);
    if (code != FAULT_OK)
        return ctl_failed(&f);
    ctl_print_object(ctl, answer);
    json_decref(answer);
    return CTL_GOOD;
}

int ctl_suspects(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    struct whose whose = { 0 };
    bool clear = false;
    json_t *answer = NULL;
    const struct ctl_option options[] = {
        { "clear", NULL, CTL_FLAG, &clear, "lift the delays: of all, or of those named below", 0, 0 },
        { "account", "NAME", CTL_TEXT, &whose.account, "with --clear: failed logins of this account", 0, 0 },
        { "address", "ADDRESS", CTL_TEXT, &whose.address, "with --clear: failed logins from there", 0, 0 },
        { "handset", "MAC", CTL_TEXT, &whose.handset, "with --clear: what this handset asked for", 0, 0 },
    };
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 0, 0, &words);
    if (status != CTL_GO)
        return status;
    if (clear)
        return lift(ctl, &whose);
    if (whose.account != NULL || whose.address != NULL || whose.handset != NULL) {
        fault_set(&f, FAULT_INPUT, "--account, --address and --handset go with --clear");
        return ctl_failed(&f);
    }
    if (ctl_call(ctl, "GET", NULL, &answer, &f, "/suspects") != FAULT_OK)
        return ctl_failed(&f);
    if (ctl_json(ctl))
        ctl_print_json(answer);
    else
        print_suspects(ctl, answer);
    json_decref(answer);
    return CTL_GOOD;
}
