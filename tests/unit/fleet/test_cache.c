/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fleet/cache.h"

#include <string.h>

static const uint8_t *id_of(unsigned n)
{
    static uint8_t id[SEAL_CONTENT_ID];
    memset(id, 0, sizeof id);
    id[0] = (uint8_t)n;
    id[1] = (uint8_t)(n >> 8);
    return id;
}

static void put(struct cache *cache, unsigned n, int64_t index, size_t size, char fill)
{
    struct cache_block *block = cache_block_new(size);
    assert_non_null(block);
    memset(cache_block_data(block), fill, size);
    cache_put(cache, id_of(n), index, block);
    cache_block_unref(block);
}

static bool has(struct cache *cache, unsigned n, int64_t index)
{
    struct cache_block *block = cache_get(cache, id_of(n), index);
    cache_block_unref(block);
    return block != NULL;
}

static void test_get_gives_what_was_put(void **state)
{
    (void)state;
    struct cache *cache = cache_new(1 << 20);
    put(cache, 1, CACHE_WHOLE, 100, 'a');
    put(cache, 1, 0, 200, 'b');
    put(cache, 1, 0, 200, 'c'); /* contents never change: the first one stays */
    struct cache_block *whole = cache_get(cache, id_of(1), CACHE_WHOLE);
    struct cache_block *piece = cache_get(cache, id_of(1), 0);
    assert_non_null(whole);
    assert_non_null(piece);
    assert_int_equal(cache_block_size(whole), 100);
    assert_int_equal(((char *)cache_block_data(whole))[99], 'a');
    assert_int_equal(cache_block_size(piece), 200);
    assert_int_equal(((char *)cache_block_data(piece))[0], 'b');
    assert_false(has(cache, 1, 1));
    assert_false(has(cache, 2, CACHE_WHOLE));
    /* A block lives as long as somebody refers to it. */
    cache_free(cache);
    assert_int_equal(((char *)cache_block_data(whole))[0], 'a');
    cache_block_unref(whole);
    cache_block_unref(piece);
}

static void test_least_recently_used_goes(void **state)
{
    (void)state;
    struct cache *cache = cache_new(10 * 10000);
    for (unsigned i = 0; i < 9; i++)
        put(cache, i, CACHE_WHOLE, 10000, 'x');
    for (unsigned i = 0; i < 9; i++)
        assert_true(has(cache, i, CACHE_WHOLE));
    assert_true(has(cache, 0, CACHE_WHOLE)); /* 1 is the oldest now */
    put(cache, 100, CACHE_WHOLE, 15000, 'y');
    assert_true(has(cache, 0, CACHE_WHOLE));
    assert_false(has(cache, 1, CACHE_WHOLE));
    assert_true(has(cache, 100, CACHE_WHOLE));
    assert_true(cache_used(cache) <= 100000);
    cache_free(cache);
}

static void test_pieces_use_at_most_two_thirds_and_give_way(void **state)
{
    (void)state;
    struct cache *cache = cache_new(100000);
    for (unsigned i = 0; i < 4; i++)
        put(cache, i, CACHE_WHOLE, 10000, 'w');
    for (int64_t i = 0; i < 100; i++)
        put(cache, 50, i, 10000, 'p');
    for (unsigned i = 0; i < 4; i++)
        assert_true(has(cache, i, CACHE_WHOLE));
    assert_true(has(cache, 50, 99));
    assert_false(has(cache, 50, 0));
    size_t kept = 0;
    for (int64_t i = 0; i < 100; i++)
        kept += has(cache, 50, i);
    assert_int_equal(kept, 5);
    for (unsigned i = 4; i < 9; i++)
        put(cache, i, CACHE_WHOLE, 10000, 'w');
    for (unsigned i = 0; i < 9; i++)
        assert_true(has(cache, i, CACHE_WHOLE));
    assert_true(cache_used(cache) <= 100000);
    cache_free(cache);
}

static void test_too_large_and_none(void **state)
{
    (void)state;
    struct cache *cache = cache_new(1000);
    put(cache, 1, CACHE_WHOLE, 1001, 'x');
    put(cache, 1, 0, 667, 'x');
    assert_int_equal(cache_used(cache), 0);
    cache_free(cache);
    cache = cache_new(0);
    put(cache, 1, CACHE_WHOLE, 0, 'x');
    assert_int_equal(cache_used(cache), 0);
    cache_free(cache);
    cache_free(NULL);
    cache_block_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get_gives_what_was_put),
        cmocka_unit_test(test_least_recently_used_goes),
        cmocka_unit_test(test_pieces_use_at_most_two_thirds_and_give_way),
        cmocka_unit_test(test_too_large_and_none),
    };
    return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
