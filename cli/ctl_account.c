/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ctl_account.h"

#include "base/mem.h"
#include "cli/intake.h"

#include <stdlib.h>
#include <string.h>

/* --- accounts --- */

int ctl_account_list(struct ctl *ctl, int argc, char **argv)
{
    static const struct ctl_column columns[] = {
        { "NAME", "name" },
        { "ROLE", "role" },
        { "MAC", "mac" },
        { "ENABLED", "enabled" },
        { "PASSWORD", "has_password" },
        { "CHANGED", "changed" },
    };
    struct fault f;
    struct ctl_words words;
    json_t *answer = NULL;
    int status = ctl_read(ctl, argc, argv, NULL, 0, 0, 0, &words);
    if (status != CTL_GO)
        return status;
    if (ctl_call(ctl, "GET", NULL, &answer, &f, "/accounts") != FAULT_OK)
        return ctl_failed(&f);
    ctl_print_table(ctl, json_object_get(answer, "accounts"), columns, ARRAY_LENGTH(columns));
    json_decref(answer);
    return CTL_GOOD;
}

/* Where a password for the account comes from: a file, nowhere, or (neither) the server. */
struct source {
    const char *file, *hash_file;
    bool none;
};
#define SOURCE_OPTIONS(s)                                                                                     \
    { "new-password-file",                                                                                    \
      "FILE",                                                                                                 \
      CTL_TEXT,                                                                                               \
      &(s).file,                                                                                              \
      "the account's password, first line; - is standard input (default: the server makes one)",              \
      0,                                                                                                      \
      0 },                                                                                                    \
        { "hash-file", "FILE", CTL_TEXT, &(s).hash_file, "a crypt(3) hash of it instead, first line", 0, 0 }, \
    {                                                                                                         \
        "no-password", NULL, CTL_FLAG, &(s).none, "none: only a certificate will do", 0, 0                    \
    }

static enum fault_code add_password(const struct source *source, json_t *body, struct fault *f)
{
    const char *file = source->file ? source->file : source->hash_file;
    char *password = NULL;
    if ((source->file != NULL) + (source->hash_file != NULL) + source->none > 1)
        return fault_set(f, FAULT_INPUT, "give one of --new-password-file, --hash-file and --no-password");
    if (source->none)
        json_object_set_new(body, "password", json_null());
    if (file == NULL)
        return FAULT_OK;
    enum fault_code code = intake_password(file, &password, f);
    if (code != FAULT_OK)
        return code;
    if (json_object_set_new(body, source->file ? "password" : "hash", json_string(password)) != 0)
        code = fault_set(f, FAULT_INPUT, "a password is UTF-8 text");
    mem_wipe_free(password, strlen(password));
    return code;
}

/* body is taken. */
static int ask(struct ctl *ctl, const char *method, const char *name, const char *tail, json_t *body)
{
    struct fault f;
    json_t *answer = NULL;
    AUTO_FREE char *escaped = client_escape(name);
    if (ctl_call(ctl, method, body, &answer, &f, "/accounts%s%s%s", name[0] ? "/" : "",
                 escaped ? escaped : "", tail) != FAULT_OK)
        return ctl_failed(&f);
    if (answer != NULL)
        ctl_print_object(ctl, answer);
    json_decref(answer);
    return CTL_GOOD;
}

int ctl_account_add(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    struct source source = { .none = false };
    const char *role = NULL, *mac = NULL;
    const struct ctl_option options[] = {
        { "role", "ROLE", CTL_TEXT, &role, "handset, administrator or operator", 0, 0 },
        { "mac", "MAC", CTL_TEXT, &mac, "the handset that it is of (default: that of its name)", 0, 0 },
        SOURCE_OPTIONS(source),
    };
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 1, 1, &words);
    if (status != CTL_GO)
        return status;
    json_t *body = json_object();
    json_object_set_new(body, "name", json_string(words.word[0]));
    if (role != NULL)
        json_object_set_new(body, "role", json_string(role));
    if (mac != NULL)
        json_object_set_new(body, "mac", json_string(mac));
    enum fault_code code = role ? FAULT_OK : fault_set(&f, FAULT_INPUT, "say what it may do: --role ROLE");
    if (code == FAULT_OK)
        code = add_password(&source, body, &f);
    if (code != FAULT_OK) {
        json_decref(body);
        return ctl_failed(&f);
    }
    return ask(ctl, "POST", "", "", body);
}

