/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/grant.h"
#include "fleet/layer.h"
#include "fleet/reader.h"
#include "fleet/segment.h"
#include "fleet/tree.h"
#include "fleet/trouble.h"
#include "tests/unit/fleet/camp.h"

#include <semaphore.h>

#define OWN   "00907a000001"
#define OTHER "00907a000002"
#define NEW   "00907a000003"

static struct camp camp;
static struct principal alice, olga, own, other;

static int open_with(const char *cache)
{
    camp_open(&camp, cache);
    camp_handset(&camp, OWN);
    camp_handset(&camp, OTHER);
    alice = camp_who(ROLE_ADMINISTRATOR, "alice", NULL);
    olga = camp_who(ROLE_OPERATOR, "olga", NULL);
    own = camp_who(ROLE_HANDSET, "", OWN);
    other = camp_who(ROLE_HANDSET, "ward", OTHER);
    return 0;
}

static int open_camp(void **state)
{
    (void)state;
    return open_with("cache=0");
}

static int open_caching(void **state)
{
    (void)state;
    return open_with("cache=1M");
}

static int close_camp(void **state)
{
    (void)state;
    camp_close(&camp);
    return 0;
}

/* --- what a front end does --- */

static struct path at(const char *text)
{
    struct path path;
    if (path_parse(text, strlen(text), &path, NULL) != FAULT_OK)
        fail_msg("%s is no path", text);
    return path;
}

static void on_progress(void *user)
{
    sem_post(user);
}

static enum fault_code put(const struct principal *who, const char *name, const char *text,
                           const struct upload_options *wish, struct upload_outcome *ret_outcome,
                           struct fault *f)
{
    struct path path = at(name);
    struct upload_options options = wish ? *wish : (struct upload_options){ .size = -1 };
    struct upload *upload;
    sem_t progress;
    sem_init(&progress, 0, 0);
    options.progress = on_progress;
    options.user = &progress;
    enum fault_code code = tree_put(camp.fleet, who, &path, &options, &upload, f);
    if (code != FAULT_OK) {
        sem_destroy(&progress);
        return code;
    }
    for (size_t done = 0, n = strlen(text); code == FAULT_OK && done < n;) {
        size_t taken = 0;
        code = upload_write(upload, text + done, n - done, &taken, f);
        done += taken;
        if (code == FAULT_OK && done < n)
            sem_wait(&progress);
    }
    if (code == FAULT_OK) {
        upload_commit(upload);
        while (!upload_ended(upload))
            sem_wait(&progress);
        struct upload_outcome outcome;
        code = upload_result(upload, ret_outcome ? ret_outcome : &outcome, f);
    }
    upload_free(upload);
    sem_destroy(&progress);
    return code;
}

static void has_put(const struct principal *who, const char *name, const char *text)
{
    struct fault f = { 0 };
    if (put(who, name, text, NULL, NULL, &f) != FAULT_OK)
        fail_msg("put %s: %s", name, f.text);
}

static void has_appended(const struct principal *who, const char *name, const char *text)
{
    struct fault f = { 0 };
    struct upload_options append = { .append = true, .size = -1 };
    if (put(who, name, text, &append, NULL, &f) != FAULT_OK)
        fail_msg("append %s: %s", name, f.text);
}

static enum fault_code get(const struct principal *who, const char *name, const struct tree_open *options,
                           char out[1000], struct tree_entry *ret_entry, struct fault *f)
{
    struct path path = at(name);
    struct reader *reader;
    struct tree_entry entry;
    enum fault_code code = tree_open(camp.fleet, who, &path, options, &reader, &entry, f);
    if (code != FAULT_OK)
        return code;
    size_t n = 0;
    const char *bytes = reader_at(reader, 0, &n);
    if (n > 999)
        n = 999;
    if (bytes)
        memcpy(out, bytes, n);
    out[n] = '\0';
    assert_int_equal(reader_size(reader), entry.size);
    reader_free(reader);
    if (ret_entry)
        *ret_entry = entry;
    return code;
}

#define READS(who, name, expected)                                             \
    do {                                                                       \
        char read_out[1000];                                                   \
        struct fault read_fault = { 0 };                                       \
        if (get((who), (name), NULL, read_out, NULL, &read_fault) != FAULT_OK) \
            fail_msg("get %s: %s", (name), read_fault.text);                   \
        assert_string_equal(read_out, (expected));                             \
    } while (0)

#define FAILS(who, name, expected)                                                           \
    do {                                                                                     \
        char read_out[1000];                                                                 \
        struct fault read_fault = { 0 };                                                     \
        assert_int_equal(get((who), (name), NULL, read_out, NULL, &read_fault), (expected)); \
        if ((expected) == FAULT_ABSENT)                                                      \
            assert_string_equal(read_fault.text, GRANT_ABSENT_WORDS);                        \
    } while (0)

