/* SPDX-License-Identifier: Apache-2.0 */
/* The index of a PKI folder: every certificate that was signed there, one line each. As text:
 *
 *     state TAB serial TAB profile TAB end TAB revoked TAB reason TAB file TAB common name
 *
 * state is `valid` or `revoked` (whether it is over is in `end`); serial is lower-case hex; the times are RFC
 * 3339 in UTC with seconds (`2031-11-24T01:49:53Z`), or `-`; reason is one of crl.h's words, or `-`; file is
 * relative to the folder and lacks its ".pem". Lines that begin with '#' are remarks. A last line that does
 * not end is what a crash left of one: it is passed over. This is the reader and the writer; store.h keeps
 * the file. Floor 1; an object belongs to one thread. */
#ifndef CRADLE_LEDGER_H
#define CRADLE_LEDGER_H

#include "base/buf.h"
#include "base/fault.h"
#include "pki/crl.h"
#include "pki/profile.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_STEM_MAX 200     /* bytes of a file's name without ".pem", with its folder */
#define LEDGER_LIMIT    1000000 /* certificates */
#define LEDGER_HEADING  "# Certificates that were signed here; cradlectl(1) tells the fields.\n"

struct ledger_line {
    enum profile_id profile;
    char serial[MINT_SERIAL_MAX];
    int64_t not_after; /* Unix seconds */
    int64_t revoked;   /* Unix seconds, 0: it is not */
    enum crl_reason reason;
    char stem[LEDGER_STEM_MAX + 1];
    char subject[NAMES_CN_MAX + 1];
};

struct ledger {
    struct ledger_line *all; /* in the order in which they were signed */
    size_t count, room;
};

/* Reads a text into an empty ledger. FAULT_DAMAGED names `source` and the line. ret_whole, unless NULL: how
 * many bytes the whole lines take. */
enum fault_code ledger_parse(struct ledger *ledger, const char *text, size_t n, const char *source,
                             size_t *ret_whole, struct fault *f);
/* Appends a line as text. */
enum fault_code ledger_write(const struct ledger_line *line, struct buf *out, struct fault *f);
/* FAULT_MEMORY, FAULT_TOO_LARGE. */
enum fault_code ledger_add(struct ledger *ledger, const struct ledger_line *line, struct fault *f);
void ledger_fini(struct ledger *ledger);

/* The last one whose file has this stem; NULL: none. Borrowed until the next addition. */
struct ledger_line *ledger_at(const struct ledger *ledger, const char *stem);
/* Is it neither revoked nor over at this time (Unix seconds)? */
bool ledger_holds(const struct ledger_line *line, int64_t now);

#endif
