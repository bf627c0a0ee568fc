/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/patrol.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "fleet/audit.h"
#include "fleet/grant.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define NICE    19
#define WORK_MS 20 /* at a stretch; then it rests as long */

struct patrol {
    struct fleet *fleet;
    pthread_t thread;
    bool joinable;
    struct principal actor;
    int64_t worked;       /* the thread's own: steady ms since when it has worked without a rest */
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t stirred;
    bool stopping;
    struct patrol_report report; /* its damage lies below */
    struct verify_damage damage[PATROL_NAMED];
};

struct patrol *patrol_new(struct fleet *fleet)
{
    struct patrol *patrol = calloc(1, sizeof *patrol);
    if (patrol == NULL)
        return NULL;
    pthread_condattr_t steady;
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_mutex_init(&patrol->lock, NULL);
    pthread_cond_init(&patrol->stirred, &steady);
    pthread_condattr_destroy(&steady);
    patrol->fleet = fleet;
    return patrol;
}

void patrol_free(struct patrol *patrol)
{
    if (patrol == NULL)
        return;
    pthread_mutex_lock(&patrol->lock);
    patrol->stopping = true;
    pthread_cond_signal(&patrol->stirred);
    pthread_mutex_unlock(&patrol->lock);
    if (patrol->joinable)
        pthread_join(patrol->thread, NULL);
    pthread_mutex_destroy(&patrol->lock);
    pthread_cond_destroy(&patrol->stirred);
    free(patrol);
}

/* --- its thread --- */

static bool pace(void *user, const struct verify_counts *counts)
{
    struct patrol *patrol = user;
    int64_t busy = clock_steady_ms() - patrol->worked;
    pthread_mutex_lock(&patrol->lock);
    patrol->report.counts = *counts;
    if (busy >= WORK_MS) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += busy / 1000;
        until.tv_nsec += busy % 1000 * 1000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
        while (!patrol->stopping && pthread_cond_timedwait(&patrol->stirred, &patrol->lock, &until) == 0)
            continue;
        patrol->worked = clock_steady_ms();
    }
    bool goes_on = !patrol->stopping;
    pthread_mutex_unlock(&patrol->lock);
    return goes_on;
}

static void on_damage(void *user, const struct verify_damage *damage)
{
    struct patrol *patrol = user;
    log_event(LOG_CONTENT_DAMAGED, "content=%s place=%s why=%s", damage->content, LOG_VALUE(damage->place),
              LOG_VALUE(damage->words));
    pthread_mutex_lock(&patrol->lock);
    if (patrol->report.named < PATROL_NAMED)
        patrol->damage[patrol->report.named++] = *damage;
    pthread_mutex_unlock(&patrol->lock);
}

static void end(struct patrol *patrol, enum fault_code code, const struct verify_counts *counts,
                const struct fault *why)
{
    pthread_mutex_lock(&patrol->lock);
    struct patrol_report *report = &patrol->report;
    report->ended = clock_wall_ms();
    report->state = code == FAULT_OK ? PATROL_DONE : PATROL_FAILED;
    if (code == FAULT_OK)
        report->counts = *counts;
    else
        mem_copy_text(report->words, sizeof report->words, why->text);
    struct verify_counts final = report->counts;
    pthread_mutex_unlock(&patrol->lock);
    char detail[120];
    snprintf(detail, sizeof detail, "contents=%lld bytes=%lld damaged=%lld", (long long) final.done,
             (long long) final.done_bytes, (long long) final.damaged);
    log_event(LOG_VERIFY_END, "%s why=%s", detail, LOG_VALUE(code == FAULT_OK ? NULL : why->text));
    const struct audit_event event = { .kind = AUDIT_KIND_VERIFY,
                                       .who = &patrol->actor,
                                       .outcome = code != FAULT_OK    ? fault_word(code)
                                                  : final.damaged > 0 ? fault_word(FAULT_DAMAGED)
                                                                      : NULL,
                                       .detail = detail };
    audit_note(patrol->fleet, &event);
}

static void *run(void *user)
{
    struct patrol *patrol = user;
    const struct verify_walk walk = { pace, on_damage, patrol };
    struct verify_counts counts = { 0 };
    struct fault f = { 0 };
    /* On Linux a thread has a niceness of its own; without it the rests alone have to do. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    patrol->worked = clock_steady_ms();
    enum fault_code code = verify_all(patrol->fleet->db, patrol->fleet->vault, &walk, &counts, &f);
    end(patrol, code, &counts, &f);
    return NULL;
}

/* --- asking --- */

static enum fault_code start(struct patrol *patrol, const struct principal *actor, struct fault *f)
{
    if (patrol->report.state == PATROL_RUNNING || patrol->stopping)
        return fault_set(f, FAULT_CONFLICT, "the catalog is being verified already");
    if (patrol->joinable)
        pthread_join(patrol->thread, NULL); /* it has ended, or is about to */
    patrol->joinable = false;
    patrol->actor = *actor;
    patrol->report = (struct patrol_report){ .state = PATROL_RUNNING, .started = clock_wall_ms() };
    if (pthread_create(&patrol->thread, NULL, run, patrol) != 0) {
        patrol->report.state = PATROL_IDLE;
        return fault_set(f, FAULT_MEMORY, "cannot start a thread");
    }
    patrol->joinable = true;
    pthread_setname_np(patrol->thread, "cradle-patrol");
    return FAULT_OK;
}

enum fault_code patrol_begin(struct fleet *fleet, const struct principal *actor, struct fault *f)
{
    struct patrol *patrol = fleet->patrol;
    enum fault_code code = grant_role(actor, GRANT_ADMINISTER, f);
    if (code)
        return code;
    pthread_mutex_lock(&patrol->lock);
    code = start(patrol, actor, f);
    pthread_mutex_unlock(&patrol->lock);
    if (code == FAULT_OK)
        log_event(LOG_VERIFY, "by=%s address=%s", LOG_VALUE(principal_name(actor)), actor->address);
    return code;
}

enum fault_code patrol_look(struct fleet *fleet, struct patrol_report *ret_report, struct fault *f)
{
    struct patrol *patrol = fleet->patrol;
    struct verify_damage *copy = malloc(sizeof patrol->damage);
    if (copy == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    pthread_mutex_lock(&patrol->lock);
    *ret_report = patrol->report;
    memcpy(copy, patrol->damage, patrol->report.named * sizeof copy[0]);
    pthread_mutex_unlock(&patrol->lock);
    ret_report->damage = copy;
    return FAULT_OK;
}
