/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/fleet/site.h"

#include "fleet/content.h"
#include "fleet/logbook.h"
#include "fleet/segment.h"

#define MAC  "0004f2aabbcc"
#define LOG  "/0004f2aabbcc-app.log"
#define DAY  86400000LL
#define NOON 1800000000000LL

static struct put_target log_target(const char *path)
{
    struct put_target t = { .log = true, .limit = 4 << 20 };
    assert_true(mac_parse(MAC, 12, &t.mac));
    assert_int_equal(path_parse(path, strlen(path), &t.path, NULL), FAULT_OK);
    assert_true(mem_copy_text(t.author, sizeof t.author, MAC));
    return t;
}

static enum fault_code send_to(struct site *site, const char *path, bool append, uint64_t sender,
                               const char *bytes, size_t n, struct upload_outcome *ret_outcome)
{
    struct fault f = { 0 };
    struct put_target t = log_target(path);
    const struct upload_options options = { .append = append, .size = -1, .sender = sender };
    return site_upload(site, &t, &options, bytes, n, 100000, ret_outcome, &f);
}

static struct upload_outcome sent(struct site *site, bool append, uint64_t sender, const char *text)
{
    struct upload_outcome outcome = { 0 };
    assert_int_equal(send_to(site, LOG, append, sender, text, strlen(text), &outcome), FAULT_OK);
    assert_int_equal(outcome.size, strlen(text));
    return outcome;
}

static struct upload_outcome sent_size(struct site *site, const char *path, bool append, size_t n,
                                       unsigned seed)
{
    struct upload_outcome outcome = { 0 };
    AUTO_FREE char *bytes = site_bytes(n, seed);
    assert_int_equal(send_to(site, path, append, 0, bytes, n, &outcome), FAULT_OK);
    return outcome;
}

static enum fault_code found(struct site *site, const char *path, int64_t generation, bool only_open,
                             struct segment_generation *ret)
{
    struct db_conn *conn;
    struct fault f;
    struct mac mac;
    assert_true(mac_parse(MAC, 12, &mac));
    site_check(db_read_begin(site->fleet->db, &conn, &f), &f);
    enum fault_code code = segment_find(conn, &mac, path, generation, only_open, ret, &f);
    db_read_end(site->fleet->db, conn);
    return code;
}

/* What a generation (0: all) reads as. */
static void assert_reads(struct site *site, int64_t generation, const char *expected)
{
    struct db_conn *conn;
    struct content *contents;
    struct reader *reader;
    struct fault f;
    struct mac mac;
    size_t count, n;
    assert_true(mac_parse(MAC, 12, &mac));
    site_check(db_read_begin(site->fleet->db, &conn, &f), &f);
    site_check(segment_contents(site->fleet->vault, conn, &mac, LOG, generation, &contents, &count, &f), &f);
    site_check(content_reader(site->fleet, conn, contents, count, &reader, &f), &f);
    db_read_end(site->fleet->db, conn);
    AUTO_FREE char *read = site_drain(reader, 7, &n);
    read[n] = '\0';
    assert_string_equal(read, expected);
    free(contents);
}

static enum fault_code end_run(struct db_conn *conn, void *user, struct fault *f)
{
    struct mac mac;
    assert_true(mac_parse(MAC, 12, &mac));
    return segment_end(conn, &mac, user, clock_wall_ms(), f);
}
static void end_log(struct site *site, enum fault_code expected)
{
    struct fault f;
    assert_int_equal(site_write(site, end_run, (void *)(uintptr_t)LOG, &f), expected);
}

