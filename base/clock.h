/* SPDX-License-Identifier: Apache-2.0 */
/* Time, so that tests can hold it still. Floor 0; any thread. */
#ifndef CRADLE_CLOCK_H
#define CRADLE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Milliseconds since 1970-01-01 UTC, as the wall clock shows them: may jump. For what is stored and shown. */
int64_t clock_wall_ms(void);
/* Milliseconds of a clock that never steps back: for deadlines and windows within one process. */
int64_t clock_steady_ms(void);
/* Tests only: from now on both clocks start from these values and stand still; clock_thaw undoes it. */
void clock_freeze(int64_t wall_ms, int64_t steady_ms);
void clock_thaw(void);

/* "2026-11-23T20:37:31.123Z" (RFC 3339, UTC). size >= 25. */
void clock_rfc3339(int64_t wall_ms, char *out, size_t size);
/* "Mon, 23 Nov 2026 20:37:31 GMT" (RFC 9110, 5.6.7). size >= 30. */
void clock_http_date(int64_t wall_ms, char *out, size_t size);
/* "20261123203731.123" (RFC 3659, 2.3: MDTM and MLSx facts). size >= 19. */
void clock_ftp_time(int64_t wall_ms, char *out, size_t size);
/* Reads an HTTP date in any of RFC 9110's three forms; -1 when it is none. Whole seconds, in milliseconds. */
int64_t clock_parse_http_date(const char *text);

#endif
