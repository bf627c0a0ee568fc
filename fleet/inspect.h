/* SPDX-License-Identifier: Apache-2.0 */
/* Can handsets read this configuration file? It is well-formed XML, or encrypted for them, which nobody here
 * can look into. Fed in pieces of any size. Floor 2; pure; an object belongs to one thread at a time. */
#ifndef CRADLE_INSPECT_H
#define CRADLE_INSPECT_H

#include "base/fault.h"
#include <stdbool.h>
#include <stddef.h>

/* A file is encrypted when its first line, within so many bytes, does not begin with '<' (after an optional
 * byte order mark and blanks) and contains "Digest=". */
#define INSPECT_HEAD 1024

/* So judged by the file's first n bytes (all of it, or INSPECT_HEAD). Pure. */
bool inspect_is_encrypted(const char *head, size_t n);

struct inspect;
struct inspect *inspect_new(void); /* NULL if out of memory */
/* FAULT_CONTENT with "line L, column C: words" at the first error; what is fed after it is ignored, and
 * repeats it. */
enum fault_code inspect_feed(struct inspect *inspect, const void *data, size_t n, struct fault *f);
enum fault_code inspect_finish(struct inspect *inspect, struct fault *f);
void inspect_free(struct inspect *inspect); /* takes NULL */

#endif