/* The listing as one text: names, folders with a '/' behind. */
static void lists(const struct principal *who, const char *name, const char *expected)
{
    struct path path = at(name);
    struct tree_list list;
    char text[2000] = "";
    size_t used = 0;
    CAMP_OK(tree_list(camp.fleet, who, &path, &list, why));
    for (size_t i = 0; i < list.count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s%s", i ? " " : "", list.entry[i].name,
                                 list.entry[i].folder ? "/" : "");
    tree_list_free(&list);
    assert_string_equal(text, expected);
}

static enum fault_code stat_of(const struct principal *who, const char *name, struct tree_entry *ret_entry)
{
    struct path path = at(name);
    return tree_stat(camp.fleet, who, &path, ret_entry, NULL);
}

static enum fault_code removes(const struct principal *who, const char *name, const char *if_match)
{
    struct path path = at(name);
    return tree_remove(camp.fleet, who, &path, if_match, NULL, NULL);
}

/* --- pure --- */

static void test_preconditions(void **state)
{
    (void)state;
    static const struct {
        const char *etag, *if_match, *if_none_match;
        bool holds;
    } rows[] = {
        { NULL, NULL, NULL, true },
        { "\"a\"", NULL, NULL, true },
        { "\"a\"", "*", NULL, true },
        { NULL, "*", NULL, false },
        { "", "*", NULL, false },
        { "\"a\"", "\"a\"", NULL, true },
        { "\"a\"", "\"b\"", NULL, false },
        { "\"a\"", "\"b\", \"a\"", NULL, true },
        { "\"a\"", " \"b\" ,,\t\"a\" ", NULL, true },
        { "\"a\"", "W/\"a\"", NULL, false },
        { "\"a\"", "a", NULL, false },
        { "\"a\"", "\"a", NULL, false },
        { "\"a\"", "", NULL, false },
        { "\"a\"", "\"aa\"", NULL, false },
        { "\"a,b\"", "\"x\", \"a,b\"", NULL, true },
        { NULL, "\"a\"", NULL, false },
        { NULL, NULL, "*", true },
        { "", NULL, " * ", true },
        { "\"a\"", NULL, "*", false },
        { "\"a\"", NULL, "\"a\"", false },
        { "\"a\"", NULL, "W/\"a\"", false },
        { "\"a\"", NULL, "\"b\"", true },
        { "\"a\"", "\"a\"", "*", false },
        { "\"a\"", "\"a\"", "\"b\"", true },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        enum fault_code code = tree_precondition(rows[i].etag, rows[i].if_match, rows[i].if_none_match, NULL);
        if (code != (rows[i].holds ? FAULT_OK : FAULT_PRECONDITION))
            fail_msg("row %zu", i);
    }
    assert_true(tree_etag_matches("W/\"a\"", "\"a\"", true));
    assert_false(tree_etag_matches("W/\"a\"", "\"a\"", false));
    assert_false(tree_etag_matches("*", "", true));
}

/* --- files --- */

static void test_overlay(void **state)
{
    (void)state;
    has_put(&alice, "/site.cfg", "<shared/>");
    has_put(&alice, "/000000000000.cfg", "<fallback/>");
    has_put(&alice, "/" OWN ".cfg", "<own/>");
    has_put(&alice, "/@handset/" OWN "/site.cfg", "<mine/>");
    has_put(&alice, "/@handset/" OTHER "/secret.cfg", "<secret/>");
    has_put(&own, "/deep/" OWN "-phone.cfg", "not checked <");

    READS(&own, "/site.cfg", "<mine/>");
    READS(&other, "/site.cfg", "<shared/>");
    READS(&alice, "/site.cfg", "<shared/>");
    READS(&alice, "/@handset/" OWN "/site.cfg", "<mine/>");
    READS(&own, "/" OWN ".cfg", "<own/>");
    READS(&own, "/00907A000001.cfg", "<own/>");
    READS(&alice, "/00907A000001.cfg", "<own/>");
    READS(&own, "/deep/" OWN "-phone.cfg", "not checked <");
    READS(&alice, "/deep/" OWN "-phone.cfg", "not checked <");

    FAILS(&other, "/" OTHER ".cfg", FAULT_ABSENT);
    READS(&other, "/000000000000.cfg", "<fallback/>");
    FAILS(&other, "/" OWN ".cfg", FAULT_ABSENT);
    FAILS(&other, "/" NEW ".cfg", FAULT_ABSENT);
    FAILS(&other, "/nothing.cfg", FAULT_ABSENT);
    FAILS(&other, "/deep/" OWN "-phone.cfg", FAULT_ABSENT);
    FAILS(&own, "/secret.cfg", FAULT_ABSENT);
    FAILS(&own, "/@handset/" OTHER "/secret.cfg", FAULT_ABSENT);
    FAILS(&own, "/site.cfg/", FAULT_ABSENT);
    FAILS(&olga, "/site.cfg", FAULT_FORBIDDEN);

    struct fault f;
    assert_int_equal(put(&own, "/" OTHER "-phone.cfg", "x", NULL, NULL, &f), FAULT_FORBIDDEN);
    assert_int_equal(put(&own, "/site.cfg", "x", NULL, NULL, &f), FAULT_FORBIDDEN);
    assert_int_equal(put(&olga, "/site.cfg", "x", NULL, NULL, &f), FAULT_FORBIDDEN);
    assert_int_equal(put(&alice, "/" OWN "-app.log", "x", NULL, NULL, &f), FAULT_FORBIDDEN);
}

