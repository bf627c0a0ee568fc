/* SPDX-License-Identifier: Apache-2.0 */
#include "base/archive.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct archive_about about = { .created = 1795570200000,
                                            .schema = 4,
                                            .catalog = "catalog 1234567" };

struct run {
    uint8_t *bytes;
    size_t n;
};

static struct secret_key counting_key(void)
{
    struct secret_key key;
    for (size_t i = 0; i < sizeof key.bytes; i++)
        key.bytes[i] = (uint8_t)i;
    return key;
}

static void fill(uint8_t *data, size_t n)
{
    for (size_t i = 0; i < n; i++)
        data[i] = (uint8_t)(i * 7 + i / 65536);
}

static struct run make(const struct secret_key *master, size_t n)
{
    AUTO_FREE uint8_t *plain = malloc(n + 1);
    struct run run = { malloc((size_t)archive_size((int64_t)n) + 1), ARCHIVE_HEADER };
    struct archive_writer *writer = NULL;
    size_t got = 0;
    assert_non_null(plain);
    assert_non_null(run.bytes);
    fill(plain, n);
    assert_int_equal(archive_writer_new(master, &about, &writer, NULL), FAULT_OK);
    memcpy(run.bytes, archive_writer_header(writer), ARCHIVE_HEADER);
    for (size_t at = 0; at < n; at += ARCHIVE_CHUNK, run.n += got)
        assert_int_equal(archive_write(writer, plain + at, n - at < ARCHIVE_CHUNK ? n - at : ARCHIVE_CHUNK,
                                       run.bytes + run.n, &got, NULL),
                         FAULT_OK);
    assert_int_equal(archive_write_end(writer, run.bytes + run.n, &got, NULL), FAULT_OK);
    run.n += got;
    assert_int_equal(run.n, archive_size((int64_t)n));
    archive_writer_free(writer);
    return run;
}

static enum fault_code collect(void *user, const void *plain, size_t n, struct fault *f)
{
    struct run *out = user;
    (void)f;
    out->bytes = realloc(out->bytes, out->n + n);
    assert_non_null(out->bytes);
    memcpy(out->bytes + out->n, plain, n);
    out->n += n;
    return FAULT_OK;
}

/* key: NULL for the shape alone. */
static enum fault_code open_it(const struct secret_key *key, const uint8_t *data, size_t n, size_t step,
                               struct run *ret_plain, struct fault *f)
{
    struct archive_reader *reader = NULL;
    struct run out = { NULL, 0 };
    assert_int_equal(archive_reader_new(key, collect, &out, &reader, f), FAULT_OK);
    enum fault_code code = FAULT_OK;
    for (size_t at = 0; code == FAULT_OK && at < n; at += step)
        code = archive_read(reader, data + at, n - at < step ? n - at : step, f);
    if (code == FAULT_OK)
        code = archive_reader_end(reader, f);
    archive_reader_free(reader);
    if (ret_plain)
        *ret_plain = out;
    else
        free(out.bytes);
    return code;
}

/* Written by another implementation (OpenSSL, through Python) from the format's description alone. */
static void test_the_format_is_the_documented_one(void **state)
{
    (void)state;
    static const char hex[] = "435241444c45424b01000004000001a21052edc0bc1d7a18130a528c62912fda021f9cd7636174"
                              "616c6f67203132333435363700"
                              "c1086b46a098b70868cba40423587ce801060f029a140c5d71cee5380e1addcc34b2fcc3fdd669"
                              "5386d9a76e9f7f73c05011eab3"
                              "2354f529812e01a6953a3fc1abbcf8f3905704a9d97cd4d21f010000000526ed0a0ba5a44863d9"
                              "bcda68d7256c05b053eb433556"
                              "54973a050e0bbe1a174f29020000000893f0540290ec7bcec4a0dff4259ffb1561002ad5cdbbb8"
                              "ab6d65afccf357f529c5ac656"
                              "8";
    uint8_t archive[sizeof hex / 2];
    for (size_t i = 0; i < sizeof archive; i++)
        archive[i] = (uint8_t)strtoul((char[]){ hex[2 * i], hex[2 * i + 1], '\0' }, NULL, 16);
    struct secret_key master = counting_key();
    struct archive_about read;
    struct run plain;
    struct fault f = { 0 };
    assert_int_equal(archive_read_header(archive, sizeof archive, &read, NULL), FAULT_OK);
    assert_int_equal(read.created, about.created);
    assert_int_equal(read.schema, about.schema);
    assert_memory_equal(read.catalog, about.catalog, ARCHIVE_ID);
    assert_int_equal(open_it(&master, archive, sizeof archive, sizeof archive, &plain, &f), FAULT_OK);
    assert_int_equal(plain.n, 5);
    assert_memory_equal(plain.bytes, "hello", 5);
    free(plain.bytes);
}

