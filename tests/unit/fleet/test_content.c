/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/fleet/site.h"

#include "fleet/cache.h"
#include "fleet/content.h"
#include "fleet/hold.h"
#include "fleet/layer.h"
#include "fleet/vault.h"

/* A content to be made in one write, with ways to spoil it. */
struct making {
    struct site *site;
    struct content content;
    const char *bytes;
    bool staged_only;
    enum { WHOLE, FLIPPED, EXCHANGED, CUT, MISSING } spoilt;
};

static enum fault_code make(struct db_conn *conn, void *user, struct fault *f)
{
    struct making *m = user;
    struct vault *vault = m->site->fleet->vault;
    uint32_t key_id;
    m->content.key = vault_current(vault);
    int64_t chunks = content_chunks(m->content.size);
    secret_random(m->content.id, sizeof m->content.id);
    secret_mac(vault_digest_key(m->site->fleet->vault), m->bytes, (size_t)m->content.size,
               &m->content.digest);
    enum fault_code code = content_stage(conn, m->content.id, m->content.key, 1, f);
    for (int64_t i = 0; code == FAULT_OK && i < chunks; i++) {
        static uint8_t sealed[CONTENT_CHUNK + SEAL_OVERHEAD];
        size_t n = content_chunk_size(m->content.size, i);
        struct seal_place place = { .index = (uint64_t)i, .last = i == chunks - 1 };
        memcpy(place.content, m->content.id, sizeof place.content);
        code = vault_seal(vault, &place, m->bytes + i * CONTENT_CHUNK, n, sealed, &key_id, f);
        if (m->spoilt == FLIPPED && i == 1)
            sealed[100] ^= 1;
        if (m->spoilt == CUT && i == 1)
            n--;
        if (m->spoilt == MISSING && i == 1)
            continue;
        int64_t at = m->spoilt == EXCHANGED && i < 2 ? 1 - i : i;
        if (code == FAULT_OK)
            code = content_add_chunk(conn, m->content.id, at, sealed, n + SEAL_OVERHEAD, f);
    }
    return code || m->staged_only ? code : content_settle(vault, conn, &m->content, 1, f);
}

static struct content made(struct site *site, const char *bytes, size_t n, int spoilt)
{
    struct making m = { .site = site, .content.size = (int64_t)n, .bytes = bytes, .spoilt = spoilt };
    struct fault f;
    site_check(site_write(site, make, &m, &f), &f);
    return m.content;
}

static enum fault_code read_them(struct site *site, const struct content *contents, size_t count,
                                 struct reader **ret_reader, struct fault *f)
{
    struct db_conn *conn;
    site_check(db_read_begin(site->fleet->db, &conn, f), f);
    enum fault_code code = content_reader(site->fleet, conn, contents, count, ret_reader, f);
    db_read_end(site->fleet->db, conn);
    return code;
}

static enum fault_code remove_it(struct db_conn *conn, void *user, struct fault *f)
{
    return content_remove(conn, user, f);
}
static enum fault_code remove_and_undo(struct db_conn *conn, void *user, struct fault *f)
{
    enum fault_code code = content_remove(conn, user, f);
    return code ? code : fault_set(f, FAULT_CONFLICT, "undone");
}
static enum fault_code clean(struct db_conn *conn, void *user, struct fault *f)
{
    return content_clean(conn, user, f);
}

static void test_sizes(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0,
                                    1,
                                    CONTENT_CHUNK - 1,
                                    CONTENT_CHUNK,
                                    CONTENT_CHUNK + 1,
                                    CONTENT_HOT_MAX,
                                    CONTENT_HOT_MAX + 1,
                                    CONTENT_HOT_MAX + 3 * CONTENT_CHUNK };
    struct site site;
    struct fault f;
    site_begin(&site, NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
        AUTO_FREE char *bytes = site_bytes(sizes[i], (unsigned)i);
        struct content content = made(&site, bytes, sizes[i], WHOLE);
        for (int round = 0; round < 2; round++) { /* from the catalog, and from the cache */
            struct reader *reader;
            size_t n;
            site_check(read_them(&site, &content, 1, &reader, &f), &f);
            assert_int_equal(reader_hot(reader) != NULL, sizes[i] <= CONTENT_HOT_MAX);
            AUTO_FREE char *got = site_drain(reader, round ? 100000 : 4096, &n);
            assert_int_equal(n, sizes[i]);
            assert_memory_equal(got, bytes, n);
        }
    }
    assert_true(cache_used(site.fleet->cache) > CONTENT_HOT_MAX);
    site_end(&site);
}

