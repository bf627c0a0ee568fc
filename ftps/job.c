/* SPDX-License-Identifier: Apache-2.0 */
#include "ftps/job.h"

#include "base/clock.h"
#include "base/mem.h"
#include "fleet/trouble.h"
#include "ftps/list.h"
#include "ftps/session.h"
#include "ftps/shard.h"
#include "ftps/transfer.h"

#include <stdlib.h>
#include <string.h>

enum fault_code job_stat(struct session *s, struct job *job, struct fault *f)
{
    return tree_stat(session_fleet(s), &s->who, &job->path, &job->entry, f);
}

enum fault_code job_list(struct session *s, struct job *job, struct fault *f)
{
    struct fleet *fleet = session_fleet(s);
    enum fault_code code = tree_list(fleet, &s->who, &job->path, &job->list, f);
    if (code != FAULT_ABSENT)
        return code;
    /* RFC 959, 4.1.3: the path of a file lists that file. */
    struct tree_entry *entry = malloc(sizeof *entry);
    if (entry == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory for a listing");
    code = tree_stat(fleet, &s->who, &job->path, entry, f);
    if (code != FAULT_OK) {
        free(entry);
        return code;
    }
    job->list.entry = entry;
    job->list.count = 1;
    job->list_is_file = true;
    return FAULT_OK;
}

static enum fault_code job_line(const struct job *job, struct buf *out, const struct tree_entry *entry,
                                int64_t now, struct fault *f)
{
    if (job->style == JOB_LONG)
        return list_long(out, entry, now, f);
    if (job->style == JOB_NAMES)
        return list_name(out, job->prefix && !job->list_is_file ? job->prefix : "", entry, f);
    enum fault_code code = list_facts(out, entry, job->facts, entry->name, f);
    return code == FAULT_OK ? buf_text(out, "\r\n", f) : code;
}

enum fault_code job_listing(struct session *s, struct job *job, struct fault *f)
{
    int64_t now = clock_wall_ms();
    buf_init(&job->text, LIST_MAX);
    enum fault_code code = job_list(s, job, f);
    if (code == FAULT_OK && job->style == JOB_FACTS && job->list_is_file)
        code = fault_set(f, FAULT_INPUT, "Not a folder; use MLST");
    for (size_t i = 0; code == FAULT_OK && i < job->list.count; i++)
        code = job_line(job, &job->text, &job->list.entry[i], now, f);
    return code;
}

enum fault_code job_open(struct session *s, struct job *job, struct fault *f)
{
    return tree_open(session_fleet(s), &s->who, &job->path, NULL, &job->reader, &job->entry, f);
}

enum fault_code job_load(struct session *s, struct job *job, struct fault *f)
{
    (void)s;
    return reader_load(job->reader, job->offset, f);
}

enum fault_code job_put(struct session *s, struct job *job, struct fault *f)
{
    return tree_put(session_fleet(s), &s->who, &job->path, &job->upload_options, &job->upload, f);
}

enum fault_code job_remove(struct session *s, struct job *job, struct fault *f)
{
    return tree_remove(session_fleet(s), &s->who, &job->path, NULL, NULL, f);
}

static void job_back(struct loop_task *task)
{
    struct job *job = CONTAINER_OF(task, struct job, back);
    struct session *s = CONTAINER_OF(job, struct session, job);
    job->out = false;
    session_again(s);
    if (s->state != SESSION_BYE)
        job->then(s);
}

static void job_work(struct work *work)
{
    struct job *job = CONTAINER_OF(work, struct job, work);
    struct session *s = CONTAINER_OF(job, struct session, job);
    job->code = job->run(s, job, &job->fault);
    loop_post(s->shard->loop, &job->back);
}

/* Names looked up, and bytes that lie in memory: a worker would cost more than that. */
static bool job_at_once(struct session *s, struct job *job)
{
    static const struct tree_open hot = { .hot = true };
    if (job->run != job_open)
        return false;
    job->code =
        tree_open(session_fleet(s), &s->who, &job->path, &hot, &job->reader, &job->entry, &job->fault);
    return job->code != FAULT_OK || job->reader != NULL;
}

static bool job_to_worker(struct session *s, struct job *job)
{
    job->work.run = job_work;
    job->back.run = job_back;
    job->out = true;
    /* The pieces of a transfer that was admitted are not refused in the middle. */
    if (job->run == job_load)
        work_give_more(session_fleet(s)->work, &job->work);
    else
        job->out = work_give(session_fleet(s)->work, &job->work);
    return job->out;
}

bool job_give(struct session *s, enum fault_code (*run)(struct session *, struct job *, struct fault *),
              void (*then)(struct session *))
{
    struct job *job = &s->job;
    job->run = run;
    job->then = then;
    bool done = job_at_once(s, job);
    if (!done && !job_to_worker(s, job))
        return false;
    if (s->state == SESSION_READY)
        session_enter(s, SESSION_BUSY);
    if (done)
        then(s);
    return true;
}

void job_clear(struct job *job)
{
    tree_list_free(&job->list);
    memset(&job->list, 0, sizeof job->list);
    job->list_is_file = false;
    reader_free(job->reader);
    job->reader = NULL;
    buf_fini(&job->text);
    free(job->prefix);
    job->prefix = NULL;
    upload_free(job->upload);
    job->upload = NULL;
}

void job_trouble(struct session *s, const struct path *path)
{
    size_t at = 0, n;
    const char *component;
    struct mac mac;
    if (s->who.role != ROLE_HANDSET)
        return;
    while (path_next(path, &at, &component, &n))
        if (mac_prefix(component, n, &mac) && mac_equal(&mac, &s->who.mac))
            trouble_mark(session_fleet(s), &mac);
}
