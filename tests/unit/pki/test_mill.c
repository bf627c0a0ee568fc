/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/mill.h"
#include "tests/unit/pki/place.h"

enum { COUNT = 50 };
static struct store store;
static struct issuer issuer;
static struct mac macs[COUNT];

static int set_up(void **state)
{
    place_set_up(state);
    place_found(&store);
    place_issuer(&store, PROFILE_HANDSET, &issuer);
    for (int i = 0; i < COUNT; i++)
        snprintf(macs[i].text, sizeof macs[i].text, "00907a0000%02x", i);
    return 0;
}

static int tear_down(void **state)
{
    issuer_fini(&issuer);
    store_close(&store);
    return place_tear_down(state);
}

struct seen {
    size_t calls, last;
};

static void watch(void *user, size_t done, size_t total)
{
    struct seen *seen = user;
    assert_int_equal(total, COUNT);
    assert_true(done > seen->last);
    seen->last = done;
    seen->calls++;
}

static struct mill_order order_of(const struct issue_order *model, struct seen *seen)
{
    return (struct mill_order){ .store = &store,
                                .issuer = &issuer,
                                .model = model,
                                .macs = macs,
                                .count = COUNT,
                                .threads = 4,
                                .progress = watch,
                                .user = seen };
}

static void test_run(void **state)
{
    (void)state;
    const struct issue_order model = { .profile = profile_get(PROFILE_HANDSET),
                                       .key = KEY_P256,
                                       .forms = ISSUE_KEY };
    struct seen seen = { 0 };
    struct mill_order order = order_of(&model, &seen);
    size_t made = 0, there = 0, before = store.ledger.count;
    struct fault f;
    order.count = 20;
    order.progress = NULL;
    place_good(mill_run(&order, &made, &there, &f), &f);
    assert_int_equal(made, 20);
    assert_int_equal(there, 0);
    order.count = COUNT;
    order.progress = watch;
    seen.last = 20;
    place_good(mill_run(&order, &made, &there, &f), &f);
    assert_int_equal(made, COUNT - 20);
    assert_int_equal(there, 20);
    assert_int_equal(seen.calls, COUNT - 20);
    assert_int_equal(seen.last, COUNT);
    place_good(mill_run(&order, &made, &there, &f), &f);
    assert_int_equal(made, 0);
    assert_int_equal(there, COUNT);
    /* One line each, and the index on disk agrees. */
    assert_int_equal(store.ledger.count, before + COUNT);
    struct store reader;
    place_good(store_open(place_file("pki"), NULL, false, &reader, &f), &f);
    assert_int_equal(reader.ledger.count, before + COUNT);
    store_close(&reader);
}

/* A file in the way is found before anything is made; a failure in the middle ends it and says what it was.
 */
static void test_failures(void **state)
{
    (void)state;
    const struct issue_order model = { .profile = profile_get(PROFILE_HANDSET),
                                       .key = KEY_P256,
                                       .forms = ISSUE_P12 };
    struct issue_order late = model;
    struct seen seen = { 0 };
    struct mill_order order = order_of(&model, &seen);
    size_t made = 99, there = 99, before = store.ledger.count;
    struct fault f;
    assert_int_equal(mill_run(&order, &made, &there, &f), FAULT_CONFLICT); /* their .pem is there */
    late.days = PROFILE_DAYS_MAX;
    late.force = true;
    order.model = &late;
    assert_int_equal(mill_run(&order, &made, &there, &f), FAULT_INPUT);
    assert_non_null(strstr(f.text, "too many"));
    assert_int_equal(seen.calls, 0);
    assert_int_equal(made, 99);
    assert_int_equal(store.ledger.count, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_run), cmocka_unit_test(test_failures) };
    return cmocka_run_group_tests_name("mill", tests, set_up, tear_down);
}
