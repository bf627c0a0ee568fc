/* SPDX-License-Identifier: Apache-2.0 */
/* Contents that somebody is still reading although the catalog may let go of them meanwhile: large ones,
 * which are read chunk by chunk for as long as a slow client takes. Content ids are random and never used
 * again, so one set serves the whole process. Floor 2; any thread; never blocks. */
#ifndef CRADLE_HOLD_H
#define CRADLE_HOLD_H

#include "base/fault.h"
#include "base/seal.h"
#include <stdbool.h>

/* From now on hold_claim says that it is needed. Holds of one content are counted. FAULT_BUSY: it was let go
 * of a moment ago, by a write that may not be visible yet; who asks again finds what replaced it.
 * FAULT_MEMORY. */
enum fault_code hold_take(const uint8_t id[SEAL_CONTENT_ID], struct fault *f);
/* True when this was the last hold of a content that was let go of: it is the caller's to remove. */
bool hold_drop(const uint8_t id[SEAL_CONTENT_ID]);
/* A write lets go of the content: true when it is held, and must stay until hold_drop says so; false when it
 * is free to go, and cannot be held any more. The write may still be undone: who acts upon hold_drop checks
 * the catalog. */
bool hold_claim(const uint8_t id[SEAL_CONTENT_ID]);

/* How many contents were let go of so far. */
uint64_t hold_mark(void);
/* The writes that let go of this content before `mark` were undone: it can be held again. */
void hold_revive(const uint8_t id[SEAL_CONTENT_ID], uint64_t mark);

#endif