static void test_put_rules(void **state)
{
    (void)state;
    struct fault f;
    struct upload_outcome outcome;
    struct upload_options create = { .create = true, .size = -1 };
    assert_int_equal(put(&alice, "/" NEW ".cfg", "<a/>", NULL, NULL, &f), FAULT_CONTENT);
    assert_non_null(strstr(f.text, OWN));
    assert_non_null(strstr(f.text, "?create=1 registers it (over HTTPS)"));
    CAMP_OK(put(&alice, "/" NEW ".cfg", "<a/>", &create, &outcome, why));
    assert_true(outcome.created);
    struct mac fresh = camp_mac(NEW);
    CAMP_OK(handset_get(camp.fleet, &fresh, &(struct handset){ 0 }, why));

    /* XML is checked for administrators, unless they say otherwise. */
    struct upload_options unchecked = { .unchecked = true, .size = -1 };
    assert_int_equal(put(&alice, "/site.cfg", "<a>\n<b></a>", NULL, NULL, &f), FAULT_CONTENT);
    assert_int_equal(put(&alice, "/SITE.XML", "<a", NULL, NULL, &f), FAULT_CONTENT);
    CAMP_OK(put(&alice, "/site.txt", "<a", NULL, NULL, why));
    CAMP_OK(put(&alice, "/site.cfg", "<a", &unchecked, NULL, why));
    READS(&own, "/site.cfg", "<a");

    /* From a handset it means nothing, and is not recorded. */
    struct path phone = at("/" OWN "-phone.cfg");
    struct tree_version *versions;
    size_t count;
    CAMP_OK(put(&own, phone.text, "<a", &unchecked, NULL, why));
    CAMP_OK(put(&own, phone.text, "<b", NULL, NULL, why));
    CAMP_OK(tree_versions(camp.fleet, &alice, &phone, &versions, &count, why));
    assert_int_equal(count, 1);
    assert_false(versions[0].unchecked);
    assert_string_equal(versions[0].author, OWN);
    free(versions);

    /* Preconditions. */
    struct upload_options fresh_only = { .if_none_match = "*", .size = -1 };
    struct upload_options right = { .size = -1 }, wrong = { .if_match = "\"0\"", .size = -1 };
    CAMP_OK(put(&alice, "/a.cfg", "<a/>", &fresh_only, &outcome, why));
    assert_true(outcome.created);
    assert_int_equal(put(&alice, "/a.cfg", "<b/>", &fresh_only, NULL, &f), FAULT_PRECONDITION);
    assert_int_equal(put(&alice, "/a.cfg", "<b/>", &wrong, NULL, &f), FAULT_PRECONDITION);
    char etag[80];
    assert_true(mem_copy_text(etag, sizeof etag, outcome.etag));
    right.if_match = etag;
    CAMP_OK(put(&alice, "/a.cfg", "<b/>", &right, &outcome, why));
    assert_false(outcome.created);
    assert_int_equal(put(&alice, "/a.cfg", "<c/>", &right, NULL, &f), FAULT_PRECONDITION);
    struct tree_entry entry;
    assert_int_equal(stat_of(&alice, "/a.cfg", &entry), FAULT_OK);
    assert_string_equal(entry.etag, outcome.etag);
    assert_int_equal(removes(&alice, "/a.cfg", etag), FAULT_PRECONDITION);
    assert_int_equal(removes(&alice, "/a.cfg", outcome.etag), FAULT_OK);
    assert_int_equal(removes(&alice, "/a.cfg", NULL), FAULT_ABSENT);
    assert_int_equal(removes(&olga, "/site.cfg", NULL), FAULT_FORBIDDEN);

    /* A file and a folder of one name would break a mirror. */
    has_put(&alice, "/folder/file.cfg", "<a/>");
    assert_int_equal(put(&alice, "/folder", "x", NULL, NULL, &f), FAULT_CONFLICT);
    assert_int_equal(put(&alice, "/folder/file.cfg/below/x", "x", NULL, NULL, &f), FAULT_CONFLICT);

    /* Sizes that are announced. */
    struct upload_options huge = { .size = (int64_t)1 << 40 };
    assert_int_equal(put(&alice, "/huge.ld", "", &huge, NULL, &f), FAULT_TOO_LARGE);
    assert_int_equal(put(&own, "/" OWN "-app.log", "", &huge, NULL, &f), FAULT_TOO_LARGE);
    huge.size = camp.settings->max_override + 1;
    assert_int_equal(put(&own, "/" OWN "-phone.cfg", "", &huge, NULL, &f), FAULT_TOO_LARGE);

    /* A handset that was taken out of the fleet. */
    struct mac gone = camp_mac(OTHER);
    CAMP_OK(handset_remove(camp.fleet, NULL, &gone, why));
    assert_int_equal(put(&other, "/" OTHER "-app.log", "x", NULL, NULL, &f), FAULT_FORBIDDEN);
    struct upload_options sly = { .create = true, .size = -1 };
    assert_int_equal(put(&other, "/" OTHER "-app.log", "x", &sly, NULL, &f), FAULT_FORBIDDEN);
}

