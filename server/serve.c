/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "server/serve.h"

#include "base/log.h"
#include "fleet/audit.h"
#include "fleet/fleet.h"
#include "fleet/reseal.h"
#include "ftps/ftps.h"
#include "server/command.h"
#include "server/https.h"
#include "server/reload.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

static void tear_down(struct serving *s)
{
    ftps_stop(s->ftps);
    https_stop(s->https);
    fleet_close(s->fleet);
}

static enum fault_code set_up(const struct load *load, struct serving *s, struct fault *f)
{
    enum fault_code code = fleet_open(load->settings, &s->fleet, f);
    if (code != FAULT_OK)
        return code;
    if (s->fleet->cleaned > 0)
        log_event(LOG_DB_CLEANED, "contents=%lld", (long long)s->fleet->cleaned);
    if (s->fleet->upgraded > 0)
        log_event(LOG_DB_UPGRADED, "steps=%d", s->fleet->upgraded);
    if (s->fleet->adopted.adopted > 0 || s->fleet->adopted.damaged > 0)
        log_event(LOG_DB_ADOPTED, "contents=%lld damaged=%lld", (long long)s->fleet->adopted.adopted,
                  (long long)s->fleet->adopted.damaged);
    load_warn(load->settings, load->identity);
    struct tls_trust *trust = fleet_trust(s->fleet);
    load_warn_trust(trust);
    tls_trust_unref(trust);
    code = audit_serve(s->fleet, "version=" PACKAGE_VERSION, f);
    if (code == FAULT_OK)
        code = reseal_start(s->fleet, f);
    if (code == FAULT_OK)
        code = https_start(s->fleet, load->identity, &s->https, f);
    if (code == FAULT_OK)
        code = ftps_start(s->fleet, load->identity, &s->ftps, f);
    return code;
}

static void print_listeners(const char *protocol, const struct settings_listen *listen)
{
    for (size_t i = 0; i < listen->count; i++)
        log_event(LOG_DAEMON_READY, "protocol=%s address=%s port=%u", protocol, listen->at[i].host,
                  (unsigned)listen->at[i].port);
}

static void print_ready(const char *welcome)
{
    puts("ready");
    FILE *text = welcome ? fopen(welcome, "re") : NULL;
    if (text) {
        int c;
        while ((c = getc(text)) != EOF)
            putchar(c);
        fclose(text);
    }
    fflush(stdout);
}

/* The next signal; 0 when none came for so long (0: waits for ever). */
static int next_signal(const sigset_t *signals, int64_t wait_ms)
{
    const struct timespec wait = { .tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000 };
    for (;;) {
        int number = wait_ms > 0 ? sigtimedwait(signals, NULL, &wait) : sigwaitinfo(signals, NULL);
        if (number > 0)
            return number;
        if (errno == EAGAIN)
            return 0;
    }
}

/* Until a signal ends it, which is given. */
static int attend(const struct load_source *source, const sigset_t *signals, struct watch *watch,
                  const struct serving *s)
{
    for (;;) {
        int number = next_signal(signals, s->fleet->settings->watch_interval);
        if (number == SIGHUP)
            reload(source, watch, s, "signal");
        else if (number != 0)
            return number;
        else if (watch_look(watch))
            reload(source, watch, s, "change");
    }
}

static int serve_loaded(const struct load_source *source, const struct load *load, struct watch *watch,
                        const sigset_t *signals, const char *welcome)
{
    struct fault f;
    struct serving serving = { 0 };
    log_threshold(load->settings->log_level);
    log_event(LOG_DAEMON_START, "version=%s state=%s", PACKAGE_VERSION, LOG_VALUE(load->settings->state));
    if (set_up(load, &serving, &f) != FAULT_OK) {
        log_event(LOG_DAEMON_FAILED, "why=%s", LOG_VALUE(f.text));
        tear_down(&serving);
        return command_failed(&f);
    }
    print_listeners("https", https_bound(serving.https));
    print_listeners("ftps", ftps_bound(serving.ftps));
    print_ready(welcome);
    int number = attend(source, signals, watch, &serving);
    tear_down(&serving);
    log_event(LOG_DAEMON_STOP, "signal=%d", number);
    return COMMAND_OK;
}

int serve(const struct load_source *source, const char *welcome)
{
    /* Blocked before any thread starts, so that every thread inherits it and only this one receives them. */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);

    struct fault f;
    struct load load = { 0 };
    struct watch watch = { 0 };
    if (load_files(source, &watch, &load, &f) != FAULT_OK) {
        log_event(LOG_DAEMON_FAILED, "why=%s", LOG_VALUE(f.text));
        return command_failed(&f);
    }
    int status = serve_loaded(source, &load, &watch, &signals, welcome);
    load_fini(&load);
    return status;
}
