/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/account.h"

#include "base/clock.h"
#include "base/mem.h"
#include "fleet/audit.h"
#include "fleet/evict.h"
#include "fleet/grant.h"
#include "fleet/handset.h"
#include "fleet/vault.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CHOSEN_MIN      8
#define FACTORY_DEFAULT "PlcmSpIp"

bool account_canonical(const char *name, char ret_name[ACCOUNT_NAME_LIMIT + 1])
{
    size_t n = strlen(name);
    if (n == 0 || n > ACCOUNT_NAME_LIMIT)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool digit_or_mark = (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' || c == ':';
        if (!letter && !digit_or_mark)
            return false;
    }
    struct mac mac;
    if (mac_parse(name, n, &mac))
        return mem_copy_text(ret_name, ACCOUNT_NAME_LIMIT + 1, mac.text);
    return strchr(name, ':') == NULL && mem_copy_text(ret_name, ACCOUNT_NAME_LIMIT + 1, name);
}

static enum fault_code absent(const char *name, struct fault *f)
{
    return fault_set(f, FAULT_ABSENT, "there is no account %.64s", name);
}

static enum fault_code may_change(const struct principal *actor, struct fault *f)
{
    return actor ? grant_role(actor, GRANT_ADMINISTER, f) : FAULT_OK;
}

/* Columns as db/sql/account.sql lists them. */
static enum fault_code from_row(struct db_rows *rows, struct account *ret_account, struct fault *f)
{
    struct account a = { 0 };
    mem_copy_text(a.name, sizeof a.name, db_row_text(rows, 0));
    if (!role_parse(db_row_text(rows, 1), &a.role))
        return fault_set(f, FAULT_DAMAGED, "the account %s has no known role", a.name);
    mem_copy_text(a.mac.text, sizeof a.mac.text, db_row_text(rows, 2));
    const char *stored = db_row_text(rows, 3);
    a.has_password = stored[0] != '\0';
    a.made = a.has_password && secret_is_made(stored);
    a.enabled = db_row_int(rows, 4) != 0;
    a.created = db_row_int(rows, 5);
    a.changed = db_row_int(rows, 6);
    *ret_account = a;
    return FAULT_OK;
}

enum fault_code account_find(struct db_conn *conn, const char *name, struct account *ret_account,
                             char stored[SECRET_STORED_MAX], struct fault *f)
{
    struct db_rows rows;
    struct account found;
    char found_stored[SECRET_STORED_MAX] = "";
    bool any = false;
    enum fault_code code = FAULT_OK;
    db_select(conn, SQL_ACCOUNT_GET, DB_ARGS(db_text(name)), &rows);
    while (code == FAULT_OK && db_next(&rows)) {
        code = from_row(&rows, &found, f);
        if (code == FAULT_OK && !mem_copy_text(found_stored, sizeof found_stored, db_row_text(&rows, 3)))
            code = fault_set(f, FAULT_DAMAGED, "the stored password of %s is too long", found.name);
        any = true;
    }
    enum fault_code end = db_end(&rows, code == FAULT_OK ? f : NULL);
    if (code == FAULT_OK)
        code = end;
    if (code == FAULT_OK && !any)
        code = absent(name, f);
    if (code == FAULT_OK) {
        *ret_account = found;
        memcpy(stored, found_stored, SECRET_STORED_MAX);
    }
    mem_wipe(found_stored, sizeof found_stored);
    return code;
}

enum fault_code account_get(struct fleet *fleet, const char *name, struct account *ret_account,
                            struct fault *f)
{
    char canonical[ACCOUNT_NAME_LIMIT + 1], stored[SECRET_STORED_MAX] = "";
    struct db_conn *conn;
    if (!account_canonical(name, canonical))
        return absent(name, f);
    enum fault_code code = db_read_begin(fleet->db, &conn, f);
    if (code != FAULT_OK)
        return code;
    code = account_find(conn, canonical, ret_account, stored, f);
    db_read_end(fleet->db, conn);
    mem_wipe(stored, sizeof stored);
    return code;
}

