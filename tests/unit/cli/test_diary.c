/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "cli/diary.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEGMENTS 4

struct world {
    struct diary diary;
    struct diary_log *log;
    char *bytes[SEGMENTS];
    size_t sizes[SEGMENTS];
};

static int set_up(void **state)
{
    static const struct mac mac = { "00907a0a1b2c" };
    static const uint32_t sizes[SEGMENTS] = { 96, 200, 1000, 5003 };
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    diary_init(&w->diary, &mac, "0badcafe", true);
    w->log = diary_log(&w->diary, "logs/00907a0a1b2c-app.log");
    for (size_t i = 0; i < SEGMENTS; i++) {
        struct diary_segment *segment = diary_write(&w->diary, w->log, 1, sizes[i]);
        assert_non_null(segment);
        segment->sure = i != 2;
        w->sizes[i] = sizes[i];
        w->bytes[i] = malloc(sizes[i]);
        assert_int_equal(diary_read(&w->diary, segment, 0, w->bytes[i], sizes[i] + 100), sizes[i]);
    }
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < SEGMENTS; i++)
        free(w->bytes[i]);
    diary_fini(&w->diary);
    free(w);
    return 0;
}

static void test_lines_look_like_a_handsets(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < SEGMENTS; i++) {
        const char *at = w->bytes[i], *end = at + w->sizes[i];
        assert_int_equal(end[-1], '\n');
        while (at < end) {
            const char *stop = memchr(at, '\n', (size_t)(end - at));
            assert_non_null(stop);
            assert_in_range(stop + 1 - at, DIARY_LINE, DIARY_LAST);
            int bars = 0;
            for (const char *c = at; c < stop; c++)
                bars += *c == '|';
            assert_int_equal(bars, 4);
            at = stop + 1;
        }
    }
}

static void test_any_piece_is_the_same(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < SEGMENTS; i++) {
        for (size_t step = 1; step < 300; step += 7) {
            for (size_t at = 0; at < w->sizes[i];) {
                char piece[300];
                size_t n = diary_read(&w->diary, &w->log->segments[i], at, piece, step);
                assert_true(n > 0 && n <= step);
                assert_memory_equal(piece, w->bytes[i] + at, n);
                at += n;
            }
        }
        char byte;
        assert_int_equal(diary_read(&w->diary, &w->log->segments[i], w->sizes[i], &byte, 1), 0);
    }
}

/* Checks a log that holds what `recipe` says: a digit is a segment, 'x' a stranger's line, '<' cuts the last
 * 10 bytes,
 * '~' changes the last byte but ten, '0'-'3'. Fed in pieces of `step` bytes. */
static enum fault_code check(struct world *w, const char *recipe, bool newest, size_t step)
{
    char text[32768];
    size_t used = 0;
    for (; *recipe != '\0'; recipe++) {
        if (*recipe == 'x') {
            memcpy(text + used, "000001.000|so   |4|00|a real handset's line\n", 44);
            used += 44;
        } else if (*recipe == '<') {
            used -= 10;
        } else if (*recipe == '~') {
            text[used - 10] ^= 1;
        } else {
            size_t i = (size_t)(*recipe - '0');
            memcpy(text + used, w->bytes[i], w->sizes[i]);
            used += w->sizes[i];
        }
    }
    struct diary_check c;
    diary_check_init(&c, &w->diary, w->log, newest);
    for (size_t at = 0; at < used; at += step)
        diary_check_feed(&c, text + at, step < used - at ? step : used - at);
    struct fault f = { 0 };
    enum fault_code code = diary_check_finish(&c, &f);
    assert_true(code == FAULT_OK || f.text[0] != '\0');
    return code;
}

/* Segment 2 is not sure: the server may have it or not. */
static void test_logs_read_back(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *recipe;
        bool newest, fresh, good;
    } cases[] = {
        { "0123", false, true, true },    { "013", false, true, true },    { "", false, true, false },
        { "012", false, true, false },    { "13", false, true, false },    { "023", false, true, false },
        { "01123", false, true, false },  { "0132", false, true, false },  { "1023", false, true, false },
        { "0123x", false, true, false },  { "x0123", false, true, false }, { "0x123", false, false, true },
        { "x0123x", false, false, true }, { "0123<", false, true, false }, { "0123<x", false, false, false },
        { "012<3", false, false, false }, { "012~3", false, true, false }, { "0123~", false, true, false },
        { "3", true, true, true },        { "23", true, true, true },      { "123", true, true, true },
        { "0123", true, true, true },     { "1", true, true, false },      { "", true, true, false },
        { "03", true, true, false },      { "33", true, true, false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        w->diary.fresh = cases[i].fresh;
        for (size_t step = 1; step <= 8192; step = step * 4 + 1)
            if ((check(w, cases[i].recipe, cases[i].newest, step) == FAULT_OK) != cases[i].good)
                fail_msg("%s, newest %d, fresh %d, step %zu", cases[i].recipe, cases[i].newest,
                         cases[i].fresh, step);
    }
}

static void test_sizes(void **state)
{
    struct world *w = *state;
    struct diary *d = &w->diary;
    struct diary_log *log = diary_log(d, "x.log");
    assert_true(diary_size(log, -1)); /* fresh: absent */
    assert_non_null(diary_write(d, log, 1, 100));
    diary_acknowledged(log, true);
    assert_non_null(diary_write(d, log, 1, 200));
    diary_acknowledged(log, true);
    struct diary_tail tail = log->tail;
    assert_true(diary_size(log, 300)); /* appended */
    log->tail = tail;
    assert_true(diary_size(log, 200)); /* or begun anew */
    log->tail = tail;
    assert_false(diary_size(log, 100));
    assert_non_null(diary_write(d, log, 1, 150));
    diary_acknowledged(log, false);
    assert_true(diary_size(log, 150));
    assert_false(diary_size(log, -1));
    assert_non_null(diary_write(d, log, 1, 150));
    diary_unsure(log);
    assert_true(diary_size(log, 12345)); /* nobody knows */
    size_t count = log->count;
    assert_non_null(diary_write(d, log, 1, 150));
    diary_refused(log);
    assert_int_equal(log->count, count);
    assert_true(diary_size(log, 12345));
    for (int i = 0; i < 3 * DIARY_TAIL; i++) {
        assert_non_null(diary_write(d, log, 1, 150));
        diary_acknowledged(log, true);
    }
    assert_true(diary_size(log, 1)); /* too many possibilities: not judged */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lines_look_like_a_handsets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_any_piece_is_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_logs_read_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sizes, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("diary", tests, NULL, NULL);
}