static void test_append_and_replace(void **state)
{
    (void)state;
    struct site site;
    struct segment_generation g;
    site_begin(&site, NULL);
    clock_freeze(NOON, 1);
    assert_int_equal(found(&site, LOG, 0, true, &g), FAULT_ABSENT);
    end_log(&site, FAULT_ABSENT);
    assert_true(sent(&site, true, 0, "one\n").created);
    struct upload_outcome two = sent(&site, true, 0, "two\n");
    assert_false(two.created);
    assert_int_equal(found(&site, LOG, 0, true, &g), FAULT_OK);
    assert_int_equal(g.generation, 1);
    assert_int_equal(g.size, 8);
    assert_int_equal(g.segments, 2);
    assert_string_equal(g.etag, two.etag);
    assert_reads(&site, 1, "one\ntwo\n");

    clock_freeze(NOON + 5, 1);
    struct upload_outcome three = sent(&site, false, 0, "three\n");
    assert_false(three.created);
    assert_false(three.repeat);
    assert_string_not_equal(three.etag, two.etag);
    assert_int_equal(found(&site, LOG, 1, false, &g), FAULT_OK);
    assert_int_equal(g.closed, NOON + 5);
    assert_string_equal(g.etag, two.etag);                           /* a closed generation never changes */
    assert_int_equal(found(&site, LOG, 2, false, &g), FAULT_ABSENT); /* open: it has no number yet */
    assert_reads(&site, 2, "three\n");
    assert_reads(&site, 0, "one\ntwo\nthree\n");

    end_log(&site, FAULT_OK);
    end_log(&site, FAULT_ABSENT);
    assert_int_equal(found(&site, LOG, 0, true, &g), FAULT_ABSENT);
    assert_int_equal(found(&site, LOG, 0, false, &g), FAULT_OK);
    assert_int_equal(g.generation, 2);
    assert_int_equal(found(&site, LOG, 2, false, &g), FAULT_OK);
    /* After its end the same bytes are new ones. */
    struct upload_outcome again = sent(&site, false, 0, "three\n");
    assert_true(again.created);
    assert_false(again.repeat);
    assert_reads(&site, 0, "one\ntwo\nthree\nthree\n");
    site_end(&site);
}

/* One line is one history: letters are senders A … C (or '-' for HTTPS) with what they do:
 *   +x  appends x     =x replaces by x     !  says a word after the reply     .  goes
 *   D   (any sender) ends the log          R  the daemon is stopped and started again (no sender is left)
 *   <N> N minutes pass
 * then what the log reads as altogether, how many rows are repeats, and how many generations there are. */
static const struct {
    const char *history, *reads;
    int64_t repeats, generations;
} histories[] = {
    /* the sender went without a word: recognised */
    { "A+x A. B+x", "x", 1, 1 },
    { "A+x R B+x", "x", 1, 1 },
    { "A=x A. B+x", "x", 1, 1 },
    /* and again, when the second reply was lost too */
    { "A+x A. B+x B. C+x", "x", 2, 1 },
    { "A+x A. B+x R C+x", "x", 2, 1 },
    /* a word after the reply proves that it was seen */
    { "A+x A! A. B+x", "xx", 0, 1 },
    { "A+x A! A. R B+x", "xx", 0, 1 },
    { "A+x A. B+x B! B. C+x", "xx", 1, 1 },
    /* still there, and so able to say one */
    { "A+x B+x", "xx", 0, 1 },
    { "A+x A+x", "xx", 0, 1 },
    { "A+x A. B+x C+x", "xx", 1, 1 },
    /* a word before the upload proves nothing */
    { "A! A+x A. B+x", "x", 1, 1 },
    { "A+x A! A+y A. B+y", "xy", 1, 1 },
    { "A+x A! A+y A. B+x", "xyx", 0, 1 },
    /* only the newest, only the same */
    { "A+x A. B+y B. C+x", "xyx", 0, 1 },
    { "A+x A. B+z", "xz", 0, 1 },
    { "A+x A. -+y B+x", "xyx", 0, 1 },
    /* over HTTPS nothing tells whether a reply was seen */
    { "-+x B+x", "xx", 0, 1 },
    { "A+x A. -+x", "x", 1, 1 },
    { "A+x A. -+x B+x", "xx", 1, 1 },
    /* the window */
    { "A+x A. <10> B+x", "x", 1, 1 },
    { "A+x A. <11> B+x", "xx", 0, 1 },
    { "A+x A. <9> B+x B. <9> C+x", "x", 2, 1 },
    /* an ended log is another one */
    { "A+x A. D B+x", "xx", 0, 2 },
    /* equal replacements are idempotent, whoever sends them */
    { "-=x -=x", "x", 1, 1 },
    { "A=x A! A=x", "x", 1, 1 },
    { "-=x -=x -=x", "x", 2, 1 },
    { "-=x <11> -=x", "xx", 0, 2 },
    { "-=x <6> -=x <6> -=x", "xx", 1, 2 }, /* since the last modification, not since the last repeat */
    { "-=x -=y -=x", "xyx", 0, 3 },
    { "-=x D -=x", "xx", 0, 2 },
    { "-=x -+y -=x", "xyx", 0, 2 },
    { "A+x A! A+y A! -=xy", "xy", 1, 1 },
    { "A+x A! A+y A! -=yx", "xyyx", 0, 2 },
    /* a repeated whole is no resend of its last part */
    { "A+x A! A+y A! B=xy B. C+y", "xyy", 1, 1 },
    { "B=x B! B=x B. C+x", "x", 2, 1 },
    { "-=x -=x C+x", "xx", 1, 1 },
};

