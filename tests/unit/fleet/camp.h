/* SPDX-License-Identifier: Apache-2.0 */
/* A fleet with people in it, in a temporary folder: for the tests of what names and rights mean. */
#ifndef CRADLE_TEST_CAMP_H
#define CRADLE_TEST_CAMP_H

#include "base/log.h"
#include "base/mem.h"
#include "base/settings.h"
#include "base/tls.h"
#include "fleet/account.h"
#include "fleet/fleet.h"
#include "fleet/handset.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct camp {
    char folder[64];
    struct settings *settings; /* a test may change what the fleet reads at each use */
    struct fleet *fleet;
};

static inline int camp_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

/* Fails the test with the fault's own words; the call passes `why` as its last argument. */
#define CAMP_OK(call)                                        \
    do {                                                     \
        struct fault camp_fault = { 0 }, *why = &camp_fault; \
        if ((call) != FAULT_OK)                              \
            fail_msg("%s: %s", #call, camp_fault.text);      \
    } while (0)

/* override: a setting as "name=value", or NULL. */
static inline void camp_open(struct camp *camp, const char *override)
{
    char state[128];
    log_threshold(LOG_LEVEL_ERROR);
    *camp = (struct camp){ .folder = "/tmp/cradle-test-XXXXXX" };
    assert_non_null(mkdtemp(camp->folder));
    snprintf(state, sizeof state, "state=%s/state", camp->folder);
    const char *const overrides[] = { state, "workers=2", override };
    CAMP_OK(tls_init(why));
    CAMP_OK(settings_load(NULL, overrides, override ? 3 : 2, &camp->settings, why));
    CAMP_OK(fleet_init(camp->settings, why));
    CAMP_OK(fleet_open(camp->settings, &camp->fleet, why));
}

static inline void camp_close(struct camp *camp)
{
    fleet_close(camp->fleet);
    settings_free(camp->settings);
    nftw(camp->folder, camp_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline struct mac camp_mac(const char *text)
{
    struct mac mac;
    assert_true(mac_parse(text, strlen(text), &mac));
    return mac;
}

static inline void camp_handset(struct camp *camp, const char *text)
{
    struct mac mac = camp_mac(text);
    CAMP_OK(handset_add(camp->fleet, NULL, &mac, NULL, why));
}

/* password NULL: none. */
static inline void camp_account(struct camp *camp, const char *name, enum role role, const char *mac,
                                const char *password)
{
    struct account account = { .role = role, .enabled = true };
    struct account_change change = { .password = password ? PASSWORD_CHOSEN : PASSWORD_NONE,
                                     .text = password };
    char made[SECRET_MADE_LENGTH + 1];
    assert_true(mem_copy_text(account.name, sizeof account.name, name));
    if (mac)
        account.mac = camp_mac(mac);
    CAMP_OK(account_add(camp->fleet, NULL, &account, &change, made, why));
}

static inline struct principal camp_who(enum role role, const char *account, const char *mac)
{
    struct principal who = { .role = role };
    mem_copy_text(who.account, sizeof who.account, account);
    mem_copy_text(who.address, sizeof who.address, "192.0.2.1");
    if (mac)
        who.mac = camp_mac(mac);
    return who;
}

#endif
