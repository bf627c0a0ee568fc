/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/mem.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static atomic_bool clock_frozen;
static atomic_int_least64_t clock_frozen_wall, clock_frozen_steady;

static int64_t clock_read_ms(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
    return atomic_load(&clock_frozen) ? atomic_load(&clock_frozen_wall) : clock_read_ms(CLOCK_REALTIME);
}

int64_t clock_steady_ms(void)
{
    return atomic_load(&clock_frozen) ? atomic_load(&clock_frozen_steady) : clock_read_ms(CLOCK_MONOTONIC);
}

void clock_freeze(int64_t wall_ms, int64_t steady_ms)
{
    atomic_store(&clock_frozen_wall, wall_ms);
    atomic_store(&clock_frozen_steady, steady_ms);
    atomic_store(&clock_frozen, true);
}

void clock_thaw(void)
{
    atomic_store(&clock_frozen, false);
}

static const char clock_days[7][10] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday" };
static const char clock_months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

/* Broken-down UTC and milliseconds. Held to the years 0000 to 9999, which is what the formats can write. */
static void clock_split(int64_t wall_ms, struct tm *ret_tm, int *ret_ms)
{
    const int64_t first = -62167219200000, last = 253402300799999;
    if (wall_ms < first)
        wall_ms = first;
    if (wall_ms > last)
        wall_ms = last;
    int64_t ms = wall_ms % 1000;
    if (ms < 0)
        ms += 1000;
    time_t seconds = (time_t)((wall_ms - ms) / 1000);
    gmtime_r(&seconds, ret_tm);
    *ret_ms = (int)ms;
}

void clock_rfc3339(int64_t wall_ms, char *out, size_t size)
{
    struct tm t;
    int ms;
    clock_split(wall_ms, &t, &ms);
    snprintf(out, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
             t.tm_hour, t.tm_min, t.tm_sec, ms);
}

void clock_http_date(int64_t wall_ms, char *out, size_t size)
{
    struct tm t;
    int ms;
    clock_split(wall_ms, &t, &ms);
    snprintf(out, size, "%.3s, %02d %s %04d %02d:%02d:%02d GMT", clock_days[t.tm_wday], t.tm_mday,
             clock_months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

void clock_ftp_time(int64_t wall_ms, char *out, size_t size)
{
    struct tm t;
    int ms;
    clock_split(wall_ms, &t, &ms);
    snprintf(out, size, "%04d%02d%02d%02d%02d%02d.%03d", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
             t.tm_min, t.tm_sec, ms);
}

/* The readers below take their piece off *at and say whether it was there. */

static bool take_text(const char **at, const char *text)
{
    size_t n = strlen(text);
    if (strncmp(*at, text, n) != 0)
        return false;
    *at += n;
    return true;
}

static bool take_digits(const char **at, int n, int *ret_value)
{
    int value = 0;
    for (int i = 0; i < n; i++) {
        char c = (*at)[i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    *at += n;
    *ret_value = value;
    return true;
}

static bool take_month(const char **at, int *ret_month)
{
    for (int month = 0; month < 12; month++) {
        if (take_text(at, clock_months[month])) {
            *ret_month = month;
            return true;
        }
    }
    return false;
}

static bool take_time(const char **at, struct tm *t)
{
    return take_digits(at, 2, &t->tm_hour) && take_text(at, ":") && take_digits(at, 2, &t->tm_min) &&
           take_text(at, ":") && take_digits(at, 2, &t->tm_sec);
}

static bool take_year(const char **at, struct tm *t)
{
    if (!take_digits(at, 4, &t->tm_year))
        return false;
    t->tm_year -= 1900;
    return true;
}

/* "06 Nov 1994 08:49:37 GMT" */
static bool take_fixdate(const char **at, struct tm *t)
{
    return take_digits(at, 2, &t->tm_mday) && take_text(at, " ") && take_month(at, &t->tm_mon) &&
           take_text(at, " ") && take_year(at, t) && take_text(at, " ") && take_time(at, t) &&
           take_text(at, " GMT");
}

/* "06-Nov-94 08:49:37 GMT": a year that seems more than 50 years ahead is the past one (RFC 9110, 5.6.7). */
static bool take_rfc850(const char **at, struct tm *t)
{
    if (!(take_digits(at, 2, &t->tm_mday) && take_text(at, "-") && take_month(at, &t->tm_mon) &&
          take_text(at, "-") && take_digits(at, 2, &t->tm_year) && take_text(at, " ") && take_time(at, t) &&
          take_text(at, " GMT")))
        return false;
    struct tm now;
    int ms;
    clock_split(clock_wall_ms(), &now, &ms);
    int year = (now.tm_year + 1900) / 100 * 100 + t->tm_year;
    if (year > now.tm_year + 1900 + 50)
        year -= 100;
    t->tm_year = year - 1900;
    return true;
}

/* "Nov  6 08:49:37 1994" */
static bool take_asctime(const char **at, struct tm *t)
{
    if (!take_month(at, &t->tm_mon) || !take_text(at, " "))
        return false;
    bool day = take_text(at, " ") ? take_digits(at, 1, &t->tm_mday) : take_digits(at, 2, &t->tm_mday);
    return day && take_text(at, " ") && take_time(at, t) && take_text(at, " ") && take_year(at, t);
}

static bool take_date(const char *text, struct tm *t)
{
    for (size_t day = 0; day < ARRAY_LENGTH(clock_days); day++) {
        const char *at = text;
        if (take_text(&at, clock_days[day]) && take_text(&at, ", "))
            return take_rfc850(&at, t) && *at == '\0';
        at = text;
        char brief[4];
        mem_copy_bytes(brief, sizeof brief, clock_days[day], 3);
        if (!take_text(&at, brief))
            continue;
        if (take_text(&at, ", "))
            return take_fixdate(&at, t) && *at == '\0';
        return take_text(&at, " ") && take_asctime(&at, t) && *at == '\0';
    }
    return false;
}

int64_t clock_parse_http_date(const char *text)
{
    struct tm t = { 0 };
    if (text == NULL || !take_date(text, &t) || t.tm_hour > 23 || t.tm_min > 59 || t.tm_sec > 60)
        return -1;
    /* timegm turns 31 June into 1 July; whatever it had to change was no date. */
    int month = t.tm_mon, day = t.tm_mday;
    bool leap = t.tm_sec == 60;
    if (leap)
        t.tm_sec = 59;
    time_t seconds = timegm(&t);
    if (t.tm_mon != month || t.tm_mday != day)
        return -1;
    return ((int64_t)seconds + (leap ? 1 : 0)) * 1000;
}