static enum fault_code collect(struct db_conn *conn, struct account **accounts, size_t *count,
                               struct fault *f)
{
    struct db_rows rows;
    size_t room = 0;
    enum fault_code code = FAULT_OK;
    db_select(conn, SQL_ACCOUNT_LIST, DB_NONE, &rows);
    while (code == FAULT_OK && db_next(&rows)) {
        if (*count == room) {
            room = room ? 2 * room : 64;
            struct account *more = reallocarray(*accounts, room, sizeof *more);
            if (more == NULL) {
                code = fault_set(f, FAULT_MEMORY, "out of memory");
                break;
            }
            *accounts = more;
        }
        code = from_row(&rows, &(*accounts)[*count], f);
        *count += code == FAULT_OK;
    }
    enum fault_code end = db_end(&rows, code == FAULT_OK ? f : NULL);
    return code == FAULT_OK ? end : code;
}

enum fault_code account_list(struct fleet *fleet, struct account **ret_accounts, size_t *ret_count,
                             struct fault *f)
{
    struct db_conn *conn;
    struct account *accounts = NULL;
    size_t count = 0;
    enum fault_code code = db_read_begin(fleet->db, &conn, f);
    if (code != FAULT_OK)
        return code;
    code = collect(conn, &accounts, &count, f);
    db_read_end(fleet->db, conn);
    if (code != FAULT_OK) {
        free(accounts);
        return code;
    }
    *ret_accounts = accounts;
    *ret_count = count;
    return FAULT_OK;
}

/* --- changes --- */

/* Judges and stores the password before anything is written: a hash takes too long for the writer's thread.
 * PASSWORD_KEEP leaves both outputs empty. */
static enum fault_code make_password(struct fleet *fleet, const struct account_change *change,
                                     char stored[SECRET_STORED_MAX], char made[SECRET_MADE_LENGTH + 1],
                                     struct fault *f)
{
    stored[0] = made[0] = '\0';
    switch (change->password) {
    case PASSWORD_KEEP:
    case PASSWORD_NONE:
        return FAULT_OK;
    case PASSWORD_MADE:
        secret_make(made);
        secret_store_made(vault_password_key(fleet->vault), made, stored);
        return FAULT_OK;
    case PASSWORD_CHOSEN:
        if (change->text == NULL || strlen(change->text) < CHOSEN_MIN)
            return fault_set(f, FAULT_INPUT,
                             "a password has at least %d characters; or let the server make one", CHOSEN_MIN);
        return secret_store_chosen(change->text, stored, f);
    case PASSWORD_IMPORTED:
        if (change->text == NULL || strlen(change->text) >= SECRET_STORED_MAX)
            return fault_set(f, FAULT_INPUT, "that is no crypt(3) hash");
        /* A made secret's form is checked under our key and cannot come from elsewhere. */
        if (secret_is_made(change->text))
            return fault_set(f, FAULT_INPUT, "that is no crypt(3) hash");
        mem_copy_text(stored, SECRET_STORED_MAX, change->text);
        return secret_check_import(stored, f);
    }
    return fault_set(f, FAULT_INPUT, "no such kind of password");
}

struct account_write {
    struct db_write write;
    struct fleet *fleet;
    const struct principal *actor;
    struct account account; /* add: the new one; otherwise only its name */
    const struct account_change *change;
    char stored[SECRET_STORED_MAX];
};

/* The change, and that a secret is shown with it: it is, once this has been committed. */
static enum fault_code record(const struct account_write *w, struct db_conn *conn, enum audit_kind kind,
                              const char *about, struct fault *f)
{
    static const char *const passwords[] = { [PASSWORD_KEEP] = "",
                                             [PASSWORD_NONE] = " password=none",
                                             [PASSWORD_MADE] = " password=made",
                                             [PASSWORD_CHOSEN] = " password=chosen",
                                             [PASSWORD_IMPORTED] = " password=imported" };
    const struct account_change *c = w->change;
    char detail[128];
    snprintf(detail, sizeof detail, "%s%s%s", about,
             c && c->set_enabled ? c->enabled ? " enabled=1" : " enabled=0" : "",
             c ? passwords[c->password] : "");
    struct audit_event event = {
        .kind = kind, .who = w->actor, .target = w->account.name, .detail = detail + (detail[0] == ' ')
    };
    enum fault_code code = audit_add(w->fleet, conn, &event, f);
    event.kind = AUDIT_KIND_SECRET_SHOWN;
    event.detail = "the password that was made";
    return code == FAULT_OK && c && c->password == PASSWORD_MADE ? audit_add(w->fleet, conn, &event, f)
                                                                 : code;
}

