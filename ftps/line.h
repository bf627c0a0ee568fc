/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines out of the bytes of a control connection (RFC 959, 5.3; RFC 854). Takes Telnet commands out,
 * ends a line at CR LF or a bare LF, keeps the first LINE_LIMIT bytes of a longer one and skips the rest.
 * Pure; knows no command. Floor 3. */
#ifndef CRADLE_LINE_H
#define CRADLE_LINE_H

#include <stdbool.h>
#include <stddef.h>

#define LINE_LIMIT 2047 /* a verb and the longest path, with room for a client's mistakes */

struct line {
    size_t used;
    char text[LINE_LIMIT + 1]; /* NUL-terminated once complete */
    bool cut;                  /* it was longer */
    bool nul;                  /* it held a NUL, which was left out */
    enum { LINE_PLAIN, LINE_CR, LINE_IAC, LINE_OPTION, LINE_SUB, LINE_SUB_IAC } at;
};

/* Empties and wipes it: a line may be a password. An all-zero line is empty too. */
void line_clear(struct line *line);
/* Feeds bytes until a line is complete: true, *ret_used bytes were taken and the rest belongs to the next
 * line (line_clear first). False: all were taken. */
bool line_feed(struct line *line, const char *data, size_t n, size_t *ret_used);

/* Splits a complete line: the verb (its length; 0: none) and where the argument begins (behind one blank). */
size_t line_verb(const struct line *line, size_t *ret_argument);
/* Is it the request line, or the status line, of HTTP? Such a client was tricked into talking to us, and what
 * follows are not its own words. */
bool line_is_http(const struct line *line);

#endif
