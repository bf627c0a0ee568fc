/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of cradle-handset. */
#ifndef CRADLE_OPTIONS_H
#define CRADLE_OPTIONS_H

#include "cli/trace.h"
#include <stdbool.h>
#include <stddef.h>

enum options_tls { OPTIONS_TLS_ANY, OPTIONS_TLS_12, OPTIONS_TLS_13 };

struct options { /* texts are borrowed from argv */
    const char *url, *ftps, *admin_url, *ca;
    const struct trace *trace;
    const char *user, *password_file, *mac;
    const char *credentials, *save_credentials;
    const char *admin, *admin_password_file;
    const char *operator, * operator_password_file;
    const char *cert, *key, *cert_dir;
    const char *expect, *part;
    size_t handsets, concurrency, boots; /* handsets 0: all that have credentials */
    size_t log_min, log_max;
    enum options_tls tls;
    long timeout_ms;
    bool keep;      /* one connection a boot, not one a file */
    bool challenge; /* credentials only after a 401 */
    bool cleanup, firmware, json;
    int progress; /* -1: when standard error is a terminal */
};

enum options_next { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_WRONG };

/* Reads argv; prints help, lists and what is wrong itself. */
enum options_next options_read(int argc, char **argv, struct options *ret_options);

/* "200-64K": two sizes, or one for both; K is 1024. */
bool options_range(const char *text, size_t *ret_min, size_t *ret_max);

#endif
