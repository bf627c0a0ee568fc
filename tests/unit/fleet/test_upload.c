/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/fleet/site.h"

#include "fleet/content.h"
#include "fleet/handset.h"
#include "fleet/layer.h"
#include "fleet/segment.h"

static struct put_target file_target(const char *layer, const char *path)
{
    struct put_target t = { .limit = 16 << 20 };
    assert_true(mem_copy_text(t.layer, sizeof t.layer, layer));
    assert_int_equal(path_parse(path, strlen(path), &t.path, NULL), FAULT_OK);
    assert_true(mem_copy_text(t.author, sizeof t.author, "admin"));
    return t;
}

static enum fault_code find(struct site *site, const struct put_target *t, struct layer_file *ret_file)
{
    struct db_conn *conn;
    struct fault f;
    site_check(db_read_begin(site->fleet->db, &conn, &f), &f);
    enum fault_code code = layer_find(site->fleet->vault, conn, t->layer, t->path.text, 0, ret_file, &f);
    db_read_end(site->fleet->db, conn);
    return code;
}

static void assert_stored(struct site *site, const struct put_target *t, const char *bytes, size_t n)
{
    struct layer_file file;
    struct db_conn *conn;
    struct reader *reader;
    struct fault f;
    size_t got;
    assert_int_equal(find(site, t, &file), FAULT_OK);
    assert_int_equal(file.content.size, n);
    site_check(db_read_begin(site->fleet->db, &conn, &f), &f);
    site_check(content_reader(site->fleet, conn, &file.content, 1, &reader, &f), &f);
    db_read_end(site->fleet->db, conn);
    AUTO_FREE char *read = site_drain(reader, 50000, &got);
    assert_int_equal(got, n);
    assert_memory_equal(read, bytes, n);
}

static enum fault_code clean(struct db_conn *conn, void *user, struct fault *f)
{
    return content_clean(conn, user, f);
}
/* Nothing unfinished lies in the catalog. */
static void assert_clean(struct site *site)
{
    struct fault f;
    int64_t removed = -1;
    db_flush(site->fleet->db);
    site_check(site_write(site, clean, &removed, &f), &f);
    assert_int_equal(removed, 0);
}

static const struct upload_options plain = { .size = -1 };

static void test_sizes_and_pieces(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0,
                                    1,
                                    4096,
                                    CONTENT_CHUNK - 1,
                                    CONTENT_CHUNK,
                                    CONTENT_CHUNK + 1,
                                    2 * CONTENT_CHUNK,
                                    9 * CONTENT_CHUNK,
                                    2000001 };
    static const size_t pieces[] = { 1, 1000, CONTENT_CHUNK, 4 << 20 };
    struct site site;
    site_begin(&site, NULL);
    for (size_t s = 0; s < ARRAY_LENGTH(sizes); s++)
        for (size_t p = sizes[s] > 100000 ? 1 : 0; p < ARRAY_LENGTH(pieces); p++) {
            struct put_target t = file_target("", "/folder/file.bin");
            struct upload_outcome outcome = { 0 };
            struct fault f;
            AUTO_FREE char *bytes = site_bytes(sizes[s], (unsigned)(s * 10 + p));
            site_check(site_upload(&site, &t, &plain, bytes, sizes[s], pieces[p], &outcome, &f), &f);
            assert_int_equal(outcome.created, s == 0 && p == 0);
            assert_int_equal(outcome.size, sizes[s]);
            assert_false(outcome.repeat);
            assert_stored(&site, &t, bytes, sizes[s]);
            struct layer_file file;
            char etag[80];
            find(&site, &t, &file);
            layer_etag(&file.content, etag);
            assert_string_equal(outcome.etag, etag);
            assert_string_equal(file.author, "admin");
        }
    assert_clean(&site);
    site_end(&site);
}

