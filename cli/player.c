/* SPDX-License-Identifier: Apache-2.0 */
/* A boot:
 *
 *   IDLE > STEP (a row of the trace) > STEP > … > IDLE
 *          STEP (the master) > FILE (a name of its CONFIG_FILES) > FILE > … > STEP
 *          STEP (the master, absent) > DEFAULT > FILE > …
 *          over FTPS with one connection a file: any of them > QUIT > the next
 */
#include "cli/player.h"
#include "base/clock.h"
#include "base/mem.h"
#include "cli/address.h"
#include "cli/master.h"
#include "cli/transfer.h"
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define EVENTS      256
#define PROGRESS_MS 500

struct slot {
    struct player *player;
    uint32_t number;
    bool active; /* a boot is under way; otherwise nothing is allocated */
    struct roster_handset *handset;
    CURLM *multi;
    CURL *easy;
    int64_t timer_at;  /* steady ms; -1: none */
    int watched;       /* sockets that libcurl wants to hear of */
    int control;       /* the socket of an FTP session, -1: none */
    bool control_mine; /* libcurl does not watch it now, the player does */
    int64_t began_us;
    bool good, over;
    bool wants_default, owes_quit;
    size_t next_step, next_file;
    struct master master;
    char folder[TRACE_NAME_LIMIT + 1]; /* of the last file, with its slash */
    struct transfer transfer;
};

struct player {
    struct transfer_setup setup;
    struct roster *roster;
    int epoll;
    struct slot *slots;
    size_t slot_count, busy;
    struct roster_handset **queue; /* a ring of those whose turn it is; room for all */
    size_t queue_head, queued;
    size_t total; /* boots */
    int64_t shown_ms;
    bool shows;
};

static int64_t now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int on_timer(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    struct slot *s = context;
    s->timer_at = timeout_ms < 0 ? -1 : clock_steady_ms() + timeout_ms;
    return 0;
}

/* libcurl 7.88 does not listen to the control connection while it shakes hands on the data connection,
 * although replies are due there that must come first: it waits for the time limit. So the player goes on
 * watching that socket, for changes only. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *socket_context)
{
    (void)easy;
    struct slot *s = context;
    struct epoll_event event = { .data.u64 = (uint64_t)s->number << 32 | (uint32_t)fd };
    bool removed = what == CURL_POLL_REMOVE, control = fd == s->control;
    if (control)
        s->control_mine = removed;
    if (!removed)
        event.events =
            ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0);
    else if (control)
        event.events = EPOLLIN | EPOLLET;
    int epoll = s->player->epoll;
    if (event.events == 0)
        (void)epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
    else if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) != 0 && errno == ENOENT)
        (void)epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    /* The context only tells whether this socket was counted. */
    if (removed || socket_context == NULL) {
        s->watched += removed ? -1 : 1;
        (void)curl_multi_assign(s->multi, fd, removed ? NULL : s);
    }
    return 0;
}

/* The first socket of a session is the control connection. */
static int on_open(void *context, curl_socket_t fd, curlsocktype purpose)
{
    (void)purpose;
    struct slot *s = context;
    if (s->control < 0) {
        s->control = fd;
        s->control_mine = false;
    }
    return CURL_SOCKOPT_OK;
}

static int on_close(void *context, curl_socket_t fd)
{
    struct slot *s = context;
    if (fd == s->control)
        s->control = -1;
    return close(fd);
}

static void end_boot(struct slot *s)
{
    struct player *p = s->player;
    curl_easy_cleanup(s->easy);
    curl_multi_cleanup(s->multi);
    s->easy = NULL;
    s->multi = NULL;
    transfer_fini(&s->transfer);
    report_boot(p->setup.report, (uint32_t)(now_us() - s->began_us), s->good);
    s->active = false;
    p->busy--;
    if (s->handset->boots < p->setup.options->boots)
        p->queue[(p->queue_head + p->queued++) % p->roster->count] = s->handset;
}

/* Ends the boot; true, because nothing else is to be begun. */
static bool fail_locally(struct slot *s, const char *what)
{
    report_error(s->player->setup.report, REPORT_LOCAL, 0, "%s: %s", s->handset->mac.text, what);
    s->good = false;
    s->over = true;
    return true;
}

