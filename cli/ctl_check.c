/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ctl_check.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/tls_file.h"
#include "cli/ctl_fleet.h"
#include "cli/live.h"
#include "pki/check.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#define DAY 86400

struct wish {
    const char *key, *role, *ca, *crl, *live;
    struct ctl_list names;
    long soon; /* days */
    bool dns, fleet;
    struct ctl_words files;
};

/* --- reading the command line --- */

static int wrong(const char *words)
{
    fprintf(stderr, "cradlectl: %s\nTry cradlectl pki check --help.\n", words);
    return CTL_USAGE;
}

static int read_wish(struct ctl *ctl, int argc, char **argv, struct wish *wish)
{
    const struct ctl_option options[] = {
        { "key", "FILE", CTL_TEXT, &wish->key,
          "the private key of the certificate in FILE (a login's key: CRADLE_KEY)", 0, 0 },
        { "name", "HOST", CTL_LIST, &wish->names,
          "a name or address that the server must answer to; may be repeated", 0, 0 },
        { "role", "WORD", CTL_TEXT, &wish->role,
          "what the certificate is for: server (default), handset, administrator, operator; ca: FILE is a "
          "bundle of "
          "CAs",
          0, 0 },
        { "ca", "BUNDLE", CTL_TEXT, &wish->ca,
          "the CAs that the other side holds (the CA of --fleet's server: CRADLE_CA)", 0, 0 },
        { "crl", "FILE", CTL_TEXT, &wish->crl, "CRLs to hold the certificates against", 0, 0 },
        { "live", "URL", CTL_TEXT, &wish->live,
          "look at what a server sends: https://HOST[:PORT] or ftps://HOST[:PORT]", 0, 0 },
        { "fleet", NULL, CTL_FLAG, &wish->fleet,
          "ask the server which handsets would not accept the chain in FILE", 0, 0 },
        { "soon", "DAYS", CTL_NUMBER, &wish->soon, "how long before it an expiry is announced (default 30)",
          0, 36500 },
        { "dns", NULL, CTL_FLAG, &wish->dns, "look the names up in the DNS", 0, 0 },
    };
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 0, CTL_LIST_MAX, &wish->files);
    if (status != CTL_GO)
        return status;
    if (wish->files.count == 0 && wish->live == NULL)
        return wrong("give a FILE, or --live URL");
    if (wish->key && wish->files.count != 1)
        return wrong("--key goes with one FILE");
    if (wish->fleet && wish->files.count != 1)
        return wrong("--fleet needs one FILE: the chain that the server is to have");
    if (wish->role && strcmp(wish->role, "ca") == 0 && (wish->key || wish->live || wish->fleet))
        return wrong("a bundle of CAs goes with none of --key, --live and --fleet");
    return CTL_GO;
}

static bool resolves(void *user, const char *name)
{
    struct addrinfo *found = NULL;
    (void)user;
    if (getaddrinfo(name, NULL, NULL, &found) != 0)
        return false;
    freeaddrinfo(found);
    return true;
}

static bool read_role(const char *word, enum check_role *ret_role)
{
    static const char *const roles[] = { [CHECK_SERVER] = "server",
                                         [CHECK_HANDSET] = "handset",
                                         [CHECK_ADMINISTRATOR] = "administrator",
                                         [CHECK_AUTHORITY] = "ca" };
    for (size_t i = 0; i < ARRAY_LENGTH(roles); i++)
        if (word == NULL || strcmp(word, roles[i]) == 0) {
            *ret_role = (enum check_role)i;
            return true;
        }
    /* Both are accounts' certificates, and the same is asked of them. */
    if (strcmp(word, "operator") == 0) {
        *ret_role = CHECK_ADMINISTRATOR;
        return true;
    }
    return false;
}

/* --- looking --- */

static enum fault_code look_at_files(const struct wish *wish, const struct check_terms *terms,
                                     struct findings *findings, struct fault *f)
{
    bool bundles = wish->role && strcmp(wish->role, "ca") == 0;
    enum fault_code code = FAULT_OK;
    for (size_t i = 0; code == FAULT_OK && i < wish->files.count; i++) {
        const char *file = wish->files.word[i];
        if (check_is_configuration(file))
            code = check_configuration(file, terms, findings, f);
        else if (bundles)
            code = check_bundle(file, wish->crl, terms, findings, f);
        else
            code = check_chain(file, wish->key, terms, findings, f);
    }
    if (code == FAULT_OK && wish->ca && !bundles)
        code = check_bundle(wish->ca, wish->crl, terms, findings, f);
    return code;
}

static json_t *describe_live(const struct live_target *target, const struct live *live)
{
    json_t *sent = json_array();
    for (size_t i = 0; i < live->count; i++) {
        char subject[160], issuer[160], until[32] = "-";
        finding_clean(subject, sizeof subject, live->sent[i].subject);
        finding_clean(issuer, sizeof issuer, live->sent[i].issuer);
        if (live->sent[i].until >= 0)
            clock_rfc3339(live->sent[i].until * 1000, until, sizeof until);
        json_array_append_new(
            sent, json_pack("{s:s, s:s, s:s}", "subject", subject, "issuer", issuer, "until", until));
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:o}", "host", target->host, "port", target->port, "protocol",
                     live->protocol, "cipher", live->cipher, "sent", sent);
}

