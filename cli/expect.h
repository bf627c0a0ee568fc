/* SPDX-License-Identifier: Apache-2.0 */
/* What must come back: for each file a digest, out of what was uploaded, of a folder of the administrator's,
 * or, where neither knows, of what the same handset fetched before. One thread. */
#ifndef CRADLE_EXPECT_H
#define CRADLE_EXPECT_H

#include "base/fault.h"
#include "base/mac.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct expect;
/* folder: NULL, or one with files as they are served: `site.cfg`, `<mac>-ext.cfg`, and
 * `@handset/<mac>/<path>` for what a name alone does not give to a handset. */
struct expect *expect_new(const char *folder);
void expect_free(struct expect *e); /* takes NULL */

/* A file that a handset (NULL: all that have no file of their own under this path) must get. False if out of
 * memory. */
bool expect_know(struct expect *e, const struct mac *mac, const char *path, const void *data, size_t n);
/* Handsets have no file that was not made known here, where its name begins with their MAC. */
void expect_nothing_else(struct expect *e);

/* A content on its way in. */
struct expect_content;
struct expect_content *expect_begin(struct expect *e); /* NULL if out of memory */
void expect_feed(struct expect_content *content, const void *data, size_t n);
uint64_t expect_length(const struct expect_content *content);
void expect_abandon(struct expect_content *content); /* takes NULL */
/* Ends it: FAULT_CONTENT when it is not what this handset must get; remembers it when nothing was known. */
enum fault_code expect_finish(struct expect_content *content, const struct mac *mac, const char *path,
                              struct fault *f);
/* The server says that there is no such file: FAULT_CONTENT when there must be one. */
enum fault_code expect_absent(struct expect *e, const struct mac *mac, const char *path, struct fault *f);

#endif
