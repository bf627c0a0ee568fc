/* SPDX-License-Identifier: Apache-2.0 */
/* Members of JSON objects: reading them strictly, writing times. Floor 3; pure. */
#ifndef CRADLE_FIELD_H
#define CRADLE_FIELD_H

#include "base/fault.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Once, before any other use of JSON: passwords come and go in it, so all of its memory is wiped when it is
 * freed. */
void field_init(void);
/* An object out of n bytes. FAULT_INPUT: not JSON (RFC 8259), a name twice, a NUL, too deep, no object. */
enum fault_code field_parse(const char *text, size_t n, json_t **ret_object, struct fault *f);
/* FAULT_INPUT naming the first member that is not in `known` (ended by NULL). */
enum fault_code field_check(const json_t *object, const char *const *known, struct fault *f);
/* The text of a member, borrowed; NULL when it is absent. FAULT_INPUT when it is no text. */
enum fault_code field_text(const json_t *object, const char *name, const char **ret_text, struct fault *f);
/* true or false; absent leaves both. */
enum fault_code field_bool(const json_t *object, const char *name, bool *ret_set, bool *ret_value,
                           struct fault *f);
/* RFC 3339, or null for 0. */
json_t *field_time(int64_t wall_ms);

#endif
