/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts: names with a role and a stored password. Floor 2; blocking (worker). A change takes hold at once:
 * what the credential memory knew of the account counts no longer, and whoever came in by it before a
 * password was changed, or the account disabled or removed, has to go (evict.h). */
#ifndef CRADLE_ACCOUNT_H
#define CRADLE_ACCOUNT_H

#include "base/fault.h"
#include "base/secret.h"
#include "fleet/fleet.h"
#include "fleet/principal.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct account {
    char name[ACCOUNT_NAME_LIMIT +
              1]; /* [A-Za-z0-9._-], case matters; one of a MAC's shape is its 12 lower-case digits */
    enum role role;
    struct mac mac; /* handset accounts: whose */
    bool enabled;
    bool has_password;
    bool made;                /* its password was made by the server */
    int64_t created, changed; /* Unix ms */
};

enum account_password { PASSWORD_KEEP, PASSWORD_NONE, PASSWORD_MADE, PASSWORD_CHOSEN, PASSWORD_IMPORTED };
struct account_change {
    enum account_password password;
    const char *text; /* CHOSEN: the password; IMPORTED: the crypt(3) hash */
    bool set_enabled, enabled;
};

/* Names of a MAC's shape are the same account however they are spelled, as the MAC in a file name is: brings
 * one into the stored spelling. False when no account can be called like that. Pure. */
bool account_canonical(const char *name, char ret_name[ACCOUNT_NAME_LIMIT + 1]);

/* An account's row, stored password included, inside a read or write that is under way. FAULT_ABSENT. For
 * login.c. */
enum fault_code account_find(struct db_conn *conn, const char *name, struct account *ret_account,
                             char stored[SECRET_STORED_MAX], struct fault *f);

/* *ret_accounts is given (free); sorted by name. */
enum fault_code account_list(struct fleet *fleet, struct account **ret_accounts, size_t *ret_count,
                             struct fault *f);
enum fault_code account_get(struct fleet *fleet, const char *name, struct account *ret_account,
                            struct fault *f);
/* actor: who asks; NULL: the server itself (`cradled init`); FAULT_FORBIDDEN unless an administrator. made:
 * filled with the secret when PASSWORD_MADE, "" otherwise; the caller wipes it. FAULT_INPUT: the name's
 * shape; PlcmSpIp in any case (it is in every list of defaults); a MAC-shaped name that is not its handset's;
 * a chosen password below 8 characters. FAULT_CONFLICT: it exists. FAULT_CONTENT: the MAC is not registered
 * (names the nearest). */
enum fault_code account_add(struct fleet *fleet, const struct principal *actor, const struct account *account,
                            const struct account_change *change, char made[SECRET_MADE_LENGTH + 1],
                            struct fault *f);
/* FAULT_ABSENT; FAULT_CONFLICT when it would disable the last enabled administrator. */
enum fault_code account_change(struct fleet *fleet, const struct principal *actor, const char *name,
                               const struct account_change *change, char made[SECRET_MADE_LENGTH + 1],
                               struct fault *f);
/* FAULT_ABSENT; FAULT_CONFLICT for the last enabled administrator. */
enum fault_code account_remove(struct fleet *fleet, const struct principal *actor, const char *name,
                               struct fault *f);

#endif