static enum fault_code run_add(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct account_write *w = CONTAINER_OF(write, struct account_write, write);
    const struct account *a = &w->account;
    bool handset = a->role == ROLE_HANDSET;
    int64_t inserted = 0;
    enum fault_code code = FAULT_OK;
    if (handset) {
        code = handset_find(conn, &a->mac, NULL, f);
        if (code == FAULT_ABSENT)
            code = handset_unregistered(conn, &a->mac, "register the handset first", f);
    }
    if (code == FAULT_OK)
        code = db_run(conn, SQL_ACCOUNT_INSERT,
                      DB_ARGS(db_text(a->name), db_text(role_name(a->role)),
                              db_text(handset ? a->mac.text : NULL), db_text(w->stored), db_int(a->enabled),
                              db_int(clock_wall_ms())),
                      &inserted, f);
    if (code == FAULT_OK && inserted == 0)
        code = fault_set(f, FAULT_CONFLICT, "there is an account %s already", a->name);
    char about[64];
    snprintf(about, sizeof about, "role=%s%s%s", role_name(a->role), handset ? " mac=" : "",
             handset ? a->mac.text : "");
    return code == FAULT_OK ? record(w, conn, AUDIT_KIND_ACCOUNT_ADDED, about, f) : code;
}

static enum fault_code other_administrators(struct db_conn *conn, const struct account *account,
                                            struct fault *f)
{
    struct db_rows rows;
    int64_t others = 0;
    if (account->role != ROLE_ADMINISTRATOR || !account->enabled)
        return FAULT_OK;
    db_select(conn, SQL_ACCOUNT_OTHER_ADMINISTRATORS, DB_ARGS(db_text(account->name)), &rows);
    while (db_next(&rows))
        others = db_row_int(&rows, 0);
    enum fault_code code = db_end(&rows, f);
    if (code == FAULT_OK && others == 0)
        code = fault_set(f, FAULT_CONFLICT, "%s is the last enabled administrator: make another one first",
                         account->name);
    return code;
}

static enum fault_code run_change(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct account_write *w = CONTAINER_OF(write, struct account_write, write);
    const struct account_change *c = w->change;
    struct account now;
    char stored[SECRET_STORED_MAX] = "";
    enum fault_code code = account_find(conn, w->account.name, &now, stored, f);
    if (code == FAULT_OK && c->set_enabled && !c->enabled)
        code = other_administrators(conn, &now, f);
    if (code == FAULT_OK) {
        int64_t wall = clock_wall_ms();
        code = db_run(conn, SQL_ACCOUNT_UPDATE,
                      DB_ARGS(db_text(now.name), db_text(c->password == PASSWORD_KEEP ? stored : w->stored),
                              db_int(c->set_enabled ? c->enabled : now.enabled),
                              db_int(wall > now.changed ? wall : now.changed + 1)),
                      NULL, f);
    }
    mem_wipe(stored, sizeof stored);
    return code == FAULT_OK ? record(w, conn, AUDIT_KIND_ACCOUNT_CHANGED, "", f) : code;
}

static enum fault_code run_remove(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct account_write *w = CONTAINER_OF(write, struct account_write, write);
    struct account now;
    enum fault_code code = account_find(conn, w->account.name, &now, w->stored, f);
    if (code == FAULT_OK)
        code = other_administrators(conn, &now, f);
    if (code == FAULT_OK)
        code = db_run(conn, SQL_ACCOUNT_REMOVE, DB_ARGS(db_text(now.name)), NULL, f);
    return code == FAULT_OK ? record(w, conn, AUDIT_KIND_ACCOUNT_REMOVED, "", f) : code;
}

