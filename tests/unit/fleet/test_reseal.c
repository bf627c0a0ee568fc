/* SPDX-License-Identifier: Apache-2.0 */
/* Rotation: the new key seals at once, what is stored follows, the old key goes when nothing needs it. */
#include "tests/unit/fleet/site.h"

#include "fleet/content.h"
#include "fleet/layer.h"
#include "fleet/reseal.h"
#include "fleet/state.h"

#include <sqlite3.h>
#include <time.h>

static const char *const fast[] = { "seal_rate=1G", "cache=0", NULL };

static int64_t sql(struct site *site, const char *text, uint8_t *blob, size_t *n)
{
    char file[STATE_PATH];
    sqlite3 *db;
    sqlite3_stmt *stmt;
    int64_t value = 0;
    struct fault f;
    site_check(state_path(site->settings, STATE_CATALOG, file, &f), &f);
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW && blob) {
        *n = (size_t)sqlite3_column_bytes(stmt, 0);
        memcpy(blob, sqlite3_column_blob(stmt, 0), *n);
    } else if (rc == SQLITE_ROW) {
        value = sqlite3_column_int64(stmt, 0);
    } else {
        assert_int_equal(rc, SQLITE_DONE);
    }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return value;
}
#define NUMBER(text) sql(&site, text, NULL, NULL)

static struct put_target aim(const char *path)
{
    struct put_target target = { .limit = 1 << 24, .author = "anna" };
    struct fault f;
    site_check(path_parse(path, strlen(path), &target.path, &f), &f);
    return target;
}

static void store(struct site *site, const char *path, const char *bytes, size_t n)
{
    const struct upload_options options = { .size = -1 };
    const struct put_target target = aim(path);
    struct upload_outcome outcome;
    struct fault f;
    site_check(site_upload(site, &target, &options, bytes, n, n ? n : 1, &outcome, &f), &f);
}

static struct reader *open_file(struct site *site, const char *path)
{
    struct db_conn *conn;
    struct layer_file file;
    struct reader *reader = NULL;
    struct fault f;
    site_check(db_read_begin(site->fleet->db, &conn, &f), &f);
    site_check(layer_find(site->fleet->vault, conn, "", path, 0, &file, &f), &f);
    site_check(content_reader(site->fleet, conn, &file.content, 1, &reader, &f), &f);
    db_read_end(site->fleet->db, conn);
    return reader;
}

static void is(struct site *site, const char *path, const char *bytes, size_t size)
{
    size_t n;
    AUTO_FREE char *got = site_drain(open_file(site, path), 50000, &n);
    assert_int_equal(n, size);
    assert_memory_equal(got, bytes, n);
}

static struct reseal_status status_of(struct site *site)
{
    struct reseal_status status;
    struct fault f;
    site_check(reseal_status(site->fleet, &status, &f), &f);
    return status;
}

/* Until the thread says that nothing is left; the test runner's time limit is the bound. */
static struct reseal_status settled(struct site *site)
{
    const struct timespec moment = { .tv_nsec = 2000000 };
    struct reseal_status status = status_of(site);
    while (status.running || status.scrubbing) {
        clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
        status = status_of(site);
    }
    return status;
}

static void start(struct site *site)
{
    struct fault f;
    site_check(reseal_start(site->fleet, &f), &f);
}

static uint32_t rotate(struct site *site)
{
    struct fault f;
    uint32_t key = 0;
    site_check(reseal_rotate(site->fleet, NULL, &key, &f), &f);
    return key;
}

static bool file_holds(struct site *site, const char *name, const uint8_t *what, size_t n)
{
    char path[STATE_PATH];
    struct fault f;
    site_check(state_path(site->settings, name, path, &f), &f);
    FILE *in = fopen(path, "re");
    if (in == NULL)
        return false;
    fseek(in, 0, SEEK_END);
    size_t size = (size_t)ftell(in);
    rewind(in);
    AUTO_FREE char *bytes = malloc(size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, size, in), size);
    fclose(in);
    return memmem(bytes, size, what, n) != NULL;
}

static void test_everything_moves_and_the_old_key_is_gone_from_the_disk(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, CONTENT_CHUNK, CONTENT_CHUNK + 1, 3000000 };
    struct site site;
    uint8_t wrapped[SEAL_WRAPPED_SIZE];
    size_t n = 0;
    char *bytes[ARRAY_LENGTH(sizes)], path[16];
    site_begin(&site, fast);
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
        bytes[i] = site_bytes(sizes[i], (unsigned)i + 1);
        snprintf(path, sizeof path, "/f%zu", i);
        store(&site, path, bytes[i], sizes[i]);
    }
    sql(&site, "SELECT wrapped FROM key WHERE id = 1", wrapped, &n);
    assert_int_equal(n, sizeof wrapped);
    assert_true(file_holds(&site, STATE_CATALOG "-wal", wrapped, n) ||
                file_holds(&site, STATE_CATALOG, wrapped, n));
    start(&site);
    uint32_t key = rotate(&site);
    store(&site, "/late", "late", 4);
    struct reseal_status status = settled(&site);
    assert_int_equal(status.damaged, 0);
    assert_int_equal(status.count, 3); /* the newest, the digests', the passwords' */
    assert_int_equal(NUMBER("SELECT count(*) FROM key WHERE id = 1"), 0);
    assert_int_equal(NUMBER("SELECT min(key) FROM content"), key);
    assert_int_equal(NUMBER("SELECT count(DISTINCT substr(sealed, 1, 5)) FROM chunk"), 1);
    assert_false(file_holds(&site, STATE_CATALOG "-wal", wrapped, n));
    assert_false(file_holds(&site, STATE_CATALOG, wrapped, n));
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
            snprintf(path, sizeof path, "/f%zu", i);
            is(&site, path, bytes[i], sizes[i]);
        }
        is(&site, "/late", "late", 4);
        site_restart(&site);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++)
        free(bytes[i]);
    site_end(&site);
}

