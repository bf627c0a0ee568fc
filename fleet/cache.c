/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/cache.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct cache_block {
    atomic_size_t refs;
    size_t size;
    char data[];
};

struct cache_entry {
    uint8_t id[SEAL_CONTENT_ID];
    int64_t index;
    struct cache_block *block;
    struct cache_entry *chained;       /* in the same bucket */
    struct cache_entry *newer, *older; /* in its queue */
};

/* What was used last stands at `newest`. */
struct cache_queue {
    struct cache_entry *newest, *oldest;
    size_t used;
};
enum { QUEUE_WHOLE, QUEUE_PIECE, QUEUE_COUNT };

struct cache {
    pthread_mutex_t lock;
    size_t budget, pieces; /* bytes: of all, and the most that chunks may use */
    struct cache_queue queue[QUEUE_COUNT];
    size_t mask;
    struct cache_entry *bucket[];
};

struct cache_block *cache_block_new(size_t size)
{
    struct cache_block *block = size < SIZE_MAX - sizeof *block ? malloc(sizeof *block + size) : NULL;
    if (block == NULL)
        return NULL;
    atomic_init(&block->refs, 1);
    block->size = size;
    return block;
}

void *cache_block_data(struct cache_block *block)
{
    return block->data;
}

size_t cache_block_size(const struct cache_block *block)
{
    return block->size;
}

void cache_block_unref(struct cache_block *block)
{
    if (block && atomic_fetch_sub(&block->refs, 1) == 1)
        mem_wipe_free(block, sizeof *block + block->size);
}

struct cache *cache_new(int64_t budget)
{
    /* One bucket for 8 KiB of budget: a fleet's files are of that order. */
    size_t buckets = 256;
    while (buckets < (1U << 20) && (int64_t)buckets * 8192 < budget)
        buckets *= 2;
    struct cache *cache = calloc(1, sizeof *cache + buckets * sizeof cache->bucket[0]);
    if (cache == NULL)
        return NULL;
    if (pthread_mutex_init(&cache->lock, NULL) != 0) {
        free(cache);
        return NULL;
    }
    cache->budget = budget > 0 ? (size_t)budget : 0;
    cache->pieces = cache->budget - cache->budget / 3;
    cache->mask = buckets - 1;
    return cache;
}

/* Content ids are random already: their first bytes are as good as any hash of them. */
static struct cache_entry **cache_bucket(struct cache *cache, const uint8_t *id, int64_t index)
{
    size_t hash;
    memcpy(&hash, id, sizeof hash);
    return &cache->bucket[(hash + (size_t)index * 0x9e3779b1U) & cache->mask];
}

static struct cache_queue *cache_queue_of(struct cache *cache, int64_t index)
{
    return &cache->queue[index == CACHE_WHOLE ? QUEUE_WHOLE : QUEUE_PIECE];
}

static size_t cache_weight(const struct cache_block *block)
{
    return sizeof(struct cache_entry) + sizeof *block + block->size;
}

static void queue_unlink(struct cache_queue *queue, struct cache_entry *entry)
{
    *(entry->newer ? &entry->newer->older : &queue->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &queue->oldest) = entry->newer;
    queue->used -= cache_weight(entry->block);
}

static void queue_push(struct cache_queue *queue, struct cache_entry *entry)
{
    entry->newer = NULL;
    entry->older = queue->newest;
    *(queue->newest ? &queue->newest->newer : &queue->oldest) = entry;
    queue->newest = entry;
    queue->used += cache_weight(entry->block);
}

static struct cache_entry *cache_find(struct cache *cache, const uint8_t *id, int64_t index)
{
    struct cache_entry *entry = *cache_bucket(cache, id, index);
    while (entry && (entry->index != index || memcmp(entry->id, id, SEAL_CONTENT_ID) != 0))
        entry = entry->chained;
    return entry;
}

static void cache_drop_oldest(struct cache *cache, struct cache_queue *queue)
{
    struct cache_entry *entry = queue->oldest;
    struct cache_entry **link = cache_bucket(cache, entry->id, entry->index);
    while (*link != entry)
        link = &(*link)->chained;
    *link = entry->chained;
    queue_unlink(queue, entry);
    cache_block_unref(entry->block);
    free(entry);
}

void cache_free(struct cache *cache)
{
    if (cache == NULL)
        return;
    for (size_t i = 0; i < QUEUE_COUNT; i++)
        while (cache->queue[i].oldest)
            cache_drop_oldest(cache, &cache->queue[i]);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

struct cache_block *cache_get(struct cache *cache, const uint8_t id[SEAL_CONTENT_ID], int64_t index)
{
    struct cache_block *block = NULL;
    pthread_mutex_lock(&cache->lock);
    struct cache_entry *entry = cache_find(cache, id, index);
    if (entry) {
        struct cache_queue *queue = cache_queue_of(cache, index);
        queue_unlink(queue, entry);
        queue_push(queue, entry);
        block = entry->block;
        atomic_fetch_add(&block->refs, 1);
    }
    pthread_mutex_unlock(&cache->lock);
    return block;
}

void cache_put(struct cache *cache, const uint8_t id[SEAL_CONTENT_ID], int64_t index,
               struct cache_block *block)
{
    struct cache_queue *pieces = &cache->queue[QUEUE_PIECE];
    struct cache_queue *whole = &cache->queue[QUEUE_WHOLE];
    size_t most = index == CACHE_WHOLE ? cache->budget : cache->pieces;
    struct cache_entry *entry = cache_weight(block) <= most ? calloc(1, sizeof *entry) : NULL;
    if (entry == NULL)
        return;
    memcpy(entry->id, id, SEAL_CONTENT_ID);
    entry->index = index;
    entry->block = block;

    pthread_mutex_lock(&cache->lock);
    if (cache_find(cache, id, index)) {
        pthread_mutex_unlock(&cache->lock);
        free(entry);
        return;
    }
    atomic_fetch_add(&block->refs, 1);
    struct cache_entry **bucket = cache_bucket(cache, id, index);
    entry->chained = *bucket;
    *bucket = entry;
    queue_push(cache_queue_of(cache, index), entry);
    while (pieces->oldest && (pieces->used > cache->pieces || pieces->used + whole->used > cache->budget))
        cache_drop_oldest(cache, pieces);
    while (whole->used > cache->budget)
        cache_drop_oldest(cache, whole);
    pthread_mutex_unlock(&cache->lock);
}

size_t cache_used(struct cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    size_t used = cache->queue[QUEUE_WHOLE].used + cache->queue[QUEUE_PIECE].used;
    pthread_mutex_unlock(&cache->lock);
    return used;
}
