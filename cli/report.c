/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void report_fini(struct report *r)
{
    free(r->boot_us);
    memset(r, 0, sizeof *r);
}

const char *report_word(enum report_kind kind)
{
    static const char *const words[] = {
        [REPORT_CONNECT] = "connect", [REPORT_TLS] = "tls",       [REPORT_LOGIN] = "login",
        [REPORT_STATUS] = "status",   [REPORT_ABSENT] = "absent", [REPORT_CONTENT] = "content",
        [REPORT_LOG] = "log",         [REPORT_CUT] = "cut",       [REPORT_TIMEOUT] = "timeout",
        [REPORT_LOCAL] = "local",
    };
    return words[kind];
}

void report_error(struct report *r, enum report_kind kind, long code, const char *format, ...)
{
    r->errors++;
    for (size_t i = 0; i < r->group_count; i++) {
        if (r->groups[i].kind == kind && r->groups[i].code == code) {
            r->groups[i].count++;
            return;
        }
    }
    if (r->group_count == REPORT_GROUPS) {
        r->groups[REPORT_GROUPS - 1].count++;
        return;
    }
    struct report_group *group = &r->groups[r->group_count++];
    *group = (struct report_group){ .kind = kind, .code = code, .count = 1 };
    va_list args;
    va_start(args, format);
    (void)vsnprintf(group->example, sizeof group->example, format, args);
    va_end(args);
    for (char *c = group->example; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || (unsigned char)*c >= 127)
            *c = '?';
}

void report_boot(struct report *r, uint32_t us, bool good)
{
    if (r->boots == r->room) {
        size_t room = r->room == 0 ? 256 : r->room * 2;
        uint32_t *boot_us = reallocarray(r->boot_us, room, sizeof *boot_us);
        if (boot_us == NULL) {
            report_error(r, REPORT_LOCAL, 0, "out of memory");
            return;
        }
        r->boot_us = boot_us;
        r->room = room;
    }
    r->boot_us[r->boots++] = us;
    r->boots_good += good;
}

uint32_t report_percentile(const uint32_t *sorted, size_t n, unsigned p)
{
    if (n == 0)
        return 0;
    size_t rank = (n * p + 99) / 100;
    return sorted[rank > 0 ? rank - 1 : 0];
}

void report_bytes(uint64_t bytes, char *out, size_t size)
{
    static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 999.5 && unit < 4) {
        value /= 1000;
        unit++;
    }
    (void)snprintf(out, size, "%.*f %s", unit > 0 && value < 99.5 ? 1 : 0, value, units[unit]);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

struct figures {
    double seconds, boots_s, requests_s;
    double p50, p99, longest; /* ms */
};

static struct figures figures_of(struct report *r)
{
    struct figures g = { .seconds = (double)r->elapsed_us / 1e6 };
    if (r->boots > 0)
        qsort(r->boot_us, r->boots, sizeof *r->boot_us, compare);
    if (r->elapsed_us > 0) {
        g.boots_s = (double)r->boots / g.seconds;
        g.requests_s = (double)r->requests / g.seconds;
    }
    g.p50 = report_percentile(r->boot_us, r->boots, 50) / 1000.0;
    g.p99 = report_percentile(r->boot_us, r->boots, 99) / 1000.0;
    g.longest = report_percentile(r->boot_us, r->boots, 100) / 1000.0;
    return g;
}

void report_print(struct report *r, FILE *out)
{
    struct figures g = figures_of(r);
    char received[32], sent[32];
    report_bytes(r->received, received, sizeof received);
    report_bytes(r->sent, sent, sizeof sent);
    fprintf(out, "%s to %s, TLS %s, %s: %zu handset%s, %zu at once, %zu boot%s each\n", r->trace, r->target,
            r->tls, r->connection, r->handsets, r->handsets == 1 ? "" : "s", r->concurrency, r->boots_each,
            r->boots_each == 1 ? "" : "s");
    fprintf(out, "  boots      %10" PRIu64 "   %10.1f a second   %" PRIu64 " without error\n", r->boots,
            g.boots_s, r->boots_good);
    fprintf(out, "  requests   %10" PRIu64 "   %10.1f a second   in %.2f s\n", r->requests, g.requests_s,
            g.seconds);
    fprintf(out, "  a boot     %7.0f ms p50   %7.0f ms p99   %.0f ms at most\n", g.p50, g.p99, g.longest);
    fprintf(out, "  received   %10s   sent %10s\n", received, sent);
    if (r->logs_checked > 0)
        fprintf(out, "  logs       %10" PRIu64 " read back\n", r->logs_checked);
    if (r->skipped > 0)
        fprintf(out, "  skipped    %10" PRIu64 " files that a master names on other hosts\n", r->skipped);
    if (r->stalled > 0)
        fprintf(out, "  stalled    %10" PRIu64 " uploads, waiting a second for 100 Continue\n", r->stalled);
    fprintf(out, "  errors     %10" PRIu64 "\n", r->errors);
    for (size_t i = 0; i < r->group_count; i++) {
        const struct report_group *group = &r->groups[i];
        char code[24] = "";
        if (group->code > 0)
            (void)snprintf(code, sizeof code, " %ld", group->code);
        fprintf(out, "    %-8s%-4s %8" PRIu64 "   such as: %s\n", report_word(group->kind), code,
                group->count, group->example);
    }
}

bool report_json(struct report *r, FILE *out)
{
    struct figures g = figures_of(r);
    json_t *errors = json_array();
    for (size_t i = 0; i < r->group_count; i++) {
        const struct report_group *group = &r->groups[i];
        json_array_append_new(errors, json_pack("{s:s, s:I, s:I, s:s}", "kind", report_word(group->kind),
                                                "code", (json_int_t)group->code, "count",
                                                (json_int_t)group->count, "example", group->example));
    }
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:I, "
        "s:I, s:I, s:I, s:I, s:I, s:o}",
        "trace", r->trace, "target", r->target, "tls", r->tls, "connection", r->connection, "handsets",
        (json_int_t)r->handsets, "concurrency", (json_int_t)r->concurrency, "boots_each",
        (json_int_t)r->boots_each, "boots", (json_int_t)r->boots, "boots_good", (json_int_t)r->boots_good,
        "requests", (json_int_t)r->requests, "seconds", g.seconds, "boots_per_second", g.boots_s,
        "requests_per_second", g.requests_s, "boot_ms_p50", g.p50, "boot_ms_p99", g.p99, "boot_ms_max",
        g.longest, "received", (json_int_t)r->received, "sent", (json_int_t)r->sent, "logs_checked",
        (json_int_t)r->logs_checked, "skipped", (json_int_t)r->skipped, "stalled", (json_int_t)r->stalled,
        "errors", (json_int_t)r->errors, "errors_by_kind", errors);
    bool done = root != NULL && json_dumpf(root, out, JSON_INDENT(2)) == 0 && fputc('\n', out) != EOF;
    json_decref(root);
    return done;
}