static void test_limits(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    struct upload_outcome outcome;
    struct upload *upload = NULL;
    site_begin(&site, NULL);
    struct put_target t = file_target("", "/a");
    t.limit = 200000;
    AUTO_FREE char *bytes = site_bytes(200001, 5);
    struct upload_options told = { .size = 200001 };
    assert_int_equal(upload_begin(site.fleet, &t, &told, &upload, &f), FAULT_TOO_LARGE);
    assert_null(upload);
    assert_int_equal(site_upload(&site, &t, &plain, bytes, 200001, 1000, &outcome, &f), FAULT_TOO_LARGE);
    assert_int_equal(site_upload(&site, &t, &plain, bytes, 200001, 200001, &outcome, &f), FAULT_TOO_LARGE);
    site_check(site_upload(&site, &t, &plain, bytes, 200000, 1000, &outcome, &f), &f);
    assert_stored(&site, &t, bytes, 200000);
    assert_clean(&site);
    site_end(&site);
}

static void test_configuration_is_checked(void **state)
{
    (void)state;
    struct site site;
    struct fault f = { 0 };
    struct upload_outcome outcome;
    struct layer_file file;
    site_begin(&site, NULL);
    struct put_target t = file_target("", "/site.cfg");
    t.check_xml = true;
    static const char broken[] = "<?xml version=\"1.0\"?>\n<a>\n<b></a>\n", cut[] = "<a>\n",
                      good[] = "<a/>\n", sealed[] = "Crypt=1;Digest=ab\n\x01\x02\x03";
    struct upload_options unchecked = { .size = -1, .unchecked = true };
    for (size_t piece = 1; piece < 100; piece += 50) {
        assert_int_equal(site_upload(&site, &t, &plain, broken, strlen(broken), piece, &outcome, &f),
                         FAULT_CONTENT);
        assert_non_null(strstr(f.text, "line 3, column "));
        assert_int_equal(site_upload(&site, &t, &plain, cut, strlen(cut), piece, &outcome, &f),
                         FAULT_CONTENT);
        assert_non_null(strstr(f.text, "line 2, column 1"));
    }
    assert_int_equal(find(&site, &t, &file), FAULT_ABSENT);
    site_check(site_upload(&site, &t, &plain, sealed, strlen(sealed), 2, &outcome, &f), &f);
    assert_stored(&site, &t, sealed, strlen(sealed));
    site_check(site_upload(&site, &t, &unchecked, broken, strlen(broken), 3, &outcome, &f), &f);
    assert_stored(&site, &t, broken, strlen(broken));
    assert_int_equal(find(&site, &t, &file), FAULT_OK);
    assert_true(file.unchecked);
    site_check(site_upload(&site, &t, &unchecked, good, strlen(good), 3, &outcome, &f), &f);
    assert_int_equal(find(&site, &t, &file), FAULT_OK);
    assert_false(file.unchecked);
    t.check_xml = false;
    site_check(site_upload(&site, &t, &plain, broken, strlen(broken), 3, &outcome, &f), &f);
    assert_clean(&site);
    site_end(&site);
}

static void test_a_flaw_after_chunks_were_staged(void **state)
{
    (void)state;
    struct site site;
    struct fault f = { 0 };
    struct upload_outcome outcome;
    struct layer_file file;
    site_begin(&site, NULL);
    struct put_target t = file_target("", "/site.cfg");
    t.check_xml = true;
    const size_t n = 5 * CONTENT_CHUNK;
    char *bytes = malloc(n);
    memset(bytes, ' ', n);
    memcpy(bytes, "<a>", 3);
    assert_int_equal(site_upload(&site, &t, &plain, bytes, n, 10000, &outcome, &f), FAULT_CONTENT);
    bytes[n - 100] = '<';
    bytes[n - 99] = '<';
    assert_int_equal(site_upload(&site, &t, &plain, bytes, n, 10000, &outcome, &f), FAULT_CONTENT);
    assert_int_equal(find(&site, &t, &file), FAULT_ABSENT);
    assert_clean(&site);
    free(bytes);
    site_end(&site);
}

