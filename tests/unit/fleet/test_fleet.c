/* SPDX-License-Identifier: Apache-2.0 */
/* What a reload swaps in the fleet: settings and trust. How it is made and opened is test_vault.c's. */
#include "base/clock.h"
#include "camp.h"
#include "fleet/memory.h"

#include <pthread.h>
#include <stdatomic.h>

static struct camp camp;

static int begin(void **state)
{
    (void)state;
    camp_open(&camp, NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    camp_close(&camp);
    return 0;
}

static struct settings *load(const char *override)
{
    char state[128];
    struct settings *settings = NULL;
    snprintf(state, sizeof state, "state=%s/state", camp.folder);
    const char *const overrides[] = { state, "workers=2", override };
    CAMP_OK(settings_load(NULL, overrides, 3, &settings, why));
    return settings;
}

static void test_settings_are_swapped_whole_and_old_ones_stay(void **state)
{
    (void)state;
    const struct settings *first = camp.fleet->settings;
    CAMP_OK(fleet_settings_set(camp.fleet, load("max_log=8K"), why));
    const struct settings *second = camp.fleet->settings;
    assert_ptr_not_equal(first, second);
    assert_int_equal(second->max_log, 8192);
    CAMP_OK(fleet_settings_set(camp.fleet, load("max_log=16K"), why));
    assert_int_equal(camp.fleet->settings->max_log, 16384);
    /* Borrowed pointers still read what they read. */
    assert_int_equal(first->max_log, 4194304);
    assert_int_equal(second->max_log, 8192);
    /* An equal snapshot is used again. */
    CAMP_OK(fleet_settings_set(camp.fleet, load("max_log=8K"), why));
    assert_ptr_equal(camp.fleet->settings, second);
}

static void test_the_credential_memory_follows(void **state)
{
    (void)state;
    const struct memory_claim claim = {
        .account = "a", .stored = "s", .changed = 1, .password = "p", .right = true
    };
    CAMP_OK(fleet_settings_set(camp.fleet, load("credential_memory=0"), why));
    memory_keep(camp.fleet->memory, &claim);
    assert_false(memory_knows(camp.fleet->memory, &claim));
    CAMP_OK(fleet_settings_set(camp.fleet, load("credential_memory=1h"), why));
    memory_keep(camp.fleet->memory, &claim);
    assert_true(memory_knows(camp.fleet->memory, &claim));
}

static struct tls_trust *empty_trust(void)
{
    const struct tls_trust_files none = { .ca = { NULL } };
    struct tls_trust *trust = NULL;
    CAMP_OK(tls_trust_load(&none, &trust, why));
    return trust;
}

static atomic_bool over;

/* Examines nothing, but takes and gives references as all front ends do. */
static void *look(void *unused)
{
    (void)unused;
    struct tls_trust *held = NULL;
    while (!atomic_load(&over)) {
        struct tls_trust *now = fleet_trust(camp.fleet);
        tls_trust_unref(held);
        held = now;
    }
    tls_trust_unref(held);
    return NULL;
}

static void test_trust_is_swapped_under_its_readers(void **state)
{
    (void)state;
    pthread_t readers[3];
    for (size_t i = 0; i < ARRAY_LENGTH(readers); i++)
        assert_int_equal(pthread_create(&readers[i], NULL, look, NULL), 0);
    for (int i = 0; i < 2000; i++) {
        struct tls_trust *fresh = empty_trust();
        fleet_trust_set(camp.fleet, fresh);
        struct tls_trust *now = fleet_trust(camp.fleet);
        assert_ptr_equal(now, fresh);
        tls_trust_unref(now);
        tls_trust_unref(fresh);
    }
    atomic_store(&over, true);
    for (size_t i = 0; i < ARRAY_LENGTH(readers); i++)
        pthread_join(readers[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_settings_are_swapped_whole_and_old_ones_stay, begin, end),
        cmocka_unit_test_setup_teardown(test_the_credential_memory_follows, begin, end),
        cmocka_unit_test_setup_teardown(test_trust_is_swapped_under_its_readers, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
