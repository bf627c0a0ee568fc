/* SPDX-License-Identifier: Apache-2.0 */
/* What was told lately, so that the audit trail says once what happens all the time, and counts the rest.
 * Fixed size: what is pushed out of it is told more often, never less. Floor 2; any thread; held for some
 * nanoseconds, never blocks. */
#ifndef CRADLE_TALLY_H
#define CRADLE_TALLY_H

#include <stdbool.h>
#include <stdint.h>

struct tally;
struct tally *tally_new(void);        /* NULL if out of memory */
void tally_free(struct tally *tally); /* takes NULL */
/* True when nothing of this hash was told for interval_ms; *ret_more is then how many were not told since the
 * last one that was, as far as is known. */
bool tally_is_news(struct tally *tally, uint64_t hash, int64_t interval_ms, uint64_t *ret_more);
/* A hash of `count` texts, of which each may be NULL. */
uint64_t tally_hash(const char *const *texts, unsigned count);

#endif
