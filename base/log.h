/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's log: one line an event on standard error, `level event key=value …`, for the journal.
 * The events stand in one table, base/log.def, from which doc/events.md is checked.
 * Not the audit trail, and not what handsets upload. Whoever reads it may pause for a moment; when he stops,
 * lines are dropped and counted. Floor 0; any thread; a line is written in one call. */
#ifndef CRADLE_LOG_H
#define CRADLE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum log_event {
#define X(id, level, name, meaning) LOG_##id,
#include "base/log.def"
#undef X
    LOG_EVENT_COUNT
};

/* Events less important than `level` are dropped; default LOG_LEVEL_INFO. */
void log_threshold(enum log_level level);
/* Unix times before each line or not; default no (the journal has its own). */
void log_timestamps(bool on);

/* Writes one event. The format makes `key=value` pairs separated by blanks; every value that came from a peer
 * must go through log_value(). With a NULL format only level and event are written. */
void log_event(enum log_event event, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Is it important enough to be written? */
bool log_is_wanted(enum log_event event);
/* What is dropped costs nothing: its values are not even looked at, so they must have no side effects. */
#define log_event(event, ...) (log_is_wanted(event) ? log_event(event, __VA_ARGS__) : (void)0)

/* Makes text safe for a terminal and a journal: quoted when needed; control bytes, ESC, CR, LF, quotes,
 * invalid UTF-8 and bidirectional marks become \xHH; at most size-1 bytes, cut with "…". Returns out. NULL
 * text gives "-". */
const char *log_value(const char *text, char *out, size_t size);
/* The same into a buffer in the caller's expression, for short values: `log_event(X, "user=%s",
 * LOG_VALUE(name))`. */
#define LOG_VALUE(text) log_value((text), (char[200]){ 0 }, 200)

const char *log_event_name(enum log_event event);
const char *log_event_meaning(enum log_event event);

#endif
