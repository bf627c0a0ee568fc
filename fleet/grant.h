/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: the only file that decides it, from role and name alone, before any look-up. Floor 2;
 * pure. */
#ifndef CRADLE_GRANT_H
#define CRADLE_GRANT_H

#include "base/fault.h"
#include "base/path.h"
#include "fleet/principal.h"
#include <stdbool.h>
#include <stdint.h>

enum grant_action {
    GRANT_READ,
    GRANT_LIST,
    GRANT_REPLACE,
    GRANT_APPEND,
    GRANT_REMOVE,
    GRANT_ENTER,
    GRANT_ADMINISTER
};

/* What a path means for somebody. Reading a path that may be a folder gives the folder's kind where the shape
 * tells it. */
enum place_kind {
    PLACE_SHARED,   /* path in the shared layer */
    PLACE_OWN,      /* handset: own layer, then shared (reading); own layer (writing) */
    PLACE_LAYER,    /* administrator: path in mac's layer */
    PLACE_LOG,      /* a log: mac, path, generation (0: the newest) */
    PLACE_LAYERS,   /* the folder /@handset */
    PLACE_LOGS,     /* the folder /@log */
    PLACE_LOGS_OF,  /* a folder below /@log/MAC: mac, path */
    PLACE_ROOT,     /* an administrator's "/": the shared layer's root, @handset and @log */
    PLACE_ROOT_LOGS /* an operator's "/": @log alone */
};
struct place {
    enum place_kind kind;
    struct mac mac;
    struct path path;   /* within the layer or the log folder */
    int64_t generation; /* PLACE_LOG through /@log: N of "path@N", 0 without */
    bool through_log;   /* PLACE_LOG named by /@log/… rather than by the handset's own name */
    bool fallback;      /* a handset asks for a name that begins with 000000000000 */
    bool own_name;      /* a handset reads a path that carries its MAC */
};

/* What every absence is called, whatever its cause: the text must not tell a foreign name from an unused
 * one. */
#define GRANT_ABSENT_WORDS "no such file or folder"

/* Names that the HTTPS front end has for itself, "/healthz" and "/api" with all below. What were stored there
 * could be read over FTPS only, so nobody stores there. */
bool grant_is_reserved(const char *path);

/* Translates path for `who` and judges the action. FAULT_ABSENT: a handset's reading or listing of what by
 * its shape is not its own, alike for @-names; FAULT_FORBIDDEN: entering or writing outside of its own names,
 * operators outside of /@log, writes to logs by others than their handset, appending to what is no log, with
 * a text that says what is allowed; FAULT_INPUT: an administrator's write to "@handset" without a MAC, to two
 * different MACs in one path, to other names that begin with '@', to a folder. */
enum fault_code grant_place(const struct principal *who, enum grant_action action, const struct path *path,
                            struct place *ret_place, struct fault *f);
/* May `who` read a file that bears a private key (R20)? Its own handset alone, for whose file this was found
 * to be. FAULT_FORBIDDEN. */
enum fault_code grant_bearer(const struct principal *who, struct fault *f);
/* GRANT_ADMINISTER; and GRANT_READ, GRANT_LIST: reading logs through the API. */
enum fault_code grant_role(const struct principal *who, enum grant_action action, struct fault *f);

#endif
