/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/fleet/site.h"

#include "fleet/layer.h"
#include "fleet/listing.h"

struct store {
    struct vault *vault;
    const char *layer, *path, *author;
    int64_t now, keep;
    uint8_t fill; /* of the content's digest; its id is random */
    bool remove;
    bool created;
    struct content content;
};

static enum fault_code store_run(struct db_conn *conn, void *user, struct fault *f)
{
    struct store *s = user;
    if (s->remove)
        return layer_remove(s->vault, conn, s->layer, s->path, s->author, s->now, s->keep, f);
    struct layer_file file = { .modified = s->now };
    file.content.size = s->fill;
    secret_random(file.content.id, sizeof file.content.id);
    memset(file.content.digest.bytes, s->fill, sizeof file.content.digest.bytes);
    assert_true(mem_copy_text(file.author, sizeof file.author, s->author));
    s->content = file.content;
    enum fault_code code = content_settle(s->vault, conn, &file.content, s->now, f);
    return code ? code : layer_store(s->vault, conn, s->layer, s->path, &file, s->keep, &s->created, f);
}

static struct db_conn *reading(struct site *site)
{
    struct db_conn *conn;
    struct fault f;
    site_check(db_read_begin(site->fleet->db, &conn, &f), &f);
    return conn;
}

static void test_versions(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    struct layer_file file;
    struct tree_version *versions;
    size_t count;
    site_begin(&site, NULL);
    struct store s = {
        .vault = site.fleet->vault, .layer = "", .path = "/site.cfg", .author = "anna", .keep = 2
    };
    for (int64_t i = 1; i <= 5; i++) {
        s.now = 1000 * i;
        s.fill = (uint8_t)i;
        site_check(site_write(&site, store_run, &s, &f), &f);
        assert_int_equal(s.created, i == 1);
    }
    struct db_conn *conn = reading(&site);
    site_check(layer_find(site.fleet->vault, conn, "", "/site.cfg", 0, &file, &f), &f);
    assert_int_equal(file.version, 5);
    assert_int_equal(file.content.size, 5);
    assert_memory_equal(file.content.id, s.content.id, sizeof s.content.id);
    assert_string_equal(file.author, "anna");
    site_check(layer_versions(conn, "", "/site.cfg", &versions, &count, &f), &f);
    assert_int_equal(count, 2);
    assert_int_equal(versions[0].version, 4);
    assert_int_equal(versions[0].size, 4);
    assert_int_equal(versions[0].modified, 4000);
    assert_int_equal(versions[0].replaced, 5000);
    assert_int_equal(versions[1].version, 3);
    assert_string_equal(versions[1].replaced_by, "anna");
    free(versions);
    assert_int_equal(layer_find(site.fleet->vault, conn, "", "/site.cfg", 2, &file, &f), FAULT_ABSENT);
    assert_int_equal(layer_find(site.fleet->vault, conn, "", "/site.cfg", 5, &file, &f),
                     FAULT_ABSENT); /* the current one is none of the former */
    site_check(layer_find(site.fleet->vault, conn, "", "/site.cfg", 3, &file, &f), &f);
    assert_int_equal(file.content.size, 3);
    assert_int_equal(layer_find(site.fleet->vault, conn, "", "/Site.cfg", 0, &file, &f), FAULT_ABSENT);
    assert_int_equal(layer_find(site.fleet->vault, conn, "0004f2aabbcc", "/site.cfg", 0, &file, &f),
                     FAULT_ABSENT);
    db_read_end(site.fleet->db, conn);

    s.remove = true;
    s.author = "bert";
    s.now = 9000;
    site_check(site_write(&site, store_run, &s, &f), &f);
    assert_int_equal(site_write(&site, store_run, &s, &f), FAULT_ABSENT);
    conn = reading(&site);
    assert_int_equal(layer_find(site.fleet->vault, conn, "", "/site.cfg", 0, &file, &f), FAULT_ABSENT);
    site_check(layer_find(site.fleet->vault, conn, "", "/site.cfg", 5, &file, &f), &f);
    site_check(layer_versions(conn, "", "/site.cfg", &versions, &count, &f), &f);
    assert_int_equal(count, 2);
    assert_string_equal(versions[0].replaced_by, "bert");
    free(versions);
    db_read_end(site.fleet->db, conn);

    /* A number is never used again. */
    s.remove = false;
    site_check(site_write(&site, store_run, &s, &f), &f);
    assert_true(s.created);
    conn = reading(&site);
    site_check(layer_find(site.fleet->vault, conn, "", "/site.cfg", 0, &file, &f), &f);
    assert_int_equal(file.version, 6);
    db_read_end(site.fleet->db, conn);

    s.keep = 0;
    site_check(site_write(&site, store_run, &s, &f), &f);
    conn = reading(&site);
    site_check(layer_versions(conn, "", "/site.cfg", &versions, &count, &f), &f);
    assert_int_equal(count, 0);
    free(versions);
    db_read_end(site.fleet->db, conn);
    site_end(&site);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tree_entry *)a)->name, ((const struct tree_entry *)b)->name);
}

