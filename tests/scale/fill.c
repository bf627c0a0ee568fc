/* SPDX-License-Identifier: Apache-2.0 */
/* Fills the catalog of a stopped daemon with a fleet, by the same calls that the front ends make:
 *
 *   scale-fill STATE HANDSETS FILES SEGMENTS BYTES
 *
 * registers so many handsets (MACs 02:00:00:00:00:01 and on), gives each FILES files of its own and a log of
 * SEGMENTS segments, all of BYTES bytes. What is there already is kept. */
#include "base/log.h"
#include "base/mem.h"
#include "base/settings.h"
#include "base/tls.h"
#include "fleet/fleet.h"
#include "fleet/handset.h"
#include "fleet/tree.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 64 /* whose writes share commits */

static struct fleet *fleet;
static long handsets, files, segments;
static size_t bytes;
static atomic_long next = 1;

static void check(enum fault_code code, const struct fault *f, const char *doing)
{
    if (code == FAULT_OK)
        return;
    fprintf(stderr, "scale-fill: %s: %s\n", doing, f->text);
    exit(1);
}

static void told(void *user)
{
    sem_post(user);
}

static void store(const struct principal *who, const char *name, bool append, const char *data)
{
    struct fault f;
    struct path path;
    struct upload *upload;
    struct upload_outcome outcome;
    size_t taken = 0;
    sem_t ended;
    sem_init(&ended, 0, 0);
    const struct upload_options options = {
        .append = append, .size = (int64_t)bytes, .progress = told, .user = &ended
    };
    check(path_parse(name, strlen(name), &path, &f), &f, name);
    check(tree_put(fleet, who, &path, &options, &upload, &f), &f, name);
    for (size_t at = 0; at < bytes; at += taken) {
        check(upload_write(upload, data + at, bytes - at, &taken, &f), &f, name);
        if (taken < bytes - at)
            sem_wait(&ended);
    }
    upload_commit(upload);
    while (!upload_ended(upload))
        sem_wait(&ended);
    check(upload_result(upload, &outcome, &f), &f, name);
    upload_free(upload);
    sem_destroy(&ended);
}

static void fill_one(long number, char *data)
{
    struct fault f;
    struct mac mac;
    char text[16], name[64];
    snprintf(text, sizeof text, "02%010lx", number);
    if (!mac_parse(text, strlen(text), &mac))
        exit(1);
    enum fault_code code = handset_add(fleet, NULL, &mac, NULL, &f);
    if (code != FAULT_CONFLICT)
        check(code, &f, text);
    const struct principal owner = { .role = ROLE_HANDSET, .mac = mac };
    struct principal administrator = { .role = ROLE_ADMINISTRATOR };
    (void)mem_copy_text(administrator.account, sizeof administrator.account, "admin");
    for (long i = 0; i < files; i++) {
        snprintf(data, bytes, "%s %ld %ld", text, i, number); /* no two are equal */
        snprintf(name, sizeof name, "/@handset/%s/own%ld.cfx", text, i);
        store(&administrator, name, false, data);
    }
    for (long i = 0; i < segments; i++) {
        snprintf(data, bytes, "%s %ld", text, i);
        snprintf(name, sizeof name, "/%s-app.log", text);
        store(&owner, name, true, data);
    }
}

static void *fill_some(void *unused)
{
    char *data = malloc(bytes + 1);
    if (data == NULL)
        exit(1);
    memset(data, 'x', bytes);
    for (long number; (number = atomic_fetch_add(&next, 1)) <= handsets;)
        fill_one(number, data);
    free(data);
    return unused;
}

int main(int argc, char **argv)
{
    struct fault f;
    struct settings *settings;
    pthread_t thread[THREADS];
    char state[4096];
    if (argc != 6) {
        fprintf(stderr, "usage: scale-fill STATE HANDSETS FILES SEGMENTS BYTES\n");
        return 2;
    }
    handsets = strtol(argv[2], NULL, 10);
    files = strtol(argv[3], NULL, 10);
    segments = strtol(argv[4], NULL, 10);
    bytes = (size_t)strtol(argv[5], NULL, 10);
    snprintf(state, sizeof state, "state=%s", argv[1]);
    const char *const overrides[] = { state, "file_versions=0", "log_quota=1G", "cache=0" };
    log_threshold(LOG_LEVEL_ERROR);
    check(tls_init(&f), &f, "TLS");
    check(settings_load(NULL, overrides, ARRAY_LENGTH(overrides), &settings, &f), &f, "settings");
    check(fleet_open(settings, &fleet, &f), &f, argv[1]);
    for (size_t i = 0; i < THREADS; i++)
        if (pthread_create(&thread[i], NULL, fill_some, NULL) != 0)
            return 1;
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    fleet_close(fleet);
    settings_free(settings);
    return 0;
}