int ctl_account_password(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    struct source source = { .none = false };
    const struct ctl_option options[] = { SOURCE_OPTIONS(source) };
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 1, 1, &words);
    if (status != CTL_GO)
        return status;
    json_t *body = json_object();
    if (add_password(&source, body, &f) != FAULT_OK) {
        json_decref(body);
        return ctl_failed(&f);
    }
    return ask(ctl, "POST", words.word[0], "/password", body);
}

static int enable(struct ctl *ctl, int argc, char **argv, bool enabled)
{
    struct ctl_words words;
    int status = ctl_read(ctl, argc, argv, NULL, 0, 1, 1, &words);
    return status == CTL_GO ? ask(ctl, "PATCH", words.word[0], "", json_pack("{s:b}", "enabled", enabled))
                            : status;
}

int ctl_account_enable(struct ctl *ctl, int argc, char **argv)
{
    return enable(ctl, argc, argv, true);
}

int ctl_account_disable(struct ctl *ctl, int argc, char **argv)
{
    return enable(ctl, argc, argv, false);
}

int ctl_account_remove(struct ctl *ctl, int argc, char **argv)
{
    struct ctl_words words;
    int status = ctl_read(ctl, argc, argv, NULL, 0, 1, 1, &words);
    return status == CTL_GO ? ask(ctl, "DELETE", words.word[0], "", NULL) : status;
}

/* --- certificates --- */

int ctl_certificate_list(struct ctl *ctl, int argc, char **argv)
{
    static const struct ctl_column columns[] = {
        { "FINGERPRINT", "fingerprint" }, { "ROLE", "role" },       { "NAME", "name" },
        { "ISSUER", "issuer" },           { "SERIAL", "serial" },   { "ENDS", "not_after" },
        { "SEEN", "last_seen" },          { "REVOKED", "revoked" }, { "REASON", "reason" },
    };
    struct fault f;
    struct ctl_words words;
    const char *name = NULL;
    const struct ctl_option options[] = {
        { "name", "NAME", CTL_TEXT, &name, "of this MAC or account only", 0, 0 },
    };
    json_t *all = NULL;
    char path[256];
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 0, 0, &words);
    if (status != CTL_GO)
        return status;
    AUTO_FREE char *escaped = client_escape(name ? name : "");
    int n = snprintf(path, sizeof path, "/certificates?%s%s%s", name ? "name=" : "", escaped ? escaped : "",
                     name ? "&" : "");
    enum fault_code code = n < 0 || (size_t)n >= sizeof path
                               ? fault_set(&f, FAULT_INPUT, "such a name is too long")
                               : ctl_pages(ctl, path, "certificates", &all, &f);
    if (code != FAULT_OK)
        return ctl_failed(&f);
    ctl_print_table(ctl, all, columns, ARRAY_LENGTH(columns));
    json_decref(all);
    return CTL_GOOD;
}

int ctl_certificate_revoke(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    const char *reason = NULL;
    const struct ctl_option options[] = {
        { "reason", "TEXT", CTL_TEXT, &reason, "why, for whoever reads the list later", 0, 0 },
    };
    json_t *answer = NULL;
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 1, 1, &words);
    if (status != CTL_GO)
        return status;
    AUTO_FREE char *escaped = client_escape(words.word[0]);
    if (ctl_call(ctl, "POST", reason ? json_pack("{s:s}", "reason", reason) : json_object(), &answer, &f,
                 "/certificates/%s/revoke", escaped ? escaped : "") != FAULT_OK)
        return ctl_failed(&f);
    ctl_print_object(ctl, answer);
    json_decref(answer);
    return CTL_GOOD;
}

/* --- refusals --- */

int ctl_refusals(struct ctl *ctl, int argc, char **argv)
{
    static const struct ctl_column columns[] = {
        { "WHO", "who" },     { "PROTOCOL", "protocol" }, { "TIMES", "count" },
        { "FIRST", "first" }, { "LAST", "last" },         { "SAID", "words" },
    };
    struct fault f;
    struct ctl_words words;
    bool forget = false;
    const struct ctl_option options[] = {
        { "forget", NULL, CTL_FLAG, &forget, "forget them instead: what goes wrong from now on shows", 0, 0 },
    };
    json_t *answer = NULL;
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 0, 0, &words);
    if (status != CTL_GO)
        return status;
    if (ctl_call(ctl, forget ? "DELETE" : "GET", NULL, &answer, &f, "/refusals") != FAULT_OK)
        return ctl_failed(&f);
    if (!forget)
        ctl_print_table(ctl, json_object_get(answer, "refusals"), columns, ARRAY_LENGTH(columns));
    json_decref(answer);
    return CTL_GOOD;
}
