/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 (RFC 3629), strictly: no overlong forms, no surrogates, nothing above U+10FFFF.
 * Floor 0; any thread. */
#ifndef CRADLE_UTF_H
#define CRADLE_UTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads the character that text begins with: its length in bytes (1 to 4), 0 when it is malformed or n is 0.
 */
size_t utf_next(const char *text, size_t n, uint32_t *ret_point);
/* Is it a control character of either set (U+0000–U+001F, U+007F–U+009F)? */
bool utf_is_control(uint32_t point);
/* Is all of it UTF-8 without control characters? */
bool utf_is_plain(const char *text, size_t n);
/* The length of text without a character that was cut off at its end. */
size_t utf_whole(const char *text, size_t n);

#endif
