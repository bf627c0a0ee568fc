/* SPDX-License-Identifier: Apache-2.0 */
/* The vault, and how fleet_init and fleet_open make and find it. */
#include "tests/unit/fleet/site.h"

#include "base/seal.h"
#include "fleet/state.h"
#include "fleet/vault.h"

#include <sys/stat.h>

/* Seals a byte under the newest key. */
static uint32_t sealed_by(struct site *site, uint8_t out[1 + SEAL_OVERHEAD])
{
    const struct seal_place place = { .index = 3, .last = true };
    struct fault f;
    uint32_t id = 0;
    site_check(vault_seal(site->fleet->vault, &place, "x", 1, out, &id, &f), &f);
    return id;
}

static enum fault_code opened(struct site *site, const uint8_t sealed[1 + SEAL_OVERHEAD])
{
    const struct seal_place place = { .index = 3, .last = true };
    struct fault f;
    char plain = 0;
    enum fault_code code = vault_open(site->fleet->vault, &place, sealed, 1 + SEAL_OVERHEAD, &plain, &f);
    assert_int_equal(plain, code ? 0 : 'x');
    return code;
}

static void test_keys_differ_and_stay(void **state)
{
    (void)state;
    struct site site;
    uint8_t sealed[1 + SEAL_OVERHEAD];
    site_begin(&site, NULL);
    assert_int_equal(sealed_by(&site, sealed), 1);
    assert_int_equal(vault_current(site.fleet->vault), 1);
    struct secret_key kept[3] = { *vault_row_key(site.fleet->vault), *vault_digest_key(site.fleet->vault),
                                  *vault_password_key(site.fleet->vault) };
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < a; b++)
            assert_memory_not_equal(&kept[a], &kept[b], sizeof kept[a]);
    site_restart(&site);
    assert_int_equal(opened(&site, sealed), FAULT_OK);
    assert_memory_equal(vault_row_key(site.fleet->vault), &kept[0], sizeof kept[0]);
    assert_memory_equal(vault_digest_key(site.fleet->vault), &kept[1], sizeof kept[1]);
    assert_memory_equal(vault_password_key(site.fleet->vault), &kept[2], sizeof kept[2]);
    sealed[4] = 2; /* the digest's: not for chunks */
    assert_int_equal(opened(&site, sealed), FAULT_DAMAGED);
    sealed[4] = 99;
    assert_int_equal(opened(&site, sealed), FAULT_DAMAGED);
    site_end(&site);
}

struct rotating {
    struct vault *vault;
    struct vault_new made;
};
static enum fault_code rotate_run(struct db_conn *conn, void *user, struct fault *f)
{
    struct rotating *r = user;
    return vault_rotate(r->vault, conn, &r->made, f);
}

static void test_the_newest_key_seals_and_the_others_open(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    uint8_t old[1 + SEAL_OVERHEAD], young[1 + SEAL_OVERHEAD];
    uint32_t key = 0;
    site_begin(&site, NULL);
    struct vault *vault = site.fleet->vault;
    struct rotating r = { .vault = vault };
    assert_int_equal(sealed_by(&site, old), 1);
    assert_false(vault_oldest(vault, &key)); /* the only one */
    uint32_t entered = vault_enter(vault);
    assert_int_equal(entered, 1);
    site_check(site_write(&site, rotate_run, &r, &f), &f);
    assert_int_equal(sealed_by(&site, young), 1); /* not before it is committed and taken */
    vault_take(vault, &r.made);
    assert_int_equal(vault_current(vault), 4);
    assert_int_equal(sealed_by(&site, young), 4);
    assert_int_equal(opened(&site, old), FAULT_OK);
    assert_int_equal(opened(&site, young), FAULT_OK);
    assert_false(vault_oldest(vault, &key)); /* somebody is still at it */
    vault_leave(vault, entered);
    assert_true(vault_oldest(vault, &key));
    assert_int_equal(key, 1);
    vault_forget(vault, 4); /* never the newest */
    vault_forget(vault, 1);
    assert_int_equal(opened(&site, old), FAULT_DAMAGED);
    assert_int_equal(opened(&site, young), FAULT_OK);
    site_restart(&site); /* both rows are there */
    assert_int_equal(opened(&site, old), FAULT_OK);
    assert_int_equal(opened(&site, young), FAULT_OK);
    site_end(&site);
}

static void test_there_is_a_bound_of_keys(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    site_begin(&site, NULL);
    struct rotating r = { .vault = site.fleet->vault };
    for (int i = 1; i < VAULT_KEYS; i++) {
        site_check(site_write(&site, rotate_run, &r, &f), &f);
        vault_take(r.vault, &r.made);
    }
    assert_int_equal(site_write(&site, rotate_run, &r, &f), FAULT_CONFLICT);
    site_restart(&site);
    site_end(&site);
}

struct wrapping {
    struct vault *vault;
    struct secret_key master, own;
    uint32_t id;
    bool fail;
};
static enum fault_code own_run(struct db_conn *conn, void *user, struct fault *f)
{
    struct wrapping *w = user;
    return vault_own_make(w->vault, conn, &w->id, &w->own, f);
}
static enum fault_code wrap_run(struct db_conn *conn, void *user, struct fault *f)
{
    struct wrapping *w = user;
    enum fault_code code = vault_rewrap(w->vault, conn, &w->master, f);
    return code || !w->fail ? code : fault_set(f, FAULT_CONFLICT, "undone");
}

