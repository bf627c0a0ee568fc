/* SPDX-License-Identifier: Apache-2.0 */
/* What is left of a damaged log: its segments one after the other, with one line in the place of each that
 * does not open. Each is opened when the reader is made, to know which those are, and again when it is read;
 * what is damaged in between is a fault as anywhere. For tree.c. Floor 2. */
#ifndef CRADLE_RESCUE_H
#define CRADLE_RESCUE_H

#include "base/fault.h"
#include "base/mac.h"
#include "db/db.h"
#include "fleet/fleet.h"
#include "fleet/reader.h"
#include <stdint.h>

/* generation 0: all of them, oldest first. *ret_reader is given. */
enum fault_code rescue_open(struct fleet *fleet, struct db_conn *conn, const struct mac *mac,
                            const char *path, int64_t generation, struct reader **ret_reader,
                            struct fault *f);

#endif
