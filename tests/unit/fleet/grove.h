/* SPDX-License-Identifier: Apache-2.0 */
/* A camp whose members put, get and list. */
#ifndef CRADLE_TEST_GROVE_H
#define CRADLE_TEST_GROVE_H

#include "fleet/grant.h"
#include "fleet/reader.h"
#include "fleet/tree.h"
#include "tests/unit/fleet/camp.h"

#include <semaphore.h>

#define OWN   "00907a000001"
#define OTHER "00907a000002"
#define NEW   "00907a000003"

static struct camp camp;
static struct principal alice, olga, own, other;

static inline int open_with(const char *cache)
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

static inline int open_camp(void **state)
{
    (void)state;
    return open_with("cache=0");
}

static inline int close_camp(void **state)
{
    (void)state;
    camp_close(&camp);
    return 0;
}

/* --- what a front end does --- */

static inline struct path at(const char *text)
{
    struct path path;
    if (path_parse(text, strlen(text), &path, NULL) != FAULT_OK)
        fail_msg("%s is no path", text);
    return path;
}

static inline void on_progress(void *user)
{
    sem_post(user);
}

static inline enum fault_code put(const struct principal *who, const char *name, const char *text,
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

static inline void has_put(const struct principal *who, const char *name, const char *text)
{
    struct fault f = { 0 };
    if (put(who, name, text, NULL, NULL, &f) != FAULT_OK)
        fail_msg("put %s: %s", name, f.text);
}

static inline void has_appended(const struct principal *who, const char *name, const char *text)
{
    struct fault f = { 0 };
    struct upload_options append = { .append = true, .size = -1 };
    if (put(who, name, text, &append, NULL, &f) != FAULT_OK)
        fail_msg("append %s: %s", name, f.text);
}

static inline enum fault_code get(const struct principal *who, const char *name,
                                  const struct tree_open *options, char out[1000],
                                  struct tree_entry *ret_entry, struct fault *f)
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
static inline void lists(const struct principal *who, const char *name, const char *expected)
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

static inline enum fault_code stat_of(const struct principal *who, const char *name,
                                      struct tree_entry *ret_entry)
{
    struct path path = at(name);
    return tree_stat(camp.fleet, who, &path, ret_entry, NULL);
}

static inline enum fault_code removes(const struct principal *who, const char *name, const char *if_match)
{
    struct path path = at(name);
    return tree_remove(camp.fleet, who, &path, if_match, NULL, NULL);
}

#endif
