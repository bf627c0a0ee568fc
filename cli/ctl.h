/* SPDX-License-Identifier: Apache-2.0 */
/* cradlectl: what all its commands share. A command is a row of the table in cradlectl.c and a function that
 * reads its options by a table of its own (ctl_read), does one thing, says what went wrong in one line on
 * standard error, and gives the exit status. Output that is data comes as a table, or as JSON with --json.
 * One thread. */
#ifndef CRADLE_CTL_H
#define CRADLE_CTL_H

#include "base/fault.h"
#include "cli/client.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CTL_GOOD     0
#define CTL_FAILED   1
#define CTL_USAGE    2
#define CTL_WARNINGS 3 /* nothing failed, and something should be looked at */
#define CTL_GO       (-1)

struct ctl; /* the common options, and the connection once a command wants it */

struct ctl_command {
    const char *group, *name; /* "pki", "init"; name NULL: the group itself is the command ("backup") */
    const char *arguments;    /* for the help, without options: "MAC", "[FILE]…", "" */
    int (*run)(struct ctl *ctl, int argc, char **argv); /* argv[0] is the command's last word */
    const char *help;                                   /* one line */
};

/* The program: finds the command in the table, which ends with a row without a group, and runs it. Answers
 * --help and --version. Gives the exit status. */
int ctl_main(int argc, char **argv, const struct ctl_command *commands);

/* --- options --- */

enum ctl_kind {
    CTL_TEXT,   /* const char *, borrowed from argv */
    CTL_FLAG,   /* bool */
    CTL_NUMBER, /* long, min … max */
    CTL_LIST    /* struct ctl_list: may be given several times */
};
#define CTL_LIST_MAX 256
struct ctl_list {
    size_t count;
    const char *item[CTL_LIST_MAX];
};
struct ctl_option {
    const char *name, *value; /* "days", "DAYS"; value NULL for a flag */
    enum ctl_kind kind;
    void *where;
    const char *help;
    long min, max; /* CTL_NUMBER */
};
struct ctl_words { /* what is no option, in order; borrowed from argv */
    size_t count;
    const char *word[CTL_LIST_MAX];
};

/* Reads a command's arguments: its own options, and the common ones (--server … --json), anywhere; "--" ends
 * them. Fewer than min_words or more than max_words words are wrong use. CTL_GO, or the exit status: --help
 * was answered, or what is wrong was said. options may be NULL with count 0. */
int ctl_read(struct ctl *ctl, int argc, char **argv, const struct ctl_option *options, size_t count,
             size_t min_words, size_t max_words, struct ctl_words *ret_words);
bool ctl_json(const struct ctl *ctl); /* --json was given */

/* --- the server --- */

/* The connection that the common options, the environment and ~/.config/cradle/cradlectl.conf describe;
 * opened at the first call, borrowed until the program ends. */
enum fault_code ctl_client(struct ctl *ctl, struct client **ret_client, struct fault *f);
/* client_call on it, with a path made like printf's (escape what goes into it: client_escape). */
enum fault_code ctl_call(struct ctl *ctl, const char *method, json_t *body, json_t **ret_answer,
                         struct fault *f, const char *format, ...) __attribute__((format(printf, 6, 7)));

/* All pages of a list of the API: the items of `key`, put together. path ends with '?' or '&'. *ret_all is
 * given. */
enum fault_code ctl_pages(struct ctl *ctl, const char *path, const char *key, json_t **ret_all,
                          struct fault *f);

/* --- saying --- */

/* "cradlectl: words" on standard error; gives CTL_FAILED, or CTL_USAGE for FAULT_INPUT. */
int ctl_failed(const struct fault *f);
/* Prints value (borrowed) as JSON, indented, with a line end. */
void ctl_print_json(const json_t *value);
/* Prints an array of objects as a table, one column for each {heading, key}; strings are made safe for a
 * terminal (log_value without its quotes), null is "-", nothing is cut. With --json prints the array instead.
 */
struct ctl_column {
    const char *heading, *key;
};
void ctl_print_table(const struct ctl *ctl, const json_t *array, const struct ctl_column *columns,
                     size_t count);
/* One object, a line a key: `key: value`; with --json the object. */
void ctl_print_object(const struct ctl *ctl, const json_t *object);
/* Text that may hold what others wrote, made safe for a terminal: what would move the cursor becomes \xHH;
 * line ends stay. */
void ctl_put(FILE *out, const char *text);
/* How many characters, not bytes, text (UTF-8) has: for columns. */
size_t ctl_width(const char *text);
/* A progress bar on standard error when that is a terminal; done == total ends its line. total 0: only
 * counts. Cheap enough to be called for each item. */
void ctl_progress(const char *what, int64_t done, int64_t total);

#endif
