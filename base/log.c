/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "base/clock.h"
#include "base/utf.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOG_LINE_MAX 4096 /* PIPE_BUF: a pipe that takes anything takes it whole */
#define LOG_WAIT_MS  200
#define LOG_CALM_MS  2000 /* from one wait to the next */

static const struct {
    enum log_level level;
    const char *name, *meaning;
} log_events[LOG_EVENT_COUNT] = {
#define X(id, level, name, meaning) { LOG_LEVEL_##level, name, meaning },
#include "base/log.def"
#undef X
};

static const char *const log_levels[] = { "error", "warning", "notice", "info", "debug" };

static atomic_int log_lowest = LOG_LEVEL_INFO;
static atomic_bool log_timed;

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER; /* of what follows */
static int64_t log_waited = INT64_MIN / 2;                   /* steady ms: when the last wait began */
static uint64_t log_lost; /* lines that nobody took, and that were not told of yet */

void log_threshold(enum log_level level)
{
    atomic_store_explicit(&log_lowest, (int)level, memory_order_relaxed);
}

void log_timestamps(bool on)
{
    atomic_store_explicit(&log_timed, on, memory_order_relaxed);
}

const char *log_event_name(enum log_event event)
{
    return (unsigned)event < LOG_EVENT_COUNT ? log_events[event].name : "unknown";
}

const char *log_event_meaning(enum log_event event)
{
    return (unsigned)event < LOG_EVENT_COUNT ? log_events[event].meaning : "";
}

bool log_is_wanted(enum log_event event)
{
    return (unsigned)event < LOG_EVENT_COUNT &&
           (int)log_events[event].level <= atomic_load_explicit(&log_lowest, memory_order_relaxed);
}

/* --- lines --- */

/* Time, level and event; gives the length. */
static size_t log_head(char line[LOG_LINE_MAX], enum log_event event)
{
    size_t used = 0;
    if (atomic_load_explicit(&log_timed, memory_order_relaxed)) {
        int64_t now = clock_wall_ms();
        used = (size_t)snprintf(line, LOG_LINE_MAX, "%" PRId64 ".%03d ", now / 1000, (int)(now % 1000));
    }
    return used + (size_t)snprintf(line + used, LOG_LINE_MAX - used, "%s %s",
                                   log_levels[log_events[event].level], log_events[event].name);
}

/* What follows it; gives the length of both. */
static size_t log_tail(char line[LOG_LINE_MAX], size_t used, const char *format, va_list arguments)
{
    size_t start = used++;
    line[start] = ' ';
    int n = vsnprintf(line + used, LOG_LINE_MAX - used, format, arguments);
    size_t room = LOG_LINE_MAX - used;
    if (n <= 0)
        used = start;
    else
        used += (size_t)n < room ? (size_t)n : utf_whole(line + used, room - 1);
    /* The last line of defence against a forged line: a value that missed log_value(). */
    for (size_t i = start; i < used; i++) {
        if ((uint8_t)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    }
    return used;
}

/* False: it would have to wait. A line that cannot be written at all is gone: nobody is left to be told. */
static bool log_put(const char *line, size_t n)
{
    struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };
    ssize_t rc;
    do {
        rc = send(STDERR_FILENO, line, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (rc < 0 && errno == ENOTSOCK) {
            if (poll(&out, 1, 0) == 0)
                return false;
            rc = write(STDERR_FILENO, line, n);
        }
    } while (rc < 0 && errno == EINTR);
    return rc >= 0 || errno != EAGAIN;
}

/* A reader that is busy for a moment loses nothing, one that has stopped must not stop us. */
static bool log_wait(void)
{
    struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };
    int64_t now = clock_steady_ms();
    if (now - log_waited < LOG_CALM_MS)
        return false;
    log_waited = now;
    return poll(&out, 1, LOG_WAIT_MS) > 0;
}

static bool log_tell_lost(void)
{
    char line[LOG_LINE_MAX];
    size_t used = log_head(line, LOG_EVENTS_LOST);
    used += (size_t)snprintf(line + used, sizeof line - used, " lines=%" PRIu64 "\n", log_lost);
    return log_put(line, used);
}

static void log_write(const char *line, size_t n)
{
    pthread_mutex_lock(&log_lock);
    if (log_lost > 0 && log_tell_lost())
        log_lost = 0;
    if (log_lost > 0 || (!log_put(line, n) && !(log_wait() && log_put(line, n))))
        log_lost++;
    pthread_mutex_unlock(&log_lock);
}

/* The caller's errno survives, so that one can log before looking at it. */
void(log_event)(enum log_event event, const char *format, ...)
{
    if (!log_is_wanted(event))
        return;
    int saved = errno;
    char line[LOG_LINE_MAX];
    size_t used = log_head(line, event);
    if (format != NULL) {
        va_list arguments;
        va_start(arguments, format);
        used = log_tail(line, used, format, arguments);
        va_end(arguments);
    }
    line[used++] = '\n';
    log_write(line, used);
    errno = saved;
}

/* --- values --- */

/* Characters that a terminal or a reader obeys instead of showing: controls, line separators, bidirectional
 * marks. */
static bool log_is_active(uint32_t point)
{
    return utf_is_control(point) || point == 0x061c || point == 0x200e || point == 0x200f ||
           (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069) || point == 0xfeff;
}

/* How the character at text is shown: its bytes as they are, or each as \xHH. Returns the bytes it takes. */
static size_t log_unit(const char *text, size_t n, bool *ret_plain)
{
    uint32_t point;
    size_t length = utf_next(text, n, &point);
    *ret_plain = length > 0 && point != '"' && point != '\'' && point != '\\' && !log_is_active(point);
    return length > 0 ? length : 1;
}

static bool log_needs_quotes(const char *text, size_t n)
{
    if (n == 0 || strcmp(text, "-") == 0)
        return true;
    bool plain;
    for (size_t i = 0; i < n;) {
        size_t length = log_unit(text + i, n - i, &plain);
        if (!plain || text[i] == ' ' || text[i] == '=')
            return true;
        i += length;
    }
    return false;
}

const char *log_value(const char *text, char *out, size_t size)
{
    static const char ellipsis[] = "…";
    const size_t cut = sizeof ellipsis - 1;
    if (size == 0)
        return out;
    if (text == NULL) {
        snprintf(out, size, "-");
        return out;
    }
    size_t n = strlen(text);
    /* Room for both quotes and the NUL decides; without room for a mark of the cut nothing honest can be
     * shown. */
    bool quotes = log_needs_quotes(text, n);
    if (size < cut + 3) {
        out[0] = '\0';
        return out;
    }
    size_t end = size - 1 - (quotes ? 1 : 0), used = 0, safe;
    if (quotes)
        out[used++] = '"';
    safe = used;
    for (size_t i = 0; i < n;) {
        bool plain;
        size_t length = log_unit(text + i, n - i, &plain);
        size_t shown = plain ? length : 4 * length;
        if (used + shown > end) {
            memcpy(out + safe, ellipsis, cut);
            used = safe + cut;
            break;
        }
        if (plain)
            memcpy(out + used, text + i, length);
        for (size_t k = 0; !plain && k < length; k++) {
            static const char hex[] = "0123456789abcdef";
            uint8_t byte = (uint8_t)text[i + k];
            memcpy(out + used + 4 * k, (char[]){ '\\', 'x', hex[byte >> 4], hex[byte & 15] }, 4);
        }
        used += shown;
        if (used + cut <= end)
            safe = used;
        i += length;
    }
    if (quotes)
        out[used++] = '"';
    out[used] = '\0';
    return out;
}