static bool launch(struct slot *s, const struct trace_step *step, const char *path)
{
    if (!transfer_begin(&s->transfer, &s->player->setup, s->handset, s->easy, step, path)) {
        s->good = false;
        s->over = true;
        return true;
    }
    if (s->player->setup.options->trace->protocol == TRACE_FTPS) {
        curl_easy_setopt(s->easy, CURLOPT_SOCKOPTFUNCTION, on_open);
        curl_easy_setopt(s->easy, CURLOPT_SOCKOPTDATA, s);
        curl_easy_setopt(s->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
        curl_easy_setopt(s->easy, CURLOPT_CLOSESOCKETDATA, s);
    }
    if (curl_multi_add_handle(s->multi, s->easy) != CURLM_OK)
        return fail_locally(s, "libcurl does not begin a transfer");
    return true;
}

/* Fills the variables of a row's name in and puts it into its folder; false when the result is no name. */
static bool name_path(struct slot *s, const char *name, const char *folder, char *path, size_t size)
{
    char app_file[MASTER_ENTRY_LIMIT + 1], expanded[TRACE_NAME_LIMIT + 1], place[TRACE_NAME_LIMIT + 1];
    struct trace_values values = { s->handset->mac.text, s->player->setup.options->part, "SL_8440", "" };
    const char *app = s->master.app_file[0] != '\0' ? s->master.app_file : "[PART].sip.ld";
    if (!trace_expand(app, &values, app_file, sizeof app_file))
        return false;
    values.app_file = app_file;
    return trace_expand(name, &values, expanded, sizeof expanded) &&
           trace_expand(folder, &values, place, sizeof place) && trace_place(place, expanded, path, size);
}

static const struct trace_step quit_step = { TRACE_QUIT, TRACE_END, TRACE_ROOT, "" };
static const struct trace_step default_step = { TRACE_GET, TRACE_DEFAULT, TRACE_ROOT, "000000000000.cfg" };
static const struct trace_step file_step = { TRACE_GET, TRACE_REQUIRED, TRACE_ROOT, "" };

/* The next file that the master names; false when there is none left. */
static bool next_file(struct slot *s)
{
    char path[TRACE_NAME_LIMIT + 1];
    while (s->next_file < s->master.count) {
        const char *name = s->master.files[s->next_file++];
        if (strstr(name, "://") != NULL)
            s->player->setup.report->skipped++;
        else if (name_path(s, name, "", path, sizeof path))
            return launch(s, &file_step, path);
        else
            return fail_locally(s, "a name in CONFIG_FILES is too long");
    }
    return false;
}

static bool next_step(struct slot *s)
{
    const struct options *o = s->player->setup.options;
    char path[TRACE_NAME_LIMIT + 1];
    while (s->next_step < o->trace->count) {
        const struct trace_step *step = &o->trace->steps[s->next_step++];
        bool left_out =
            (step->rule == TRACE_FIRMWARE && !o->firmware) || (step->verb == TRACE_QUIT && !o->keep);
        if (left_out)
            continue;
        /* In the folder where the session is: otherwise libcurl would still send CWD after QUIT. */
        if (step->verb == TRACE_QUIT)
            return launch(s, step, s->folder);
        if (!name_path(s, step->name, s->master.folders[step->folder], path, sizeof path))
            return fail_locally(s, "a name is too long");
        return launch(s, step, path);
    }
    return false;
}

/* Begins whatever comes next, or sets s->over. */
static void go_on(struct slot *s)
{
    if (s->owes_quit) {
        s->owes_quit = false;
        (void)launch(s, &quit_step, s->folder);
    } else if (s->wants_default) {
        s->wants_default = false;
        (void)launch(s, &default_step, default_step.name);
    } else if (!next_file(s) && !next_step(s)) {
        s->over = true;
    }
}

static void take_master(struct slot *s)
{
    struct transfer *t = &s->transfer;
    struct fault f;
    if (master_parse(t->text.data != NULL ? t->text.data : "", t->text.used, &s->master, &f) == FAULT_OK)
        return;
    memset(&s->master, 0, sizeof s->master);
    report_error(s->player->setup.report, REPORT_CONTENT, 0, "%s GET /%s: %s", s->handset->mac.text, t->path,
                 f.text);
    s->good = false;
}

/* The transfer under way has ended: judges it and begins the next. */
static void ended(struct slot *s, CURLcode code)
{
    const struct options *o = s->player->setup.options;
    struct transfer *t = &s->transfer;
    curl_multi_remove_handle(s->multi, s->easy);
    uint64_t errors = s->player->setup.report->errors;
    enum transfer_outcome outcome = transfer_end(t, code);
    enum trace_rule rule = t->step.rule;
    if (s->player->setup.report->errors != errors)
        s->good = false;
    if (outcome == TRANSFER_GOOD && (rule == TRACE_MASTER || rule == TRACE_DEFAULT))
        take_master(s);
    s->wants_default = rule == TRACE_MASTER && outcome == TRANSFER_ABSENT;
    /* Where this side dropped the data, libcurl closed the session too. */
    s->owes_quit = o->trace->protocol == TRACE_FTPS && !o->keep && t->step.verb != TRACE_QUIT && !t->dropped;
    char *slash = strrchr(t->path, '/');
    if (slash != NULL)
        slash[1] = '\0';
    (void)mem_copy_text(s->folder, sizeof s->folder, slash != NULL ? t->path : "");
    transfer_fini(t);
    if (outcome == TRANSFER_FATAL)
        s->over = true;
    else
        go_on(s);
}

/* After libcurl worked for a slot: takes what has ended. */
static void follow_up(struct slot *s)
{
    int left;
    CURLMsg *message;
    while (!s->over && (message = curl_multi_info_read(s->multi, &left)) != NULL)
        if (message->msg == CURLMSG_DONE)
            ended(s, message->data.result);
    if (s->over)
        end_boot(s);
}

static void drive(struct slot *s, curl_socket_t fd, int events)
{
    int running;
    (void)curl_multi_socket_action(s->multi, fd, events, &running);
    follow_up(s);
}

/* libcurl 7.88 forgets to begin the data connection when the reply to PASV comes at once: it then waits for
 * no socket and no timer but the time limit. The only call that makes it look again at everything is one that
 * it calls deprecated, because it costs when many transfers share a handle; here it is one. */
static void nudge(struct slot *s)
{
    int running;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    (void)curl_multi_socket_all(s->multi, &running);
#pragma GCC diagnostic pop
    follow_up(s);
}

static void begin_boot(struct slot *s, struct roster_handset *handset)
{
    struct player *p = s->player;
    handset->boots++;
    *s = (struct slot){ .player = p,
                        .number = s->number,
                        .handset = handset,
                        .timer_at = -1,
                        .control = -1,
                        .began_us = now_us(),
                        .good = true };
    p->busy++;
    s->active = true;
    s->multi = curl_multi_init();
    s->easy = curl_easy_init();
    if (s->multi == NULL || s->easy == NULL) {
        (void)fail_locally(s, "libcurl has no memory");
    } else {
        curl_multi_setopt(s->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
        curl_multi_setopt(s->multi, CURLMOPT_SOCKETDATA, s);
        curl_multi_setopt(s->multi, CURLMOPT_TIMERFUNCTION, on_timer);
        curl_multi_setopt(s->multi, CURLMOPT_TIMERDATA, s);
        go_on(s);
    }
    if (s->over)
        end_boot(s);
}

static void fill_slots(struct player *p)
{
    for (size_t i = 0; i < p->slot_count && p->queued > 0; i++) {
        struct slot *s = &p->slots[i];
        if (s->active)
            continue;
        struct roster_handset *h = p->queue[p->queue_head];
        p->queue_head = (p->queue_head + 1) % p->roster->count;
        p->queued--;
        begin_boot(s, h);
    }
}

static int64_t run_timers(struct player *p)
{
    int64_t now = clock_steady_ms(), next = now + PROGRESS_MS;
    for (size_t i = 0; i < p->slot_count; i++) {
        struct slot *s = &p->slots[i];
        if (s->active && s->timer_at >= 0 && s->timer_at <= now) {
            s->timer_at = -1;
            drive(s, CURL_SOCKET_TIMEOUT, 0);
        }
        if (s->active && s->watched == 0 && (s->timer_at < 0 || s->timer_at > now))
            nudge(s);
        if (s->active && s->timer_at >= 0 && s->timer_at < next)
            next = s->timer_at;
    }
    return next > now ? next - now : 0;
}

static void show(struct player *p, bool last)
{
    int64_t now = clock_steady_ms();
    if (!p->shows || (!last && now - p->shown_ms < PROGRESS_MS))
        return;
    p->shown_ms = now;
    const struct report *r = p->setup.report;
    fprintf(stderr, "\r%zu of %zu boots, %zu under way, %zu errors%s", (size_t)r->boots, p->total, p->busy,
            (size_t)r->errors, last ? "\n" : "  ");
}

static enum fault_code loop(struct player *p, const volatile sig_atomic_t *stop, struct fault *f)
{
    struct epoll_event events[EVENTS];
    while (!*stop) {
        fill_slots(p);
        int64_t wait = run_timers(p);
        if (p->busy == 0 && p->queued == 0)
            break;
        int n = epoll_wait(p->epoll, events, EVENTS, p->busy == 0 ? 0 : (int)wait);
        if (n < 0 && errno != EINTR)
            return fault_set(f, FAULT_IO, "epoll_wait: %s", strerror(errno));
        for (int i = 0; i < n; i++) {
            struct slot *s = &p->slots[events[i].data.u64 >> 32];
            uint32_t what = events[i].events;
            int action = ((what & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                         ((what & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                         ((what & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
            curl_socket_t fd = (curl_socket_t)(events[i].data.u64 & 0xffffffff);
            if (s->active && s->control_mine && fd == s->control)
                nudge(s);
            else if (s->active)
                drive(s, fd, action);
        }
        show(p, false);
    }
    show(p, true);
    return FAULT_OK;
}

/* Six a handset: control and data connection, and what libcurl uses itself. */
static enum fault_code raise_limit(size_t slots, struct fault *f)
{
    struct rlimit limit;
    rlim_t need = 6 * slots + 64;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need)
        return FAULT_OK;
    if (limit.rlim_max < need)
        return fault_set(f, FAULT_INPUT,
                         "%zu handsets at once need %ju open files, %ju are allowed: raise ulimit -n or "
                         "lower --concurrency",
                         slots, (uintmax_t)need, (uintmax_t)limit.rlim_max);
    limit.rlim_cur = need;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    return FAULT_OK;
}

enum fault_code player_play(const struct options *options, struct roster *roster, struct expect *expect,
                            struct report *report, const volatile sig_atomic_t *stop, struct fault *f)
{
    struct player p = { .setup = { options, expect, report, NULL },
                        .roster = roster,
                        .epoll = -1,
                        .total = roster->count * options->boots };
    p.slot_count = options->concurrency < roster->count ? options->concurrency : roster->count;
    p.shows = options->progress < 0 ? isatty(STDERR_FILENO) : options->progress > 0;
    report->concurrency = p.slot_count;
    enum fault_code code = raise_limit(p.slot_count, f);
    if (code == FAULT_OK)
        code = address_look_up(options->trace->protocol == TRACE_FTPS ? options->ftps : options->url,
                               &p.setup.resolve, f);
    if (code == FAULT_OK && (p.slots = calloc(p.slot_count, sizeof *p.slots)) == NULL)
        code = fault_set(f, FAULT_MEMORY, "out of memory");
    if (code == FAULT_OK && (p.queue = calloc(roster->count, sizeof(struct roster_handset *))) == NULL)
        code = fault_set(f, FAULT_MEMORY, "out of memory");
    if (code == FAULT_OK && (p.epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
        code = fault_set(f, FAULT_IO, "epoll_create1: %s", strerror(errno));
    if (code == FAULT_OK) {
        for (size_t i = 0; i < p.slot_count; i++)
            p.slots[i] = (struct slot){ .player = &p, .number = (uint32_t)i };
        for (size_t i = 0; i < roster->count; i++)
            p.queue[p.queued++] = &roster->all[i];
        int64_t began = now_us();
        code = loop(&p, stop, f);
        report->elapsed_us = now_us() - began;
    }
    /* Only after an interruption is anything still under way: whether its upload arrived, nobody knows. */
    for (size_t i = 0; p.slots != NULL && i < p.slot_count; i++) {
        struct slot *s = &p.slots[i];
        if (!s->active)
            continue;
        if (s->transfer.log != NULL && s->transfer.step.verb != TRACE_SIZE)
            diary_unsure(s->transfer.log);
        curl_multi_remove_handle(s->multi, s->easy);
        s->good = false;
        end_boot(s);
    }
    free(p.slots);
    free(p.queue);
    curl_slist_free_all(p.setup.resolve);
    if (p.epoll >= 0)
        close(p.epoll);
    return code;
}