static void test_several_one_after_the_other(void **state)
{
    (void)state;
    static const size_t sizes[2][5] = { { 10, 0, 70000, 1, 0 }, { 700000, 0, 0, CONTENT_CHUNK, 600000 } };
    struct site site;
    struct fault f;
    site_begin(&site, NULL);
    for (size_t row = 0; row < 2; row++) {
        struct content contents[5];
        struct reader *reader;
        size_t total = 0, n;
        AUTO_FREE char *all = site_bytes(2000000, 7);
        for (size_t i = 0; i < 5; i++) {
            contents[i] = made(&site, all + total, sizes[row][i], WHOLE);
            total += sizes[row][i];
        }
        site_check(read_them(&site, contents, 5, &reader, &f), &f);
        assert_int_equal(reader_hot(reader) != NULL, row == 0);
        char some[16];
        size_t at = sizes[row][0] - 3;
        site_check(site_read(reader, (int64_t)at, some, sizeof some, &n, &f), &f);
        assert_int_equal(n, sizeof some);
        assert_memory_equal(some, all + at, n);
        assert_int_equal(reader_load(reader, (int64_t)total, &f), FAULT_RANGE);
        assert_int_equal(reader_load(reader, -1, &f), FAULT_RANGE);
        assert_null(reader_at(reader, (int64_t)total, &n));
        AUTO_FREE char *got = site_drain(reader, 77777, &n);
        assert_int_equal(n, total);
        assert_memory_equal(got, all, n);
    }
    struct reader *none;
    size_t n;
    site_check(read_them(&site, NULL, 0, &none, &f), &f);
    assert_non_null(reader_hot(none));
    free(site_drain(none, 10, &n));
    reader_free(NULL);
    site_end(&site);
}

static void test_damage_is_told_and_named(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site, NULL);
    static const size_t sizes[] = { 3 * CONTENT_CHUNK, CONTENT_HOT_MAX + 1 };
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++)
        for (int spoilt = FLIPPED; spoilt <= MISSING; spoilt++) {
            struct fault f = { 0 };
            struct reader *reader = NULL;
            AUTO_FREE char *bytes = site_bytes(sizes[i], 3);
            struct content content = made(&site, bytes, sizes[i], spoilt);
            enum fault_code code = read_them(&site, &content, 1, &reader, &f);
            if (sizes[i] > CONTENT_HOT_MAX) {
                char some[CONTENT_CHUNK];
                size_t n;
                assert_int_equal(code, FAULT_OK);
                code = site_read(reader, CONTENT_CHUNK, some, sizeof some, &n, &f);
            }
            char hex[2 * SEAL_CONTENT_ID + 1];
            secret_hex(content.id, sizeof content.id, hex);
            assert_int_equal(code, FAULT_DAMAGED);
            assert_non_null(strstr(f.text, hex));
            assert_non_null(strstr(f.text, "chunk "));
            reader_free(reader);
        }
    site_end(&site);
}

