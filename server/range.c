/* SPDX-License-Identifier: Apache-2.0 */
#include "server/range.h"

#include <stdbool.h>
#include <stddef.h>
#include <strings.h>

/* Digits at *at, which moves behind them; larger than any content counts as INT64_MAX. False: there are none.
 */
static bool number(const char **at, int64_t *ret_number)
{
    const char *begin = *at;
    int64_t n = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++)
        n = n > (INT64_MAX - 9) / 10 ? INT64_MAX : n * 10 + (**at - '0');
    *ret_number = n;
    return *at != begin;
}

static void blanks(const char **at)
{
    while (**at == ' ' || **at == '\t')
        (*at)++;
}

enum range_kind range_parse(const char *text, int64_t size, int64_t *ret_first, int64_t *ret_length)
{
    if (text == NULL || strncasecmp(text, "bytes=", 6) != 0)
        return RANGE_NONE;
    text += 6;
    blanks(&text);
    int64_t first, last;
    bool has_first = number(&text, &first);
    if (*text++ != '-')
        return RANGE_NONE;
    bool has_last = number(&text, &last);
    blanks(&text);
    if (*text != '\0' || (!has_first && !has_last) || (has_first && has_last && first > last))
        return RANGE_NONE;
    if (!has_first) { /* the last so many bytes */
        if (last == 0 || size == 0)
            return RANGE_UNSATISFIABLE;
        first = last >= size ? 0 : size - last;
        last = size - 1;
    } else if (first >= size) {
        return RANGE_UNSATISFIABLE;
    }
    if (!has_last || last >= size)
        last = size - 1;
    *ret_first = first;
    *ret_length = last - first + 1;
    return RANGE_ONE;
}
