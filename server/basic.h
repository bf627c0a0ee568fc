/* SPDX-License-Identifier: Apache-2.0 */
/* The credentials of an Authorization header (RFC 7617), strictly: one scheme, canonical base64, nothing cut
 * at a NUL. Floor 3; pure. */
#ifndef CRADLE_BASIC_H
#define CRADLE_BASIC_H

#include "base/secret.h"
#include "fleet/principal.h"
#include <stdbool.h>
#include <stddef.h>

enum basic_kind {
    BASIC_NONE, /* no header, or another scheme: nothing that this server understands was offered */
    BASIC_GIVEN /* an attempt, perhaps with parts that can be nobody's */
};
struct basic {
    char user[ACCOUNT_NAME_LIMIT + 1];
    bool user_unfit; /* too long, control characters, or the whole thing is malformed */
    char password[SECRET_PASSWORD_MAX + 1];
    bool password_unfit; /* too long, or with a NUL */
};

/* value: the header's text, NULL when absent. *ret_basic is filled for BASIC_GIVEN; the caller wipes it. */
enum basic_kind basic_parse(const char *value, struct basic *ret_basic);

/* Canonical base64 (RFC 4648, 4: padded, no other characters, no stray bits) into out, which has room for 3
 * bytes of every 4. False when it is malformed. */
bool basic_decode(const char *text, size_t n, char *out, size_t *ret_n);

#endif