static void test_versions(void **state)
{
    (void)state;
    char out[1000];
    struct fault f;
    has_put(&alice, "/v.cfg", "<one/>");
    has_put(&alice, "/v.cfg", "<two/>");
    has_put(&alice, "/v.cfg", "<three/>");
    struct path path = at("/v.cfg"), none = at("/none.cfg"), log = at("/@log/" OWN);
    struct tree_version *versions;
    size_t count;
    CAMP_OK(tree_versions(camp.fleet, &alice, &path, &versions, &count, why));
    assert_int_equal(count, 2);
    assert_int_equal(versions[0].version, 2);
    assert_string_equal(versions[0].author, "alice");
    free(versions);
    struct tree_open first = { .version = 1 }, fifth = { .version = 5 }, all = { .all = true };
    CAMP_OK(get(&alice, "/v.cfg", &first, out, NULL, why));
    assert_string_equal(out, "<one/>");
    assert_int_equal(get(&alice, "/v.cfg", &fifth, out, NULL, &f), FAULT_ABSENT);
    assert_int_equal(get(&own, "/v.cfg", &first, out, NULL, &f), FAULT_FORBIDDEN);
    assert_int_equal(get(&alice, "/v.cfg", &all, out, NULL, &f), FAULT_INPUT);
    assert_int_equal(tree_versions(camp.fleet, &alice, &none, &versions, &count, &f), FAULT_ABSENT);
    assert_int_equal(tree_versions(camp.fleet, &alice, &log, &versions, &count, &f), FAULT_ABSENT);
    assert_int_equal(tree_versions(camp.fleet, &own, &path, &versions, &count, &f), FAULT_FORBIDDEN);
    /* Removed, it still has its versions. */
    assert_int_equal(removes(&alice, "/v.cfg", NULL), FAULT_OK);
    CAMP_OK(tree_versions(camp.fleet, &alice, &path, &versions, &count, why));
    assert_int_equal(count, 3);
    free(versions);
    has_put(&alice, "/fresh.cfg", "<a/>");
    struct path fresh = at("/fresh.cfg");
    CAMP_OK(tree_versions(camp.fleet, &alice, &fresh, &versions, &count, why));
    assert_int_equal(count, 0);
    free(versions);
}

/* --- folders --- */

