/* SPDX-License-Identifier: Apache-2.0 */
/* The Range header (RFC 9110, 14.1.2 and 14.2): one range of bytes. Several ranges, other units and malformed
 * ones are ignored, as the RFC allows: the whole content answers. Floor 3; pure. */
#ifndef CRADLE_RANGE_H
#define CRADLE_RANGE_H

#include <stdint.h>

enum range_kind {
    RANGE_NONE,         /* answer with everything */
    RANGE_ONE,          /* 206: *ret_first, *ret_length (> 0) */
    RANGE_UNSATISFIABLE /* 416 */
};
/* text NULL: no header. size: of the whole content. */
enum range_kind range_parse(const char *text, int64_t size, int64_t *ret_first, int64_t *ret_length);

#endif
