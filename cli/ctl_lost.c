/* SPDX-License-Identifier: Apache-2.0 */
/* handset lost: everything that one command can do about a handset that is out of our hands. */
#include "cli/ctl_handset.h"
#include "cli/ctl_pki_base.h"
#include "cli/ctl_pki_revoke.h"

#include "base/log.h"
#include "base/mac.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct loss {
    struct pki_base base;
    struct mac mac;
    struct pki_revoked revoked;
};

/* Who else must be given another value, in words; given. */
static char *who_else(const json_t *secret)
{
    const json_t *others = json_object_get(secret, "others"), *one;
    long long holders = (long long)json_integer_value(json_object_get(secret, "holders"));
    size_t i, size = 0;
    char *text = NULL;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return NULL;
    if (json_is_true(json_object_get(secret, "shared")))
        fputs("every handset: the file is shared", out);
    else if (holders == 0)
        fputs("nobody else", out);
    json_array_foreach(others, i, one)
        fprintf(out, "%s%s", ftell(out) > 0 ? ", " : "", json_string_value(one));
    if ((size_t)holders > json_array_size(others))
        fprintf(out, " and %lld more", holders - (long long)json_array_size(others));
    fclose(out);
    return text;
}

static void print_secrets(const struct ctl *ctl, const json_t *secrets)
{
    static const struct ctl_column columns[] = {
        { "PARAMETER", "parameter" }, { "HOLDS", "what" }, { "IN", "file" }, { "ALSO HELD BY", "who" }
    };
    json_t *rows = json_array(), *row;
    const json_t *secret;
    size_t i;
    json_array_foreach(secrets, i, secret)
    {
        AUTO_FREE char *who = who_else(secret);
        row = json_copy((json_t *)(uintptr_t)secret);
        json_object_set_new(row, "who", json_string(who ? who : "?"));
        json_array_append_new(rows, row);
    }
    printf("\nIt holds these secrets. Give others to whoever else uses them:\n\n");
    ctl_print_table(ctl, rows, columns, ARRAY_LENGTH(columns));
    json_decref(rows);
}

static void print_closed(const json_t *answer)
{
    const json_t *closed = json_object_get(answer, "closed"), *file;
    long long others = (long long)json_integer_value(json_object_get(answer, "others_closed"));
    char safe[1024];
    size_t i;
    json_array_foreach(closed, i, file)
        printf("%s is %s: what it holds cannot be told here\n",
               log_value(json_string_value(json_object_get(file, "file")), safe, sizeof safe),
               json_string_value(json_object_get(file, "why")));
    if (others > 0)
        printf("%lld such files of other handsets may hold the same secrets\n", others);
    if (json_is_true(json_object_get(answer, "cut")))
        printf("There is more than can be listed\n");
}

static int tell(const struct ctl *ctl, const struct loss *loss, json_t *answer)
{
    const json_t *fault = json_object_get(answer, "fault");
    int status = json_is_string(fault) ? CTL_WARNINGS : CTL_GOOD;
    if (ctl_json(ctl)) {
        if (loss->base.folder != NULL)
            json_object_set_new(answer, "pki_revoked", json_integer((json_int_t)loss->revoked.count));
        ctl_print_json(answer);
        return status;
    }
    printf("%s is denied: %lld of its accounts, %lld of its certificates, its connections\n", loss->mac.text,
           (long long)json_integer_value(json_object_get(answer, "accounts_denied")),
           (long long)json_integer_value(json_object_get(answer, "certificates_revoked")));
    if (loss->base.folder != NULL)
        pki_revoked_print(loss->mac.text, &loss->revoked);
    else
        printf(
            "If its certificate comes from a PKI folder: cradlectl pki revoke handset %s --pki DIR --reason "
            "key-compromise\n",
            loss->mac.text);
    if (json_array_size(json_object_get(answer, "secrets")) > 0)
        print_secrets(ctl, json_object_get(answer, "secrets"));
    else if (!json_is_string(fault))
        printf("No secret was found in the files that it could read\n");
    print_closed(answer);
    if (json_is_string(fault))
        fprintf(stderr, "cradlectl: the secrets that it holds could not be listed: %s\n",
                json_string_value(fault));
    return status;
}

/* Denied first: what the folder asks for may take a person's time. */
static enum fault_code run(struct ctl *ctl, struct loss *loss, json_t **ret_answer, struct fault *f)
{
    enum fault_code code = ctl_call(ctl, "POST", NULL, ret_answer, f, "/handsets/%s/lost", loss->mac.text);
    if (code == FAULT_OK && loss->base.folder != NULL)
        code = pki_revoke_lost(&loss->base, loss->mac.text, &loss->revoked, f);
    return code;
}

int ctl_handset_lost(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    struct loss loss = { .revoked = { .count = 0 } };
    const struct ctl_option options[] = { PKI_BASE_OPTIONS(loss.base) };
    json_t *answer = NULL;
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 1, 1, &words);
    if (status != CTL_GO)
        return status;
    enum fault_code code = FAULT_OK;
    if (!mac_parse(words.word[0], strlen(words.word[0]), &loss.mac))
        code = fault_set(&f, FAULT_INPUT, "\"%s\" is no MAC address: 12 hex digits", words.word[0]);
    if (code == FAULT_OK)
        code = run(ctl, &loss, &answer, &f);
    if (answer != NULL)
        status = tell(ctl, &loss, answer);
    if (code != FAULT_OK)
        status = ctl_failed(&f);
    json_decref(answer);
    pki_close(&loss.base);
    return status;
}
