/* SPDX-License-Identifier: Apache-2.0 */
/* Where a client comes from, as far as its address is counted with: an IPv4 address, or the /64 of an IPv6
 * one, because whoever has one address of a /64 has them all. Floor 2; a value, pure. */
#ifndef CRADLE_ORIGIN_H
#define CRADLE_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

#define ORIGIN_TEXT_LIMIT 50 /* INET6_ADDRSTRLEN and "/64" */

struct origin {
    uint8_t family;   /* 4, 6, or 0: no address; those all count as one */
    uint8_t bytes[8]; /* IPv4: the first four, the rest is zero */
};

/* address: numeric, as the front ends write it (no brackets, ::ffff:a.b.c.d is a.b.c.d already). */
void origin_parse(const char *address, struct origin *ret_origin);
bool origin_equal(const struct origin *a, const struct origin *b);
/* "192.0.2.1", "2001:db8:0:1::/64", or "?". */
void origin_text(const struct origin *origin, char text[ORIGIN_TEXT_LIMIT]);

#endif
