/* SPDX-License-Identifier: Apache-2.0 */
/* Opened contents in memory, least recently used first out, within a budget of bytes. Contents never change,
 * so nothing is ever invalidated. Small contents are kept whole; chunks of large ones use what those leave,
 * at most two thirds of the budget, so that one download of a firmware image does not drive a fleet's
 * configuration out. Floor 2; any thread. */
#ifndef CRADLE_CACHE_H
#define CRADLE_CACHE_H

#include "base/seal.h"
#include <stddef.h>
#include <stdint.h>

/* A run of opened bytes, counted by references and wiped when the last one goes. Filled by its maker before
 * anybody else sees it. */
struct cache_block;
struct cache_block *cache_block_new(size_t size); /* NULL if out of memory */
void *cache_block_data(struct cache_block *block);
size_t cache_block_size(const struct cache_block *block);
void cache_block_unref(struct cache_block *block); /* takes NULL */

struct cache;
/* budget 0: keeps nothing. NULL if out of memory. */
struct cache *cache_new(int64_t budget);
void cache_free(struct cache *cache); /* takes NULL; blocks that are still referenced live on */

#define CACHE_WHOLE (-1)
/* The chunk `index` of a content, or all of it. Given: cache_block_unref. NULL: not here. */
struct cache_block *cache_get(struct cache *cache, const uint8_t id[SEAL_CONTENT_ID], int64_t index);
/* Takes a reference of its own; keeps nothing when the block is too large or memory is short. */
void cache_put(struct cache *cache, const uint8_t id[SEAL_CONTENT_ID], int64_t index,
               struct cache_block *block);
/* Bytes kept now. */
size_t cache_used(struct cache *cache);

#endif
