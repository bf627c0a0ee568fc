/* SPDX-License-Identifier: Apache-2.0 */
/* What certificates are made out to: host names, addresses, MACs, accounts; and the list of a server's
 * alternative names (R19). Floor 1; any thread. */
#ifndef CRADLE_NAMES_H
#define CRADLE_NAMES_H

#include "base/fault.h"
#include <stdbool.h>
#include <stddef.h>

#define NAMES_CN_MAX   64  /* bytes of a common name (ub-common-name, RFC 5280, A.1) */
#define NAMES_HOST_MAX 253 /* of a host name */
#define NAMES_MAX      64  /* alternative names of one certificate */

/* Alternative names, each once; DNS names in lower case, addresses as inet_ntop(3) writes them. All zero is
 * an empty list. */
struct names {
    size_t count;
    char at[NAMES_MAX][NAMES_HOST_MAX + 1];
};

/* A host name as RFC 1123 has it, perhaps with "*." before? */
bool names_is_host(const char *text);
/* A numeric IPv4 or IPv6 address? Its bytes in network order and how many (4 or 16). */
bool names_is_address(const char *text, unsigned char ret_bytes[16], size_t *ret_n);

/* Adds a host name or an address unless it is there. FAULT_INPUT: it is neither, or the list is full. */
enum fault_code names_add(struct names *names, const char *text, struct fault *f);

/* 1 to 64 bytes of UTF-8 without control characters. FAULT_INPUT. */
enum fault_code names_check_common(const char *text, struct fault *f);
/* An account as the server names them: 1 to 64 letters, digits, ".", "_", "-"; not a dot first. FAULT_INPUT.
 */
enum fault_code names_check_account(const char *text, struct fault *f);

#endif