static void play(struct site *site, const char *history)
{
    uint64_t sender[4] = { 0 };
    int64_t now = NOON;
    char text[64];
    clock_freeze(now, 1);
    for (const char *p = history; *p;) {
        size_t n = strcspn(p, " ");
        assert_true(n < sizeof text);
        memcpy(text, p, n);
        text[n] = '\0';
        p += n + (p[n] == ' ');
        if (text[0] == '<') {
            now += 60000LL * strtol(text + 1, NULL, 10);
            clock_freeze(now, 1);
        } else if (text[0] == 'R') {
            memset(sender, 0, sizeof sender);
            site_restart(site);
        } else if (text[0] == 'D' && text[1] == '\0') {
            end_log(site, FAULT_OK);
        } else {
            uint64_t *own = text[0] == '-' ? &sender[3] : &sender[text[0] - 'A'];
            if (text[0] != '-' && *own == 0)
                *own = logbook_sender_new(site->fleet);
            if (text[1] == '!')
                logbook_sender_said(site->fleet, *own);
            else if (text[1] == '.')
                logbook_sender_gone(site->fleet, *own);
            else
                sent(site, text[1] == '+', *own, text + 2);
        }
    }
}

static void test_histories(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(histories); i++) {
        struct site site;
        struct fault f;
        struct mac mac;
        struct logbook_generation *list;
        size_t count;
        int64_t repeats = 0, size = 0;
        site_begin(&site, NULL);
        play(&site, histories[i].history);
        print_message("# history: %s\n", histories[i].history);
        assert_reads(&site, 0, histories[i].reads);
        assert_true(mac_parse(MAC, 12, &mac));
        site_check(logbook_list(site.fleet, &mac, &list, &count, &f), &f);
        for (size_t g = 0; g < count; g++) {
            repeats += list[g].repeats;
            size += list[g].size;
        }
        assert_int_equal(count, histories[i].generations);
        assert_int_equal(repeats, histories[i].repeats);
        assert_int_equal(size, strlen(histories[i].reads));
        free(list);
        site_end(&site);
    }
}

static void test_rotation(void **state)
{
    (void)state;
    static const char *const settings[] = { "log_rotate=10000", NULL };
    struct site site;
    struct segment_generation g;
    site_begin(&site, settings);
    for (unsigned i = 0; i < 5; i++)
        sent_size(&site, LOG, true, 3000, i);
    assert_int_equal(found(&site, LOG, 0, true, &g), FAULT_OK);
    assert_int_equal(g.generation, 2);
    assert_int_equal(g.size, 6000);
    assert_int_equal(found(&site, LOG, 1, false, &g), FAULT_OK);
    assert_int_equal(g.size, 9000);
    /* Exactly full is not too large; one byte more is. */
    sent_size(&site, LOG, true, 4000, 9);
    assert_int_equal(found(&site, LOG, 0, true, &g), FAULT_OK);
    assert_int_equal(g.size, 10000);
    sent_size(&site, LOG, true, 1, 10);
    assert_int_equal(found(&site, LOG, 0, true, &g), FAULT_OK);
    assert_int_equal(g.generation, 3);
    assert_int_equal(g.size, 1);
    /* A segment that is larger alone has a generation of its own. */
    assert_false(sent_size(&site, LOG, true, 20000, 11).created);
    assert_int_equal(found(&site, LOG, 0, true, &g), FAULT_OK);
    assert_int_equal(g.generation, 4);
    assert_int_equal(g.size, 20000);
    sent_size(&site, LOG, true, 1, 12);
    assert_int_equal(found(&site, LOG, 0, true, &g), FAULT_OK);
    assert_int_equal(g.generation, 5);
    /* An empty one need not end for it. */
    sent_size(&site, LOG, false, 0, 13);
    sent_size(&site, LOG, true, 20000, 14);
    assert_int_equal(found(&site, LOG, 0, true, &g), FAULT_OK);
    assert_int_equal(g.generation, 6);
    assert_int_equal(g.size, 20000);
    site_end(&site);
}

