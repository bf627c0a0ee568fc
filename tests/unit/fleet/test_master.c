/* SPDX-License-Identifier: Apache-2.0 */
/* The master key: where it is found, and that its change can end at any step without a loss. */
#include "tests/unit/fleet/site.h"

#include "base/seal.h"
#include "base/seal_source.h"
#include "fleet/audit.h"
#include "fleet/content.h"
#include "fleet/layer.h"
#include "fleet/master.h"

#include <sys/stat.h>

static void store(struct site *site)
{
    const struct upload_options options = { .size = -1 };
    struct put_target target = { .limit = 1000, .author = "anna" };
    struct upload_outcome outcome;
    struct fault f;
    site_check(path_parse("/a.cfg", 6, &target.path, &f), &f);
    site_check(site_upload(site, &target, &options, "bytes", 5, 5, &outcome, &f), &f);
}

static void is_there(struct site *site)
{
    struct db_conn *conn;
    struct layer_file file;
    struct fault f;
    char plain[8] = "";
    site_check(db_read_begin(site->fleet->db, &conn, &f), &f);
    site_check(layer_find(site->fleet->vault, conn, "", "/a.cfg", 0, &file, &f), &f);
    site_check(content_load(site->fleet->vault, conn, &file.content, plain, &f), &f);
    db_read_end(site->fleet->db, conn);
    assert_string_equal(plain, "bytes");
}

static bool exists(const struct site *site, const char *suffix)
{
    char path[600];
    struct stat st;
    snprintf(path, sizeof path, "%s%s", site->settings->master_key, suffix);
    return stat(path, &st) == 0 && (st.st_mode & 0777) == 0600;
}

static struct secret_key key_of(const struct site *site)
{
    struct secret_key key;
    struct fault f;
    site_check(seal_master_load(site->settings->master_key, &key, &f), &f);
    return key;
}

struct wrapping {
    struct vault *vault;
    struct secret_key key;
};
static enum fault_code wrap_run(struct db_conn *conn, void *user, struct fault *f)
{
    struct wrapping *w = user;
    return vault_rewrap(w->vault, conn, &w->key, f);
}

static void test_a_change_can_end_at_any_step(void **state)
{
    (void)state;
    enum { NOTHING, STAGED, COMMITTED, FINISHED };
    for (int last = NOTHING; last <= FINISHED; last++) {
        struct site site;
        struct fault f;
        site_begin(&site, NULL);
        store(&site);
        const struct secret_key before = key_of(&site);
        const struct seal_source source = { site.settings->master_key, "", "" };
        struct wrapping w = { .vault = site.fleet->vault };
        secret_random(&w.key, sizeof w.key);
        if (last >= STAGED)
            site_check(seal_source_stage(&source, &w.key, &f), &f);
        assert_int_equal(exists(&site, ".next"), last >= STAGED);
        if (last >= COMMITTED) {
            site_check(site_write(&site, wrap_run, &w, &f), &f);
            vault_rewrapped(w.vault, true);
        }
        if (last >= FINISHED)
            site_check(seal_source_finish(&source, &f), &f);
        for (int round = 0; round < 2; round++) {
            site_restart(&site);
            is_there(&site);
            assert_true(exists(&site, ""));
            assert_false(exists(&site, ".next"));
            const struct secret_key now = key_of(&site);
            assert_memory_equal(&now, last >= COMMITTED ? &w.key : &before, sizeof now);
        }
        site_end(&site);
    }
}

static void test_what_opens_nothing_removes_nothing(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    struct secret_key alien;
    site_begin(&site, NULL);
    fleet_close(site.fleet);
    site.fleet = NULL;
    const struct seal_source source = { site.settings->master_key, "", "" };
    secret_random(&alien, sizeof alien);
    site_check(seal_source_stage(&source, &alien, &f), &f);
    assert_int_equal(unlink(site.settings->master_key), 0);
    assert_int_equal(fleet_open(site.settings, &site.fleet, &f), FAULT_ABSENT);
    assert_true(exists(&site, ".next"));
    site_end(&site);
}

static void rewrap(struct site *site, bool expect_move)
{
    struct fault f;
    bool move = !expect_move;
    site_check(master_rewrap(site->fleet, NULL, &move, &f), &f);
    assert_int_equal(move, expect_move);
    is_there(site);
}

