/* SPDX-License-Identifier: Apache-2.0 */
/* OPTS MLST takes any list of facts; a listing has one line an entry, whatever its times and sizes are.
 * Input: 8 bytes of a time, 8 of a size, a line that is a list of facts, then a name. */
#include "ftps/list.h"
#include "tests/fuzz/fuzz.h"

#include <strings.h>

static void check_facts(const char *text)
{
    unsigned facts = list_parse_facts(text);
    char names[64], starred[64];
    HOLDS((facts & ~LIST_FACT_ALL) == 0);
    list_fact_names(facts, false, names, sizeof names);
    HOLDS(list_parse_facts(names) == facts);
    list_fact_names(facts, true, starred, sizeof starred);
    HOLDS(strlen(starred) == strlen("type;size;modify;") + (size_t)__builtin_popcount(facts));
    HOLDS(!(facts & LIST_FACT_MODIFY) || strcasestr(text, "modify") != NULL);
}

static void check_ends(struct buf *out, const char *end, const char *name)
{
    char last[PATH_COMPONENT_LIMIT + 32];
    snprintf(last, sizeof last, "%s%s", name, end);
    HOLDS(out->used >= strlen(last) && strcmp(out->data + out->used - strlen(last), last) == 0);
    HOLDS(fuzz_is_clean(name) && strcspn(out->data, "\r\n") == out->used - strlen(end));
    buf_clear(out);
}

static void check_entry(const struct tree_entry *entry, int64_t now)
{
    struct buf out;
    buf_init(&out, 4096);
    HOLDS(list_long(&out, entry, now, NULL) == FAULT_OK);
    HOLDS(out.used > 50 && memcmp(out.data, entry->folder ? "drwxr-xr-x 1 " : "-rw-r--r-- 1 ", 13) == 0);
    check_ends(&out, "\r\n", entry->name);
    HOLDS(list_name(&out, "folder", entry, NULL) == FAULT_OK && memcmp(out.data, "folder/", 7) == 0);
    check_ends(&out, "\r\n", entry->name);
    for (unsigned facts = 0; facts <= LIST_FACT_ALL; facts++) {
        HOLDS(list_facts(&out, entry, facts, entry->name, NULL) == FAULT_OK);
        const char *blank = strchr(out.data, ' ');
        HOLDS(blank != NULL && (blank == out.data || blank[-1] == ';'));
        HOLDS((memmem(out.data, (size_t)(blank - out.data), "size=", 5) != NULL) ==
              ((facts & LIST_FACT_SIZE) != 0 && !entry->folder));
        check_ends(&out, "", entry->name);
    }
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = { data, size };
    struct tree_entry entry = { .modified =
                                    (int64_t)fuzz_number(&in, 8) / 4 }; /* far beyond every calendar */
    entry.size = (int64_t)(fuzz_number(&in, 8) & INT64_MAX);
    entry.folder = entry.size % 7 == 0;
    char when[19], *facts = fuzz_line(&in), *name = fuzz_text(&in);
    list_time(entry.modified, when, sizeof when);
    HOLDS(strlen(when) == 14 && strspn(when, "0123456789") == 14);
    if (facts != NULL)
        check_facts(facts);
    /* A name of the catalog is a canonical component. */
    struct path path;
    if (path_parse(name, strlen(name), &path, NULL) == FAULT_OK) {
        snprintf(entry.name, sizeof entry.name, "%s", path_name(&path));
        check_entry(&entry, (int64_t)fuzz_number(&in, 1) + INT64_C(1795466251123));
    }
    free(facts);
    free(name);
    return 0;
}
