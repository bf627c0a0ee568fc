/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in the configuration files of one layer: every .cfg and .xml, read through, and each attribute
 * told. Judges nothing and keeps nothing; what it read is wiped. Floor 2; blocking (worker). */
#ifndef CRADLE_SURVEY_H
#define CRADLE_SURVEY_H

#include "base/fault.h"
#include "db/db.h"
#include "fleet/fleet.h"
#include <stdbool.h>

#define SURVEY_FILE_MAX 1048576 /* bytes; a larger configuration file is not looked into */

/* Who wants to know. All texts are borrowed until the call returns; a value may be a secret. */
struct survey {
    /* One attribute of an element. Anything but FAULT_OK ends the survey with that. */
    enum fault_code (*attribute)(void *user, const char *path, const char *name, const char *value,
                                 struct fault *f);
    /* A file that nobody here can look into: encrypted for the handset; or damaged, too large, not
     * well-formed (what was well-formed at its beginning has been told). */
    enum fault_code (*closed)(void *user, const char *path, bool encrypted, struct fault *f);
    void *user;
};

/* Inside a read that is under way. layer: "" or a MAC. */
enum fault_code survey_layer(struct fleet *fleet, struct db_conn *conn, const char *layer,
                             const struct survey *survey, struct fault *f);

#endif