static void test_rewrapping_while_it_serves(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site, NULL);
    store(&site);
    for (int round = 0; round < 3; round++) {
        const struct secret_key before = key_of(&site);
        rewrap(&site, false);
        const struct secret_key now = key_of(&site);
        assert_memory_not_equal(&before, &now, sizeof now);
        assert_true(vault_is_master(site.fleet->vault, &now));
        assert_false(exists(&site, ".next"));
        if (round)
            site_restart(&site);
        is_there(&site);
    }
    site_end(&site);
}

/* How often a failed change is in the audit trail. */
static int failures(struct site *site)
{
    struct audit_row *rows = NULL;
    size_t count = 0;
    int found = 0;
    struct fault f;
    site_check(audit_list(site->fleet, 0, 0, 1000, &rows, &count, &f), &f);
    for (size_t i = 0; i < count; i++) {
        struct chain_record record;
        site_check(chain_decode(rows[i].record, rows[i].n, &record, &f), &f);
        found += strcmp(record.event, "seal.rewrapped") == 0 && strcmp(record.outcome, "failed") == 0;
    }
    free(rows);
    return found;
}

/* A folder in the key's place: nothing can be renamed to it. */
static void test_a_key_whose_renaming_failed_is_not_destroyed(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    struct secret_key kept, now;
    char staged[600];
    bool move = true;
    site_begin(&site, NULL);
    store(&site);
    snprintf(staged, sizeof staged, "%s.next", site.settings->master_key);
    assert_int_equal(unlink(site.settings->master_key), 0);
    assert_int_equal(mkdir(site.settings->master_key, 0700), 0);
    assert_int_equal(master_rewrap(site.fleet, NULL, &move, &f), FAULT_IO);
    site_check(seal_master_load(staged, &kept, &f), &f);
    assert_true(vault_is_master(site.fleet->vault, &kept)); /* committed: this is its only copy */
    assert_int_equal(master_rewrap(site.fleet, NULL, &move, &f), FAULT_IO);
    site_check(seal_master_load(staged, &now, &f), &f);
    assert_memory_equal(&now, &kept, sizeof now);
    is_there(&site);
    assert_int_equal(rmdir(site.settings->master_key), 0);
    rewrap(&site, false); /* finishes the former change first */
    assert_false(exists(&site, ".next"));
    assert_int_equal(failures(&site), 0);
    site_restart(&site);
    is_there(&site);
    site_end(&site);
}

static enum fault_code add_strange_key(struct db_conn *conn, void *user, struct fault *f)
{
    static const uint8_t wrapped[SEAL_WRAPPED_SIZE] = { 1 };
    (void)user;
    return db_run(conn, SQL_KEY_ADD,
                  DB_ARGS(db_int(77), db_text("own"), db_blob(wrapped, sizeof wrapped), db_int(1)), NULL, f);
}

/* What a failed change staged goes only after another commit, which is its record. */
static void test_a_change_that_fails_is_recorded_and_leaves_nothing(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    bool move = false;
    site_begin(&site, NULL);
    store(&site);
    const struct secret_key before = key_of(&site);
    const struct seal_source source = { site.settings->master_key, "", "" };
    site_check(site_write(&site, add_strange_key, NULL, &f), &f);
    assert_int_equal(master_rewrap(site.fleet, NULL, &move, &f), FAULT_DAMAGED);
    assert_false(exists(&site, ".next"));
    assert_int_equal(failures(&site), 1);
    assert_true(vault_is_master(site.fleet->vault, &before));
    /* What an earlier one could not clear away: the same. */
    struct secret_key alien;
    secret_random(&alien, sizeof alien);
    site_check(seal_source_stage(&source, &alien, &f), &f);
    assert_int_equal(master_rewrap(site.fleet, NULL, &move, &f), FAULT_DAMAGED);
    assert_false(exists(&site, ".next"));
    assert_int_equal(failures(&site), 3);
    site_restart(&site);
    is_there(&site);
    site_end(&site);
}

