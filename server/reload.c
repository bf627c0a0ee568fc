/* SPDX-License-Identifier: Apache-2.0 */
#include "server/reload.h"

#include "base/log.h"
#include "base/mem.h"
#include "fleet/audit.h"

#define NAMES_MAX 32

/* What was changed and cannot be while the daemon runs keeps its value. */
static void keep_started(struct settings *fresh, const struct settings *running)
{
    const char *names[NAMES_MAX];
    size_t n = settings_keep_started(fresh, running, names, NAMES_MAX);
    for (size_t i = 0; i < n && i < NAMES_MAX; i++)
        log_event(LOG_SETTINGS_WARNING,
                  "setting=%s text=\"was changed, which takes effect at the next start\"", names[i]);
}

/* Takes the settings out of `load`. Nothing but a lack of memory can fail here, and then before the rest is
 * touched. */
static enum fault_code swap(struct load *load, struct tls_trust *trust, const struct serving *s,
                            struct fault *f)
{
    struct settings *settings = load->settings;
    load->settings = NULL;
    keep_started(settings, s->fleet->settings);
    enum fault_code code = fleet_settings_set(s->fleet, settings, f);
    if (code != FAULT_OK)
        return code;
    log_threshold(s->fleet->settings->log_level);
    fleet_trust_set(s->fleet, trust);
    https_renew(s->https, load->identity);
    ftps_renew(s->ftps, load->identity);
    ftps_look_again(s->ftps);
    return FAULT_OK;
}

/* What is wrong with anything else must not keep a revocation out. The settings and CAs that are in force
 * stay: with other CAs this would let somebody in by half of a change. */
static void take_revocations(const struct serving *s)
{
    struct fault f;
    struct tls_trust *running = fleet_trust(s->fleet), *fresh = NULL;
    if (fleet_trust_load(s->fleet->settings, &fresh, &f) == FAULT_OK && tls_trust_same_cas(running, fresh)) {
        fleet_trust_set(s->fleet, fresh);
        ftps_look_again(s->ftps);
        log_event(LOG_RELOAD_REVOCATIONS, NULL);
    }
    tls_trust_unref(fresh);
    tls_trust_unref(running);
}

static void record(struct fleet *fleet, const char *cause, const struct fault *failure)
{
    char detail[sizeof failure->text + 64];
    snprintf(detail, sizeof detail, "cause=%s%s%s", cause, failure ? "; " : "", failure ? failure->text : "");
    const struct audit_event event = { .kind = AUDIT_KIND_SETTINGS_RELOAD,
                                       .outcome = failure ? "failed" : NULL,
                                       .detail = detail };
    audit_note(fleet, &event);
}

void reload(const struct load_source *source, struct watch *watch, const struct serving *serving,
            const char *cause)
{
    struct fault f;
    struct load load = { 0 };
    struct tls_trust *trust = NULL;
    enum fault_code code = load_files(source, watch, &load, &f);
    if (code == FAULT_OK)
        code = fleet_trust_load(load.settings, &trust, &f);
    if (code == FAULT_OK)
        code = swap(&load, trust, serving, &f);
    if (code == FAULT_OK) {
        log_event(LOG_RELOAD_DONE, "cause=%s", cause);
        load_warn(serving->fleet->settings, load.identity);
        load_warn_trust(trust);
    } else {
        log_event(LOG_RELOAD_FAILED, "cause=%s why=%s", cause,
                  log_value(f.text, (char[2 * sizeof f.text]){ 0 }, 2 * sizeof f.text));
        take_revocations(serving);
    }
    record(serving->fleet, cause, code == FAULT_OK ? NULL : &f);
    tls_trust_unref(trust);
    load_fini(&load);
}
