/* SPDX-License-Identifier: Apache-2.0 */
/* A real state folder with a real catalog for the tests of this floor: made in a temporary folder, opened,
 * closed and opened again as after a restart, removed at the end. */
#ifndef CRADLE_TEST_SITE_H
#define CRADLE_TEST_SITE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/settings.h"
#include "base/tls.h"
#include "fleet/fleet.h"
#include "fleet/put.h"
#include "fleet/reader.h"
#include "fleet/upload.h"

#include <ftw.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct site {
    char folder[64];
    struct settings *settings;
    struct fleet *fleet;
};

static inline int site_remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static inline void site_check(enum fault_code code, const struct fault *f)
{
    if (code != FAULT_OK)
        fail_msg("%s: %s", fault_word(code), f->text);
}

static inline void site_open(struct site *site)
{
    struct fault f;
    site_check(fleet_open(site->settings, &site->fleet, &f), &f);
}

/* As a stop and a start of the daemon. */
static inline void site_restart(struct site *site)
{
    fleet_close(site->fleet);
    site_open(site);
}

/* Settings and a folder, but no state in it yet. The overrides end with NULL. */
static inline void site_settings(struct site *site, const char *const *overrides)
{
    struct fault f;
    char state[128];
    const char *all[16] = { state };
    size_t count = 1;
    memset(site, 0, sizeof *site);
    strncpy(site->folder, "/tmp/cradle-test-XXXXXX", sizeof site->folder - 1);
    assert_non_null(mkdtemp(site->folder));
    snprintf(state, sizeof state, "state=%s/state", site->folder);
    for (; overrides && *overrides; overrides++)
        all[count++] = *overrides;
    site_check(settings_load(NULL, all, count, &site->settings, &f), &f);
}

static inline void site_begin(struct site *site, const char *const *overrides)
{
    struct fault f;
    site_settings(site, overrides);
    site_check(tls_init(&f), &f);
    site_check(fleet_init(site->settings, &f), &f);
    site_open(site);
}

static inline void site_end(struct site *site)
{
    fleet_close(site->fleet);
    settings_free(site->settings);
    nftw(site->folder, site_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    clock_thaw();
}

/* A write whose work is a function of the test. */
struct site_write {
    struct db_write write;
    enum fault_code (*work)(struct db_conn *conn, void *user, struct fault *f);
    void *user;
};
static inline enum fault_code site_write_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct site_write *w = CONTAINER_OF(write, struct site_write, write);
    return w->work(conn, w->user, f);
}
static inline enum fault_code site_write(struct site *site,
                                         enum fault_code (*work)(struct db_conn *conn, void *user,
                                                                 struct fault *f),
                                         void *user, struct fault *f)
{
    struct site_write w = { .write.run = site_write_run, .work = work, .user = user };
    return db_write_wait(site->fleet->db, &w.write, f);
}

/* Bytes that repeat only after a long while, different for each seed. */
static inline char *site_bytes(size_t n, unsigned seed)
{
    char *bytes = malloc(n + 1);
    assert_non_null(bytes);
    uint32_t x = seed * 2654435761U + 1;
    for (size_t i = 0; i < n; i++) {
        x = x * 1664525U + 1013904223U;
        bytes[i] = (char)(x >> 24);
    }
    bytes[n] = '\0';
    return bytes;
}

static inline void site_told(void *user)
{
    sem_post(user);
}

/* A whole upload, fed in pieces of at most `piece` bytes. */
static inline enum fault_code site_upload(struct site *site, const struct put_target *target,
                                          const struct upload_options *options, const void *data, size_t n,
                                          size_t piece, struct upload_outcome *ret_outcome, struct fault *f)
{
    sem_t told;
    struct upload *upload = NULL;
    struct upload_options own = *options;
    sem_init(&told, 0, 0);
    own.progress = site_told;
    own.user = &told;
    enum fault_code code = upload_begin(site->fleet, target, &own, &upload, f);
    for (size_t at = 0; code == FAULT_OK && at < n;) {
        size_t some = n - at < piece ? n - at : piece, taken = 0;
        code = upload_write(upload, (const char *)data + at, some, &taken, f);
        at += taken;
        if (code == FAULT_OK && taken < some)
            sem_wait(&told);
    }
    if (code == FAULT_OK) {
        upload_commit(upload);
        while (!upload_ended(upload))
            sem_wait(&told);
        code = upload_result(upload, ret_outcome, f);
    }
    upload_free(upload);
    sem_destroy(&told);
    return code;
}

/* Copies up to n bytes from offset; *ret_n is less only at the end, or before a fault that the next one
 * meets.
 */
static inline enum fault_code site_read(struct reader *reader, int64_t offset, char *out, size_t n,
                                        size_t *ret_n, struct fault *f)
{
    size_t got = 0, some;
    enum fault_code code = FAULT_OK;
    while (code == FAULT_OK && got < n && offset + (int64_t)got < reader_size(reader)) {
        const void *bytes = reader_at(reader, offset + (int64_t)got, &some);
        if (bytes == NULL) {
            code = reader_load(reader, offset + (int64_t)got, f);
            continue;
        }
        some = some < n - got ? some : n - got;
        memcpy(out + got, bytes, some);
        got += some;
    }
    *ret_n = got;
    return got > 0 ? FAULT_OK : code;
}

/* All that a reader gives, in reads of `step` bytes. Frees the reader. */
static inline char *site_drain(struct reader *reader, size_t step, size_t *ret_n)
{
    struct fault f;
    size_t size = (size_t)reader_size(reader), at = 0, got = 1;
    char *bytes = malloc(size + step + 1);
    assert_non_null(bytes);
    while (got) {
        site_check(site_read(reader, (int64_t)at, bytes + at, step, &got, &f), &f);
        at += got;
    }
    assert_int_equal(at, size);
    reader_free(reader);
    *ret_n = at;
    return bytes;
}

#endif
