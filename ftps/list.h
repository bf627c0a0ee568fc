/* SPDX-License-Identifier: Apache-2.0 */
/* How entries look in listings: LIST (as `ls -l`), NLST, and the facts of MLST and MLSD (RFC 3659, 7). Pure.
 * Floor 3. */
#ifndef CRADLE_LIST_H
#define CRADLE_LIST_H

#include "base/buf.h"
#include "base/fault.h"
#include "fleet/tree.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A listing is text in memory; longer ones are refused. */
#define LIST_MAX (64 * 1024 * 1024)

#define LIST_FACT_TYPE   1u
#define LIST_FACT_SIZE   2u
#define LIST_FACT_MODIFY 4u
#define LIST_FACT_ALL    7u

/* now: Unix ms; entries older than half a year, or of the future, show the year instead of the time of day.
 */
enum fault_code list_long(struct buf *out, const struct tree_entry *entry, int64_t now, struct fault *f);
/* prefix: what the client named the folder, "" for none; it is put before the name so that the result can be
 * asked for. */
enum fault_code list_name(struct buf *out, const char *prefix, const struct tree_entry *entry,
                          struct fault *f);
/* "type=file;size=5;modify=20261123203731; NAME" without a line end. */
enum fault_code list_facts(struct buf *out, const struct tree_entry *entry, unsigned facts, const char *name,
                           struct fault *f);
/* "type*;size*;modify*;" with a '*' behind each fact of the set: for FEAT. Without stars and only those of
 * the set: for OPTS. */
void list_fact_names(unsigned facts, bool stars, char *out, size_t size);
/* Reads "type;size;" (RFC 3659, 7.9); unknown facts are left out, as it demands. */
unsigned list_parse_facts(const char *text);
/* "20261123203731": RFC 3659, 2.3, in whole seconds, which every client understands. size >= 19. */
void list_time(int64_t wall_ms, char *out, size_t size);

#endif