static void test_a_reader_goes_on_reading(void **state)
{
    (void)state;
    const size_t size = CONTENT_HOT_MAX + 500000;
    struct site site;
    struct fault f;
    size_t n, got = 0;
    site_begin(&site, fast);
    AUTO_FREE char *bytes = site_bytes(size, 5), *out = malloc(size);
    store(&site, "/big", bytes, size);
    struct reader *reader = open_file(&site, "/big");
    start(&site);
    for (size_t at = 0; at < size; at += n) {
        site_check(site_read(reader, (int64_t)at, out + at, 100000, &n, &f), &f);
        if (got++ < 3) {
            rotate(&site);
            settled(&site);
        }
    }
    assert_memory_equal(out, bytes, size);
    reader_free(reader);
    site_end(&site);
}

/* A snapshot that is older than the key's end still needs it. */
static void test_a_snapshot_keeps_the_key(void **state)
{
    (void)state;
    static uint8_t plain[CONTENT_CHUNK];
    struct site site;
    struct fault f;
    struct db_conn *conn;
    struct layer_file file;
    site_begin(&site, fast);
    store(&site, "/a", "bytes", 5);
    site_check(db_read_begin(site.fleet->db, &conn, &f), &f);
    site_check(layer_find(site.fleet->vault, conn, "", "/a", 0, &file, &f), &f);
    start(&site);
    rotate(&site);
    const struct timespec moment = { .tv_nsec = 2000000 };
    while (NUMBER("SELECT count(*) FROM key WHERE id = 1") > 0)
        clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
    assert_true(status_of(&site).running);
    site_check(content_chunk(site.fleet->vault, conn, &file.content, 0, plain, &f), &f);
    assert_memory_equal(plain, "bytes", 5);
    db_read_end(site.fleet->db, conn);
    settled(&site);
    assert_false(vault_has_older(site.fleet->vault));
    site_end(&site);
}

static void test_an_upload_keeps_the_key_that_it_began_under(void **state)
{
    (void)state;
    const size_t size = 3 * CONTENT_CHUNK;
    struct site site;
    struct fault f;
    struct upload *upload;
    size_t taken, at;
    sem_t told;
    site_begin(&site, fast);
    start(&site);
    settled(&site);
    sem_init(&told, 0, 0);
    const struct upload_options options = { .size = -1, .progress = site_told, .user = &told };
    const struct put_target target = aim("/slow");
    AUTO_FREE char *bytes = site_bytes(size, 6);
    site_check(upload_begin(site.fleet, &target, &options, &upload, &f), &f);
    for (at = 0; at < size; at += taken) {
        site_check(upload_write(upload, bytes + at, size / 3, &taken, &f), &f);
        if (at < 2 * CONTENT_CHUNK)
            rotate(&site);
    }
    db_flush(site.fleet->db);
    assert_int_equal(NUMBER("SELECT count(*) FROM key WHERE purpose = 'chunk'"), 3);
    upload_commit(upload);
    while (!upload_ended(upload))
        sem_wait(&told);
    struct upload_outcome outcome;
    site_check(upload_result(upload, &outcome, &f), &f);
    upload_free(upload);
    sem_destroy(&told);
    settled(&site);
    assert_int_equal(NUMBER("SELECT count(*) FROM key WHERE purpose = 'chunk'"), 1);
    is(&site, "/slow", bytes, size);
    site_end(&site);
}

