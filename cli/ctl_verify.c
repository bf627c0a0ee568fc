/* SPDX-License-Identifier: Apache-2.0 */
/* Having the server verify what it stores: beginning it, looking how far it is, waiting for its end. */
#include "cli/ctl_backup.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LOOK_MS 500

static bool is_running(const json_t *answer)
{
    const char *state = json_string_value(json_object_get(answer, "state"));
    return state != NULL && strcmp(state, "running") == 0;
}

static int64_t number(const json_t *answer, const char *key)
{
    return (int64_t)json_integer_value(json_object_get(answer, key));
}

/* Asks again and again until it has ended. Takes *answer for its latest, and replaces it. */
static enum fault_code await(struct ctl *ctl, json_t **answer, struct fault *f)
{
    const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };
    while (is_running(*answer)) {
        int64_t total = number(*answer, "bytes"), done = number(*answer, "bytes_done");
        /* The bar's line ends only with the last answer: the server has more to do than the bytes. */
        if (total > 0)
            ctl_progress("verify", done < total ? done : total - 1, total);
        nanosleep(&pause, NULL);
        json_t *next = NULL;
        enum fault_code code = ctl_call(ctl, "GET", NULL, &next, f, "/verify");
        if (code != FAULT_OK)
            return code;
        json_decref(*answer);
        *answer = next;
    }
    int64_t total = number(*answer, "bytes");
    if (total > 0)
        ctl_progress("verify", total, total);
    return FAULT_OK;
}

/* Gives the exit status. */
static int tell(const struct ctl *ctl, json_t *answer)
{
    static const struct ctl_column columns[] = { { "PLACE", "place" },
                                                 { "CONTENT", "content" },
                                                 { "WHY", "why" } };
    const char *state = json_string_value(json_object_get(answer, "state"));
    json_t *damage = json_object_get(answer, "damage");
    bool failed = state == NULL || strcmp(state, "failed") == 0;
    int status = number(answer, "damaged") > 0 || failed ? CTL_FAILED : CTL_GOOD;
    if (ctl_json(ctl)) {
        ctl_print_json(answer);
        return status;
    }
    json_incref(damage);
    json_object_del(answer, "damage");
    ctl_print_object(ctl, answer);
    if (json_array_size(damage) > 0)
        ctl_print_table(ctl, damage, columns, ARRAY_LENGTH(columns));
    json_decref(damage);
    return status;
}

/* One that is under way already is as good as a new one. */
static enum fault_code begin(struct ctl *ctl, json_t **ret_answer, struct fault *f)
{
    enum fault_code code = ctl_call(ctl, "POST", NULL, ret_answer, f, "/verify");
    return code == FAULT_CONFLICT ? ctl_call(ctl, "GET", NULL, ret_answer, f, "/verify") : code;
}

int ctl_verify(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    bool wait = false, look = false;
    json_t *answer = NULL;
    const struct ctl_option options[] = {
        { "wait", NULL, CTL_FLAG, &wait, "wait for the end, and tell what was found", 0, 0 },
        { "status", NULL, CTL_FLAG, &look, "begin nothing: tell of the one under way, or the last one", 0,
          0 },
    };
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 0, 0, &words);
    if (status != CTL_GO)
        return status;
    enum fault_code code =
        look ? ctl_call(ctl, "GET", NULL, &answer, &f, "/verify") : begin(ctl, &answer, &f);
    if (code == FAULT_OK && wait)
        code = await(ctl, &answer, &f);
    status = code == FAULT_OK ? tell(ctl, answer) : ctl_failed(&f);
    json_decref(answer);
    return status;
}
