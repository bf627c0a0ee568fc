/* SPDX-License-Identifier: Apache-2.0 */
/* Which secrets does a handset hold that others hold too? For one that was lost: what it could read, in its
 * own files and in the shared ones, and who must be given another value. Secrets are recognised by the names
 * of parameters; their values are compared by a keyed digest that lives as long as the question, and are
 * never given out. What is encrypted for the handset cannot be looked into, which is said. Floor 2; blocking
 * (worker): reads every handset's files. */
#ifndef CRADLE_EXPOSURE_H
#define CRADLE_EXPOSURE_H

#include "base/fault.h"
#include "base/mac.h"
#include "base/path.h"
#include "fleet/fleet.h"
#include <stdbool.h>
#include <stddef.h>

#define EXPOSURE_PARAMETER_LIMIT 128
#define EXPOSURE_OTHERS_MAX      1000 /* MACs that are named for one secret */

struct exposure_secret {
    char parameter[EXPOSURE_PARAMETER_LIMIT + 1]; /* its name in the file; printable ASCII */
    const char *what;                             /* in plain words; a constant */
    char path[PATH_LIMIT + 1];
    bool shared;        /* the file is everybody's: so is the secret */
    size_t holders;     /* other handsets that hold the same value in files of their own */
    struct mac *others; /* the first EXPOSURE_OTHERS_MAX of them, by MAC */
};

struct exposure_closed {
    char path[PATH_LIMIT + 1];
    bool shared;
    bool encrypted; /* false: damaged, too large or not well-formed */
};

struct exposure {
    struct exposure_secret *secrets;
    size_t n_secrets;
    struct exposure_closed *closed; /* files of this handset, or shared, that could not be looked into */
    size_t n_closed;
    size_t others_closed; /* the same, of other handsets: they may hold one of the secrets too */
    bool cut;             /* there was more than can be told */
};

/* exposure_fini what is given. */
enum fault_code exposure_look(struct fleet *fleet, const struct mac *mac, struct exposure *ret_exposure,
                              struct fault *f);
void exposure_fini(struct exposure *exposure); /* takes a zeroed one */

/* What a parameter of this name holds, in plain words; NULL: no secret, as far as is known. Pure. */
const char *exposure_recognise(const char *parameter);

#endif
