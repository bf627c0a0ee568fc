/* SPDX-License-Identifier: Apache-2.0 */
/* An answer before it goes out: status, headers, and a body that is text, the bytes of a reader, or nothing.
 * Filled by handlers, sent by respond.c. Errors are application/problem+json (RFC 9457) with nothing in them
 * that changes from one time to the next. Floor 3; belongs to its exchange. */
#ifndef CRADLE_REPLY_H
#define CRADLE_REPLY_H

#include "base/buf.h"
#include "base/fault.h"
#include "fleet/reader.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLY_HEADERS_MAX 12
#define REPLY_BODY_MAX    (64 << 20)

struct reply {
    int status; /* 0: none yet */
    struct {
        const char *name; /* static */
        char value[160];
    } header[REPLY_HEADERS_MAX];
    size_t headers;
    struct buf body;       /* unless reader */
    struct reader *reader; /* owned */
    int64_t offset;        /* in the reader */
    int64_t length; /* of the reader's bytes; also without a reader, for HEAD and 304: what GET would tell, -1
                       when that is not known */
    bool bodiless;  /* HEAD, 304: `length` is told, no body goes out */
    bool close;     /* the connection ends with this answer */
};

void reply_init(struct reply *reply);
void reply_fini(struct reply *reply); /* wipes: it may hold a secret that was shown once */

/* A header; the value is cut when it is too long. name must be static. */
void reply_header(struct reply *reply, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Throws away what was filled in and makes an error of it. */
void reply_problem(struct reply *reply, int status, const char *type, const char *detail);
/* The same from a fault, by the one table of statuses. */
void reply_fault(struct reply *reply, const struct fault *f);
int reply_status(enum fault_code code);
const char *reply_phrase(int status);
/* Takes value (also when NULL, which is out of memory). */
void reply_json(struct reply *reply, int status, json_t *value);

#endif