static void test_damage_keeps_its_key_and_stops_nothing(void **state)
{
    (void)state;
    static const char *const damages[] = {
        "UPDATE chunk SET sealed = zeroblob(length(sealed)) WHERE number = 1",
        "UPDATE chunk SET sealed = (SELECT sealed FROM chunk AS other WHERE number = 0 AND length(sealed) > "
        "60000) "
        "WHERE number = 1",
        "DELETE FROM chunk WHERE number = 1",
        "UPDATE content SET mac = zeroblob(32) WHERE size > 100",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(damages); i++) {
        struct site site;
        char path[16];
        site_begin(&site, fast);
        AUTO_FREE char *bytes = site_bytes(2 * CONTENT_CHUNK, 7);
        for (int j = 0; j < 50; j++) {
            snprintf(path, sizeof path, "/f%d", j);
            store(&site, path, path, strlen(path));
            if (j == 25)
                store(&site, "/damaged", bytes, 2 * CONTENT_CHUNK);
        }
        NUMBER(damages[i]);
        start(&site);
        uint32_t key = rotate(&site);
        struct reseal_status status = settled(&site);
        assert_int_equal(status.damaged, 1);
        assert_int_equal(status.count, 4);
        assert_int_equal(NUMBER("SELECT count(*) FROM content WHERE key = 1"), 1);
        is(&site, "/f49", "/f49", 4);
        /* Stored again, it lets the key go at the next occasion. */
        store(&site, "/damaged", bytes, 2 * CONTENT_CHUNK);
        is(&site, "/damaged", bytes, 2 * CONTENT_CHUNK);
        key = rotate(&site);
        status = settled(&site);
        assert_int_equal(status.damaged, 0);
        assert_int_equal(status.count, 3);
        assert_int_equal(NUMBER("SELECT min(key) FROM content"), key);
        site_end(&site);
    }
}

/* The one is passed over, the other waited for. */
static void test_damage_beside_an_upload(void **state)
{
    (void)state;
    const size_t size = 2 * CONTENT_CHUNK;
    const struct timespec moment = { .tv_nsec = 2000000 };
    struct site site;
    struct fault f;
    struct upload *upload;
    struct upload_outcome outcome;
    size_t taken, at;
    sem_t told;
    site_begin(&site, fast);
    sem_init(&told, 0, 0);
    AUTO_FREE char *bytes = site_bytes(size + 1, 9);
    store(&site, "/damaged", bytes + 1, size);
    NUMBER("UPDATE chunk SET sealed = zeroblob(length(sealed)) WHERE number = 1");
    const struct upload_options options = { .size = -1, .progress = site_told, .user = &told };
    const struct put_target target = aim("/slow");
    site_check(upload_begin(site.fleet, &target, &options, &upload, &f), &f);
    for (at = 0; at < size; at += taken)
        site_check(upload_write(upload, bytes + at, size - at, &taken, &f), &f);
    start(&site);
    rotate(&site);
    while (status_of(&site).damaged == 0)
        clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
    upload_commit(upload);
    while (!upload_ended(upload))
        sem_wait(&told);
    site_check(upload_result(upload, &outcome, &f), &f);
    upload_free(upload);
    sem_destroy(&told);
    assert_int_equal(settled(&site).damaged, 1);
    assert_int_equal(NUMBER("SELECT count(*) FROM content WHERE key = 1"), 1);
    is(&site, "/slow", bytes, size);
    site_end(&site);
}

static void test_a_stop_and_a_start_lose_nothing(void **state)
{
    (void)state;
    static const char *const slow[] = { "seal_rate=64K", "cache=0", NULL };
    struct site site;
    struct fault f;
    char path[16];
    site_begin(&site, slow);
    AUTO_FREE char *bytes = site_bytes(500000, 8);
    for (int i = 0; i < 40; i++) {
        snprintf(path, sizeof path, "/f%d", i);
        store(&site, path, bytes + 1000 * i, 10000);
    }
    store(&site, "/big", bytes, 500000);
    start(&site);
    uint32_t key = rotate(&site);
    site_restart(&site); /* in the middle: at this rate it takes seconds */
    assert_true(NUMBER("SELECT count(*) FROM content WHERE key = 1") > 0);
    for (int i = 0; i < 40; i++) {
        snprintf(path, sizeof path, "/f%d", i);
        is(&site, path, bytes + 1000 * i, 10000);
    }
    is(&site, "/big", bytes, 500000);
    assert_int_equal(vault_current(site.fleet->vault), key);
    struct settings *faster = NULL;
    char state_setting[128];
    snprintf(state_setting, sizeof state_setting, "state=%s/state", site.folder);
    const char *const overrides[] = { state_setting, "seal_rate=1G", "cache=0" };
    site_check(settings_load(NULL, overrides, 3, &faster, &f), &f);
    site_check(fleet_settings_set(site.fleet, faster, &f), &f);
    start(&site);
    settled(&site);
    assert_int_equal(NUMBER("SELECT min(key) FROM content"), key);
    assert_int_equal(NUMBER("SELECT count(*) FROM key WHERE id = 1"), 0);
    is(&site, "/big", bytes, 500000);
    site_end(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_moves_and_the_old_key_is_gone_from_the_disk),
        cmocka_unit_test(test_a_reader_goes_on_reading),
        cmocka_unit_test(test_a_snapshot_keeps_the_key),
        cmocka_unit_test(test_an_upload_keeps_the_key_that_it_began_under),
        cmocka_unit_test(test_damage_keeps_its_key_and_stops_nothing),
        cmocka_unit_test(test_damage_beside_an_upload),
        cmocka_unit_test(test_a_stop_and_a_start_lose_nothing),
    };
    return cmocka_run_group_tests_name("reseal", tests, NULL, NULL);
}
