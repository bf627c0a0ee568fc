/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of pki/ share: a temporary folder, and a PKI in it with fast keys and no passphrases on the
 * intermediates. One a program. */
#ifndef CRADLE_TEST_PLACE_H
#define CRADLE_TEST_PLACE_H

#include "base/mem.h"
#include "pki/found.h"
#include "pki/issue.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char place_folder[] = "/tmp/cradle-test-pki-XXXXXX";
static const struct passphrase place_passphrase = { "the root's passphrase" };

static inline const char *place_file(const char *name)
{
    static char files[8][FILE_PATH];
    static unsigned next;
    char *file = files[next++ % 8];
    snprintf(file, FILE_PATH, "%s/%s", place_folder, name);
    return file;
}

static inline int place_remove(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    (void)info;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline int place_set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(place_folder));
    return 0;
}

static inline int place_tear_down(void **state)
{
    (void)state;
    return nftw(place_folder, place_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void place_good(enum fault_code code, const struct fault *f)
{
    if (code != FAULT_OK)
        fail_msg("%s: %s", fault_word(code), f->text);
}

static inline enum fault_code place_get(void *user, const char *key_file, struct passphrase *ret_passphrase,
                                        struct fault *f)
{
    (void)user;
    (void)key_file;
    (void)f;
    *ret_passphrase = place_passphrase;
    return FAULT_OK;
}
static const struct passphrase_source place_source = { place_get, NULL };

static inline void place_write(const char *name, const char *text)
{
    struct fault f;
    place_good(file_write(place_file(name), 0600, FILE_REPLACE, text, strlen(text), &f), &f);
}

/* The whole file; free() it. */
static inline char *place_read(const char *name)
{
    struct buf text;
    struct fault f;
    buf_init(&text, 1 << 20);
    place_good(file_read(place_file(name), &text, &f), &f);
    return buf_take(&text, NULL);
}

/* A PKI in the folder "pki", open for changes. */
static inline void place_found(struct store *store)
{
    struct fault f;
    const struct found_order order = {
        .name = "Test", .root_key = KEY_P256, .key = KEY_P256, .crl_days = 30, .root = &place_passphrase
    };
    place_good(store_create(place_file("pki"), NULL, store, &f), &f);
    place_good(found_pki(store, &order, &f), &f);
}

static inline void place_issuer(const struct store *store, enum profile_id ca, struct issuer *issuer)
{
    struct fault f;
    place_good(store_issuer(store, ca, &place_source, issuer, &f), &f);
}

/* A certificate with a new P-256 key. */
static inline void place_issue(struct store *store, enum profile_id profile, const char *name,
                               struct issue_result *result)
{
    struct issuer issuer = { 0 };
    struct fault f;
    const struct issue_order order = {
        .profile = profile_get(profile), .name = name, .key = KEY_P256, .forms = ISSUE_KEY
    };
    place_issuer(store, profile, &issuer);
    place_good(issue_with_key(store, &issuer, &order, result, &f), &f);
    issuer_fini(&issuer);
}

#endif