static void test_listing(void **state)
{
    (void)state;
    struct tree_entry entry;
    has_put(&alice, "/site.cfg", "<a/>");
    has_put(&alice, "/lang/en.xml", "<a/>");
    has_put(&alice, "/" OWN ".cfg", "<a/>");
    has_put(&alice, "/@handset/" OWN "/lang/de.xml", "<a/>");
    has_appended(&own, "/" OWN "-app.log", "one");
    has_appended(&own, "/logs/" OWN "-boot.log", "two");
    has_put(&own, "/logs/" OWN "-boot.log", "three");

    lists(&alice, "/", "@handset/ @log/ lang/ site.cfg");
    lists(&alice, "/@handset", OWN "/ " OTHER "/");
    lists(&alice, "/@handset/" OWN, OWN ".cfg lang/");
    lists(&alice, "/@handset/" OTHER, "");
    lists(&alice, "/lang", "en.xml");
    lists(&alice, "/@log", OWN "/");
    lists(&alice, "/@log/" OWN, OWN "-app.log logs/");
    lists(&olga, "/", "@log/");
    lists(&olga, "/@log/", OWN "/");
    lists(&olga, "/@log/" OWN "/logs", OWN "-boot.log " OWN "-boot.log@1");
    lists(&own, "/", OWN "-app.log " OWN ".cfg lang/ logs/ site.cfg");
    lists(&own, "/lang", "de.xml en.xml");
    lists(&own, "/logs", OWN "-boot.log");
    lists(&own, "/nothing", "");
    lists(&other, "/", "lang/ site.cfg");
    lists(&other, "/logs", "");

    struct tree_list list;
    struct path file = at("/site.cfg"), foreign = at("/" OWN), log = at("/@log/" OWN "/" OWN "-app.log");
    assert_int_equal(tree_list(camp.fleet, &alice, &file, &list, NULL), FAULT_ABSENT);
    assert_int_equal(tree_list(camp.fleet, &olga, &log, &list, NULL), FAULT_ABSENT);
    assert_int_equal(tree_list(camp.fleet, &other, &foreign, &list, NULL), FAULT_ABSENT);
    assert_int_equal(tree_list(camp.fleet, &olga, &file, &list, NULL), FAULT_FORBIDDEN);
    assert_int_equal(tree_enter(&other, &foreign, NULL), FAULT_FORBIDDEN);
    assert_int_equal(tree_enter(&own, &foreign, NULL), FAULT_OK);

    static const struct {
        const struct principal *who;
        const char *path;
        enum fault_code code;
        bool folder;
    } stats[] = {
        { &alice, "/", FAULT_OK, true },
        { &alice, "/@log", FAULT_OK, true },
        { &alice, "/@handset", FAULT_OK, true },
        { &alice, "/@handset/" OTHER, FAULT_OK, true },
        { &alice, "/@handset/" NEW, FAULT_ABSENT, false },
        { &alice, "/lang", FAULT_OK, true },
        { &alice, "/lang/", FAULT_OK, true },
        { &alice, "/lang/en.xml", FAULT_OK, false },
        { &alice, "/lang/en.xml/", FAULT_ABSENT, false },
        { &alice, "/logs", FAULT_ABSENT, false },
        { &olga, "/", FAULT_OK, true },
        { &olga, "/@log/" OWN, FAULT_OK, true },
        { &olga, "/@log/" OTHER, FAULT_OK, true },
        { &olga, "/@log/" NEW, FAULT_ABSENT, false },
        { &olga, "/@log/" OWN "/logs", FAULT_OK, true },
        { &olga, "/@log/" OWN "/logs/" OWN "-boot.log", FAULT_OK, false },
        { &olga, "/@log/" OWN "/logs/" OWN "-boot.log@1", FAULT_OK, false },
        { &olga, "/@log/" OWN "/logs/" OWN "-boot.log@2", FAULT_ABSENT, false },
        { &own, "/", FAULT_OK, true },
        { &own, "/logs", FAULT_OK, true },
        { &own, "/lang", FAULT_OK, true },
        { &own, "/nothing", FAULT_ABSENT, false },
        { &own, "/" OWN "-app.log", FAULT_OK, false },
        { &other, "/logs", FAULT_ABSENT, false },
        { &other, "/" OWN, FAULT_ABSENT, false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(stats); i++) {
        enum fault_code code = stat_of(stats[i].who, stats[i].path, &entry);
        if (code != stats[i].code || (code == FAULT_OK && entry.folder != stats[i].folder))
            fail_msg("row %zu %s: %d", i, stats[i].path, code);
    }
    assert_int_equal(stat_of(&olga, "/@log/" OWN "/logs/" OWN "-boot.log@1", &entry), FAULT_OK);
    assert_string_equal(entry.name, OWN "-boot.log@1");
    assert_int_equal(entry.size, 3);
    assert_int_equal(stat_of(&alice, "/lang", &entry), FAULT_OK);
    assert_true(entry.modified > 0);
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
        cmocka_unit_test(test_preconditions),
        cmocka_unit_test_setup_teardown(test_overlay, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_put_rules, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_versions, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_listing, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_logs, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_trouble, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_damage_is_mended, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_log_with_a_hole, open_camp, close_camp),
        cmocka_unit_test_setup_teardown(test_hot, open_caching, close_camp),
    };
    return cmocka_run_group_tests_name("fleet/tree", tests, NULL, NULL);
}
