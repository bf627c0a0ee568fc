/* SPDX-License-Identifier: Apache-2.0 */
/* Logs in the tree, what is damaged there, and what lies in memory. */
#include "fleet/layer.h"
#include "fleet/segment.h"
#include "fleet/trouble.h"
#include "tests/unit/fleet/grove.h"

static int open_caching(void **state)
{
    (void)state;
    return open_with("cache=1M");
}

/* --- logs --- */

static void test_logs(void **state)
{
    (void)state;
    char out[1000];
    struct fault f;
    struct tree_entry entry, again;
    struct tree_open all = { .all = true };
    has_appended(&own, "/" OWN "-app.log", "one ");
    has_appended(&own, "/" OWN "-app.log", "two ");
    READS(&own, "/" OWN "-app.log", "one two ");
    READS(&alice, "/" OWN "-app.log", "one two ");
    FAILS(&other, "/" OWN "-app.log", FAULT_ABSENT);
    has_put(&own, "/" OWN "-app.log", "three ");
    READS(&own, "/" OWN "-app.log", "three ");
    READS(&olga, "/@log/" OWN "/" OWN "-app.log", "three ");
    READS(&olga, "/@log/" OWN "/" OWN "-app.log@1", "one two ");
    FAILS(&olga, "/@log/" OWN "/" OWN "-app.log@2", FAULT_ABSENT);
    CAMP_OK(get(&olga, "/@log/" OWN "/" OWN "-app.log", &all, out, &entry, why));
    assert_string_equal(out, "one two three ");
    assert_int_equal(entry.size, 14);
    assert_int_equal(get(&own, "/" OWN "-app.log", &all, out, NULL, &f), FAULT_FORBIDDEN);
    assert_int_equal(get(&olga, "/@log/" OWN "/" OWN "-app.log@1", &all, out, NULL, &f), FAULT_INPUT);

    /* Ended by the handset: gone for it, newest still for operators, and destroyed for nobody. */
    assert_int_equal(removes(&other, "/" OWN "-app.log", NULL), FAULT_FORBIDDEN);
    assert_int_equal(removes(&alice, "/" OWN "-app.log", NULL), FAULT_FORBIDDEN);
    assert_int_equal(removes(&own, "/" OWN "-app.log", NULL), FAULT_OK);
    assert_int_equal(removes(&own, "/" OWN "-app.log", NULL), FAULT_ABSENT);
    FAILS(&own, "/" OWN "-app.log", FAULT_ABSENT);
    READS(&olga, "/@log/" OWN "/" OWN "-app.log", "three ");
    READS(&olga, "/@log/" OWN "/" OWN "-app.log@2", "three ");
    READS(&alice, "/" OWN "-app.log", "three ");
    has_appended(&own, "/" OWN "-app.log", "four");
    READS(&own, "/" OWN "-app.log", "four");
    CAMP_OK(get(&olga, "/@log/" OWN "/" OWN "-app.log", &all, out, &again, why));
    assert_string_equal(out, "one two three four");
    assert_string_not_equal(entry.etag, again.etag);
    assert_string_not_equal(again.etag, "");
}

/* --- errors that must not look like absence --- */

static void test_trouble(void **state)
{
    (void)state;
    has_put(&alice, "/000000000000.cfg", "<fallback/>");
    has_put(&alice, "/site.cfg", "<site/>");
    has_put(&alice, "/" OWN ".cfg", "<own/>");
    has_put(&alice, "/@handset/" OTHER "/site.cfg", "<mine/>");
    camp_handset(&camp, NEW);
    struct principal third = camp_who(ROLE_HANDSET, "", NEW);
    has_appended(&third, "/" NEW "-app.log", "one");
    FAILS(&own, "/" OWN "-none.cfg", FAULT_ABSENT);
    READS(&own, "/000000000000.cfg", "<fallback/>");

    /* Another fleet's keys open nothing here: every stored byte is as good as damaged. */
    struct camp strange;
    camp_open(&strange, NULL);
    struct vault *right = camp.fleet->vault;
    camp.fleet->vault = strange.fleet->vault;
    FAILS(&other, "/000000000000.cfg", FAULT_DAMAGED);
    FAILS(&own, "/" OWN ".cfg", FAULT_DAMAGED);
    FAILS(&other, "/site.cfg", FAULT_DAMAGED);
    FAILS(&third, "/" NEW "-app.log", FAULT_DAMAGED);
    camp.fleet->vault = right;
    camp_close(&strange);

    FAILS(&own, "/000000000000.cfg", FAULT_BUSY);
    FAILS(&own, "/000000000000-license.cfg", FAULT_BUSY);
    struct tree_entry entry;
    assert_int_equal(stat_of(&own, "/000000000000.cfg", &entry), FAULT_BUSY);
    READS(&own, "/" OWN ".cfg", "<own/>");
    READS(&own, "/site.cfg", "<site/>");
    FAILS(&other, "/000000000000.cfg", FAULT_BUSY);
    FAILS(&third, "/000000000000.cfg", FAULT_BUSY);
    READS(&alice, "/000000000000.cfg", "<fallback/>");
}

