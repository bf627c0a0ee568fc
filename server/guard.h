/* SPDX-License-Identifier: Apache-2.0 */
/* What libmicrohttpd lets through and RFC 9112 does not: request lines and headers that two parsers can read
 * in two ways. Each is refused before anything else is looked at. Floor 3; pure.
 *
 * libmicrohttpd 0.9.75 parses in place: the texts that it hands out lie in the buffer as they came, with NULs
 * where separators were. A folded line, a bare LF and a NUL inside a line show as gaps between them, and
 * nowhere else. Other versions may copy; then `in_place` is false and only the texts themselves are judged.
 */
#ifndef CRADLE_GUARD_H
#define CRADLE_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUARD_HEADERS_MAX 64

struct guard_header {
    const char *name, *value;
    size_t name_length, value_length;
};
struct guard {
    bool in_place;
    const char *method, *target, *version; /* target: in place only; the raw one */
    size_t target_length;
    size_t count; /* above GUARD_HEADERS_MAX: more came than are kept */
    struct guard_header header[GUARD_HEADERS_MAX];
};
struct guard_verdict {
    int status;      /* 0: nothing wrong; 400, 431 or 501 */
    const char *why; /* for the log and the reply */
    bool has_body;   /* a body follows: chunked, or a Content-Length above 0 */
    bool chunked;
    int64_t length; /* of the body; -1 when chunked */
};

void guard_check(const struct guard *guard, struct guard_verdict *ret_verdict);
/* The value of a header that came once; NULL when it is absent. */
const char *guard_header(const struct guard *guard, const char *name);

#endif