/* The settings again, with another place or two of the master key; the fleet is opened anew. */
static void resettle(struct site *site, const char *key, const char *next)
{
    char texts[3][700];
    struct fault f;
    snprintf(texts[0], sizeof texts[0], "state=%s/state", site->folder);
    snprintf(texts[1], sizeof texts[1], "master_key=%s", key);
    snprintf(texts[2], sizeof texts[2], "master_key_next=%s", next);
    const char *const overrides[] = { texts[0], texts[1], texts[2] };
    fleet_close(site->fleet);
    site->fleet = NULL;
    settings_free(site->settings);
    site->settings = NULL;
    site_check(settings_load(NULL, overrides, 3, &site->settings, &f), &f);
    site_open(site);
}

static void test_moving_to_a_file_and_to_a_credential(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    char first[600], second[600], credential[600];
    site_begin(&site, NULL);
    store(&site);
    snprintf(first, sizeof first, "%s", site.settings->master_key);
    snprintf(second, sizeof second, "%s/second.key", site.folder);
    resettle(&site, first, second);
    rewrap(&site, true);
    assert_int_equal(access(second, F_OK), 0);
    site_restart(&site); /* before the settings were changed */
    is_there(&site);
    rewrap(&site, true); /* again, within the new place */
    resettle(&site, second, "");
    is_there(&site);
    assert_int_equal(unlink(first), 0);

    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", site.folder, 1), 0);
    snprintf(credential, sizeof credential, "%s/mine", site.folder);
    resettle(&site, second, "credential:mine");
    bool move = false;
    assert_int_equal(master_rewrap(site.fleet, NULL, &move, &f), FAULT_CONFLICT); /* there is none */
    is_there(&site);
    site_check(seal_master_create(credential, &f), &f);
    rewrap(&site, true);
    assert_int_equal(master_rewrap(site.fleet, NULL, &move, &f), FAULT_CONFLICT); /* it is in use */
    site_restart(&site);
    resettle(&site, "credential:mine", "");
    is_there(&site);
    assert_int_equal(master_rewrap(site.fleet, NULL, &move, &f), FAULT_CONFLICT); /* it is only read */
    assert_non_null(strstr(f.text, "master_key_next"));
    is_there(&site);
    unsetenv("CREDENTIALS_DIRECTORY");
    fleet_close(site.fleet);
    site.fleet = NULL;
    assert_int_equal(fleet_open(site.settings, &site.fleet, &f), FAULT_ABSENT);
    assert_non_null(strstr(f.text, "credentials"));
    site_end(&site);
}

static void test_envelopes(void **state)
{
    (void)state;
    uint8_t data[40] = { 1, [33] = 0, [34] = 5 };
    const uint8_t *id = NULL, *sealed = NULL;
    size_t n = 0;
    struct fault f;
    assert_int_equal(seal_envelope_parse(data, 40, &id, &sealed, &n, &f), FAULT_OK);
    assert_ptr_equal(id, data + 1);
    assert_ptr_equal(sealed, data + 35);
    assert_int_equal(n, 5);
    for (size_t short_of = 0; short_of < 40; short_of++)
        assert_int_equal(seal_envelope_parse(data, short_of, &id, &sealed, &n, &f), FAULT_DAMAGED);
    data[34] = 4;
    assert_int_equal(seal_envelope_parse(data, 40, &id, &sealed, &n, &f), FAULT_DAMAGED);
    data[34] = 0;
    assert_int_equal(seal_envelope_parse(data, 35, &id, &sealed, &n, &f), FAULT_DAMAGED);
    data[34] = 5;
    data[0] = 2;
    assert_int_equal(seal_envelope_parse(data, 40, &id, &sealed, &n, &f), FAULT_DAMAGED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_change_can_end_at_any_step),
        cmocka_unit_test(test_what_opens_nothing_removes_nothing),
        cmocka_unit_test(test_rewrapping_while_it_serves),
        cmocka_unit_test(test_a_key_whose_renaming_failed_is_not_destroyed),
        cmocka_unit_test(test_a_change_that_fails_is_recorded_and_leaves_nothing),
        cmocka_unit_test(test_moving_to_a_file_and_to_a_credential),
        cmocka_unit_test(test_envelopes),
    };
    return cmocka_run_group_tests_name("master", tests, NULL, NULL);
}
