/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/memory.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A digest says in which set its entry lies; within a set the one that expires first gives way. */
#define WAYS 4
#define SETS (MEMORY_ENTRIES / WAYS)

struct entry {
    struct secret_digest digest;
    int64_t changed;
    int64_t expires; /* steady clock; 0: free */
};

struct memory {
    _Atomic(const struct settings *) settings;
    struct secret_key key; /* this process's own: digests mean nothing outside of it */
    pthread_mutex_t lock;
    struct entry entry[SETS][WAYS];
};

struct memory *memory_new(const struct settings *settings)
{
    struct memory *memory = calloc(1, sizeof *memory);
    if (memory == NULL)
        return NULL;
    memory->settings = settings;
    secret_random(&memory->key, sizeof memory->key);
    pthread_mutex_init(&memory->lock, NULL);
    return memory;
}

void memory_free(struct memory *memory)
{
    if (memory == NULL)
        return;
    pthread_mutex_destroy(&memory->lock);
    mem_wipe_free(memory, sizeof *memory);
}

void memory_settings(struct memory *memory, const struct settings *settings)
{
    memory->settings = settings;
}

/* The terminating NULs are part of the text, so that no two claims run together alike. */
static bool digest_of(struct memory *memory, const struct memory_claim *claim,
                      struct secret_digest *ret_digest)
{
    struct secret_mac_state *state = secret_mac_new(&memory->key);
    if (state == NULL)
        return false;
    secret_mac_add(state, claim->right ? "right" : "wrong", 6);
    secret_mac_add(state, claim->account, strlen(claim->account) + 1);
    secret_mac_add(state, claim->stored, strlen(claim->stored) + 1);
    secret_mac_add(state, claim->password, strlen(claim->password) + 1);
    secret_mac_peek(state, ret_digest);
    secret_mac_free(state);
    return true;
}

static struct entry *set_of(struct memory *memory, const struct secret_digest *digest)
{
    size_t set = ((size_t)digest->bytes[0] << 8 | digest->bytes[1]) % SETS;
    return memory->entry[set];
}

bool memory_knows(struct memory *memory, const struct memory_claim *claim)
{
    struct secret_digest digest;
    if (!digest_of(memory, claim, &digest))
        return false;
    bool known = false;
    int64_t now = clock_steady_ms();
    pthread_mutex_lock(&memory->lock);
    struct entry *set = set_of(memory, &digest);
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].expires > now && secret_equal(&set[i].digest, &digest, sizeof digest))
            known = set[i].changed == claim->changed;
    pthread_mutex_unlock(&memory->lock);
    return known;
}

void memory_keep(struct memory *memory, const struct memory_claim *claim)
{
    struct secret_digest digest;
    int64_t now = clock_steady_ms();
    if (memory->settings->credential_memory <= 0 || !digest_of(memory, claim, &digest))
        return;
    pthread_mutex_lock(&memory->lock);
    struct entry *set = set_of(memory, &digest), *place = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (secret_equal(&set[i].digest, &digest, sizeof digest)) {
            place = &set[i];
            break;
        }
        if (set[i].expires < place->expires)
            place = &set[i];
    }
    place->digest = digest;
    place->changed = claim->changed;
    place->expires = now + memory->settings->credential_memory;
    pthread_mutex_unlock(&memory->lock);
}