static void own_is(struct site *site, const struct wrapping *w, enum fault_code expected)
{
    struct fault f;
    struct db_conn *conn;
    struct secret_key key = { { 0 } };
    site_check(db_read_begin(site->fleet->db, &conn, &f), &f);
    assert_int_equal(vault_own_get(site->fleet->vault, conn, w->id, &key, &f), expected);
    if (expected == FAULT_OK)
        assert_memory_equal(&key, &w->own, sizeof key);
    assert_int_equal(vault_own_get(site->fleet->vault, conn, 1, &key, &f), FAULT_DAMAGED); /* a chunk key */
    assert_int_equal(vault_own_get(site->fleet->vault, conn, 999, &key, &f), FAULT_DAMAGED);
    db_read_end(site->fleet->db, conn);
}

static void test_a_new_master_key_wraps_them_all(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    struct secret_key former;
    uint8_t sealed[1 + SEAL_OVERHEAD];
    site_begin(&site, NULL);
    sealed_by(&site, sealed);
    site_check(seal_master_load(site.settings->master_key, &former, &f), &f);
    for (int fail = 1; fail >= 0; fail--) {
        struct wrapping w = { .vault = site.fleet->vault, .fail = fail };
        secret_random(&w.master, sizeof w.master);
        site_check(site_write(&site, own_run, &w, &f), &f);
        enum fault_code code = site_write(&site, wrap_run, &w, &f);
        assert_int_equal(code, fail ? FAULT_CONFLICT : FAULT_OK);
        vault_rewrapped(w.vault, code == FAULT_OK);
        own_is(&site, &w, FAULT_OK);
        vault_settle(w.vault);
        own_is(&site, &w, FAULT_OK);
        struct vault *again = NULL;
        assert_int_equal(vault_load(site.fleet->db, &former, &again, &f), fail ? FAULT_OK : FAULT_DAMAGED);
        vault_free(again);
        again = NULL;
        assert_int_equal(vault_load(site.fleet->db, &w.master, &again, &f), fail ? FAULT_DAMAGED : FAULT_OK);
        vault_free(again);
    }
    assert_int_equal(opened(&site, sealed), FAULT_OK);
    site_end(&site);
}

static void test_another_master_key_does_not_open_it(void **state)
{
    (void)state;
    struct site site;
    struct fault f = { 0 };
    site_begin(&site, NULL);
    fleet_close(site.fleet);
    site.fleet = NULL;
    assert_int_equal(unlink(site.settings->master_key), 0);
    assert_int_equal(fleet_open(site.settings, &site.fleet, &f), FAULT_ABSENT);
    assert_null(site.fleet);
    /* A catalog whose key is lost must not get a new one by mistake. */
    assert_int_equal(fleet_init(site.settings, &f), FAULT_CONFLICT);
    assert_int_equal(access(site.settings->master_key, F_OK), -1);
    assert_int_equal(seal_master_create(site.settings->master_key, &f), FAULT_OK);
    assert_int_equal(fleet_open(site.settings, &site.fleet, &f), FAULT_DAMAGED);
    assert_non_null(strstr(f.text, "master key"));
    assert_null(site.fleet);
    site_end(&site);
}

static void test_init_makes_a_private_state_once(void **state)
{
    (void)state;
    struct site site;
    struct fault f = { 0 };
    struct stat st;
    char file[600];
    site_begin(&site, NULL);
    assert_int_equal(stat(site.settings->state, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    snprintf(file, sizeof file, "%s/%s", site.settings->state, STATE_CATALOG);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(site.settings->master_key, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(fleet_init(site.settings, &f), FAULT_BUSY); /* this process has it open */
    fleet_close(site.fleet);
    assert_int_equal(fleet_init(site.settings, &f), FAULT_CONFLICT);
    site_open(&site);
    site_end(&site);
}

static void test_init_finishes_what_was_interrupted(void **state)
{
    (void)state;
    struct site site;
    struct fault f = { 0 };
    char file[600];
    site_settings(&site, NULL);
    site_check(tls_init(&f), &f);
    assert_int_equal(mkdir(site.settings->state, 0700), 0);
    snprintf(file, sizeof file, "%s/%s", site.settings->state, STATE_CATALOG);
    FILE *empty = fopen(file, "w");
    assert_non_null(empty);
    fclose(empty);
    site_check(seal_master_create(site.settings->master_key, &f), &f);
    site_check(fleet_init(site.settings, &f), &f);
    site_open(&site);
    site_end(&site);
}

static void test_what_is_missing_is_said(void **state)
{
    (void)state;
    struct site site;
    struct fault f = { 0 };
    const char *const deep[] = { "state=/nonexistent/cradle/state", NULL };
    site_settings(&site, NULL);
    site_check(tls_init(&f), &f);
    assert_int_equal(fleet_open(site.settings, &site.fleet, &f), FAULT_ABSENT);
    site_end(&site);
    site_settings(&site, deep);
    settings_free(site.settings);
    site_check(settings_load(NULL, deep, 1, &site.settings, &f), &f);
    assert_int_equal(fleet_init(site.settings, &f), FAULT_ABSENT);
    assert_non_null(strstr(f.text, "/nonexistent/cradle/state"));
    site_end(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_differ_and_stay),
        cmocka_unit_test(test_the_newest_key_seals_and_the_others_open),
        cmocka_unit_test(test_there_is_a_bound_of_keys),
        cmocka_unit_test(test_a_new_master_key_wraps_them_all),
        cmocka_unit_test(test_another_master_key_does_not_open_it),
        cmocka_unit_test(test_init_makes_a_private_state_once),
        cmocka_unit_test(test_init_finishes_what_was_interrupted),
        cmocka_unit_test(test_what_is_missing_is_said),
    };
    return cmocka_run_group_tests_name("vault", tests, NULL, NULL);
}