static int64_t total(struct site *site, size_t *ret_count)
{
    struct logbook_generation *list;
    struct mac mac;
    struct fault f;
    int64_t sum = 0;
    assert_true(mac_parse(MAC, 12, &mac));
    site_check(logbook_list(site->fleet, &mac, &list, ret_count, &f), &f);
    for (size_t i = 0; i < *ret_count; i++)
        sum += list[i].size;
    free(list);
    return sum;
}

static void test_quota(void **state)
{
    (void)state;
    static const char *const settings[] = { "log_quota=65536", "log_keep_min=7d", "log_rotate=16384", NULL };
    struct site site;
    struct fault f;
    struct segment_generation g;
    struct upload_outcome outcome;
    struct mac mac;
    struct db_conn *conn;
    size_t count;
    assert_true(mac_parse(MAC, 12, &mac));
    site_begin(&site, settings);
    clock_freeze(NOON, 1);
    sent_size(&site, "/0004f2aabbcc-boot.log", false, 16384, 1); /* closed on day 1 */
    clock_freeze(NOON + DAY, 1);
    sent_size(&site, "/0004f2aabbcc-boot.log", false, 16384, 2);
    sent_size(&site, LOG, true, 16384, 3); /* closed on day 2 */
    clock_freeze(NOON + 2 * DAY, 1);
    sent_size(&site, LOG, true, 16384, 4); /* full to the byte */
    assert_int_equal(total(&site, &count), 65536);

    /* Nothing is old enough, and nothing changes. */
    AUTO_FREE char *bytes = site_bytes(16384, 5);
    clock_freeze(NOON + 8 * DAY - 1, 1);
    assert_int_equal(send_to(&site, LOG, true, 0, bytes, 1, &outcome), FAULT_QUOTA);
    assert_int_equal(send_to(&site, LOG, false, 0, bytes, 100, &outcome), FAULT_QUOTA);
    assert_int_equal(total(&site, &count), 65536);
    assert_int_equal(count, 4);
    site_check(db_read_begin(site.fleet->db, &conn, &f), &f);
    assert_int_equal(segment_room(site.fleet, conn, &mac, 1, &f), FAULT_QUOTA);
    db_read_end(site.fleet->db, conn);

    /* The oldest closed one goes, of whatever log; the others stay. */
    clock_freeze(NOON + 8 * DAY, 1);
    site_check(db_read_begin(site.fleet->db, &conn, &f), &f);
    assert_int_equal(segment_room(site.fleet, conn, &mac, 2 * 16384, &f), FAULT_OK);
    assert_int_equal(segment_room(site.fleet, conn, &mac, 2 * 16384 + 1, &f), FAULT_QUOTA);
    db_read_end(site.fleet->db, conn);
    assert_int_equal(send_to(&site, LOG, true, 0, bytes, 16384, &outcome), FAULT_OK);
    assert_int_equal(total(&site, &count), 65536);
    assert_int_equal(found(&site, "/0004f2aabbcc-boot.log", 1, false, &g), FAULT_ABSENT);
    assert_int_equal(found(&site, "/0004f2aabbcc-boot.log", 0, true, &g), FAULT_OK);
    assert_int_equal(found(&site, LOG, 1, false, &g), FAULT_OK);
    assert_int_equal(found(&site, LOG, 2, false, &g), FAULT_OK);

    /* Old enough, but open: those go last, and no more of them than must. */
    clock_freeze(NOON + 100 * DAY, 1);
    AUTO_FREE char *large = site_bytes(65537, 6);
    assert_int_equal(send_to(&site, LOG, true, 0, large, 16384 * 2, &outcome), FAULT_OK);
    assert_int_equal(found(&site, LOG, 1, false, &g), FAULT_ABSENT);
    assert_int_equal(found(&site, LOG, 2, false, &g), FAULT_ABSENT);
    assert_int_equal(found(&site, LOG, 3, false, &g), FAULT_OK);
    assert_int_equal(found(&site, "/0004f2aabbcc-boot.log", 0, true, &g), FAULT_OK);
    assert_int_equal(total(&site, &count), 65536);
    assert_int_equal(send_to(&site, LOG, true, 0, large, 65537, &outcome), FAULT_QUOTA);
    assert_int_equal(total(&site, &count), 65536);
    clock_freeze(NOON + 108 * DAY, 1);
    assert_int_equal(send_to(&site, LOG, true, 0, large, 65536, &outcome), FAULT_OK);
    assert_int_equal(total(&site, &count), 65536);
    assert_int_equal(count, 1);
    assert_int_equal(found(&site, LOG, 0, true, &g), FAULT_OK);
    assert_int_equal(g.generation, 5); /* numbers go on */
    site_end(&site);
}

