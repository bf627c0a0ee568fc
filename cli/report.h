/* SPDX-License-Identifier: Apache-2.0 */
/* What a run was like: counters, the time of each boot, errors by kind; as a table for people and as JSON.
 * One thread. */
#ifndef CRADLE_REPORT_H
#define CRADLE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum report_kind {
    REPORT_CONNECT, /* no connection, or a name that does not resolve */
    REPORT_TLS,     /* handshake, the server's certificate, a record */
    REPORT_LOGIN,   /* 401, 530 */
    REPORT_STATUS,  /* any other reply that was not due */
    REPORT_ABSENT,  /* 404, 550 for a file that must be there */
    REPORT_CONTENT, /* other bytes than expected */
    REPORT_LOG,     /* a log that is not what was sent, or has not its size */
    REPORT_CUT,     /* a transfer that ended early */
    REPORT_TIMEOUT,
    REPORT_LOCAL, /* memory, files of this side */
    REPORT_KINDS
};

#define REPORT_GROUPS 64

struct report_group {
    enum report_kind kind;
    long code; /* the reply's code, or 0 */
    uint64_t count;
    char example[400];
};

struct report {
    const char *trace, *target, *tls, *connection; /* borrowed */
    size_t handsets, concurrency, boots_each;
    uint64_t boots, boots_good, requests, received, sent, logs_checked, skipped;
    uint64_t
        stalled; /* uploads whose "Expect: 100-continue" stayed unanswered for a second: slow, no error */
    int64_t elapsed_us;
    uint32_t *boot_us; /* of each boot, `boots` of them */
    size_t room;
    uint64_t errors;
    struct report_group groups[REPORT_GROUPS];
    size_t group_count;
};

void report_fini(struct report *r);
const char *report_word(enum report_kind kind);
/* Counts an error; the text of the first of each kind and code is kept as an example. Control characters in
 * it, which a server may have put there, become '?'. */
void report_error(struct report *r, enum report_kind kind, long code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Counts a boot. */
void report_boot(struct report *r, uint32_t us, bool good);
/* The value below which or at which p of 100 lie (nearest rank); 0 for none. `sorted` ascends. */
uint32_t report_percentile(const uint32_t *sorted, size_t n, unsigned p);
/* "1.5 MB", powers of 1000. */
void report_bytes(uint64_t bytes, char *out, size_t size);

void report_print(struct report *r, FILE *out);
/* False if out of memory or out cannot be written. */
bool report_json(struct report *r, FILE *out);

#endif
