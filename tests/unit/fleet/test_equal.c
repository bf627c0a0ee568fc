/* SPDX-License-Identifier: Apache-2.0 */
/* Equal files are stored once; what is damaged is healed by whoever stores the bytes again; rows of contents
 * are under a MAC; rows of schema 1 get theirs once. */
#include "tests/unit/fleet/site.h"

#include "fleet/content.h"
#include "fleet/layer.h"
#include "fleet/segment.h"
#include "fleet/state.h"

#include <sqlite3.h>

#define MAC  "00907a0a1b2c"
#define BOTH "SELECT count(*) FROM content"

/* Behind the fleet's back. Gives the first column of the first row, or 0. */
static int64_t sql(struct site *site, const char *text)
{
    char file[600];
    sqlite3 *db;
    sqlite3_stmt *stmt;
    int64_t value = 0;
    snprintf(file, sizeof file, "%s/" STATE_CATALOG, site->settings->state);
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        value = sqlite3_column_int64(stmt, 0);
    else
        assert_int_equal(rc, SQLITE_DONE);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return value;
}

static struct put_target aim(const char *layer, const char *path)
{
    struct put_target target = { .limit = 1 << 24, .author = "anna" };
    struct fault f;
    assert_true(mem_copy_text(target.layer, sizeof target.layer, layer));
    site_check(path_parse(path, strlen(path), &target.path, &f), &f);
    return target;
}

static void store(struct site *site, const char *layer, const char *path, const char *bytes, size_t n)
{
    const struct upload_options options = { .size = -1 };
    const struct put_target target = aim(layer, path);
    struct upload_outcome outcome;
    struct fault f;
    site_check(site_upload(site, &target, &options, bytes, n, n ? n : 1, &outcome, &f), &f);
}

static enum fault_code load(struct site *site, const char *layer, const char *path, const char *bytes,
                            size_t n)
{
    struct db_conn *conn;
    struct layer_file file;
    struct reader *reader = NULL;
    struct fault f;
    site_check(db_read_begin(site->fleet->db, &conn, &f), &f);
    enum fault_code code = layer_find(site->fleet->vault, conn, layer, path, 0, &file, &f);
    if (code == FAULT_OK)
        code = content_reader(site->fleet, conn, &file.content, 1, &reader, &f);
    db_read_end(site->fleet->db, conn);
    char *got = malloc(n + 1);
    assert_non_null(got);
    for (size_t at = 0, some = 1; code == FAULT_OK && at < n; at += some)
        code = site_read(reader, (int64_t)at, got + at, n - at, &some, &f);
    if (code == FAULT_OK)
        assert_memory_equal(got, bytes, n);
    free(got);
    reader_free(reader);
    return code;
}

static enum fault_code remove_run(struct db_conn *conn, void *user, struct fault *f)
{
    struct site *site = user;
    return layer_remove(site->fleet->vault, conn, MAC, "/b.cfg", "anna", 5, 0, f);
}

static void test_equal_files_are_stored_once(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 5, CONTENT_CHUNK + 1, CONTENT_HOT_MAX + 1 };
    static const char *const few[] = { "file_versions=0", NULL };
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
        struct site site;
        struct fault f;
        size_t n = sizes[i];
        site_begin(&site, few);
        AUTO_FREE char *bytes = site_bytes(n, 1), *other = site_bytes(n + 1, 2);
        store(&site, "", "/a.cfg", bytes, n);
        store(&site, MAC, "/b.cfg", bytes, n);
        store(&site, MAC, "/c.cfg", bytes, n);
        assert_int_equal(sql(&site, BOTH), 1);
        assert_int_equal(sql(&site, "SELECT count(*) FROM chunk"), content_chunks((int64_t)n));
        assert_int_equal(load(&site, "", "/a.cfg", bytes, n), FAULT_OK);
        assert_int_equal(load(&site, MAC, "/c.cfg", bytes, n), FAULT_OK);
        store(&site, "", "/a.cfg", other, n + 1); /* two names are left */
        site_check(site_write(&site, remove_run, &site, &f), &f);
        assert_int_equal(load(&site, MAC, "/c.cfg", bytes, n), FAULT_OK);
        assert_int_equal(sql(&site, BOTH), 2);
        store(&site, MAC, "/c.cfg", other, n + 1); /* the last one */
        db_flush(site.fleet->db);
        assert_int_equal(sql(&site, BOTH), 1);
        assert_int_equal(sql(&site, "SELECT count(*) FROM chunk"), content_chunks((int64_t)n + 1));
        site_end(&site);
    }
}

static void test_a_former_version_may_be_the_same_bytes(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site, NULL);
    for (int round = 0; round < 3; round++)
        store(&site, "", "/a.cfg", "same", 4);
    assert_int_equal(sql(&site, BOTH), 1);
    assert_int_equal(sql(&site, "SELECT count(*) FROM former_file"), 2);
    site_end(&site);
}

static void test_log_segments_are_never_shared(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    struct upload_outcome outcome;
    const struct upload_options options = { .size = -1, .append = true };
    site_begin(&site, NULL);
    struct put_target target = aim(MAC, "/" MAC "-app.log");
    assert_true(mac_parse(MAC, 12, &target.mac));
    target.log = true;
    store(&site, "", "/a.cfg", "same", 4);
    for (int round = 0; round < 2; round++)
        site_check(site_upload(&site, &target, &options, "same", 4, 4, &outcome, &f), &f);
    assert_int_equal(sql(&site, BOTH), 3);
    assert_int_equal(sql(&site, "SELECT count(*) FROM content WHERE kind = 0"), 2);
    site_end(&site);
}

