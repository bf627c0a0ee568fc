/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/account.h"
#include "fleet/evict.h"
#include "fleet/handset.h"
#include "site.h"

static const char fingerprint[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

static struct principal a_handset(void)
{
    struct principal who = { .role = ROLE_HANDSET, .mac = { "00907a010203" }, .address = "192.0.2.1" };
    mem_copy_text(who.account, sizeof who.account, "ward3");
    return who;
}

static void test_what_fits(void **state)
{
    (void)state;
    static const struct {
        struct eviction eviction;
        const char *shown;
        bool fits;
    } table[] = {
        { { .mac = { "00907a010203" } }, "", true },
        { { .mac = { "00907a010204" } }, "", false },
        { { .account = "ward3" }, "", true },
        { { .account = "Ward3" }, "", false },
        { { .account = "" }, "", false },
        { { .fingerprint = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff" },
          fingerprint,
          true },
        { { .fingerprint = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff" }, "", false },
        { { .mac = { "00907a010204" }, .account = "ward3" }, "", true }, /* each of them on its own */
    };
    struct principal who = a_handset(), nobody = { .role = ROLE_HANDSET };
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        assert_int_equal(evict_fits(&table[i].eviction, &who, table[i].shown), table[i].fits);
        assert_false(evict_fits(&table[i].eviction, &nobody, ""));
    }
}

static void test_a_login_under_way_is_not_missed(void **state)
{
    (void)state;
    struct evict_board *board = evict_board_new();
    struct principal who = a_handset();
    struct eviction other = { .account = "ward4" }, mine = { .mac = who.mac };
    assert_non_null(board);
    evict(board, &mine);
    uint64_t since = evict_mark(board);
    assert_false(evict_missed(board, since, &who, ""));
    evict(board, &other);
    assert_false(evict_missed(board, since, &who, ""));
    evict(board, &mine);
    assert_true(evict_missed(board, since, &who, ""));
    since = evict_mark(board);
    assert_false(evict_missed(board, since, &who, ""));
    for (int i = 0; i < 5000; i++)
        evict(board, &other);
    assert_true(evict_missed(board, since, &who, "")); /* too many to tell */
    evict_board_free(board);
}

static void test_readers_see_each_once_and_in_order(void **state)
{
    (void)state;
    struct evict_board *board = evict_board_new();
    struct eviction got, one = { .account = "one" }, two = { .account = "two" };
    uint64_t mark = evict_mark(board);
    bool lost = true;
    assert_false(evict_next(board, &mark, &got, &lost));
    evict(board, &one);
    evict(board, &two);
    assert_true(evict_next(board, &mark, &got, &lost));
    assert_false(lost);
    assert_string_equal(got.account, "one");
    assert_true(evict_next(board, &mark, &got, &lost));
    assert_string_equal(got.account, "two");
    assert_false(evict_next(board, &mark, &got, &lost));
    for (int i = 0; i < 5000; i++)
        evict(board, &one);
    assert_true(evict_next(board, &mark, &got, &lost));
    assert_true(lost);
    assert_false(evict_next(board, &mark, &got, &lost));
    evict_board_free(board);
}

struct listener {
    struct evict_observer observer;
    int told;
    struct eviction last;
};

static void listen(struct evict_observer *observer, const struct eviction *eviction)
{
    struct listener *listener = CONTAINER_OF(observer, struct listener, observer);
    listener->told++;
    listener->last = *eviction;
}

static void test_changes_tell(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    struct mac mac;
    char made[SECRET_MADE_LENGTH + 1];
    struct listener listener = { .observer.evicted = listen };
    site_begin(&site, NULL);
    evict_observe(site.fleet->evictions, &listener.observer);
    assert_true(mac_parse("00907a010203", 12, &mac));
    site_check(handset_add(site.fleet, NULL, &mac, NULL, &f), &f);
    struct account account = { .name = "ward3", .role = ROLE_HANDSET, .mac = mac, .enabled = true };
    struct account_change change = { .password = PASSWORD_MADE };
    site_check(account_add(site.fleet, NULL, &account, &change, made, &f), &f);
    assert_int_equal(listener.told, 0); /* what is new has no sessions */

    struct principal admin = { .role = ROLE_ADMINISTRATOR, .account = "root" };
    site_check(account_change(site.fleet, &admin, "ward3", &change, made, &f), &f);
    assert_int_equal(listener.told, 1);
    assert_string_equal(listener.last.account, "ward3");
    assert_string_equal(listener.last.actor, "root");
    change = (struct account_change){ .password = PASSWORD_KEEP, .set_enabled = true, .enabled = true };
    site_check(account_change(site.fleet, &admin, "ward3", &change, made, &f), &f);
    assert_int_equal(listener.told, 1);
    change.enabled = false;
    site_check(account_change(site.fleet, &admin, "ward3", &change, made, &f), &f);
    assert_int_equal(listener.told, 2);
    assert_int_equal(account_change(site.fleet, &admin, "nobody", &change, made, &f), FAULT_ABSENT);
    assert_int_equal(listener.told, 2); /* what failed evicts nobody */
    site_check(account_remove(site.fleet, NULL, "ward3", &f), &f);
    assert_int_equal(listener.told, 3);

    struct handset_change off = { .set_enabled = true }, label = { .label = "Ward 3" };
    site_check(handset_change(site.fleet, NULL, &mac, &label, &f), &f);
    assert_int_equal(listener.told, 3);
    site_check(handset_change(site.fleet, NULL, &mac, &off, &f), &f);
    assert_int_equal(listener.told, 4);
    assert_string_equal(listener.last.mac.text, mac.text);
    site_check(handset_remove(site.fleet, NULL, &mac, &f), &f);
    assert_int_equal(listener.told, 5);
    evict_forget(site.fleet->evictions, &listener.observer);
    evict_certificate(site.fleet, NULL, fingerprint);
    assert_int_equal(listener.told, 5);
    site_end(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_fits),
        cmocka_unit_test(test_a_login_under_way_is_not_missed),
        cmocka_unit_test(test_readers_see_each_once_and_in_order),
        cmocka_unit_test(test_changes_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
