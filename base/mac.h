/* SPDX-License-Identifier: Apache-2.0 */
/* MAC addresses as handsets and administrators write them. Floor 0; any thread. */
#ifndef CRADLE_MAC_H
#define CRADLE_MAC_H

#include <stdbool.h>
#include <stddef.h>

#define MAC_DIGITS 12

/* 12 lower-case hex digits and a NUL; an empty text is "no MAC". */
struct mac {
    char text[MAC_DIGITS + 1];
};

/* Reads a MAC in any case, with or without `:`, `-` or `.` between digits (CN of a certificate, API input).
 * False for anything else, for a NUL inside, and for the all-zero address. */
bool mac_parse(const char *text, size_t n, struct mac *ret_mac);

/* Does this file or folder name begin with a MAC: 12 hex digits, not all zero, followed by '.', '-' or the
 * end?
 * ("0004f2aabbcc-app.log", "0004F2AABBCC.cfg", "0004f2aabbcc"; not "000000000000.cfg", not "0004f2aabbccd".)
 */
bool mac_prefix(const char *name, size_t n, struct mac *ret_mac);

bool mac_equal(const struct mac *a, const struct mac *b);
/* How unlike two MACs are: digits that differ, an exchange of two neighbours counting as one. For
 * suggestions. */
int mac_distance(const struct mac *a, const struct mac *b);

#endif