static void test_a_reader_keeps_what_is_removed(void **state)
{
    (void)state;
    const size_t size = CONTENT_HOT_MAX + 100000;
    static const char *const no_cache[] = { "cache=0", NULL };
    struct site site;
    struct fault f;
    struct reader *first, *second;
    size_t n;
    site_begin(&site, no_cache);
    AUTO_FREE char *bytes = site_bytes(size, 9);
    struct content content = made(&site, bytes, size, WHOLE);
    site_check(read_them(&site, &content, 1, &first, &f), &f);
    site_check(read_them(&site, &content, 1, &second, &f), &f);
    site_check(site_write(&site, remove_it, content.id, &f), &f);
    reader_free(first);
    db_flush(site.fleet->db);
    AUTO_FREE char *got = site_drain(second, 65536, &n);
    assert_memory_equal(got, bytes, size);
    db_flush(site.fleet->db);
    /* Nothing is left of it, and nothing waits for the next start. */
    assert_int_equal(read_them(&site, &content, 1, &first, &f), FAULT_BUSY);
    static uint8_t out[CONTENT_CHUNK];
    struct db_conn *conn;
    site_check(db_read_begin(site.fleet->db, &conn, &f), &f);
    assert_int_equal(content_chunk(site.fleet->vault, conn, &content, 0, out, &f), FAULT_DAMAGED);
    db_read_end(site.fleet->db, conn);
    int64_t removed = -1;
    site_check(site_write(&site, clean, &removed, &f), &f);
    assert_int_equal(removed, 0);
    site_end(&site);
}

static void test_what_was_let_go_of_cannot_be_held_any_more(void **state)
{
    (void)state;
    uint8_t id[SEAL_CONTENT_ID];
    struct fault f;
    secret_random(id, sizeof id);
    assert_false(hold_drop(id));
    clock_freeze(1000000, 1000000);
    assert_false(hold_claim(id));
    assert_int_equal(hold_take(id, &f), FAULT_BUSY);
    clock_freeze(1000000, 1000000 + 61000);
    assert_int_equal(hold_take(id, &f), FAULT_OK);
    assert_int_equal(hold_take(id, &f), FAULT_OK);
    assert_true(hold_claim(id));
    assert_false(hold_drop(id));
    assert_true(hold_drop(id));
    clock_thaw();
}

/* Who looked it up before it was removed may come to hold it after the last other reader has gone. */
static void test_a_late_reader_keeps_it_too(void **state)
{
    (void)state;
    const size_t size = CONTENT_HOT_MAX + 1;
    static const char *const no_cache[] = { "cache=0", NULL };
    struct site site;
    struct fault f;
    struct reader *reader;
    struct db_conn *conn;
    static uint8_t out[CONTENT_CHUNK];
    site_begin(&site, no_cache);
    AUTO_FREE char *bytes = site_bytes(size, 5);
    struct content content = made(&site, bytes, size, 0);
    site_check(read_them(&site, &content, 1, &reader, &f), &f);
    site_check(site_write(&site, remove_it, content.id, &f), &f);
    reader_free(reader);
    site_check(hold_take(content.id, &f), &f);
    db_flush(site.fleet->db);
    for (int round = 0; round < 2; round++) {
        site_check(db_read_begin(site.fleet->db, &conn, &f), &f);
        enum fault_code code = content_chunk(site.fleet->vault, conn, &content, 1, out, &f);
        db_read_end(site.fleet->db, conn);
        assert_int_equal(code, round ? FAULT_DAMAGED : FAULT_OK);
        if (round == 0)
            content_let_go(site.fleet->db, content.id);
        db_flush(site.fleet->db);
    }
    assert_int_equal(hold_take(content.id, &f), FAULT_BUSY);
    site_end(&site);
}

static void reads_back(struct site *site, const struct content *content, const char *bytes, size_t size)
{
    struct fault f;
    struct reader *reader;
    size_t n;
    site_check(read_them(site, content, 1, &reader, &f), &f);
    AUTO_FREE char *got = site_drain(reader, size, &n);
    assert_memory_equal(got, bytes, size);
}

static void test_an_undone_removal_removes_nothing(void **state)
{
    (void)state;
    const size_t size = CONTENT_HOT_MAX + 1;
    static const char *const no_cache[] = { "cache=0", NULL };
    struct site site;
    struct fault f;
    struct reader *reader;
    site_begin(&site, no_cache);
    AUTO_FREE char *bytes = site_bytes(size, 4);
    struct content content = made(&site, bytes, size, WHOLE);
    site_check(read_them(&site, &content, 1, &reader, &f), &f);
    assert_int_equal(site_write(&site, remove_and_undo, content.id, &f), FAULT_CONFLICT);
    reader_free(reader);
    db_flush(site.fleet->db);
    reads_back(&site, &content, bytes, size);
    site_end(&site);
}

