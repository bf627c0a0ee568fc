/* SPDX-License-Identifier: Apache-2.0 */
#include "ftps/list.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define HALF_A_YEAR_MS (INT64_C(182) * 86400 * 1000)
#define WHOLE_SECONDS  14 /* digits of YYYYMMDDHHMMSS */

static const struct {
    unsigned bit;
    const char *name;
} fact_table[] = {
    { LIST_FACT_TYPE, "type" },
    { LIST_FACT_SIZE, "size" },
    { LIST_FACT_MODIFY, "modify" },
};

/* Not strftime: month names must not depend on a locale. */
static void ls_time(int64_t wall_ms, int64_t now, char *out, size_t size)
{
    static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    if (gmtime_r(&seconds, &tm) == NULL)
        tm = (struct tm){ .tm_mday = 1, .tm_year = 70 };
    const char *month = months[(unsigned)tm.tm_mon % ARRAY_LENGTH(months)];
    if (wall_ms > now || now - wall_ms > HALF_A_YEAR_MS)
        snprintf(out, size, "%.3s %2d  %4d", month, tm.tm_mday, tm.tm_year + 1900);
    else
        snprintf(out, size, "%.3s %2d %02d:%02d", month, tm.tm_mday, tm.tm_hour, tm.tm_min);
}

enum fault_code list_long(struct buf *out, const struct tree_entry *entry, int64_t now, struct fault *f)
{
    char when[64]; /* room for any int in each field */
    ls_time(entry->modified, now, when, sizeof when);
    return buf_printf(out, f, "%s 1 cradle cradle %12lld %s %s\r\n",
                      entry->folder ? "drwxr-xr-x" : "-rw-r--r--", (long long)entry->size, when, entry->name);
}

enum fault_code list_name(struct buf *out, const char *prefix, const struct tree_entry *entry,
                          struct fault *f)
{
    size_t n = strlen(prefix);
    const char *slash = n > 0 && prefix[n - 1] != '/' ? "/" : "";
    return buf_printf(out, f, "%s%s%s\r\n", prefix, slash, entry->name);
}

void list_time(int64_t wall_ms, char *out, size_t size)
{
    clock_ftp_time(wall_ms, out, size);
    if (size > WHOLE_SECONDS)
        out[WHOLE_SECONDS] = '\0';
}

enum fault_code list_facts(struct buf *out, const struct tree_entry *entry, unsigned facts, const char *name,
                           struct fault *f)
{
    char text[96] = "";
    size_t n = 0;
    if (facts & LIST_FACT_TYPE)
        n += (size_t)snprintf(text + n, sizeof text - n, "type=%s;", entry->folder ? "dir" : "file");
    if ((facts & LIST_FACT_SIZE) && !entry->folder)
        n += (size_t)snprintf(text + n, sizeof text - n, "size=%lld;", (long long)entry->size);
    if (facts & LIST_FACT_MODIFY) {
        char when[24];
        list_time(entry->modified, when, sizeof when);
        snprintf(text + n, sizeof text - n, "modify=%s;", when);
    }
    return buf_printf(out, f, "%s %s", text, name);
}

void list_fact_names(unsigned facts, bool stars, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < ARRAY_LENGTH(fact_table); i++) {
        bool chosen = facts & fact_table[i].bit;
        if (!chosen && !stars)
            continue;
        int added = snprintf(out + n, size - n, "%s%s;", fact_table[i].name, chosen && stars ? "*" : "");
        if (added < 0 || (size_t)added >= size - n)
            return;
        n += (size_t)added;
    }
}

unsigned list_parse_facts(const char *text)
{
    unsigned facts = 0;
    while (*text != '\0') {
        size_t n = strcspn(text, ";");
        for (size_t i = 0; i < ARRAY_LENGTH(fact_table); i++)
            if (strlen(fact_table[i].name) == n && strncasecmp(text, fact_table[i].name, n) == 0)
                facts |= fact_table[i].bit;
        text += n;
        text += *text == ';';
    }
    return facts;
}