static void test_storing_again_heals_all_names(void **state)
{
    (void)state;
    static const char *const damages[] = {
        "UPDATE chunk SET sealed = zeroblob(length(sealed)) WHERE number = 0",
        "DELETE FROM chunk WHERE number = 0",
        "UPDATE content SET mac = zeroblob(32)",
        "UPDATE content SET kind = 0",
    };
    static const char *const no_cache[] = { "cache=0", NULL };
    static const size_t sizes[] = { 10, 3 * CONTENT_CHUNK, CONTENT_HOT_MAX + 1 };
    for (size_t d = 0; d < ARRAY_LENGTH(damages); d++)
        for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
            struct site site;
            size_t n = sizes[i];
            site_begin(&site, no_cache);
            AUTO_FREE char *bytes = site_bytes(n, 3);
            store(&site, "", "/a.cfg", bytes, n);
            store(&site, MAC, "/b.cfg", bytes, n);
            sql(&site, damages[d]);
            assert_int_equal(load(&site, "", "/a.cfg", bytes, n), FAULT_DAMAGED);
            assert_int_equal(load(&site, MAC, "/b.cfg", bytes, n), FAULT_DAMAGED);
            store(&site, "", "/a.cfg", bytes, n);
            assert_int_equal(load(&site, "", "/a.cfg", bytes, n), FAULT_OK);
            /* A row that calls itself something else is not found by its digest. */
            bool found = d != 3;
            assert_int_equal(load(&site, MAC, "/b.cfg", bytes, n), found ? FAULT_OK : FAULT_DAMAGED);
            if (found)
                assert_int_equal(sql(&site, BOTH), 1);
            site_end(&site);
        }
}

static void test_a_changed_row_is_damage_and_named(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "UPDATE content SET size = 3, chunks = 1",
        "UPDATE content SET chunks = 2",
        "UPDATE content SET kind = 2",
        "UPDATE content SET kind = 7",
        "UPDATE content SET digest = zeroblob(32)",
        "UPDATE content SET digest = zeroblob(31)",
        "UPDATE content SET mac = NULL",
        "UPDATE content SET mac = substr(mac, 1, 31)",
        "UPDATE content SET mac = (SELECT mac FROM content WHERE size = 5)",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
        struct site site;
        struct layer_file file;
        struct db_conn *conn;
        struct fault f = { 0 };
        char hex[64];
        site_begin(&site, NULL);
        store(&site, "", "/other.cfg", "other", 5);
        store(&site, "", "/a.cfg", "file", 4);
        site_check(db_read_begin(site.fleet->db, &conn, &f), &f);
        site_check(layer_find(site.fleet->vault, conn, "", "/a.cfg", 0, &file, &f), &f);
        db_read_end(site.fleet->db, conn);
        secret_hex(file.content.id, SEAL_CONTENT_ID, hex);
        sql(&site, changes[i]);
        site_check(db_read_begin(site.fleet->db, &conn, &f), &f);
        assert_int_equal(layer_find(site.fleet->vault, conn, "", "/a.cfg", 0, &file, &f), FAULT_DAMAGED);
        assert_non_null(strstr(f.text, hex));
        db_read_end(site.fleet->db, conn);
        site_end(&site);
    }
}

/* As schema 1 left them. */
static void test_rows_without_a_mac_are_adopted_when_they_are_sound(void **state)
{
    (void)state;
    const size_t size = 2 * CONTENT_CHUNK + 1;
    struct site site;
    site_begin(&site, NULL);
    AUTO_FREE char *bytes = site_bytes(size, 4);
    store(&site, "", "/a.cfg", bytes, size);
    store(&site, "", "/flipped.cfg", "flipped", 7);
    store(&site, "", "/digest.cfg", "digest", 6);
    for (int i = 0; i < 200; i++) {
        char path[32];
        snprintf(path, sizeof path, "/many/%d", i);
        store(&site, "", path, path, strlen(path));
    }
    sql(&site,
        "UPDATE chunk SET sealed = zeroblob(40) WHERE content = (SELECT content FROM file WHERE path = "
        "'/flipped.cfg')");
    sql(&site, "UPDATE content SET digest = (SELECT digest FROM content WHERE size > 1000) WHERE size = 6");
    sql(&site, "UPDATE content SET mac = NULL");
    site_restart(&site);
    assert_int_equal(site.fleet->adopted.adopted, 201);
    assert_int_equal(site.fleet->adopted.damaged, 2);
    assert_int_equal(load(&site, "", "/a.cfg", bytes, size), FAULT_OK);
    assert_int_equal(load(&site, "", "/many/199", "/many/199", 9), FAULT_OK);
    assert_int_equal(load(&site, "", "/flipped.cfg", "flipped", 7), FAULT_DAMAGED);
    assert_int_equal(load(&site, "", "/digest.cfg", "digest", 6), FAULT_DAMAGED);
    site_restart(&site); /* once */
    assert_int_equal(site.fleet->adopted.adopted + site.fleet->adopted.damaged, 0);
    site_end(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_files_are_stored_once),
        cmocka_unit_test(test_a_former_version_may_be_the_same_bytes),
        cmocka_unit_test(test_log_segments_are_never_shared),
        cmocka_unit_test(test_storing_again_heals_all_names),
        cmocka_unit_test(test_a_changed_row_is_damage_and_named),
        cmocka_unit_test(test_rows_without_a_mac_are_adopted_when_they_are_sound),
    };
    return cmocka_run_group_tests_name("equal", tests, NULL, NULL);
}
