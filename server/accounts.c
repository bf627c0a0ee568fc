/* SPDX-License-Identifier: Apache-2.0 */
#include "server/accounts.h"

#include "base/log.h"
#include "base/mem.h"
#include "fleet/account.h"
#include "server/field.h"

#include <stdlib.h>
#include <string.h>

static json_t *describe(const struct account *a)
{
    return json_pack("{s:s, s:s, s:o, s:b, s:b, s:b, s:o, s:o}", "name", a->name, "role", role_name(a->role),
                     "mac", a->mac.text[0] ? json_string(a->mac.text) : json_null(), "enabled", a->enabled,
                     "has_password", a->has_password, "password_made", a->made, "created",
                     field_time(a->created), "changed", field_time(a->changed));
}

/* secret: "" or the password that was made just now; shown this once. */
static void show(struct request *request, const char *name, const char *secret, int status,
                 struct reply *reply)
{
    struct fault f;
    struct account account;
    if (account_get(request->fleet, name, &account, &f) != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    json_t *value = describe(&account);
    if (secret[0] != '\0')
        json_object_set_new(value, "password", json_string(secret));
    reply_json(reply, status, value);
}

static void log_change(const struct request *request, const char *what, const char *name)
{
    log_event(LOG_CHANGE, "what=%s account=%s by=%s address=%s", what, LOG_VALUE(name),
              LOG_VALUE(principal_name(&request->who)), request->who.address);
}

/* The spelling that the catalog uses, or the text itself, for account_* to refuse. */
static const char *spelling(const char *text, char name[ACCOUNT_NAME_LIMIT + 1])
{
    return account_canonical(text, name) ? name : text;
}

void accounts_list(struct request *request, struct reply *reply)
{
    struct fault f;
    struct account *accounts = NULL;
    size_t count = 0;
    if (account_list(request->fleet, &accounts, &count, &f) != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, describe(&accounts[i]));
    free(accounts);
    reply_json(reply, 200, json_pack("{s:o}", "accounts", list));
}

/* {"password": text} chosen, {"password": null} none, {"hash": text} imported, neither: made by the server.
 */
static enum fault_code read_password(const json_t *json, struct account_change *change, struct fault *f)
{
    const char *hash = NULL;
    const json_t *password = json_object_get(json, "password");
    enum fault_code code = field_text(json, "hash", &hash, f);
    if (code != FAULT_OK)
        return code;
    if (hash != NULL && password != NULL)
        return fault_set(f, FAULT_INPUT, "give 'password' or 'hash', not both");
    if (password != NULL && !json_is_string(password) && !json_is_null(password))
        return fault_set(f, FAULT_INPUT, "'password' must be a text or null");
    change->password = hash                     ? PASSWORD_IMPORTED
                       : password == NULL       ? PASSWORD_MADE
                       : json_is_null(password) ? PASSWORD_NONE
                                                : PASSWORD_CHOSEN;
    change->text = hash ? hash : json_string_value(password);
    return FAULT_OK;
}

static enum fault_code read_account(const json_t *json, struct account *account, struct fault *f)
{
    const char *name = NULL, *role = NULL, *mac = NULL;
    enum fault_code code = field_text(json, "name", &name, f);
    if (code == FAULT_OK)
        code = field_text(json, "role", &role, f);
    if (code == FAULT_OK)
        code = field_text(json, "mac", &mac, f);
    if (code != FAULT_OK)
        return code;
    if (name == NULL || !account_canonical(name, account->name))
        return fault_set(f, FAULT_INPUT,
                         "'name' must be 1 to %d of A-Z a-z 0-9 . _ - and not a factory default",
                         ACCOUNT_NAME_LIMIT);
    if (role == NULL || !role_parse(role, &account->role))
        return fault_set(f, FAULT_INPUT, "'role' must be handset, administrator or operator");
    if (account->role != ROLE_HANDSET)
        return mac == NULL ? FAULT_OK : fault_set(f, FAULT_INPUT, "'mac' is for the role handset only");
    if (mac == NULL) /* an account that is called like its handset need not say it twice */
        mac = account->name;
    if (!mac_parse(mac, strlen(mac), &account->mac))
        return fault_set(f, FAULT_INPUT, "'mac' must be a MAC address: 12 hex digits, not all zero");
    return FAULT_OK;
}

void accounts_add(struct request *request, struct reply *reply)
{
    static const char *const known[] = { "name", "role", "mac", "password", "hash", "enabled", NULL };
    struct fault f;
    struct account account = { .enabled = true };
    struct account_change change = { 0 };
    char made[SECRET_MADE_LENGTH + 1] = "";
    enum fault_code code = field_check(request->json, known, &f);
    if (code == FAULT_OK)
        code = read_account(request->json, &account, &f);
    if (code == FAULT_OK)
        code = read_password(request->json, &change, &f);
    if (code == FAULT_OK)
        code = field_bool(request->json, "enabled", &change.set_enabled, &account.enabled, &f);
    change.enabled = account.enabled;
    if (code == FAULT_OK)
        code = account_add(request->fleet, &request->who, &account, &change, made, &f);
    if (code != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    log_change(request, "account-added", account.name);
    show(request, account.name, made, 201, reply);
    if (reply->status == 201)
        reply_header(reply, "Location", "/api/v1/accounts/%s", account.name);
    mem_wipe(made, sizeof made);
}

void accounts_show(struct request *request, struct reply *reply)
{
    char name[ACCOUNT_NAME_LIMIT + 1];
    show(request, spelling(request->captured, name), "", 200, reply);
}

static void apply(struct request *request, const char *what, const struct account_change *change,
                  struct reply *reply)
{
    struct fault f;
    char canonical[ACCOUNT_NAME_LIMIT + 1], made[SECRET_MADE_LENGTH + 1] = "";
    const char *name = spelling(request->captured, canonical);
    if (account_change(request->fleet, &request->who, name, change, made, &f) != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    log_change(request, what, name);
    show(request, name, made, 200, reply);
    mem_wipe(made, sizeof made);
}

void accounts_change(struct request *request, struct reply *reply)
{
    static const char *const known[] = { "enabled", NULL };
    struct fault f;
    struct account_change change = { 0 };
    enum fault_code code = field_check(request->json, known, &f);
    if (code == FAULT_OK)
        code = field_bool(request->json, "enabled", &change.set_enabled, &change.enabled, &f);
    if (code != FAULT_OK)
        reply_fault(reply, &f);
    else
        apply(request, "account-changed", &change, reply);
}

void accounts_password(struct request *request, struct reply *reply)
{
    static const char *const known[] = { "password", "hash", NULL };
    struct fault f;
    struct account_change change = { 0 };
    enum fault_code code = field_check(request->json, known, &f);
    if (code == FAULT_OK)
        code = read_password(request->json, &change, &f);
    if (code != FAULT_OK)
        reply_fault(reply, &f);
    else
        apply(request, "password-changed", &change, reply);
}

void accounts_remove(struct request *request, struct reply *reply)
{
    struct fault f;
    char canonical[ACCOUNT_NAME_LIMIT + 1];
    const char *name = spelling(request->captured, canonical);
    if (account_remove(request->fleet, &request->who, name, &f) != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    log_change(request, "account-removed", name);
    reply->status = 204;
    reply_header(reply, "Cache-Control", "no-store");
}
