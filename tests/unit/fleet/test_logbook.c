/* SPDX-License-Identifier: Apache-2.0 */
/* Senders, and what the logbook shows. The rules of resends are in test_segment.c. */
#include "tests/unit/fleet/site.h"

#include "fleet/logbook.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#define LOG "/logs/0004f2aabbcc-app.log"

static struct mac mac_of(void)
{
    struct mac mac;
    assert_true(mac_parse("0004f2aabbcc", 12, &mac));
    return mac;
}

static struct upload_outcome append(struct site *site, uint64_t sender, const char *text)
{
    struct put_target t = { .log = true, .limit = 100000, .mac = mac_of() };
    const struct upload_options options = { .append = true, .size = -1, .sender = sender };
    struct upload_outcome outcome;
    struct fault f;
    site_check(path_parse(LOG, strlen(LOG), &t.path, &f), &f);
    assert_true(mem_copy_text(t.author, sizeof t.author, "ward3"));
    site_check(site_upload(site, &t, &options, text, strlen(text), 1000, &outcome, &f), &f);
    return outcome;
}

/* The `seen` marks of generation 1, as 0 and 1. */
static void assert_seen(struct site *site, const char *expected)
{
    struct logbook_segment *list;
    size_t count;
    struct fault f;
    char text[64] = "";
    struct mac mac = mac_of();
    db_flush(site->fleet->db);
    site_check(logbook_segments(site->fleet, &mac, LOG, 1, &list, &count, &f), &f);
    assert_true(count < sizeof text);
    for (size_t i = 0; i < count; i++)
        text[i] = list[i].seen ? '1' : '0';
    assert_string_equal(text, expected);
    free(list);
}

static void test_senders(void **state)
{
    (void)state;
    struct site site;
    uint64_t sender[1000];
    site_begin(&site, NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(sender); i++) {
        sender[i] = logbook_sender_new(site.fleet);
        assert_true(sender[i] != 0);
        assert_true(logbook_sender_alive(site.fleet, sender[i]));
    }
    for (size_t i = 0; i < ARRAY_LENGTH(sender); i += 2)
        logbook_sender_gone(site.fleet, sender[i]);
    logbook_sender_gone(site.fleet, sender[0]);
    logbook_sender_said(site.fleet, sender[0]);
    logbook_sender_stored(site.fleet, sender[0]);
    for (size_t i = 0; i < ARRAY_LENGTH(sender); i++)
        assert_int_equal(logbook_sender_alive(site.fleet, sender[i]), i % 2);
    assert_false(logbook_sender_alive(site.fleet, 0));
    site_restart(&site);
    for (size_t i = 0; i < ARRAY_LENGTH(sender); i++)
        assert_false(logbook_sender_alive(site.fleet, sender[i]));
    site_end(&site);
}

static void test_a_word_after_the_reply_is_kept(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site, NULL);
    uint64_t a = logbook_sender_new(site.fleet), b = logbook_sender_new(site.fleet);
    logbook_sender_said(site.fleet, a);
    append(&site, a, "one");
    assert_seen(&site, "0");
    append(&site, b, "two");
    logbook_sender_said(site.fleet, b);
    logbook_sender_said(site.fleet, b);
    assert_seen(&site, "01");
    append(&site, b, "three");
    assert_seen(&site, "010");
    logbook_sender_gone(site.fleet, b);
    logbook_sender_said(site.fleet, b); /* nobody is there to say it */
    logbook_sender_said(site.fleet, a);
    logbook_sender_gone(site.fleet, a);
    /* A clean stop keeps what waits for the next commit. */
    site_restart(&site);
    assert_seen(&site, "110");
    site_end(&site);
}

/* A disk that is full when the word is to be kept: the bytes that come after it are no resend. */
static void test_a_word_that_could_not_be_kept(void **state)
{
    (void)state;
    struct site site;
    struct rlimit before, tiny;
    site_begin(&site, NULL);
    uint64_t a = logbook_sender_new(site.fleet), b = logbook_sender_new(site.fleet),
             c = logbook_sender_new(site.fleet);
    append(&site, a, "same");
    logbook_sender_said(site.fleet, a);
    logbook_sender_gone(site.fleet, a);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tiny = before;
    tiny.rlim_cur = 1;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
    db_flush(site.fleet->db);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_seen(&site, "0"); /* or else nothing is tried here */
    assert_false(append(&site, b, "same").repeat);

    /* Still there when the catalog failed, and gone without another word. */
    logbook_sender_said(site.fleet, b);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
    db_flush(site.fleet->db);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    logbook_sender_gone(site.fleet, b);
    assert_false(append(&site, c, "same").repeat);

    /* What could be kept in the end leaves nothing behind. */
    logbook_sender_said(site.fleet, c);
    db_flush(site.fleet->db);
    logbook_sender_gone(site.fleet, c);
    assert_false(logbook_sender_alive(site.fleet, c));
    assert_seen(&site, "001");
    site_end(&site);
}

