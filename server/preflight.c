/* SPDX-License-Identifier: Apache-2.0 */
#include "server/preflight.h"

#include "base/log.h"
#include "base/mem.h"
#include "pki/check.h"

static enum fault_code look_at_chains(const struct settings *settings, struct findings *findings,
                                      struct fault *f)
{
    const struct check_terms terms = { .role = CHECK_SERVER, .soon = CHECK_SOON };
    const struct {
        const char *chain, *key;
    } pairs[] = { { settings->certificate, settings->certificate_key },
                  { settings->certificate2, settings->certificate2_key } };
    enum fault_code code = FAULT_OK;
    for (size_t i = 0; code == FAULT_OK && i < ARRAY_LENGTH(pairs); i++)
        if (pairs[i].chain[0] != '\0')
            code = check_chain(pairs[i].chain, pairs[i].key, &terms, findings, f);
    return code;
}

static enum fault_code look_at_bundles(const struct settings *settings, struct findings *findings,
                                       struct fault *f)
{
    const struct {
        enum check_role role;
        const char *ca, *crl;
    } bundles[] = { { CHECK_HANDSET, settings->ca_handset, settings->crl_handset },
                    { CHECK_ADMINISTRATOR, settings->ca_administrator, settings->crl_administrator },
                    { CHECK_ADMINISTRATOR, settings->ca_operator, settings->crl_operator } };
    enum fault_code code = FAULT_OK;
    for (size_t i = 0; code == FAULT_OK && i < ARRAY_LENGTH(bundles); i++) {
        const struct check_terms terms = { .role = bundles[i].role, .soon = CHECK_SOON };
        if (bundles[i].ca[0] != '\0')
            code = check_bundle(bundles[i].ca, bundles[i].crl, &terms, findings, f);
    }
    return code;
}

enum fault_code preflight_look(const struct settings *settings, struct findings *findings, struct fault *f)
{
    enum fault_code code = look_at_chains(settings, findings, f);
    return code ? code : look_at_bundles(settings, findings, f);
}

static void log_finding(const struct finding *finding)
{
    log_event(finding->severity == FINDING_INFO ? LOG_CERTIFICATE_NOTE : LOG_CERTIFICATE_FINDING,
              "severity=%s finding=%s file=%s certificate=%u subject=%s meaning=%s text=%s remedy=%s",
              finding_severity_word(finding->severity), finding_word(finding->id), LOG_VALUE(finding->source),
              finding->certificate, LOG_VALUE(finding->subject), LOG_VALUE(finding_meaning(finding->id)),
              LOG_VALUE(finding->text), LOG_VALUE(finding_remedy(finding->id)));
}

enum fault_code preflight(const struct settings *settings, struct fault *f)
{
    struct findings findings = { 0 };
    enum fault_code code = preflight_look(settings, &findings, f);
    for (size_t i = 0; i < findings.count; i++)
        log_finding(&findings.list[i]);
    if (code == FAULT_OK && findings.worst == FINDING_FATAL) {
        char words[400];
        finding_words(finding_worst(&findings), words, sizeof words);
        code = fault_set(f, FAULT_INPUT, "%s", words);
    }
    findings_fini(&findings);
    return code;
}
