/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/ledger.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FIELDS     8
#define LINE_LIMIT 1024
#define TIME_SIZE  21 /* "2031-11-24T01:49:53Z" */

static const char time_form[] = "%Y-%m-%dT%H:%M:%SZ";

static bool write_time(int64_t when, char out[TIME_SIZE])
{
    time_t seconds = (time_t)when;
    struct tm tm;
    return gmtime_r(&seconds, &tm) != NULL && tm.tm_year >= 70 && tm.tm_year <= 9999 - 1900 &&
           strftime(out, TIME_SIZE, time_form, &tm) == TIME_SIZE - 1;
}

/* Only what write_time writes: strptime alone is lax. */
static bool read_time(const char *text, int64_t *ret_when)
{
    struct tm tm = { 0 };
    char again[TIME_SIZE];
    const char *end = strptime(text, time_form, &tm);
    if (end == NULL || *end != '\0')
        return false;
    int64_t when = timegm(&tm);
    if (when <= 0 || !write_time(when, again) || strcmp(again, text) != 0)
        return false;
    *ret_when = when;
    return true;
}

static bool read_serial(const char *text, char out[MINT_SERIAL_MAX])
{
    size_t n = strlen(text);
    return n > 0 && n % 2 == 0 && strspn(text, "0123456789abcdef") == n &&
           mem_copy_text(out, MINT_SERIAL_MAX, text);
}

/* Relative, and below the folder for sure. */
static bool read_stem(const char *text, char out[LEDGER_STEM_MAX + 1])
{
    return text[0] != '\0' && text[0] != '/' && strstr(text, "..") == NULL &&
           mem_copy_text(out, LEDGER_STEM_MAX + 1, text);
}

static const char *read_fields(char *const fields[FIELDS], struct ledger_line *line)
{
    const struct profile *profile;
    bool revoked = strcmp(fields[0], "revoked") == 0;
    if (!revoked && strcmp(fields[0], "valid") != 0)
        return "the state is neither valid nor revoked";
    if (!read_serial(fields[1], line->serial))
        return "the serial number is none";
    if (profile_find(fields[2], &profile, NULL) != FAULT_OK)
        return "there is no such profile";
    line->profile = profile->id;
    if (!read_time(fields[3], &line->not_after))
        return "the end is no time";
    if (revoked ? !read_time(fields[4], &line->revoked) : strcmp(fields[4], "-") != 0)
        return "the time of revocation does not fit";
    if (revoked ? crl_reason_find(fields[5], &line->reason, NULL) != FAULT_OK : strcmp(fields[5], "-") != 0)
        return "the reason does not fit";
    if (!read_stem(fields[6], line->stem))
        return "the file's name is none";
    if (names_check_common(fields[7], NULL) != FAULT_OK ||
        !mem_copy_text(line->subject, sizeof line->subject, fields[7]))
        return "the common name is none";
    return NULL;
}

/* NULL, or what is wrong. */
static const char *read_line(const char *text, size_t n, struct ledger_line *line)
{
    char copy[LINE_LIMIT], *fields[FIELDS], *rest = copy;
    if (!mem_copy_bytes(copy, sizeof copy, text, n))
        return "too long, or a NUL in it";
    for (int i = 0; i < FIELDS; i++) {
        fields[i] = strsep(&rest, "\t");
        if (fields[i] == NULL || (rest == NULL) != (i == FIELDS - 1))
            return "a line has eight fields with tabs between";
    }
    return read_fields(fields, line);
}

enum fault_code ledger_parse(struct ledger *ledger, const char *text, size_t n, const char *source,
                             size_t *ret_whole, struct fault *f)
{
    size_t at = 0;
    unsigned number = 1;
    for (;; number++) {
        const char *end = at < n ? memchr(text + at, '\n', n - at) : NULL;
        if (end == NULL)
            break;
        size_t length = (size_t)(end - text) - at;
        struct ledger_line line = { 0 };
        if (length > 0 && text[at] != '#') {
            const char *wrong = read_line(text + at, length, &line);
            if (wrong != NULL)
                return fault_set(f, FAULT_DAMAGED, "%s, line %u: %s", source, number, wrong);
            enum fault_code code = ledger_add(ledger, &line, f);
            if (code != FAULT_OK)
                return code;
        }
        at += length + 1;
    }
    if (ret_whole != NULL)
        *ret_whole = at;
    return FAULT_OK;
}

enum fault_code ledger_write(const struct ledger_line *line, struct buf *out, struct fault *f)
{
    char end[TIME_SIZE], revoked[TIME_SIZE] = "-";
    if (!write_time(line->not_after, end) || (line->revoked != 0 && !write_time(line->revoked, revoked)))
        return fault_set(f, FAULT_INPUT, "a time out of range");
    return buf_printf(out, f, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", line->revoked != 0 ? "revoked" : "valid",
                      line->serial, profile_get(line->profile)->word, end, revoked,
                      line->revoked != 0 ? crl_reason_word(line->reason) : "-", line->stem, line->subject);
}

enum fault_code ledger_add(struct ledger *ledger, const struct ledger_line *line, struct fault *f)
{
    if (ledger->count == LEDGER_LIMIT)
        return fault_set(f, FAULT_TOO_LARGE, "more than %d certificates in one PKI folder", LEDGER_LIMIT);
    if (ledger->count == ledger->room) {
        size_t room = ledger->room == 0 ? 16 : ledger->room * 2;
        struct ledger_line *all = reallocarray(ledger->all, room, sizeof *all);
        if (all == NULL)
            return fault_set(f, FAULT_MEMORY, "out of memory");
        ledger->all = all;
        ledger->room = room;
    }
    ledger->all[ledger->count++] = *line;
    return FAULT_OK;
}

void ledger_fini(struct ledger *ledger)
{
    free(ledger->all);
    memset(ledger, 0, sizeof *ledger);
}

struct ledger_line *ledger_at(const struct ledger *ledger, const char *stem)
{
    for (size_t i = ledger->count; i > 0; i--)
        if (strcmp(ledger->all[i - 1].stem, stem) == 0)
            return &ledger->all[i - 1];
    return NULL;
}

bool ledger_holds(const struct ledger_line *line, int64_t now)
{
    return line->revoked == 0 && line->not_after > now;
}
