/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon reads from files before it uses any of it: settings and the certificate that it proves
 * itself with, at start, for `cradled check` and at each reload. Floor 4; the main thread. */
#ifndef CRADLE_LOAD_H
#define CRADLE_LOAD_H

#include "base/fault.h"
#include "base/settings.h"
#include "base/tls.h"
#include "server/watch.h"

/* Where the settings come from, at start and again at each reload. */
struct load_source {
    const char *file; /* NULL: none */
    const char *const *overrides;
    size_t n_overrides;
};

struct load {
    struct settings *settings;
    struct tls_identity *identity;
};

/* Reads all. watch, when not NULL, is begun anew and holds what the files looked like before they were read,
 * also on failure; the names that it held count where the settings cannot be read. */
enum fault_code load_files(const struct load_source *source, struct watch *watch, struct load *ret_load,
                           struct fault *f);
void load_fini(struct load *load); /* takes a zeroed one */

enum fault_code load_identity(const struct settings *settings, struct tls_identity **ret_identity,
                              struct fault *f);
/* Logs what is legal and yet hardly meant, or is named and not used. */
void load_warn(const struct settings *settings, const struct tls_identity *identity);
/* The same for CRLs: one that is overdue revokes as before, but not what was revoked since. */
void load_warn_trust(const struct tls_trust *trust);
/* Prints on standard output which staples are named and not used, for `cradled check`. */
void load_print_staples(const struct tls_identity *identity);

#endif