/* Also when nobody read it then; a removal that is not undone stays one. */
static void test_after_an_undone_removal_it_is_read_at_once(void **state)
{
    (void)state;
    const size_t size = CONTENT_HOT_MAX + 1;
    static const char *const no_cache[] = { "cache=0", NULL };
    struct site site;
    struct fault f;
    struct reader *reader;
    site_begin(&site, no_cache);
    AUTO_FREE char *bytes = site_bytes(size, 6);
    struct content content = made(&site, bytes, size, WHOLE);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(site_write(&site, remove_and_undo, content.id, &f), FAULT_CONFLICT);
        reads_back(&site, &content, bytes, size);
    }
    site_check(site_write(&site, remove_it, content.id, &f), &f);
    assert_int_equal(read_them(&site, &content, 1, &reader, &f), FAULT_BUSY);
    site_end(&site);
}

static void test_a_start_removes_what_is_staged(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    site_begin(&site, NULL);
    assert_int_equal(site.fleet->cleaned, 0);
    struct making m = {
        .site = &site, .content.size = 100000, .bytes = site_bytes(100000, 1), .staged_only = true
    };
    site_check(site_write(&site, make, &m, &f), &f);
    struct content kept = made(&site, m.bytes, 100000, WHOLE);
    site_restart(&site);
    assert_int_equal(site.fleet->cleaned, 1);
    struct reader *reader = NULL;
    size_t n;
    assert_int_equal(read_them(&site, &m.content, 1, &reader, &f), FAULT_DAMAGED);
    site_check(read_them(&site, &kept, 1, &reader, &f), &f);
    free(site_drain(reader, 1000, &n));
    site_restart(&site);
    assert_int_equal(site.fleet->cleaned, 0);
    free((void *)m.bytes);
    site_end(&site);
}

/* What a hostile backup could say. */
struct saying {
    struct vault *vault;
    struct content content;
};
static enum fault_code say_size(struct db_conn *conn, void *user, struct fault *f)
{
    const struct saying *saying = user;
    const struct content *content = &saying->content;
    enum fault_code code = content_settle(saying->vault, conn, content, 1, f);
    return code ? code
                : db_run(conn, SQL_FILE_PUT,
                         DB_ARGS(db_text(""), db_text("/site.cfg"), db_int(1),
                                 db_blob(content->id, sizeof content->id), db_int(1), db_text(""), db_int(0)),
                         NULL, f);
}

static void test_sizes_that_cannot_be(void **state)
{
    (void)state;
    static const int64_t sizes[] = { -1, INT64_MIN, INT64_MAX, ((int64_t)1 << 40) + 1 };
    struct site site;
    struct fault f;
    struct layer_file file;
    site_begin(&site, NULL);
    struct saying saying = { site.fleet->vault, made(&site, "abc", 3, 0) };
    site_check(site_write(&site, say_size, &saying, &f), &f);
    for (size_t i = 0; i <= ARRAY_LENGTH(sizes); i++) {
        struct db_conn *conn;
        site_check(db_read_begin(site.fleet->db, &conn, &f), &f);
        assert_int_equal(layer_find(site.fleet->vault, conn, "", "/site.cfg", 0, &file, &f),
                         i ? FAULT_DAMAGED : FAULT_OK);
        db_read_end(site.fleet->db, conn);
        if (i == ARRAY_LENGTH(sizes))
            break;
        saying.content.size = sizes[i];
        site_check(site_write(&site, say_size, &saying, &f), &f);
    }
    site_end(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_that_cannot_be),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_several_one_after_the_other),
        cmocka_unit_test(test_damage_is_told_and_named),
        cmocka_unit_test(test_a_reader_keeps_what_is_removed),
        cmocka_unit_test(test_what_was_let_go_of_cannot_be_held_any_more),
        cmocka_unit_test(test_a_late_reader_keeps_it_too),
        cmocka_unit_test(test_an_undone_removal_removes_nothing),
        cmocka_unit_test(test_after_an_undone_removal_it_is_read_at_once),
        cmocka_unit_test(test_a_start_removes_what_is_staged),
    };
    return cmocka_run_group_tests_name("content", tests, NULL, NULL);
}
