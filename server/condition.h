/* SPDX-License-Identifier: Apache-2.0 */
/* Conditional requests (RFC 9110, 13): what the preconditions say about a stored content. Floor 3; pure. */
#ifndef CRADLE_CONDITION_H
#define CRADLE_CONDITION_H

#include <stdbool.h>
#include <stdint.h>

/* Header texts; NULL when absent. */
struct condition {
    const char *if_match, *if_none_match, *if_modified_since, *if_unmodified_since, *if_range;
};
enum condition_verdict { CONDITION_GO, CONDITION_NOT_MODIFIED /* 304 */, CONDITION_FAILED /* 412 */ };

/* For GET and HEAD of something that exists: etag strong with its quotes, modified in Unix ms. In the order
 * of RFC 9110, 13.2.2. */
enum condition_verdict condition_read(const struct condition *condition, const char *etag, int64_t modified);
/* Does If-Range allow the Range to be used (13.1.5)? A date never does: two changes can fall into one second.
 */
bool condition_range(const struct condition *condition, const char *etag);

#endif
