/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/expect.h"
#include "base/mem.h"
#include "base/secret.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 16384

struct item {
    struct item *next;
    char *key;
    uint64_t size;
    struct secret_digest digest;
    const char *source; /* where the expectation comes from, for the message */
};

struct expect {
    struct secret_key secret;
    char *folder;
    bool closed;
    struct item *buckets[BUCKETS];
};

struct expect_content {
    struct expect *expect;
    struct secret_mac_state *state;
    uint64_t size;
};

static const char from_upload[] = "what was uploaded";
static const char from_folder[] = "the file in the folder of --expect";
static const char from_before[] = "what this handset got before";

struct expect *expect_new(const char *folder)
{
    struct expect *e = calloc(1, sizeof *e);
    if (e == NULL)
        return NULL;
    secret_random(&e->secret, sizeof e->secret);
    if (folder != NULL && (e->folder = strdup(folder)) == NULL) {
        free(e);
        return NULL;
    }
    return e;
}

void expect_free(struct expect *e)
{
    if (e == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        while (e->buckets[i] != NULL) {
            struct item *item = e->buckets[i];
            e->buckets[i] = item->next;
            free(item->key);
            free(item);
        }
    }
    free(e->folder);
    free(e);
}

static size_t bucket_of(const char *key)
{
    uint32_t h = 2166136261u;
    for (; *key != '\0'; key++)
        h = (h ^ (unsigned char)*key) * 16777619u;
    return h % BUCKETS;
}

/* "<mac>/<path>", "/<path>" for all; NULL if out of memory. */
static char *key_of(const struct mac *mac, const char *path)
{
    char *key;
    return asprintf(&key, "%s/%s", mac != NULL ? mac->text : "", path) < 0 ? NULL : key;
}

static struct item *find(struct expect *e, const struct mac *mac, const char *path)
{
    AUTO_FREE char *key = key_of(mac, path);
    struct item *item = key != NULL ? e->buckets[bucket_of(key)] : NULL;
    while (item != NULL && strcmp(item->key, key) != 0)
        item = item->next;
    return item;
}

static bool add(struct expect *e, const struct mac *mac, const char *path, uint64_t size,
                const struct secret_digest *digest, const char *source)
{
    struct item *item = find(e, mac, path);
    if (item == NULL) {
        item = calloc(1, sizeof *item);
        if (item == NULL || (item->key = key_of(mac, path)) == NULL) {
            free(item);
            return false;
        }
        size_t at = bucket_of(item->key);
        item->next = e->buckets[at];
        e->buckets[at] = item;
    }
    item->size = size;
    item->digest = *digest;
    item->source = source;
    return true;
}

bool expect_know(struct expect *e, const struct mac *mac, const char *path, const void *data, size_t n)
{
    struct secret_digest digest;
    secret_mac(&e->secret, data, n, &digest);
    return add(e, mac, path, n, &digest, from_upload);
}

void expect_nothing_else(struct expect *e)
{
    e->closed = true;
}

/* Takes one file of the administrator's folder in; false when it is not there. */
static bool load(struct expect *e, const struct mac *mac, const char *path)
{
    AUTO_FREE char *name = NULL;
    bool own = mac != NULL;
    if (asprintf(&name, "%s/%s%s%s%s", e->folder, own ? "@handset/" : "", own ? mac->text : "",
                 own ? "/" : "", path) < 0) {
        name = NULL;
        return false;
    }
    FILE *file = fopen(name, "rbe");
    struct secret_mac_state *state = file != NULL ? secret_mac_new(&e->secret) : NULL;
    bool done = false;
    if (state != NULL) {
        char block[16384];
        size_t n;
        uint64_t size = 0;
        while ((n = fread(block, 1, sizeof block, file)) > 0) {
            secret_mac_add(state, block, n);
            size += n;
        }
        struct secret_digest digest;
        secret_mac_peek(state, &digest);
        done = !ferror(file) && add(e, mac, path, size, &digest, from_folder);
    }
    secret_mac_free(state);
    if (file != NULL)
        fclose(file);
    return done;
}

/* What this handset must get: its own first, as the server has it. */
static struct item *wanted(struct expect *e, const struct mac *mac, const char *path)
{
    struct item *item = find(e, mac, path);
    if (item == NULL && e->folder != NULL && load(e, mac, path))
        item = find(e, mac, path);
    if (item == NULL)
        item = find(e, NULL, path);
    if (item == NULL && e->folder != NULL && load(e, NULL, path))
        item = find(e, NULL, path);
    return item;
}

static bool is_own_name(const struct mac *mac, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    struct mac found;
    return mac_prefix(name, strlen(name), &found) && mac_equal(&found, mac);
}

struct expect_content *expect_begin(struct expect *e)
{
    struct expect_content *content = calloc(1, sizeof *content);
    if (content == NULL)
        return NULL;
    content->expect = e;
    content->state = secret_mac_new(&e->secret);
    if (content->state == NULL) {
        free(content);
        return NULL;
    }
    return content;
}

void expect_feed(struct expect_content *content, const void *data, size_t n)
{
    secret_mac_add(content->state, data, n);
    content->size += n;
}

uint64_t expect_length(const struct expect_content *content)
{
    return content->size;
}

void expect_abandon(struct expect_content *content)
{
    if (content == NULL)
        return;
    secret_mac_free(content->state);
    free(content);
}

enum fault_code expect_finish(struct expect_content *content, const struct mac *mac, const char *path,
                              struct fault *f)
{
    struct expect *e = content->expect;
    struct secret_digest digest;
    secret_mac_peek(content->state, &digest);
    uint64_t size = content->size;
    expect_abandon(content);

    struct item *item = wanted(e, mac, path);
    if (item == NULL && e->closed && is_own_name(mac, path))
        return fault_set(f, FAULT_CONTENT, "%" PRIu64 " bytes of a file that nobody stored", size);
    if (item == NULL)
        return add(e, mac, path, size, &digest, from_before) ? FAULT_OK
                                                             : fault_set(f, FAULT_MEMORY, "out of memory");
    if (item->size != size)
        return fault_set(f, FAULT_CONTENT, "%" PRIu64 " bytes, but %s has %" PRIu64, size, item->source,
                         item->size);
    if (memcmp(&item->digest, &digest, sizeof digest) != 0)
        return fault_set(f, FAULT_CONTENT, "%" PRIu64 " bytes, as many as %s, but others", size,
                         item->source);
    return FAULT_OK;
}

enum fault_code expect_absent(struct expect *e, const struct mac *mac, const char *path, struct fault *f)
{
    struct item *item = wanted(e, mac, path);
    if (item == NULL)
        return FAULT_OK;
    return fault_set(f, FAULT_CONTENT, "absent, but %s has %" PRIu64 " bytes", item->source, item->size);
}
