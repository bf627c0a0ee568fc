/* SPDX-License-Identifier: Apache-2.0 */
/* The query of a request target: `name=value&name=value`, %-escapes and '+' decoded. Floor 3; pure. */
#ifndef CRADLE_QUERY_H
#define CRADLE_QUERY_H

#include "base/fault.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUERY_ITEMS_MAX 16
#define QUERY_TEXT_MAX  4096

struct query {
    size_t count;
    struct {
        const char *name, *value; /* inside text; "" for an item without '=' */
    } item[QUERY_ITEMS_MAX];
    char text[QUERY_TEXT_MAX];
};

/* text: after the '?', n bytes. FAULT_INPUT: a bad escape, a NUL, a name twice, too many or too long. */
enum fault_code query_parse(const char *text, size_t n, struct query *ret_query, struct fault *f);
const char *query_get(const struct query *query, const char *name); /* NULL when absent */
/* FAULT_INPUT naming the first item that is not in `known` (ended by NULL). */
enum fault_code query_check(const struct query *query, const char *const *known, struct fault *f);
/* "1" and "0", absent is false; FAULT_INPUT for anything else. */
enum fault_code query_flag(const struct query *query, const char *name, bool *ret_on, struct fault *f);
/* A whole number from min to max; absent leaves *ret_number. */
enum fault_code query_number(const struct query *query, const char *name, int64_t min, int64_t max,
                             int64_t *ret_number, struct fault *f);

#endif
