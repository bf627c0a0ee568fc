/* SPDX-License-Identifier: Apache-2.0 */
/* What a handset takes from its master file: the names of the files that come next, and where its own are
 * kept. Only attributes count, on whatever element they stand (MASTER_CONFIG with children, or APPLICATION
 * with everything on itself). No socket; any thread. */
#ifndef CRADLE_MASTER_H
#define CRADLE_MASTER_H

#include "base/fault.h"
#include "cli/trace.h"
#include <stddef.h>

#define MASTER_LIST_LIMIT  2047 /* bytes of CONFIG_FILES that a handset reads */
#define MASTER_ENTRY_LIMIT 255  /* and of one name */
#define MASTER_FILES       64

struct master {
    char app_file[MASTER_ENTRY_LIMIT + 1]; /* without its folder; empty when there is none on this server */
    char folders[TRACE_FOLDERS][MASTER_ENTRY_LIMIT + 1];
    char list[MASTER_LIST_LIMIT + 1]; /* what `files` points into */
    const char *files[MASTER_FILES];  /* CONFIG_FILES, left to right, variables not filled in */
    size_t count;
};

/* FAULT_CONTENT for what is not well-formed, and for what a handset would cut off; *ret_master is of no use
 * then. */
enum fault_code master_parse(const char *data, size_t n, struct master *ret_master, struct fault *f);

#endif