static void print_live(const json_t *live)
{
    size_t i;
    const json_t *one;
    printf("%s port %s: %s, %s\n", json_string_value(json_object_get(live, "host")),
           json_string_value(json_object_get(live, "port")),
           json_string_value(json_object_get(live, "protocol")),
           json_string_value(json_object_get(live, "cipher")));
    json_array_foreach(json_object_get(live, "sent"), i, one)
    {
        printf("  sent %zu: %s\n           issued by %s, until %s\n", i + 1,
               json_string_value(json_object_get(one, "subject")),
               json_string_value(json_object_get(one, "issuer")),
               json_string_value(json_object_get(one, "until")));
    }
}

/* The host that was asked for is a name that the certificate must have. */
static enum fault_code look_at_server(const struct wish *wish, const struct check_terms *terms,
                                      struct findings *findings, json_t *answer, struct fault *f)
{
    struct live_target target;
    struct live live = { 0 };
    const char *names[CTL_LIST_MAX + 1];
    char source[280];
    struct check_terms own = *terms;
    enum fault_code code = live_parse(wish->live, &target, f);
    if (code == FAULT_OK)
        code = live_look(&target, &live, f);
    if (code != FAULT_OK)
        return code;
    struct check_der sent[LIVE_CERTIFICATES];
    for (size_t i = 0; i < live.count; i++)
        sent[i] = (struct check_der){ live.sent[i].der, live.sent[i].size };
    names[0] = target.host;
    memcpy(names + 1, wish->names.item, wish->names.count * sizeof names[0]);
    own.names = names;
    own.n_names = wish->names.count + 1;
    snprintf(source, sizeof source, "%s port %s", target.host, target.port);
    code = check_sent(sent, live.count, source, &own, findings, f);
    json_object_set_new(answer, "live", describe_live(&target, &live));
    live_fini(&live);
    return code;
}

/* --- saying --- */

static void add_findings(const struct findings *findings, json_t *answer)
{
    json_t *list = json_array();
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *one = &findings->list[i];
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:s}", "id", finding_word(one->id),
                            "severity", finding_severity_word(one->severity), "source", one->source,
                            "certificate", (int)one->certificate, "subject", one->subject, "meaning",
                            finding_meaning(one->id), "text", one->text, "remedy", finding_remedy(one->id)));
    }
    json_object_set_new(answer, "worst",
                        findings->count ? json_string(finding_severity_word(findings->worst)) : json_null());
    json_object_set_new(answer, "findings", list);
}

static void print_findings(const struct findings *findings)
{
    size_t counts[FINDING_FATAL + 1] = { 0 };
    for (size_t i = 0; i < findings->count; i++) {
        finding_print(stdout, &findings->list[i]);
        counts[findings->list[i].severity]++;
    }
    printf("%zu fatal, %zu warnings, %zu notes\n", counts[FINDING_FATAL], counts[FINDING_WARNING],
           counts[FINDING_INFO]);
}

static int status_of(enum finding_severity severity)
{
    return severity == FINDING_FATAL ? CTL_FAILED : severity == FINDING_WARNING ? CTL_WARNINGS : CTL_GOOD;
}

static int worse(int a, int b)
{
    return a == CTL_FAILED || b == CTL_FAILED ? CTL_FAILED : a > b ? a : b;
}

int ctl_check(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct wish wish = { .soon = CHECK_SOON / DAY };
    struct findings findings = { 0 };
    int status = read_wish(ctl, argc, argv, &wish), fleet = CTL_GOOD;
    if (status != CTL_GO)
        return status;
    struct check_terms terms = { .names = wish.names.item,
                                 .n_names = wish.names.count,
                                 .ca = wish.ca,
                                 .crl = wish.crl,
                                 .soon = (int64_t)wish.soon * DAY,
                                 .resolves = wish.dns ? resolves : NULL };
    if (!read_role(wish.role, &terms.role))
        return wrong("--role is server, handset, administrator, operator or ca");
    json_t *answer = json_object();
    enum fault_code code = look_at_files(&wish, &terms, &findings, &f);
    if (code == FAULT_OK && wish.live)
        code = look_at_server(&wish, &terms, &findings, answer, &f);
    if (code == FAULT_OK && wish.fleet)
        code = ctl_fleet_ask(ctl, wish.files.word[0], answer, &fleet, &f);
    add_findings(&findings, answer);
    if (code != FAULT_OK) {
        status = ctl_failed(&f);
    } else if (ctl_json(ctl)) {
        ctl_print_json(answer);
    } else {
        if (wish.live)
            print_live(json_object_get(answer, "live"));
        print_findings(&findings);
        if (wish.fleet)
            ctl_fleet_print(json_object_get(answer, "fleet"));
    }
    if (code == FAULT_OK)
        status = worse(status_of(findings.worst), fleet);
    findings_fini(&findings);
    json_decref(answer);
    return status;
}
