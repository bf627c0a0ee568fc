/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords that were verified lately, so that a boot of twenty requests costs one password hash. Keeps no
 * password: only an HMAC, under a random key of this process, of account, stored hash and password. What
 * changes in the account's row, by whatever process, makes its entries useless at once. Bounded; a full place
 * gives up its oldest entry. Floor 2; any thread; never blocks for long. */
#ifndef CRADLE_MEMORY_H
#define CRADLE_MEMORY_H

#include "base/settings.h"
#include <stdbool.h>
#include <stdint.h>

#define MEMORY_ENTRIES 16384

struct memory;
struct memory *memory_new(
    const struct settings *settings);    /* NULL if out of memory; settings is borrowed until free */
void memory_free(struct memory *memory); /* wipes; takes NULL */
/* From now on these settings count; borrowed likewise. What is kept already ends when it was to end. */
void memory_settings(struct memory *memory, const struct settings *settings);

/* What was said, and what the catalog holds about it. All borrowed for the call. */
struct memory_claim {
    const char *account;
    const char *stored; /* the account's row; "" for an account that there is none of */
    int64_t changed;    /* the row's */
    const char *password;
    /* Which verdict is asked for or kept: the password is right, or (only asked for beside a certificate that
     * suffices) it was checked and is wrong. */
    bool right;
};
/* Was this very verdict given within credential_memory? */
bool memory_knows(struct memory *memory, const struct memory_claim *claim);
void memory_keep(struct memory *memory, const struct memory_claim *claim);

#endif
