/* SPDX-License-Identifier: Apache-2.0 */
#include "server/command.h"

#include "base/mem.h"
#include "base/seal_source.h"
#include "base/secret.h"
#include "fleet/account.h"
#include "fleet/audit.h"
#include "fleet/fleet.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The first line, without its end. The password never comes as an argument: every user sees those. */
static enum fault_code read_password(const char *file, char password[SECRET_PASSWORD_MAX + 2],
                                     struct fault *f)
{
    FILE *in = file ? fopen(file, "re") : stdin;
    if (in == NULL)
        return fault_set(f, FAULT_ABSENT, "cannot read the password file %s: %s", file, strerror(errno));
    if (file == NULL && isatty(STDIN_FILENO))
        fputs(
            "Password of the first administrator (shown while you type; use --password-file to avoid that): ",
            stderr);
    size_t n = 0;
    bool nul = false;
    int c;
    while ((c = getc(in)) != EOF && c != '\n' && n <= SECRET_PASSWORD_MAX) {
        nul = nul || c == '\0';
        password[n++] = (char)c;
    }
    if (file)
        fclose(in);
    if (n > 0 && password[n - 1] == '\r')
        n--;
    password[n] = '\0';
    if (nul)
        return fault_set(f, FAULT_INPUT,
                         "the password has a NUL byte in it; nobody could type it: use another");
    if (n == 0)
        return fault_set(f, FAULT_INPUT, "no password: give it as the first line of %s",
                         file ? file : "standard input, or use --password-file");
    return FAULT_OK;
}

/* An init that was interrupted, or whose password was refused, can be repeated until there is an
 * administrator. */
static enum fault_code none_yet(struct fleet *fleet, struct fault *f)
{
    AUTO_FREE struct account *accounts = NULL;
    size_t count = 0;
    enum fault_code code = account_list(fleet, &accounts, &count, f);
    for (size_t i = 0; code == FAULT_OK && i < count; i++)
        if (accounts[i].role == ROLE_ADMINISTRATOR)
            code =
                fault_set(f, FAULT_CONFLICT, "%s has an administrator already: %s; use the API to add others",
                          fleet->settings->state, accounts[i].name);
    return code;
}

/* An init that is repeated after it had handed the key out does not do it again: `cradled audit-key` does. */
static enum fault_code begin_trail(struct fleet *fleet, const char *file, struct fault *f)
{
    bool handed = false;
    enum fault_code code = audit_is_handed(fleet, &handed, f);
    return code == FAULT_OK && !handed ? command_hand_out(fleet, file, f) : code;
}

static enum fault_code add_administrator(const struct settings *settings, const char *name,
                                         const char *password, const char *audit_key_file, struct fault *f)
{
    struct fleet *fleet = NULL;
    enum fault_code code = fleet_open(settings, &fleet, f);
    if (code != FAULT_OK)
        return code;
    struct account account = { .role = ROLE_ADMINISTRATOR, .enabled = true };
    char made[SECRET_MADE_LENGTH + 1];
    const struct account_change change = { .password = PASSWORD_CHOSEN, .text = password };
    if (mem_copy_text(account.name, sizeof account.name, name)) {
        code = none_yet(fleet, f);
        if (code == FAULT_OK)
            code = begin_trail(fleet, audit_key_file, f);
        if (code == FAULT_OK)
            code = account_add(fleet, NULL, &account, &change, made, f);
    } else
        code =
            fault_set(f, FAULT_INPUT, "the administrator's name is longer than %d bytes", ACCOUNT_NAME_LIMIT);
    fleet_close(fleet);
    return code;
}

int command_init(const struct settings *settings, const char *administrator, const char *password_file,
                 const char *audit_key_file)
{
    struct fault f;
    char password[SECRET_PASSWORD_MAX + 2];
    enum fault_code code = read_password(password_file, password, &f);
    if (code == FAULT_OK) {
        code = fleet_init(settings, &f);
        if (code == FAULT_CONFLICT)
            code = FAULT_OK;
    }
    if (code == FAULT_OK)
        code = add_administrator(settings, administrator, password, audit_key_file, &f);
    mem_wipe(password, sizeof password);
    if (code != FAULT_OK)
        return command_failed(&f);
    char shown[200];
    printf("The state is in %s, its master key in %s: keep a copy of the key apart from every backup.\n",
           settings->state, seal_source_shown(settings->master_key, shown, sizeof shown));
    command_say_key(audit_key_file);
    return COMMAND_OK;
}