/* A log of a new name each time, never written again: nothing of it is ever closed by itself. */
static void test_logs_that_are_left_open(void **state)
{
    (void)state;
    static const char *const settings[] = { "log_quota=65536", "log_keep_min=7d", NULL };
    struct site site;
    struct upload_outcome outcome;
    struct segment_generation g;
    char name[64];
    size_t count;
    site_begin(&site, settings);
    AUTO_FREE char *bytes = site_bytes(16384, 1);
    for (int i = 0; i < 10; i++) {
        clock_freeze(NOON + i * DAY, 1);
        snprintf(name, sizeof name, "/0004f2aabbcc-now-%d.log", i);
        enum fault_code expected = i >= 4 && i < 7 ? FAULT_QUOTA : FAULT_OK;
        assert_int_equal(send_to(&site, name, true, 0, bytes, 16384, &outcome), expected);
    }
    assert_int_equal(total(&site, &count), 65536);
    assert_int_equal(found(&site, "/0004f2aabbcc-now-2.log", 0, false, &g), FAULT_ABSENT);
    assert_int_equal(found(&site, "/0004f2aabbcc-now-3.log", 0, true, &g), FAULT_OK);
    site_end(&site);
}

/* The quota may be smaller than what makes a log begin anew: the log itself is then what is too old. */
static void test_quota_below_the_rotation(void **state)
{
    (void)state;
    static const char *const settings[] = { "log_quota=65536", "log_keep_min=1s", NULL };
    struct site site;
    struct upload_outcome outcome;
    size_t count;
    site_begin(&site, settings);
    AUTO_FREE char *bytes = site_bytes(3 * 16384, 1);
    for (int i = 0; i < 9; i++) {
        clock_freeze(NOON + i * 2000, 1);
        assert_int_equal(send_to(&site, LOG, true, 0, bytes, 16384, &outcome), FAULT_OK);
    }
    assert_int_equal(total(&site, &count), 16384);
    assert_int_equal(send_to(&site, LOG, true, 0, bytes, 3 * 16384, &outcome), FAULT_OK);
    assert_int_equal(send_to(&site, LOG, true, 0, bytes, 1, &outcome), FAULT_QUOTA);
    site_end(&site);
}

static void test_quota_without_a_minimum_age(void **state)
{
    (void)state;
    static const char *const settings[] = { "log_quota=65536", "log_keep_min=0", NULL };
    struct site site;
    size_t count;
    site_begin(&site, settings);
    for (unsigned i = 0; i < 10; i++)
        sent_size(&site, LOG, false, 40000, i);
    assert_int_equal(total(&site, &count), 40000);
    assert_int_equal(count, 1);
    struct segment_generation g;
    assert_int_equal(found(&site, LOG, 0, true, &g), FAULT_OK);
    assert_int_equal(g.generation, 10);
    site_end(&site);
}

/* Rows are not free: tiny uploads meet the quota too. Repeats are counted, and never refused. */
static void test_tiny_segments_count(void **state)
{
    (void)state;
    static const char *const settings[] = { "log_quota=65536", NULL };
    struct site site;
    struct upload_outcome outcome;
    site_begin(&site, settings);
    int taken = 0;
    while (send_to(&site, LOG, false, 0, taken % 2 ? "a" : "b", 1, &outcome) == FAULT_OK)
        taken++;
    assert_int_equal(taken, 65536 / SEGMENT_COST_MIN);
    assert_int_equal(send_to(&site, LOG, false, 0, taken % 2 ? "b" : "a", 1, &outcome), FAULT_OK);
    assert_true(outcome.repeat);
    site_end(&site);
}