static void test_what_was_written_is_read_in_pieces_of_any_size(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 8, 65535, 65536, 65537, 131072, 200000 };
    struct secret_key master = counting_key();
    struct fault f = { 0 };
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
        AUTO_FREE uint8_t *expected = malloc(sizes[i] + 1);
        struct run run = make(&master, sizes[i]);
        const size_t steps[] = { 1, 129, 65569, run.n };
        fill(expected, sizes[i]);
        for (size_t s = 0; s < ARRAY_LENGTH(steps); s++) {
            struct run plain;
            assert_int_equal(open_it(&master, run.bytes, run.n, steps[s], &plain, &f), FAULT_OK);
            assert_int_equal(plain.n, sizes[i]);
            if (plain.n > 0)
                assert_memory_equal(plain.bytes, expected, plain.n);
            free(plain.bytes);
            assert_int_equal(open_it(NULL, run.bytes, run.n, steps[s], &plain, &f), FAULT_OK);
            assert_int_equal(plain.n, 0);
        }
        free(run.bytes);
    }
}

static void test_no_two_archives_are_alike_and_nothing_shows(void **state)
{
    (void)state;
    struct secret_key master = counting_key();
    struct run one = make(&master, 1000), two = make(&master, 1000);
    uint8_t plain[1000];
    fill(plain, sizeof plain);
    assert_int_equal(one.n, two.n);
    assert_memory_equal(one.bytes, two.bytes, 20); /* magic, version, schema, time */
    assert_memory_not_equal(one.bytes + ARCHIVE_HEADER, two.bytes + ARCHIVE_HEADER, one.n - ARCHIVE_HEADER);
    assert_null(memmem(one.bytes, one.n, plain, 16));
    assert_null(memmem(one.bytes, one.n, master.bytes, 16));
    free(one.bytes);
    free(two.bytes);
}

static void test_a_cut_archive_does_not_open(void **state)
{
    (void)state;
    struct secret_key master = counting_key();
    struct run run = make(&master, 70000);
    for (size_t n = 0; n < run.n; n += n < 300 || n > run.n - 300 ? 1 : 977) {
        struct fault f = { 0 };
        enum fault_code code = open_it(&master, run.bytes, n, run.n, NULL, &f);
        assert_int_equal(code, n < 8 ? FAULT_INPUT : FAULT_DAMAGED);
        assert_true(f.text[0] != '\0');
        assert_int_not_equal(open_it(NULL, run.bytes, n, run.n, NULL, &f), FAULT_OK);
    }
    free(run.bytes);
}

static void test_a_changed_byte_is_found_wherever_it_is(void **state)
{
    (void)state;
    struct secret_key master = counting_key();
    struct run run = make(&master, 70000);
    for (size_t at = 0; at < run.n; at += at < 300 || at > run.n - 300 ? 1 : 977) {
        struct fault f = { 0 };
        run.bytes[at] ^= 0x40;
        assert_int_not_equal(open_it(&master, run.bytes, run.n, run.n, NULL, &f), FAULT_OK);
        assert_true(f.text[0] != '\0');
        run.bytes[at] ^= 0x40;
    }
    assert_int_equal(open_it(&master, run.bytes, run.n, run.n, NULL, NULL), FAULT_OK);
    free(run.bytes);
}

/* Frames that are sealed rightly, and stand where they do not belong. */
static void test_frames_of_other_places_and_archives_do_not_open(void **state)
{
    (void)state;
    struct secret_key master = counting_key();
    struct run one = make(&master, (size_t)3 * ARCHIVE_CHUNK), two = make(&master, (size_t)3 * ARCHIVE_CHUNK);
    const size_t frame = ARCHIVE_FRAME;
    AUTO_FREE uint8_t *mixed = malloc(one.n + frame);
    uint8_t *body = mixed + ARCHIVE_HEADER;
    struct fault f = { 0 };
    assert_non_null(mixed);

    memcpy(mixed, one.bytes, one.n); /* two frames change places */
    memcpy(body, one.bytes + ARCHIVE_HEADER + frame, frame);
    memcpy(body + frame, one.bytes + ARCHIVE_HEADER, frame);
    assert_int_equal(open_it(&master, mixed, one.n, one.n, NULL, &f), FAULT_DAMAGED);
    assert_non_null(strstr(f.text, "frame 0"));

    memcpy(mixed, one.bytes, one.n); /* one comes from another archive */
    memcpy(body + frame, two.bytes + ARCHIVE_HEADER + frame, frame);
    assert_int_equal(open_it(&master, mixed, one.n, one.n, NULL, &f), FAULT_DAMAGED);
    assert_non_null(strstr(f.text, "frame 1"));

    memcpy(mixed, two.bytes, ARCHIVE_HEADER); /* all but the header do */
    memcpy(body, one.bytes + ARCHIVE_HEADER, one.n - ARCHIVE_HEADER);
    assert_int_equal(open_it(&master, mixed, one.n, one.n, NULL, &f), FAULT_DAMAGED);

    memcpy(mixed, one.bytes, one.n); /* one is missing, with a proper end */
    memmove(body + frame, body + 2 * frame, one.n - ARCHIVE_HEADER - 2 * frame);
    assert_int_equal(open_it(&master, mixed, one.n - frame, one.n, NULL, &f), FAULT_DAMAGED);

    memcpy(mixed, one.bytes, one.n); /* something follows the end */
    mixed[one.n] = 0;
    assert_int_equal(open_it(&master, mixed, one.n + 1, one.n + 1, NULL, &f), FAULT_DAMAGED);
    assert_int_equal(open_it(NULL, mixed, one.n + 1, one.n + 1, NULL, &f), FAULT_DAMAGED);
    free(one.bytes);
    free(two.bytes);
}