/* "name:size" for files, "name/modified" for folders, sorted, with blanks between. */
static void assert_listed(struct site *site, const char *layer, const char *layer2, const char *folder,
                          const char *expected)
{
    struct tree_list list = { 0 };
    struct path path;
    struct fault f;
    char text[1024] = "";
    struct db_conn *conn = reading(site);
    site_check(path_parse(folder, strlen(folder), &path, &f), &f);
    site_check(layer_list(conn, layer, &path, &list, &f), &f);
    if (layer2)
        site_check(layer_list(conn, layer2, &path, &list, &f), &f);
    db_read_end(site->fleet->db, conn);
    if (list.count)
        qsort(list.entry, list.count, sizeof *list.entry, by_name);
    for (size_t i = 0; i < list.count; i++) {
        const struct tree_entry *e = &list.entry[i];
        assert_int_equal(e->etag[0] == '\0', e->folder);
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s%c%lld", i ? " " : "", e->name,
                 e->folder ? '/' : ':', (long long)(e->folder ? e->modified : e->size));
    }
    assert_string_equal(text, expected);
    free(list.entry);
}

static void test_listing(void **state)
{
    (void)state;
    static const struct {
        const char *layer, *path;
    } files[] = {
        { "", "/b.cfg" },
        { "", "/a/x" },
        { "", "/a/y/deep/er" },
        { "", "/a-file" },
        { "", "/a.cfg" },
        { "", "/a0" },
        { "", "/c" },
        { "", "/c/below" },
        { "", "/\xc3\xbc/\xc3\xbc" },
        { "0004f2aabbcc", "/b.cfg" },
        { "0004f2aabbcc", "/a/z" },
        { "0004f2aabbcc", "/own" },
    };
    struct site site;
    struct fault f;
    site_begin(&site, NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
        struct store s = { .vault = site.fleet->vault,
                           .layer = files[i].layer,
                           .path = files[i].path,
                           .author = "anna",
                           .keep = 2 };
        s.now = 100 + (int64_t)i;
        s.fill = (uint8_t)i;
        site_check(site_write(&site, store_run, &s, &f), &f);
    }
    assert_listed(&site, "", NULL, "/", "a/102 a-file:3 a.cfg:4 a0:5 b.cfg:0 c:6 \xc3\xbc/108");
    assert_listed(&site, "", NULL, "/a", "x:1 y/102");
    assert_listed(&site, "", NULL, "/a/y", "deep/102");
    assert_listed(&site, "", NULL, "/c", "below:7");
    assert_listed(&site, "", NULL, "/a.cfg", "");
    assert_listed(&site, "", NULL, "/nothing", "");
    assert_listed(&site, "0004f2aabbcc", "", "/",
                  "a/110 a-file:3 a.cfg:4 a0:5 b.cfg:9 c:6 own:11 \xc3\xbc/108");
    assert_listed(&site, "0004f2aabbcc", "", "/a", "x:1 y/102 z:10");
    site_end(&site);
}

struct many {
    struct vault *vault;
    int count;
};
static enum fault_code store_many(struct db_conn *conn, void *user, struct fault *f)
{
    const struct many *many = user;
    enum fault_code code = FAULT_OK;
    struct store s = { .vault = many->vault, .layer = "", .author = "anna", .keep = 2, .now = 5 };
    for (int i = 0; code == FAULT_OK && i < many->count; i++) {
        char path[64];
        if (i % 10)
            snprintf(path, sizeof path, "/many/sub%d/f%05d", i % 7, i);
        else
            snprintf(path, sizeof path, "/many/f%05d", i);
        s.path = path;
        code = store_run(conn, &s, f);
    }
    return code;
}

static void test_a_long_listing(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    struct tree_list list = { 0 };
    struct path path;
    site_begin(&site, NULL);
    struct many many = { site.fleet->vault, 3000 };
    site_check(site_write(&site, store_many, &many, &f), &f);
    struct db_conn *conn = reading(&site);
    site_check(path_parse("/many", 5, &path, &f), &f);
    site_check(layer_list(conn, "", &path, &list, &f), &f);
    assert_int_equal(list.count, 300 + 7);
    site_check(layer_list(conn, "", &path, &list, &f), &f);
    assert_int_equal(list.count, 300 + 7);
    free(list.entry);
    db_read_end(site.fleet->db, conn);
    site_end(&site);
}

static void test_etags(void **state)
{
    (void)state;
    struct content a = { 0 }, b = { .id = { 1 } }, c = { 0 };
    char ta[80], tb[80], tc[80];
    c.digest.bytes[0] = 1;
    layer_etag(&a, ta);
    layer_etag(&b, tb);
    layer_etag(&c, tc);
    assert_string_equal(ta, tb);
    assert_string_not_equal(ta, tc);
    assert_int_equal(ta[0], '"');
    assert_int_equal(ta[strlen(ta) - 1], '"');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_listing),
        cmocka_unit_test(test_a_long_listing),
        cmocka_unit_test(test_etags),
    };
    return cmocka_run_group_tests_name("layer", tests, NULL, NULL);
}
