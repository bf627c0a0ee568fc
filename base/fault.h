/* SPDX-License-Identifier: Apache-2.0 */
/* An error as a value: a code that a machine decides on and a short text that a person reads.
 *
 * Functions that can fail return an enum fault_code (FAULT_OK is 0) and take a struct fault * as their
 * last argument, which may be NULL. Outputs are untouched on failure. Lower floors return faults and never
 * log them; the border floors (ftps/, server/) translate the code by a table and log once.
 * A text never holds a secret, says what to do where there is something to do, and ends without a full stop.
 * Floor 0; no thread of its own. */
#ifndef CRADLE_FAULT_H
#define CRADLE_FAULT_H

enum fault_code {
    FAULT_OK = 0,
    FAULT_INPUT,           /* malformed request or argument                     HTTP 400  FTP 501 */
    FAULT_CONTENT,         /* well-formed, but the content cannot be accepted   HTTP 422  FTP 553 */
    FAULT_UNAUTHENTICATED, /* no or wrong credentials                           HTTP 401  FTP 530 */
    FAULT_FORBIDDEN,       /* known, and not allowed                            HTTP 403  FTP 550 */
    FAULT_ABSENT,          /* proven absence, nothing else                      HTTP 404  FTP 550 */
    FAULT_CONFLICT,        /* the state forbids it (exists, last of its kind)   HTTP 409  FTP 553 */
    FAULT_PRECONDITION,    /* If-Match, If-None-Match                           HTTP 412  FTP 550 */
    FAULT_RANGE,           /* offset or range outside of the content            HTTP 416  FTP 554 */
    FAULT_TOO_LARGE,       /* above the limit for this kind of upload           HTTP 413  FTP 552 */
    FAULT_QUOTA,           /* quota reached or disk full                        HTTP 507  FTP 452 */
    FAULT_BUSY,            /* queue full, database locked: try again later      HTTP 503  FTP 451 */
    FAULT_DAMAGED,         /* stored data fails its integrity check             HTTP 503  FTP 451 */
    FAULT_IO,              /* the operating system refused                      HTTP 503  FTP 451 */
    FAULT_MEMORY,          /* out of memory                                     HTTP 503  FTP 451 */
    FAULT_CUT,             /* the peer vanished or ended without close_notify   -         FTP 426 */
    FAULT_TIMEOUT,         /* a deadline passed                                 HTTP 408  FTP 426 */
    FAULT_TLS,             /* TLS failed                                        -         FTP 425 */
    FAULT_INTERNAL,        /* a defect in Cradle                                HTTP 500  FTP 451 */
    FAULT_COUNT
};

struct fault {
    enum fault_code code;
    char text[240]; /* UTF-8, NUL-terminated, truncated to fit */
};

/* Fills *f (unless f is NULL) and returns code, so that one can write `return fault_set(f, FAULT_INPUT, …)`.
 */
enum fault_code fault_set(struct fault *f, enum fault_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "<words>: " before the text that f already holds; returns f's code (FAULT_INTERNAL for a
 * NULL f). For callers that know more. */
enum fault_code fault_prefix(struct fault *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A stable lower-case word for a code ("absent", "quota"); for logs and problem types. */
const char *fault_word(enum fault_code code);

#endif