static void test_another_master_key_is_told_in_words(void **state)
{
    (void)state;
    struct secret_key master = counting_key(), other = counting_key();
    other.bytes[31] ^= 1;
    struct run run = make(&master, 100);
    struct fault f = { 0 };
    assert_int_equal(open_it(&other, run.bytes, run.n, run.n, NULL, &f), FAULT_FORBIDDEN);
    assert_non_null(strstr(f.text, "made under the master key c1086b46a098b708"));
    free(run.bytes);
}

static void test_what_is_no_archive_or_a_newer_one_is_told_in_words(void **state)
{
    (void)state;
    struct secret_key master = counting_key();
    struct run run = make(&master, 100);
    struct fault f = { 0 };
    run.bytes[8] = 2;
    assert_int_equal(open_it(&master, run.bytes, run.n, run.n, NULL, &f), FAULT_INPUT);
    assert_non_null(strstr(f.text, "version 2"));
    run.bytes[8] = 1;
    run.bytes[9] = 1;
    assert_int_equal(open_it(&master, run.bytes, run.n, run.n, NULL, &f), FAULT_INPUT);
    assert_int_equal(open_it(&master, (const uint8_t *)"SQLite format 3", 16, 16, NULL, &f), FAULT_INPUT);
    assert_non_null(strstr(f.text, "no backup"));
    free(run.bytes);
}

/* The length that a frame claims is bounded before anything is made of it. */
static void test_lengths_that_lie(void **state)
{
    (void)state;
    static const struct {
        uint8_t kind;
        uint8_t length[4];
    } rows[] = { { 1, { 0, 0, 0, 0 } }, { 1, { 0, 1, 0, 1 } }, { 1, { 255, 255, 255, 255 } },
                 { 2, { 0, 0, 0, 9 } }, { 2, { 0, 0, 0, 0 } }, { 2, { 0, 1, 0, 0 } },
                 { 0, { 0, 0, 0, 8 } }, { 3, { 0, 0, 0, 8 } }, { 255, { 0, 0, 0, 100 } } };
    struct secret_key master = counting_key();
    struct run run = make(&master, 100);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct fault f = { 0 };
        run.bytes[ARCHIVE_HEADER] = rows[i].kind;
        memcpy(run.bytes + ARCHIVE_HEADER + 1, rows[i].length, 4);
        assert_int_equal(open_it(&master, run.bytes, run.n, run.n, NULL, &f), FAULT_DAMAGED);
        assert_int_equal(open_it(NULL, run.bytes, run.n, 1, NULL, &f), FAULT_DAMAGED);
    }
    free(run.bytes);
}

static void test_the_writer_refuses_what_would_not_be_read(void **state)
{
    (void)state;
    struct secret_key master = counting_key();
    struct archive_writer *writer = NULL;
    AUTO_FREE uint8_t *plain = calloc(1, ARCHIVE_CHUNK + 1), *out = malloc(ARCHIVE_FRAME);
    size_t n = 0;
    assert_int_equal(archive_writer_new(&master, &about, &writer, NULL), FAULT_OK);
    assert_int_equal(archive_write(writer, plain, 0, out, &n, NULL), FAULT_INTERNAL);
    assert_int_equal(archive_write(writer, plain, ARCHIVE_CHUNK + 1, out, &n, NULL), FAULT_INTERNAL);
    assert_int_equal(archive_write(writer, plain, 5, out, &n, NULL), FAULT_OK);
    assert_int_equal(n, 5 + ARCHIVE_OVERHEAD);
    assert_int_equal(archive_write(writer, plain, 5, out, &n, NULL), FAULT_INTERNAL);
    assert_int_equal(archive_write_end(writer, out, &n, NULL), FAULT_OK);
    assert_int_equal(archive_write_end(writer, out, &n, NULL), FAULT_INTERNAL);
    archive_writer_free(writer);
    archive_writer_free(NULL);
    archive_reader_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_format_is_the_documented_one),
        cmocka_unit_test(test_what_was_written_is_read_in_pieces_of_any_size),
        cmocka_unit_test(test_no_two_archives_are_alike_and_nothing_shows),
        cmocka_unit_test(test_a_cut_archive_does_not_open),
        cmocka_unit_test(test_a_changed_byte_is_found_wherever_it_is),
        cmocka_unit_test(test_frames_of_other_places_and_archives_do_not_open),
        cmocka_unit_test(test_another_master_key_is_told_in_words),
        cmocka_unit_test(test_what_is_no_archive_or_a_newer_one_is_told_in_words),
        cmocka_unit_test(test_lengths_that_lie),
        cmocka_unit_test(test_the_writer_refuses_what_would_not_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