static void test_preconditions_hold_at_the_commit(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    struct upload_outcome first, second;
    site_begin(&site, NULL);
    struct put_target t = file_target("0004f2aabbcc", "/x.bin");
    struct upload_options none = { .size = -1, .if_none_match = "*" };
    struct upload_options match = { .size = -1, .if_match = "*" };
    assert_int_equal(site_upload(&site, &t, &match, "a", 1, 1, &first, &f), FAULT_PRECONDITION);
    site_check(site_upload(&site, &t, &none, "a", 1, 1, &first, &f), &f);
    assert_int_equal(site_upload(&site, &t, &none, "b", 1, 1, &second, &f), FAULT_PRECONDITION);
    match.if_match = first.etag;
    site_check(site_upload(&site, &t, &match, "b", 1, 1, &second, &f), &f);
    assert_string_not_equal(first.etag, second.etag);
    AUTO_FREE char *large = site_bytes(300000, 2);
    assert_int_equal(site_upload(&site, &t, &match, large, 300000, 7000, &second, &f), FAULT_PRECONDITION);
    assert_stored(&site, &t, "b", 1);
    assert_clean(&site);
    site_end(&site);
}

static void test_a_handset_is_registered_with_its_first_file(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    struct upload_outcome outcome;
    struct handset handset;
    site_begin(&site, NULL);
    struct put_target t = file_target("0004f2aabbcc", "/0004f2aabbcc.cfg");
    assert_true(mac_parse("0004f2aabbcc", 12, &t.mac));
    struct upload_options refused = { .size = -1, .if_match = "*" };
    t.register_handset = true;
    assert_int_equal(site_upload(&site, &t, &refused, "<a/>", 4, 4, &outcome, &f), FAULT_PRECONDITION);
    assert_int_equal(handset_get(site.fleet, &t.mac, &handset, &f), FAULT_ABSENT);
    site_check(site_upload(&site, &t, &plain, "<a/>", 4, 4, &outcome, &f), &f);
    site_check(handset_get(site.fleet, &t.mac, &handset, &f), &f);
    assert_true(handset.enabled);
    site_check(site_upload(&site, &t, &plain, "<a/>", 4, 4, &outcome, &f), &f);
    site_end(&site);
}

static enum fault_code stand_still(struct db_conn *conn, void *user, struct fault *f)
{
    sem_t *held = user;
    (void)conn, (void)f;
    sem_post(&held[0]);
    sem_wait(&held[1]);
    return FAULT_OK;
}
struct stopper {
    struct site_write write;
    sem_t held[2], done;
};
static void stopper_done(struct db_write *write, const struct fault *result)
{
    (void)result;
    sem_post(&CONTAINER_OF(write, struct stopper, write.write)->done);
}
/* The writer stands still until stopper_end: what an upload does meanwhile it does alone. */
static void stopper_begin(struct site *site, struct stopper *s)
{
    sem_init(&s->held[0], 0, 0);
    sem_init(&s->held[1], 0, 0);
    sem_init(&s->done, 0, 0);
    s->write = (struct site_write){ .write = { .run = site_write_run, .done = stopper_done },
                                    .work = stand_still,
                                    .user = s->held };
    db_submit(site->fleet->db, &s->write.write);
    sem_wait(&s->held[0]);
}
static void stopper_end(struct stopper *s)
{
    sem_post(&s->held[1]);
    sem_wait(&s->done);
}

static void test_back_pressure(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    struct stopper stopper;
    struct upload *upload;
    struct upload_outcome outcome;
    sem_t told;
    const size_t n = 10 * CONTENT_CHUNK;
    size_t taken, more, at;
    int count;
    site_begin(&site, NULL);
    sem_init(&told, 0, 0);
    struct put_target t = file_target("", "/big");
    AUTO_FREE char *bytes = site_bytes(n, 6);
    const struct upload_options options = { .size = -1, .progress = site_told, .user = &told };
    site_check(upload_begin(site.fleet, &t, &options, &upload, &f), &f);
    stopper_begin(&site, &stopper);
    site_check(upload_write(upload, bytes, n, &taken, &f), &f);
    assert_int_equal(taken, 5 * CONTENT_CHUNK); /* four on their way, one filled */
    site_check(upload_write(upload, bytes + taken, n - taken, &more, &f), &f);
    assert_int_equal(more, 0);
    sem_getvalue(&told, &count);
    assert_int_equal(count, 0);
    stopper_end(&stopper);
    sem_wait(&told);
    for (at = taken; at < n; at += taken) {
        site_check(upload_write(upload, bytes + at, n - at, &taken, &f), &f);
        if (at + taken < n)
            sem_wait(&told);
    }
    upload_commit(upload);
    while (!upload_ended(upload))
        sem_wait(&told);
    site_check(upload_result(upload, &outcome, &f), &f);
    upload_free(upload);
    assert_stored(&site, &t, bytes, n);
    assert_clean(&site);
    site_end(&site);
}