static void test_lists(void **state)
{
    (void)state;
    struct site site;
    struct logbook_generation *generations;
    struct logbook_segment *segments;
    size_t count;
    struct fault f;
    struct mac mac = mac_of(), other;
    site_begin(&site, NULL);
    assert_true(mac_parse("0004f2000001", 12, &other));
    clock_freeze(1800000000000, 1);
    uint64_t a = logbook_sender_new(site.fleet);
    append(&site, a, "some words");
    logbook_sender_gone(site.fleet, a);
    clock_freeze(1800000001000, 1);
    assert_true(append(&site, logbook_sender_new(site.fleet), "some words").repeat);
    append(&site, 0, "!");

    site_check(logbook_list(site.fleet, &mac, &generations, &count, &f), &f);
    assert_int_equal(count, 1);
    assert_string_equal(generations[0].path, LOG);
    assert_int_equal(generations[0].generation, 1);
    assert_int_equal(generations[0].size, 11);
    assert_int_equal(generations[0].started, 1800000000000);
    assert_int_equal(generations[0].modified, 1800000001000);
    assert_int_equal(generations[0].closed, 0);
    assert_int_equal(generations[0].segments, 3);
    assert_int_equal(generations[0].repeats, 1);
    free(generations);
    site_check(logbook_list(site.fleet, &other, &generations, &count, &f), &f);
    assert_int_equal(count, 0);
    free(generations);

    site_check(logbook_segments(site.fleet, &mac, LOG, 1, &segments, &count, &f), &f);
    assert_int_equal(count, 3);
    assert_int_equal(segments[0].segment, 1);
    assert_int_equal(segments[0].size, 10);
    assert_false(segments[0].repeat);
    assert_string_equal(segments[0].author, "ward3");
    assert_true(segments[1].repeat);
    assert_int_equal(segments[1].of, 1);
    assert_int_equal(segments[1].size, 0);
    assert_int_equal(segments[1].received, 1800000001000);
    assert_int_equal(segments[2].size, 1);
    free(segments);
    assert_int_equal(logbook_segments(site.fleet, &mac, LOG, 2, &segments, &count, &f), FAULT_ABSENT);
    site_end(&site);
}

struct appender {
    struct site *site;
    char letter;
};
static void *append_many(void *user)
{
    struct appender *a = user;
    uint64_t sender = logbook_sender_new(a->site->fleet);
    char text[3] = { a->letter, '\n', '\0' };
    for (int i = 0; i < 50; i++) {
        assert_false(append(a->site, sender, text).repeat);
        logbook_sender_said(a->site->fleet, sender);
    }
    logbook_sender_gone(a->site->fleet, sender);
    return NULL;
}

/* Clients that append to one log at once all succeed, one after the other. */
static void test_many_at_once(void **state)
{
    (void)state;
    struct site site;
    pthread_t thread[4];
    struct appender appender[4];
    struct logbook_generation *generations;
    size_t count;
    struct fault f;
    struct mac mac = mac_of();
    site_begin(&site, NULL);
    for (size_t i = 0; i < 4; i++) {
        appender[i] = (struct appender){ &site, (char)('a' + i) };
        assert_int_equal(pthread_create(&thread[i], NULL, append_many, &appender[i]), 0);
    }
    for (size_t i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    site_check(logbook_list(site.fleet, &mac, &generations, &count, &f), &f);
    assert_int_equal(count, 1);
    assert_int_equal(generations[0].size, 400);
    assert_int_equal(generations[0].segments, 200);
    free(generations);
    site_end(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_senders),
        cmocka_unit_test(test_a_word_after_the_reply_is_kept),
        cmocka_unit_test(test_a_word_that_could_not_be_kept),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_many_at_once),
    };
    return cmocka_run_group_tests_name("logbook", tests, NULL, NULL);
}
