/* SPDX-License-Identifier: Apache-2.0 */
/* Folders, which are only names, and what is told of files or done to them without a data connection. */
#include "ftps/command.h"

#include "base/clock.h"
#include "base/mem.h"
#include "ftps/list.h"
#include "ftps/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 959, appendix II: a quote within the name is doubled. */
static void say_path(struct session *s, const struct path *path, const char *words)
{
    char quoted[2 * PATH_LIMIT + 1];
    size_t n = 0;
    for (const char *c = path->text; *c; c++) {
        if (*c == '"')
            quoted[n++] = '"';
        quoted[n++] = *c;
    }
    quoted[n] = '\0';
    session_say(s, REPLY_PATH, quoted, words);
}

enum outcome cmd_pwd(struct session *s, const char *argument)
{
    (void)argument;
    say_path(s, &s->folder, "is the working folder");
    return DONE;
}

static enum outcome enter(struct session *s, const struct path *path)
{
    struct fault f;
    if (tree_enter(&s->who, path, &f) == FAULT_OK) {
        s->folder = *path;
        session_say(s, REPLY_DONE, "Entered");
    } else
        session_say_fault(s, &f);
    return DONE;
}

enum outcome cmd_cwd(struct session *s, const char *argument)
{
    (void)argument;
    return enter(s, &s->path);
}

enum outcome cmd_cdup(struct session *s, const char *argument)
{
    struct path up = s->folder;
    (void)argument;
    if (path_up(&up))
        return enter(s, &up);
    session_say(s, REPLY_REFUSED, "There is nothing above the root");
    return DONE;
}

/* A folder is there as soon as something is stored in it, so there is nothing to do; but not for a name that
 * it could never have. */
static bool may_be_folder(struct session *s)
{
    struct fault f;
    if (tree_enter(&s->who, &s->path, &f) == FAULT_OK)
        return true;
    session_say_fault(s, &f);
    return false;
}

enum outcome cmd_mkd(struct session *s, const char *argument)
{
    (void)argument;
    if (may_be_folder(s))
        say_path(s, &s->path, "exists as soon as something is stored in it");
    return DONE;
}

enum outcome cmd_rmd(struct session *s, const char *argument)
{
    (void)argument;
    if (may_be_folder(s))
        session_say(s, REPLY_DONE, "A folder is gone when nothing is left in it");
    return DONE;
}

/* --- with a look-up --- */

static enum outcome ask(struct session *s,
                        enum fault_code (*run)(struct session *, struct job *, struct fault *),
                        void (*then)(struct session *))
{
    s->job.path = s->path;
    if (job_give(s, run, then))
        return PENDING;
    struct fault busy;
    fault_set(&busy, FAULT_BUSY, "too much work is waiting");
    if (run == job_stat)
        job_trouble(s, &s->path);
    session_say_fault(s, &busy);
    session_ready(s);
    return DONE;
}

/* The file that a job_stat found; folders are none here. False: said what there was to say. */
static bool found_file(struct session *s)
{
    const struct job *job = &s->job;
    const struct fault absent = { .code = FAULT_ABSENT };
    if (job->code == FAULT_OK && !job->entry.folder)
        return true;
    session_say_fault(s, job->code == FAULT_OK ? &absent : &job->fault);
    return false;
}

static void then_size(struct session *s)
{
    char text[32];
    if (found_file(s)) {
        snprintf(text, sizeof text, "%lld", (long long)s->job.entry.size);
        session_say(s, REPLY_FILE_STATUS, text);
    }
    session_ready(s);
}

static void then_mdtm(struct session *s)
{
    char text[32];
    if (found_file(s)) {
        list_time(s->job.entry.modified, text, sizeof text);
        session_say(s, REPLY_FILE_STATUS, text);
    }
    session_ready(s);
}

static void then_mlst(struct session *s)
{
    const struct job *job = &s->job;
    struct fault f;
    struct buf out;
    buf_init(&out, REPLY_LINE_MAX);
    if (job->code != FAULT_OK)
        session_say_fault(s, &job->fault);
    else if (list_facts(&out, &job->entry, s->facts, job->path.text, &f) != FAULT_OK)
        session_say_fault(s, &f);
    else {
        session_say_more(s, REPLY_FACTS);
        session_say_middle(s, out.data);
        session_say(s, REPLY_FACTS_END);
    }
    buf_fini(&out);
    session_ready(s);
}

static void then_dele(struct session *s)
{
    if (s->job.code == FAULT_OK)
        session_say(s, REPLY_DONE, "Removed");
    else
        session_say_fault(s, &s->job.fault);
    session_ready(s);
}

enum outcome cmd_size(struct session *s, const char *argument)
{
    (void)argument;
    return ask(s, job_stat, then_size);
}

enum outcome cmd_mdtm(struct session *s, const char *argument)
{
    (void)argument;
    return ask(s, job_stat, then_mdtm);
}

enum outcome cmd_mlst(struct session *s, const char *argument)
{
    (void)argument;
    return ask(s, job_stat, then_mlst);
}

enum outcome cmd_dele(struct session *s, const char *argument)
{
    (void)argument;
    return ask(s, job_remove, then_dele);
}

/* --- STAT with a path --- */

#define STAT_ENTRIES_MAX 500 /* more would swell the control connection's queue; LIST has no such limit */

static void then_stat_path(struct session *s)
{
    struct job *job = &s->job;
    struct fault f = job->fault;
    struct buf line;
    if (job->code == FAULT_OK && job->list.count > STAT_ENTRIES_MAX)
        job->code = fault_set(&f, FAULT_CONFLICT, "Too many for the control connection; use LIST");
    if (job->code != FAULT_OK) {
        session_say_fault(s, &f);
        session_ready(s);
        return;
    }
    if (job->list_is_file)
        session_say_more(s, REPLY_FILE_STATUS, "File");
    else
        session_say_more(s, REPLY_FOLDER_STATUS);
    buf_init(&line, REPLY_LINE_MAX);
    for (size_t i = 0; i < job->list.count; i++) {
        buf_clear(&line);
        if (list_long(&line, &job->list.entry[i], clock_wall_ms(), &f) != FAULT_OK || line.used < 2)
            break;
        line.data[line.used - 2] = '\0'; /* the reply has a line end of its own */
        session_say_middle(s, line.data);
    }
    buf_fini(&line);
    if (job->list_is_file)
        session_say(s, REPLY_FILE_STATUS, "End of file");
    else
        session_say(s, REPLY_FOLDER_STATUS_END);
    session_ready(s);
}

enum outcome command_stat_path(struct session *s, const char *argument)
{
    struct fault f;
    if (path_resolve(&s->folder, argument, strlen(argument), &s->path, &f) == FAULT_OK)
        return ask(s, job_list, then_stat_path);
    session_say_fault(s, &f);
    return DONE;
}
