/* SPDX-License-Identifier: Apache-2.0 */
#include "server/load.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/token.h"
#include "server/preflight.h"

#include <stdio.h>

enum fault_code load_identity(const struct settings *settings, struct tls_identity **ret_identity,
                              struct fault *f)
{
    if (settings->certificate[0] == '\0')
        return fault_set(f, FAULT_INPUT,
                         "no server certificate: set certificate and certificate_key in the settings");
    enum fault_code code = token_start(settings->pkcs11_module, f);
    if (code != FAULT_OK)
        return code;
    const struct tls_identity_files files = {
        .chain = { settings->certificate, settings->certificate2 },
        .key = { settings->certificate_key, settings->certificate2_key },
        .staple = { settings->ocsp_staple, settings->ocsp_staple2 },
        .pin_file = settings->pkcs11_pin_file,
        .priority = settings->tls_priority,
        .legacy = (enum tls_version)settings->legacy_tls_minimum,
    };
    return tls_identity_load(&files, ret_identity, f);
}

enum fault_code load_files(const struct load_source *source, struct watch *watch, struct load *ret_load,
                           struct fault *f)
{
    struct load load = { 0 };
    struct watch fresh;
    watch_begin(&fresh, source->file);
    enum fault_code code =
        settings_load(source->file, source->overrides, source->n_overrides, &load.settings, f);
    if (code == FAULT_OK)
        watch_add(&fresh, load.settings);
    else if (watch != NULL)
        watch_add_former(&fresh, watch);
    if (watch != NULL)
        *watch = fresh;
    if (code == FAULT_OK)
        code = preflight(load.settings, f);
    if (code == FAULT_OK)
        code = load_identity(load.settings, &load.identity, f);
    if (code == FAULT_OK)
        *ret_load = load;
    else
        load_fini(&load);
    return code;
}

void load_fini(struct load *load)
{
    settings_free(load->settings);
    tls_identity_unref(load->identity);
    *load = (struct load){ 0 };
}

static const char *const staple_names[] = { "ocsp_staple", "ocsp_staple2" };

static void warn_of_staples(const struct tls_identity *identity)
{
    for (int i = 0; i < 2; i++) {
        const char *note = tls_identity_note(identity, i);
        if (note != NULL)
            log_event(LOG_SETTINGS_WARNING, "setting=%s text=%s", staple_names[i], LOG_VALUE(note));
    }
}

void load_print_staples(const struct tls_identity *identity)
{
    for (int i = 0; i < 2; i++) {
        const char *note = tls_identity_note(identity, i);
        if (note != NULL)
            printf("warning: %s: %s\n", staple_names[i], note);
    }
}

static void warn_of_old_tls(const struct settings *settings, const struct tls_identity *identity)
{
    const struct {
        const struct settings_listen *listen;
        const char *name;
    } pair[] = { { &settings->legacy_https_listen, "legacy_https_listen" },
                 { &settings->legacy_ftps_listen, "legacy_ftps_listen" } };
    enum tls_version floor = (enum tls_version)settings->legacy_tls_minimum;
    for (size_t i = 0; i < ARRAY_LENGTH(pair); i++)
        if (pair[i].listen->count > 0)
            log_event(LOG_SETTINGS_WARNING,
                      "setting=%s text=\"speaks TLS from %s on, with ciphers that are weak, for handsets "
                      "marked legacy: replace them, then empty it\"",
                      pair[i].name, tls_version_name(floor));
    floor = tls_identity_floor(identity);
    if (floor < TLS_1_2)
        log_event(LOG_SETTINGS_WARNING,
                  "setting=tls_priority text=\"lets everybody speak TLS %s, which is broken: use the legacy "
                  "listeners for handsets that know nothing newer\"",
                  tls_version_name(floor));
}

void load_warn(const struct settings *settings, const struct tls_identity *identity)
{
    const struct {
        enum settings_factors factors;
        const char *bundle, *name;
    } roles[] = { { settings->auth_handset, settings->ca_handset, "ca_handset" },
                  { settings->auth_administrator, settings->ca_administrator, "ca_administrator" },
                  { settings->auth_operator, settings->ca_operator, "ca_operator" } };
    for (size_t i = 0; i < ARRAY_LENGTH(roles); i++)
        if ((roles[i].factors == FACTORS_CERTIFICATE || roles[i].factors == FACTORS_BOTH) &&
            roles[i].bundle[0] == '\0')
            log_event(
                LOG_SETTINGS_WARNING,
                "setting=%s text=\"is empty, but this role needs a certificate: nobody of it can log in\"",
                roles[i].name);
    if (settings->unclean_close[0] != '\0')
        log_event(LOG_SETTINGS_WARNING, "setting=unclean_close text=\"uploads cut short look whole\"");
    warn_of_old_tls(settings, identity);
    warn_of_staples(identity);
}

void load_warn_trust(const struct tls_trust *trust)
{
    static const char *const names[TLS_BUNDLES] = { "crl_handset", "crl_administrator", "crl_operator" };
    int64_t now = clock_wall_ms() / 1000;
    for (int i = 0; i < TLS_BUNDLES; i++) {
        int64_t due = tls_trust_stale(trust, i, now);
        if (due > 0)
            log_event(LOG_CRL_STALE, "setting=%s overdue_days=%lld", names[i],
                      (long long)((now - due) / 86400));
    }
}