/* Its row says what cannot be: readers get an error, not an absence, and an upload mends it. */
static enum fault_code spoil_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct layer_file file;
    (void)write;
    enum fault_code code = layer_find(camp.fleet->vault, conn, "", "/site.cfg", 0, &file, f);
    file.content.size = -1;
    return code ? code : content_settle(camp.fleet->vault, conn, &file.content, 1, f);
}

static void test_damage_is_mended(void **state)
{
    (void)state;
    struct db_write spoil = { .run = spoil_run };
    struct upload_options careful = { .size = -1, .if_none_match = "*" };
    struct fault f;
    has_put(&alice, "/site.cfg", "<one/>");
    has_put(&alice, "/site.cfg", "<two/>");
    CAMP_OK(db_write_wait(camp.fleet->db, &spoil, why));
    FAILS(&own, "/site.cfg", FAULT_DAMAGED);
    assert_int_equal(put(&alice, "/site.cfg", "<three/>", &careful, NULL, &f), FAULT_DAMAGED);
    has_put(&alice, "/site.cfg", "<three/>");
    READS(&own, "/site.cfg", "<three/>");
    has_put(&alice, "/site.cfg", "<four/>");
    READS(&own, "/site.cfg", "<four/>");
}

struct hole {
    struct db_write write;
    uint8_t id[SEAL_CONTENT_ID];
};
static enum fault_code hole_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    return content_discard(conn, CONTAINER_OF(write, struct hole, write)->id, f);
}

/* A segment that lost its content: what is left must not pass for the whole log, nor for no log. */
static void test_log_with_a_hole(void **state)
{
    (void)state;
    static const char name[] = "/" OWN "-app.log";
    struct hole hole = { .write.run = hole_run };
    struct db_conn *conn;
    struct content *contents;
    size_t count;
    has_appended(&own, name, "one");
    has_appended(&own, name, "two");
    has_put(&own, name, "three");
    CAMP_OK(db_read_begin(camp.fleet->db, &conn, why));
    CAMP_OK(segment_contents(camp.fleet->vault, conn, &own.mac, name, 1, &contents, &count, why));
    db_read_end(camp.fleet->db, conn);
    assert_int_equal(count, 2);
    memcpy(hole.id, contents[1].id, sizeof hole.id);
    free(contents);
    CAMP_OK(db_write_wait(camp.fleet->db, &hole.write, why));

    char out[1000];
    struct fault f;
    const struct tree_open all = { .all = true };
    FAILS(&olga, "/@log/" OWN "/" OWN "-app.log@1", FAULT_DAMAGED);
    assert_int_equal(get(&olga, "/@log/" OWN "/" OWN "-app.log", &all, out, NULL, &f), FAULT_DAMAGED);
    READS(&own, name, "three");
    assert_int_equal(get(&olga, "/@log/" OWN "/" OWN "-app.log", NULL, out, NULL, &f), FAULT_OK);
}

/* Only what lies in memory is opened where nothing may block; the rest is told apart from what is absent. */
static void test_hot(void **state)
{
    (void)state;
    static const char file[] = "/" OWN "-phone.cfg", log[] = "/" OWN "-app.log";
    const struct tree_open hot = { .hot = true };
    struct reader *reader;
    struct tree_entry entry;
    struct fault f;
    struct path path = at(file);
    has_put(&alice, file, "<a/>");
    CAMP_OK(tree_open(camp.fleet, &own, &path, &hot, &reader, &entry, why));
    assert_null(reader);
    READS(&own, file, "<a/>");
    CAMP_OK(tree_open(camp.fleet, &own, &path, &hot, &reader, &entry, why));
    assert_non_null(reader);
    assert_int_equal(reader_size(reader), 4);
    assert_memory_equal(reader_hot(reader), "<a/>", 4);
    assert_int_equal(entry.size, 4);
    reader_free(reader);
    assert_int_equal(tree_open(camp.fleet, &other, &path, &hot, &reader, &entry, &f), FAULT_ABSENT);

    has_appended(&own, log, "one");
    READS(&own, log, "one");
    path = at(log);
    CAMP_OK(tree_open(camp.fleet, &own, &path, &hot, &reader, &entry, why));
    assert_null(reader);
    path = at("/" OWN "-no.cfg");
    assert_int_equal(tree_open(camp.fleet, &own, &path, &hot, &reader, &entry, &f), FAULT_ABSENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_logs, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_trouble, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_damage_is_mended, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_log_with_a_hole, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_hot, open_caching, close_camp),
    };
    return cmocka_run_group_tests_name("fleet/tree, logs and damage", tests, NULL, NULL);
}
