/* SPDX-License-Identifier: Apache-2.0 */
/* The vault, and how fleet_init and fleet_open make and find it. */
#include "tests/unit/fleet/site.h"

#include "base/seal.h"
#include "fleet/state.h"
#include "fleet/vault.h"

#include <sys/stat.h>

static void test_keys_differ_and_stay(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site, NULL);
    uint32_t id = 0;
    const struct secret_key *chunk = vault_current(site.fleet->vault, &id);
    struct secret_key kept[3] = { *chunk, *vault_digest_key(site.fleet->vault),
                                  *vault_password_key(site.fleet->vault) };
    assert_int_equal(id, 1);
    assert_ptr_equal(vault_chunk_key(site.fleet->vault, id), chunk);
    assert_null(vault_chunk_key(site.fleet->vault, 2)); /* the digest's: not for chunks */
    assert_null(vault_chunk_key(site.fleet->vault, 99));
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < a; b++)
            assert_memory_not_equal(&kept[a], &kept[b], sizeof kept[a]);
    site_restart(&site);
    assert_memory_equal(vault_current(site.fleet->vault, &id), &kept[0], sizeof kept[0]);
    assert_memory_equal(vault_digest_key(site.fleet->vault), &kept[1], sizeof kept[1]);
    assert_memory_equal(vault_password_key(site.fleet->vault), &kept[2], sizeof kept[2]);
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
        cmocka_unit_test(test_another_master_key_does_not_open_it),
        cmocka_unit_test(test_init_makes_a_private_state_once),
        cmocka_unit_test(test_init_finishes_what_was_interrupted),
        cmocka_unit_test(test_what_is_missing_is_said),
    };
    return cmocka_run_group_tests_name("vault", tests, NULL, NULL);
}
