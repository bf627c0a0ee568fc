/* SPDX-License-Identifier: Apache-2.0 */
/* One file of one handset, through libcurl: what is asked or sent, and the judgement of what came back. One
 * thread. */
#ifndef CRADLE_TRANSFER_H
#define CRADLE_TRANSFER_H

#include "base/buf.h"
#include "cli/expect.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/roster.h"
#include "cli/trace.h"
#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

/* What all transfers share; everything in it is borrowed. */
struct transfer_setup {
    const struct options *options;
    struct expect *expect;
    struct report *report;
    struct curl_slist *resolve; /* the server's addresses, looked up once */
};

struct transfer {
    const struct transfer_setup *setup;
    struct roster_handset *handset;
    CURL *easy;
    struct trace_step step; /* its name is only a template */
    char path[TRACE_NAME_LIMIT + 1];
    struct curl_slist *lines; /* header lines, or commands */
    struct expect_content *content;
    struct buf text; /* a master file */
    struct diary_log *log;
    size_t offset;         /* of the upload */
    bool continued;        /* 100, or a final status, came before the body went */
    bool stalled, dropped; /* dropped: by this side, on purpose */
    char words[CURL_ERROR_SIZE];
};

enum transfer_outcome {
    TRANSFER_GOOD,
    TRANSFER_ABSENT, /* and it may be */
    TRANSFER_BAD,    /* reported; the boot goes on */
    TRANSFER_FATAL,  /* reported; the connection or the login is gone, and the boot with it */
};

/* Prepares `easy` (kept until transfer_end). False, and reported, on this side's own failure. */
bool transfer_begin(struct transfer *t, const struct transfer_setup *setup, struct roster_handset *handset,
                    CURL *easy, const struct trace_step *step, const char *path);
/* Judges and reports. Afterwards t->text holds the master file where one was asked for and came. */
enum transfer_outcome transfer_end(struct transfer *t, CURLcode code);
/* Frees what transfer_begin and transfer_end left; t may be all zero. */
void transfer_fini(struct transfer *t);

/* CA, TLS version, client certificate, time limits: for every connection of this program. */
void transfer_secure(CURL *easy, const struct options *options, const char *cert, const char *key);
/* base + '/' + path, the path percent-encoded; NULL if out of memory. */
char *transfer_url(const char *base, const char *path);

#endif
