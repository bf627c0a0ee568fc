/* SPDX-License-Identifier: Apache-2.0 */
/* Replies of the control connection (RFC 959, 4.2): the one table of codes (reply.def), how a line is
 * written, and which reply a fault becomes. Pure. Floor 3. */
#ifndef CRADLE_REPLY_H
#define CRADLE_REPLY_H

#include "base/buf.h"
#include "base/fault.h"
#include <stdarg.h>
#include <stdbool.h>

enum reply {
#define X(id, code, text) REPLY_##id,
#include "ftps/reply.def"
#undef X
    REPLY_COUNT
};

/* The longest line, CR LF included: a path whose every byte is a quote, doubled, and some words. */
#define REPLY_LINE_MAX 2304

int reply_code(enum reply reply);
const char *reply_text(enum reply reply);

/* Adds one line "code text" or, as the first of several, "code-text"; what cannot stand in a line becomes
 * '?'. The last line of several is a plain reply_add of the same code. The arguments are those of the reply's
 * text. */
enum fault_code reply_add(struct buf *out, enum reply reply, bool more, struct fault *f, va_list arguments);
/* A line between the first and the last; begins with a blank so that no code can be read in it. */
enum fault_code reply_add_middle(struct buf *out, const char *text, struct fault *f);

/* The reply that a fault becomes, and the words for it: the fault's own where the client can act upon them,
 * fixed ones where they would tell apart what must look alike, or tell of our inside. words is borrowed from
 * *fault or static. */
enum reply reply_of_fault(const struct fault *fault, const char **ret_words);

#endif
