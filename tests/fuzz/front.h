/* SPDX-License-Identifier: Apache-2.0 */
/* Both real front ends on the loopback interface, over a real catalog in memory if there is a place for that,
 * with two handsets and things of each; and TLS clients of them. One thread, but for the front ends' own. */
#ifndef CRADLE_FUZZ_FRONT_H
#define CRADLE_FUZZ_FRONT_H

#include "fleet/fleet.h"
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The handset that tries, and the one whose things it must never see. */
#define FRONT_MAC      "0004f2aaaaa1"
#define FRONT_FOREIGN  "0004f2bbbbb2"
#define FRONT_SECRET   "is nobody's business but hers" /* in all that is the foreign handset's */
#define FRONT_PASSWORD "jw8-handset-4kt"
#define FRONT_OPERATOR "olga"
#define FRONT_READS    "jw8-reader-55p"

/* Opened once; the same each time. What earlier inputs brought about delays nobody. */
const struct fleet *front_open(void);
uint16_t front_port(bool ftps);
/* How often something was tried: now and then, what is the foreign handset's must be as it was. */
void front_check(void);

struct client {
    gnutls_session_t tls;
    int fd; /* -1: none */
};
/* Connects and shakes hands. False: the server did not want to; a control connection, and one over HTTPS, it
 * must. */
bool client_open(struct client *client, uint16_t port);
void client_must_open(struct client *client, uint16_t port);
void client_send(struct client *client, const char *bytes, size_t n);
/* 0: the end, orderly or not. A wait of more than some seconds breaks the test. */
size_t client_read(struct client *client, char *out, size_t n);
/* Says that nothing more comes. */
void client_end(struct client *client);
void client_close(struct client *client); /* takes a closed one */

#endif
