/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated handsets: who they are, what they log in with, what they sent. One thread. */
#ifndef CRADLE_ROSTER_H
#define CRADLE_ROSTER_H

#include "base/fault.h"
#include "base/mac.h"
#include "cli/diary.h"
#include <stdbool.h>
#include <stddef.h>

#define ROSTER_LIMIT 100000

struct roster_handset {
    struct mac mac;
    char *user, *password; /* both NULL when a certificate identifies */
    char *cert, *key;      /* paths of PEM files, NULL for none */
    struct diary diary;
    unsigned boots; /* begun so far */
    bool own_master;
};

struct roster {
    struct roster_handset *all;
    size_t count, room;
};

/* Adds one; the texts are copied, user may be NULL, an empty password counts as none. NULL if out of memory.
 * Pointers into the roster are valid until the next addition. */
struct roster_handset *roster_add(struct roster *r, const struct mac *mac, const char *user,
                                  const char *password);
void roster_fini(struct roster *r); /* wipes the passwords */
/* Keeps the first `count` only. */
void roster_trim(struct roster *r, size_t count);
struct roster_handset *roster_find(struct roster *r, const struct mac *mac);

/* Adds the lines `mac,user,password` of a CSV text (RFC 4180; a byte order mark, CR, blank lines, lines that
 * begin with '#' and a heading are passed over). Errors name `source` and the line. An empty user is the MAC,
 * an empty password is none. */
enum fault_code roster_parse(struct roster *r, const char *text, size_t n, const char *source,
                             struct fault *f);

/* Gives every handset FOLDER/<mac>.pem, and FOLDER/<mac>.key where there is one (otherwise the key is in the
 * same file). */
enum fault_code roster_certificates(struct roster *r, const char *folder, struct fault *f);

#endif
