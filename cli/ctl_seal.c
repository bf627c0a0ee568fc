/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ctl_seal.h"

#include "base/mem.h"

#include <stdio.h>
#include <time.h>

#define POLL_MS 500

static int64_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static bool flag(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static void say_status(const struct ctl *ctl, const json_t *status)
{
    static const struct ctl_column columns[] = {
        { "key", "id" },         { "purpose", "purpose" },   { "created", "created" },
        { "in use", "current" }, { "contents", "contents" }, { "bytes", "bytes" }
    };
    ctl_print_table(ctl, json_object_get(status, "keys"), columns, ARRAY_LENGTH(columns));
    printf("\nkeys of single files that bear private keys: %lld\n", (long long)number(status, "own_keys"));
    if (flag(status, "running"))
        printf("re-sealing: %lld of %lld bytes, at %lld bytes a second\n", (long long)number(status, "done"),
               (long long)number(status, "total"), (long long)number(status, "rate"));
    if (number(status, "damaged") > 0)
        printf(
            "damaged contents that keep their old key: %lld (the server's log names them; store those files "
            "again)\n",
            (long long)number(status, "damaged"));
    if (flag(status, "scrubbing"))
        puts("a destroyed key is still in the write-ahead log; it goes as soon as no reader needs that");
}

int ctl_seal_status(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    json_t *status = NULL;
    int exit = ctl_read(ctl, argc, argv, NULL, 0, 0, 0, &words);
    if (exit != CTL_GO)
        return exit;
    if (ctl_call(ctl, "GET", NULL, &status, &f, "/seal") != FAULT_OK)
        return ctl_failed(&f);
    if (ctl_json(ctl))
        ctl_print_json(status);
    else
        say_status(ctl, status);
    exit = number(status, "damaged") > 0 ? CTL_WARNINGS : CTL_GOOD;
    json_decref(status);
    return exit;
}

/* Until nothing is left to be done. The bar ends full only when all was re-sealed. */
static int wait_for_it(struct ctl *ctl)
{
    const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
    for (;;) {
        struct fault f;
        json_t *status = NULL;
        if (ctl_call(ctl, "GET", NULL, &status, &f, "/seal") != FAULT_OK)
            return ctl_failed(&f);
        bool going = flag(status, "running") || flag(status, "scrubbing");
        int64_t done = number(status, "done"), total = number(status, "total"),
                damaged = number(status, "damaged");
        json_decref(status);
        if (total > 0 && done < total)
            ctl_progress("re-sealing", done, total);
        if (!going) {
            if (total > 0 && damaged == 0)
                ctl_progress("re-sealing", total, total);
            if (damaged == 0)
                return CTL_GOOD;
            fprintf(stderr, "cradlectl: %lld contents are damaged and keep their old key\n",
                    (long long)damaged);
            return CTL_WARNINGS;
        }
        nanosleep(&pause, NULL);
    }
}

int ctl_seal_rotate(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    json_t *answer = NULL;
    bool wait = false;
    const struct ctl_option options[] = {
        { "wait", NULL, CTL_FLAG, &wait, "until all is re-sealed and the old keys are gone", 0, 0 },
    };
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 0, 0, &words);
    if (status != CTL_GO)
        return status;
    if (ctl_call(ctl, "POST", NULL, &answer, &f, "/seal/rotate") != FAULT_OK)
        return ctl_failed(&f);
    if (ctl_json(ctl))
        ctl_print_json(answer);
    else
        printf("data key %lld seals from now on\n", (long long)number(answer, "key"));
    json_decref(answer);
    fflush(stdout);
    return wait ? wait_for_it(ctl) : CTL_GOOD;
}

int ctl_seal_rewrap(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    json_t *answer = NULL;
    int status = ctl_read(ctl, argc, argv, NULL, 0, 0, 0, &words);
    if (status != CTL_GO)
        return status;
    if (ctl_call(ctl, "POST", NULL, &answer, &f, "/seal/rewrap") != FAULT_OK)
        return ctl_failed(&f);
    if (ctl_json(ctl))
        ctl_print_json(answer);
    else if (flag(answer, "make_next_master_key"))
        puts(
            "the data keys are wrapped under the key that master_key_next names: make that master_key in the "
            "server's settings, and keep a copy of it");
    else
        puts("the data keys are wrapped under a new master key: replace your copy of the old one");
    json_decref(answer);
    return CTL_GOOD;
}
