/* SPDX-License-Identifier: Apache-2.0 */
/* Where an upload goes, once tree_put has judged it; how upload.c is begun. Floor 2. */
#ifndef CRADLE_PUT_H
#define CRADLE_PUT_H

#include "base/path.h"
#include "fleet/fleet.h"
#include "fleet/principal.h"
#include "fleet/upload.h"

struct put_target {
    bool log; /* a segment of mac's log; otherwise a file in `layer` */
    char layer[MAC_DIGITS + 1];
    struct mac mac;        /* logs, and the handset to register */
    bool register_handset; /* ?create=1: in the same transaction, unless it is there by then */
    struct path path;
    int64_t limit;  /* FAULT_TOO_LARGE above */
    bool check_xml; /* .cfg and .xml of administrators; encrypted configuration files are recognised and pass
                     */
    bool look_for_keys; /* administrators' files */
    char author[ACCOUNT_NAME_LIMIT + 1];
    struct principal who; /* an administrator: the audit trail records what is stored */
};
/* Checks options->size against the limit; quota and preconditions were looked at by the caller and are
 * decided again in the commit. *ret_upload is given. Does not block. */
enum fault_code upload_begin(struct fleet *fleet, const struct put_target *target,
                             const struct upload_options *options, struct upload **ret_upload,
                             struct fault *f);

#endif
