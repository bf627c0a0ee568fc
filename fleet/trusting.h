/* SPDX-License-Identifier: Apache-2.0 */
/* Which handsets would still accept the server if it had another certificate chain? Goes by the CAs that each
 * handset's configuration puts into its platform slots, which provisioning uses: every .cfg and .xml that the
 * handset can see, its own file hiding the shared one of the same name. Encrypted files are opaque. Where
 * several files fill one slot and disagree, only the handset knows which one wins. What a handset was given
 * otherwise, or holds from the factory, is not known here. Floor 2; blocking (worker). */
#ifndef CRADLE_TRUSTING_H
#define CRADLE_TRUSTING_H

#include "base/fault.h"
#include "base/mac.h"
#include "base/path.h"
#include "fleet/fleet.h"
#include "fleet/handset.h"
#include "fleet/principal.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trusting_handset {
    struct mac mac;
    char label[HANDSET_LABEL_LIMIT + 1];
    bool unsure;               /* another CA of the same slot would do: it depends on which file wins */
    char file[PATH_LIMIT + 1]; /* where a CA stands that does not verify the chain */
    bool shared;               /* the file is in the shared layer */
    char subject[160];         /* of that CA; safe for a terminal */
};
struct trusting {
    size_t handsets;  /* that were looked at */
    size_t accepting; /* hold a CA that verifies the chain */
    size_t without;   /* hold none in a platform slot, as far as can be seen */
    size_t opaque;    /* of those without: see encrypted files, which may hold one */
    /* Files that could not be looked into: damaged, too large, not well-formed. Shared ones count with the
     * first page. */
    size_t unreadable;
    struct trusting_handset *list; /* those that refuse, and those that are unsure; by MAC */
    size_t count;
    bool more;       /* there are handsets behind `last` */
    struct mac last; /* empty when no handset was looked at */
};

/* The handsets behind `after` (NULL: from the first on), at most limit (1 … 1000). chain: PEM, leaf first;
 * FAULT_INPUT when there is none in it. FAULT_FORBIDDEN unless `who` is an administrator. What is given is
 * ended with trusting_fini. */
enum fault_code trusting_look(struct fleet *fleet, const struct principal *who, const char *chain,
                              const struct mac *after, size_t limit, struct trusting *ret_trusting,
                              struct fault *f);
void trusting_fini(struct trusting *trusting);

#endif