static void never(void *user)
{
    *(int *)user += 1;
}

/* Freed at any point: what was not asked to be committed leaves nothing, a commit under way goes on, and
 * nobody is told any more. */
static void test_freed_at_any_point(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    site_begin(&site, NULL);
    AUTO_FREE char *bytes = site_bytes(600000, 8);
    for (size_t n = 0; n <= 600000; n += 60000)
        for (int commit = 0; commit < 2; commit++) {
            struct stopper stopper;
            struct upload *upload;
            struct layer_file file;
            size_t taken;
            int told = 0;
            char name[32];
            const struct upload_options options = { .size = -1, .progress = never, .user = &told };
            snprintf(name, sizeof name, "/f-%zu-%d", n, commit);
            struct put_target t = file_target("", name);
            stopper_begin(&site, &stopper);
            site_check(upload_begin(site.fleet, &t, &options, &upload, &f), &f);
            site_check(upload_write(upload, bytes, n, &taken, &f), &f);
            if (commit)
                upload_commit(upload);
            upload_free(upload);
            stopper_end(&stopper);
            db_flush(site.fleet->db);
            assert_int_equal(told, 0);
            if (commit)
                assert_stored(&site, &t, bytes, taken);
            else
                assert_int_equal(find(&site, &t, &file), FAULT_ABSENT);
        }
    assert_clean(&site);
    upload_free(NULL);
    site_end(&site);
}

static void test_log_segments(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    struct upload_outcome outcome;
    site_begin(&site, NULL);
    struct put_target t = file_target("", "/0004f2aabbcc-app.log");
    t.log = true;
    assert_true(mac_parse("0004f2aabbcc", 12, &t.mac));
    AUTO_FREE char *bytes = site_bytes(200000, 12);
    struct upload_options append = { .size = -1, .append = true };
    site_check(site_upload(&site, &t, &append, bytes, 10, 3, &outcome, &f), &f);
    assert_true(outcome.created);
    assert_int_equal(outcome.segment, 1);
    site_check(site_upload(&site, &t, &append, bytes + 10, 150000, 50000, &outcome, &f), &f);
    assert_false(outcome.created);
    assert_int_equal(outcome.segment, 2);
    /* The same bytes as a replacement: of two segments, staged, and not kept. */
    struct upload_options replace = { .size = -1, .if_match = outcome.etag };
    site_check(site_upload(&site, &t, &replace, bytes, 150010, 30000, &outcome, &f), &f);
    assert_true(outcome.repeat);
    assert_int_equal(outcome.segment, 3);
    assert_clean(&site);

    struct db_conn *conn;
    struct content *contents;
    struct reader *reader;
    size_t count, n;
    site_check(db_read_begin(site.fleet->db, &conn, &f), &f);
    site_check(segment_contents(site.fleet->vault, conn, &t.mac, t.path.text, 1, &contents, &count, &f), &f);
    site_check(content_reader(site.fleet, conn, contents, count, &reader, &f), &f);
    db_read_end(site.fleet->db, conn);
    AUTO_FREE char *read = site_drain(reader, 9999, &n);
    assert_int_equal(n, 150010);
    assert_memory_equal(read, bytes, n);
    free(contents);
    site_end(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_and_pieces),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_configuration_is_checked),
        cmocka_unit_test(test_a_flaw_after_chunks_were_staged),
        cmocka_unit_test(test_preconditions_hold_at_the_commit),
        cmocka_unit_test(test_a_handset_is_registered_with_its_first_file),
        cmocka_unit_test(test_back_pressure),
        cmocka_unit_test(test_freed_at_any_point),
        cmocka_unit_test(test_log_segments),
    };
    return cmocka_run_group_tests_name("upload", tests, NULL, NULL);
}
