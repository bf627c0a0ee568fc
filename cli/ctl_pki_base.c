/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ctl_pki_base.h"

#include "base/clock.h"
#include "base/mem.h"
#include "cli/prompt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- passphrases --- */

static enum fault_code from_terminal(const char *what, bool twice, struct passphrase *ret_passphrase,
                                     struct fault *f)
{
    static const char otherwise[] = "give it in a file";
    char prompt[200];
    struct passphrase first = { "" }, second = { "" };
    snprintf(prompt, sizeof prompt, "Passphrase of %s", what);
    enum fault_code code = prompt_secret(prompt, otherwise, first.text, sizeof first.text, f);
    if (code == FAULT_OK && twice) {
        code = prompt_secret("The same again", otherwise, second.text, sizeof second.text, f);
        if (code == FAULT_OK && strcmp(first.text, second.text) != 0)
            code = fault_set(f, FAULT_INPUT, "the two passphrases differ");
    }
    if (code == FAULT_OK)
        *ret_passphrase = first;
    mem_wipe(&first, sizeof first);
    mem_wipe(&second, sizeof second);
    return code;
}

enum fault_code pki_new_passphrase(const char *file, const char *what, struct passphrase *ret_passphrase,
                                   struct fault *f)
{
    enum fault_code code = file != NULL ? passphrase_read(file, ret_passphrase, f)
                                        : from_terminal(what, true, ret_passphrase, f);
    return code == FAULT_OK ? passphrase_check(ret_passphrase, f) : code;
}

enum fault_code pki_ask_passphrase(const char *file, const char *what, struct passphrase *ret_passphrase,
                                   struct fault *f)
{
    return file != NULL ? passphrase_read(file, ret_passphrase, f)
                        : from_terminal(what, false, ret_passphrase, f);
}

/* For pki/: each kind of key is asked for once. */
static enum fault_code open_key(void *user, const char *key_file, struct passphrase *ret_passphrase,
                                struct fault *f)
{
    struct pki_base *base = user;
    size_t n = strlen(key_file);
    bool root = n >= 9 && strcmp(key_file + n - 9, "/root.key") == 0;
    enum fault_code code = FAULT_OK;
    if (!base->known[root])
        code = pki_ask_passphrase(root ? base->root_passphrase_file : base->passphrase_file, key_file,
                                  &base->given[root], f);
    if (code != FAULT_OK)
        return code;
    base->known[root] = true;
    *ret_passphrase = base->given[root];
    return FAULT_OK;
}

/* --- the folder --- */

const char *pki_folder(const struct pki_base *base)
{
    const char *environment = getenv("CRADLE_PKI");
    if (base->folder != NULL)
        return base->folder;
    return environment != NULL && environment[0] != '\0' ? environment : "pki";
}

enum fault_code pki_open(struct pki_base *base, bool change, struct fault *f)
{
    base->source = (struct passphrase_source){ open_key, base };
    enum fault_code code = store_open(pki_folder(base), base->root, change, &base->store, f);
    base->opened = code == FAULT_OK;
    return code;
}

void pki_close(struct pki_base *base)
{
    if (base->opened)
        store_close(&base->store);
    mem_wipe(base->given, sizeof base->given);
    json_decref(base->results);
    base->results = NULL;
}

/* --- orders --- */

enum fault_code pki_forms_read(struct pki_forms *forms, unsigned none, struct issue_order *order,
                               struct fault *f)
{
    order->forms = forms->format.count == 0 ? none : 0;
    for (size_t i = 0; i < forms->format.count; i++) {
        const char *word = forms->format.item[i];
        if (strcmp(word, "pem") == 0)
            order->forms |= ISSUE_KEY;
        else if (strcmp(word, "p12") == 0)
            order->forms |= ISSUE_P12;
        else if (strcmp(word, "fragment") == 0)
            order->forms |= ISSUE_FRAGMENT;
        else
            return fault_set(f, FAULT_INPUT, "'%.40s' is no format: write pem, p12 or fragment", word);
    }
    bool fragment = (order->forms & ISSUE_FRAGMENT) != 0;
    if (fragment && order->profile->id != PROFILE_HANDSET)
        return fault_set(f, FAULT_INPUT,
                         "a fragment is a piece of a handset's configuration, for handsets only");
    if (fragment != (forms->slot != NULL) || (forms->use != NULL && !fragment))
        return fault_set(f, FAULT_INPUT, "--format fragment and --slot belong together, and --use to both");
    enum fault_code code = FAULT_OK;
    if (fragment)
        code = fragment_slot(forms->slot, &order->slot, f);
    if (code == FAULT_OK && forms->use != NULL)
        code = fragment_use(&order->slot, forms->use, f);
    if (code == FAULT_OK && order->forms & ISSUE_P12) {
        code = pki_new_passphrase(forms->p12_passphrase_file, "the PKCS #12 files", &forms->p12, f);
        order->p12 = &forms->p12;
    }
    return code;
}

enum fault_code pki_names_read(const struct ctl_list *list, struct names *names, struct fault *f)
{
    enum fault_code code = FAULT_OK;
    for (size_t i = 0; code == FAULT_OK && i < list->count; i++)
        code = names_add(names, list->item[i], f);
    return code;
}

enum fault_code pki_check_account(struct ctl *ctl, const struct profile *profile, const char *name,
                                  struct fault *f)
{
    json_t *account = NULL;
    if (profile->id != PROFILE_ADMINISTRATOR && profile->id != PROFILE_OPERATOR)
        return FAULT_OK;
    AUTO_FREE char *escaped = client_escape(name);
    if (escaped == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    enum fault_code code = ctl_call(ctl, "GET", NULL, &account, f, "/accounts/%s", escaped);
    if (code != FAULT_OK)
        return fault_prefix(f, "whether there is an account %s (--offline does not ask)", name);
    const char *role = json_string_value(json_object_get(account, "role"));
    if (role == NULL || strcmp(role, profile->word) != 0)
        code = fault_set(f, FAULT_INPUT, "the account %s is %s's, not %s's", name,
                         role != NULL ? role : "nobody", profile->word);
    json_decref(account);
    return code;
}

/* --- saying --- */

void pki_result(struct pki_base *base, const struct issue_result *result)
{
    char end[25];
    clock_rfc3339(result->not_after * 1000, end, sizeof end);
    if (base->results == NULL)
        base->results = json_array();
    json_array_append_new(base->results, json_pack("{s:s, s:s, s:s, s:s}", "name", result->name, "file",
                                                   result->file, "serial", result->serial, "end", end));
}

void pki_print_results(const struct ctl *ctl, const struct pki_base *base)
{
    size_t i;
    json_t *row;
    if (ctl_json(ctl)) {
        json_t *empty = json_array();
        ctl_print_json(base->results != NULL ? base->results : empty);
        json_decref(empty);
        return;
    }
    json_array_foreach(base->results, i, row)
    {
        printf("%s: the certificate of %s, until %.10s\n", json_string_value(json_object_get(row, "file")),
               json_string_value(json_object_get(row, "name")),
               json_string_value(json_object_get(row, "end")));
    }
}
