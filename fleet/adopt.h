/* SPDX-License-Identifier: Apache-2.0 */
/* Contents of schema 1, whose rows had no MAC yet. Once, when a catalog is opened after that step: each is
 * read whole, and its row gets a MAC only when every chunk opens at its place and the digest is that of the
 * bytes; so nothing is vouched for that was changed before. The others get an empty one, and are damaged from
 * then on. Floor 2; blocking. */
#ifndef CRADLE_ADOPT_H
#define CRADLE_ADOPT_H

#include "base/fault.h"
#include "db/db.h"
#include "fleet/vault.h"
#include <stdint.h>

struct adopt_result {
    int64_t adopted, damaged;
};
/* In batches: a kill loses nothing, the next start goes on. */
enum fault_code adopt_contents(struct db *db, struct vault *vault, struct adopt_result *ret_result,
                               struct fault *f);

#endif
