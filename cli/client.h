/* SPDX-License-Identifier: Apache-2.0 */
/* An administrator's connection to the server's API, over HTTPS (libcurl): JSON in and out, files as streams.
 * Knows no command. What the server refuses comes back as a fault with the server's own words. Blocking; one
 * thread. */
#ifndef CRADLE_CLIENT_H
#define CRADLE_CLIENT_H

#include "base/fault.h"
#include <jansson.h>
#include <stdint.h>

struct client_options {               /* texts are borrowed until client_close */
    const char *server;               /* https://host[:port] */
    const char *ca;                   /* PEM file; NULL: the system's */
    const char *user, *password_file; /* NULL: none; password_file "-" is standard input */
    const char *password;             /* where there is no file */
    const char *cert, *key;           /* PEM; key NULL: in the same file */
};

struct client;
/* Connects with the first request. A password that nobody gave is asked for on the terminal, without echo.
 * FAULT_INPUT: no server, no https:// URL, nobody to log in as. */
enum fault_code client_open(const struct client_options *options, struct client **ret_client,
                            struct fault *f);
void client_close(struct client *client); /* wipes; takes NULL */

/* One request below /api/v1. path begins with '/', is percent-encoded by its maker (client_escape) and may
 * hold a query; body (taken, also on failure) may be NULL. *ret_answer is given (json_decref); NULL when the
 * answer has no body; ret_answer may be NULL. The fault's code tells what the status meant: FAULT_ABSENT 404,
 * FAULT_CONFLICT 409, FAULT_BUSY 503 and so on; FAULT_IO: no answer came. */
enum fault_code client_call(struct client *client, const char *method, const char *path, json_t *body,
                            json_t **ret_answer, struct fault *f);

/* Told now and then while bytes come; total 0: unknown. */
typedef void client_progress(void *user, int64_t done, int64_t total);
/* The body of a GET into an open descriptor, the caller's. progress may be NULL. Partial on failure. */
enum fault_code client_download(struct client *client, const char *path, int fd, client_progress *progress,
                                void *user, struct fault *f);

/* Percent-encodes one path segment or query value; given (free), NULL if out of memory. */
char *client_escape(const char *text);

#endif
