/* SPDX-License-Identifier: Apache-2.0 */
/* A list of handsets as a spreadsheet saves it: CSV (RFC 4180), `mac[,anything…]` a line. A byte order mark,
 * CR at the ends of lines, blank lines, lines that begin with '#' and a first line whose first field is "mac"
 * are passed over. Floor 1; any thread. */
#ifndef CRADLE_BATCH_H
#define CRADLE_BATCH_H

#include "base/buf.h"
#include "base/fault.h"
#include "base/mac.h"

#include <stddef.h>

#define BATCH_MAX 1000000 /* handsets */

struct batch {
    struct mac *macs;
    unsigned *lines; /* where each stands; from 1 */
    size_t count, room;
};

/* Adds the lines of a text. Every line that is wrong is named in `problems` ("line 7: …", one a line) up to
 * the buf's limit, and *ret_wrong counts them; FAULT_OK then still. FAULT_MEMORY. */
enum fault_code batch_parse(struct batch *batch, const char *text, size_t n, struct buf *problems,
                            size_t *ret_wrong, struct fault *f);
void batch_fini(struct batch *batch);

#endif