static enum fault_code check_new(const struct account *account, char ret_name[ACCOUNT_NAME_LIMIT + 1],
                                 struct fault *f)
{
    if ((unsigned)account->role >= ROLE_COUNT)
        return fault_set(f, FAULT_INPUT, "no such role");
    if (!account_canonical(account->name, ret_name))
        return fault_set(f, FAULT_INPUT, "an account's name is 1 to %d letters, digits, '.', '_' and '-'",
                         ACCOUNT_NAME_LIMIT);
    if (strcasecmp(ret_name, FACTORY_DEFAULT) == 0)
        return fault_set(f, FAULT_INPUT,
                         FACTORY_DEFAULT " is in every list of default accounts; choose another name");
    if (account->role == ROLE_HANDSET && account->mac.text[0] == '\0')
        return fault_set(f, FAULT_INPUT, "a handset's account belongs to a MAC");
    if (account->role != ROLE_HANDSET && account->mac.text[0] != '\0')
        return fault_set(f, FAULT_INPUT, "only a handset's account belongs to a MAC");
    struct mac mac;
    if (mac_parse(ret_name, strlen(ret_name), &mac) && !mac_equal(&mac, &account->mac))
        return fault_set(f, FAULT_INPUT, "a name of a MAC's shape is for the account of that handset alone");
    return FAULT_OK;
}

/* Writes; hands the made secret out only when it holds. */
static enum fault_code finish(struct fleet *fleet, struct account_write *w,
                              char fresh[SECRET_MADE_LENGTH + 1], char made[SECRET_MADE_LENGTH + 1],
                              struct fault *f)
{
    enum fault_code code = db_write_wait(fleet->db, &w->write, f);
    if (code == FAULT_OK)
        memcpy(made, fresh, SECRET_MADE_LENGTH + 1);
    return code;
}

enum fault_code account_add(struct fleet *fleet, const struct principal *actor, const struct account *account,
                            const struct account_change *change, char made[SECRET_MADE_LENGTH + 1],
                            struct fault *f)
{
    struct account_write w = {
        .write.run = run_add, .fleet = fleet, .actor = actor, .account = *account, .change = change
    };
    char fresh[SECRET_MADE_LENGTH + 1];
    enum fault_code code = may_change(actor, f);
    if (code == FAULT_OK)
        code = check_new(account, w.account.name, f);
    if (code == FAULT_OK)
        code = make_password(fleet, change, w.stored, fresh, f);
    if (change->set_enabled)
        w.account.enabled = change->enabled;
    if (code == FAULT_OK)
        code = finish(fleet, &w, fresh, made, f);
    mem_wipe(w.stored, sizeof w.stored);
    mem_wipe(fresh, sizeof fresh);
    return code;
}

enum fault_code account_change(struct fleet *fleet, const struct principal *actor, const char *name,
                               const struct account_change *change, char made[SECRET_MADE_LENGTH + 1],
                               struct fault *f)
{
    struct account_write w = { .write.run = run_change, .fleet = fleet, .actor = actor, .change = change };
    char fresh[SECRET_MADE_LENGTH + 1];
    enum fault_code code = may_change(actor, f);
    if (code == FAULT_OK && !account_canonical(name, w.account.name))
        code = absent(name, f);
    if (code == FAULT_OK)
        code = make_password(fleet, change, w.stored, fresh, f);
    if (code == FAULT_OK)
        code = finish(fleet, &w, fresh, made, f);
    if (code == FAULT_OK && (change->password != PASSWORD_KEEP || (change->set_enabled && !change->enabled)))
        evict_account(fleet, actor, w.account.name);
    mem_wipe(w.stored, sizeof w.stored);
    mem_wipe(fresh, sizeof fresh);
    return code;
}

enum fault_code account_remove(struct fleet *fleet, const struct principal *actor, const char *name,
                               struct fault *f)
{
    struct account_write w = { .write.run = run_remove, .fleet = fleet, .actor = actor };
    enum fault_code code = may_change(actor, f);
    if (code == FAULT_OK && !account_canonical(name, w.account.name))
        code = absent(name, f);
    if (code == FAULT_OK)
        code = db_write_wait(fleet->db, &w.write, f);
    if (code == FAULT_OK)
        evict_account(fleet, actor, w.account.name);
    mem_wipe(w.stored, sizeof w.stored);
    return code;
}