/* Rows of repeats have a bound; the quota sees to the rest. */
static void test_repeats_are_bounded(void **state)
{
    (void)state;
    struct site site;
    struct logbook_generation *list;
    struct mac mac;
    struct fault f;
    size_t count;
    assert_true(mac_parse(MAC, 12, &mac));
    site_begin(&site, NULL);
    clock_freeze(NOON, 1);
    for (int i = 0; i < 4097; i++)
        assert_int_equal(sent(&site, false, 0, "x").repeat, i > 0);
    assert_false(sent(&site, false, 0, "x").repeat);
    assert_true(sent(&site, false, 0, "x").repeat);
    site_check(logbook_list(site.fleet, &mac, &list, &count, &f), &f);
    assert_int_equal(count, 2);
    assert_int_equal(list[0].repeats, 4096);
    assert_int_equal(list[1].repeats, 1);
    free(list);
    site_end(&site);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tree_entry *)a)->name, ((const struct tree_entry *)b)->name);
}

static void assert_listed(struct site *site, const char *folder, bool closed, const char *expected)
{
    struct tree_list list = { 0 };
    struct path path;
    struct mac mac;
    struct fault f;
    struct db_conn *conn;
    char text[512] = "";
    assert_true(mac_parse(MAC, 12, &mac));
    site_check(path_parse(folder, strlen(folder), &path, &f), &f);
    site_check(db_read_begin(site->fleet->db, &conn, &f), &f);
    site_check(segment_list(conn, &mac, &path, closed, &list, &f), &f);
    db_read_end(site->fleet->db, conn);
    if (list.count)
        qsort(list.entry, list.count, sizeof *list.entry, by_name);
    for (size_t i = 0; i < list.count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s%s", i ? " " : "", list.entry[i].name,
                 list.entry[i].folder ? "/" : "");
    assert_string_equal(text, expected);
    free(list.entry);
}

static void test_listing(void **state)
{
    (void)state;
    struct site site;
    struct tree_list macs = { 0 };
    struct db_conn *conn;
    struct fault f;
    site_begin(&site, NULL);
    assert_listed(&site, "/", true, "");
    sent(&site, true, 0, "one");
    sent(&site, false, 0, "two");
    sent(&site, false, 0, "three");
    sent_size(&site, "/logs/0004f2aabbcc-boot.log", true, 10, 1);
    sent_size(&site, "/logs/deep/0004f2aabbcc-boot.log", true, 10, 1);
    assert_listed(&site, "/", false, "0004f2aabbcc-app.log logs/");
    assert_listed(&site, "/", true,
                  "0004f2aabbcc-app.log 0004f2aabbcc-app.log@1 0004f2aabbcc-app.log@2 logs/");
    assert_listed(&site, "/logs", true, "0004f2aabbcc-boot.log deep/");
    assert_listed(&site, "/logs/deep", false, "0004f2aabbcc-boot.log");
    end_log(&site, FAULT_OK);
    assert_listed(&site, "/", false, "logs/");
    assert_listed(&site, "/", true,
                  "0004f2aabbcc-app.log@1 0004f2aabbcc-app.log@2 0004f2aabbcc-app.log@3 logs/");
    site_check(db_read_begin(site.fleet->db, &conn, &f), &f);
    site_check(segment_macs(conn, &macs, &f), &f);
    db_read_end(site.fleet->db, conn);
    assert_int_equal(macs.count, 1);
    assert_string_equal(macs.entry[0].name, MAC);
    assert_true(macs.entry[0].folder && macs.entry[0].modified > 0);
    free(macs.entry);
    site_end(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append_and_replace),
        cmocka_unit_test(test_histories),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_quota),
        cmocka_unit_test(test_quota_without_a_minimum_age),
        cmocka_unit_test(test_logs_that_are_left_open),
        cmocka_unit_test(test_quota_below_the_rotation),
        cmocka_unit_test(test_tiny_segments_count),
        cmocka_unit_test(test_repeats_are_bounded),
        cmocka_unit_test(test_listing),
    };
    return cmocka_run_group_tests_name("segment", tests, NULL, NULL);
}
