/* SPDX-License-Identifier: Apache-2.0 */
/* Socket addresses as FTP needs them: told in replies, compared between two connections. An IPv4 address that
 * comes through an IPv6 socket is taken for what it is. Pure. Floor 3. */
#ifndef CRADLE_ADDRESS_H
#define CRADLE_ADDRESS_H

#include "fleet/principal.h"
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Numeric address ("127.0.0.1", "[::]" without brackets) and port. False when it is none. */
bool address_parse(const char *host, uint16_t port, union address *ret_address);
/* Turns ::ffff:a.b.c.d into a.b.c.d. */
void address_unmap(union address *address);
socklen_t address_length(const union address *address);
uint16_t address_port(const union address *address);
void address_set_port(union address *address, uint16_t port);
void address_text(const union address *address, char text[ADDRESS_LIMIT]);
/* Of the same host, whatever the ports. */
bool address_same_host(const union address *a, const union address *b);
/* "127,0,0,1,195,80" (RFC 959, 4.1.2). told: an IPv4 address to tell instead of its own, or "". False when
 * there is no IPv4 address to tell. */
bool address_passive(const union address *address, const char *told, uint16_t port, char *out, size_t size);

#endif
