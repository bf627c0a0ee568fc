/* SPDX-License-Identifier: Apache-2.0 */
/* What certificates are for. A profile decides subject, usage, default key and default lifetime, and which CA
 * signs; the one who asks decides none of it. Floor 1; any thread. */
#ifndef CRADLE_PROFILE_H
#define CRADLE_PROFILE_H

#include "base/fault.h"
#include "pki/key.h"
#include "pki/names.h"

#include <stdbool.h>

enum profile_id {
    PROFILE_ROOT,         /* signs intermediates and nothing else */
    PROFILE_INTERMEDIATE, /* signs certificates of one role */
    PROFILE_SERVER,       /* the roles from here on */
    PROFILE_HANDSET,
    PROFILE_ADMINISTRATOR,
    PROFILE_OPERATOR,
    PROFILE_COUNT
};
#define PROFILE_FIRST_ROLE PROFILE_SERVER

struct profile {
    enum profile_id id;
    const char *word;  /* on the command line, in the index, and the folder's name */
    bool serves;       /* serverAuth; the other roles: clientAuth */
    enum key_kind key; /* default */
    int days;          /* default lifetime */
    const char *what;  /* what the common name is, for people */
};

const struct profile *profile_get(enum profile_id id);
/* FAULT_INPUT: there is none of this name. */
enum fault_code profile_find(const char *word, const struct profile **ret_profile, struct fault *f);
static inline bool profile_is_role(enum profile_id id)
{
    return id >= PROFILE_FIRST_ROLE && id < PROFILE_COUNT;
}

/* The common name that this profile makes of a name as a person writes it: a handset's MAC in any spelling
 * becomes 12 lower-case digits, a host name lower case. FAULT_INPUT with what it should be. */
enum fault_code profile_name(const struct profile *profile, const char *text, char ret_name[NAMES_CN_MAX + 1],
                             struct fault *f);
/* Is this common name in the form that profile_name gives? */
enum fault_code profile_check(const struct profile *profile, const char *name, struct fault *f);

#define PROFILE_DAYS_MAX 10950 /* 30 years */

#endif
