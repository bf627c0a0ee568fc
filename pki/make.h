/* SPDX-License-Identifier: Apache-2.0 */
/* Making keys and certificates (X.509 v3, RFC 5280) with GnuTLS: a CA, and what it signs for servers and
 * handsets (R18–R20). SHA-256, random serial numbers of 127 bits, the right key usage for each purpose. Works
 * on files; knows no catalog. Floor 1; any thread, blocking (an RSA key takes a second). */
#ifndef CRADLE_MAKE_H
#define CRADLE_MAKE_H

#include "base/fault.h"
#include <stdint.h>

enum make_key { MAKE_RSA_2048, MAKE_ECDSA_P256 };
enum make_purpose { MAKE_CA, MAKE_SERVER, MAKE_HANDSET };

#define MAKE_NAMES_MAX 8
struct make_subject {
    enum make_purpose purpose;
    enum make_key key;
    const char *common_name;           /* a handset's: the 12 digits of its MAC */
    const char *names[MAKE_NAMES_MAX]; /* servers: DNS names and numeric addresses beside the CN, up to NULL;
                                          the CN is always among the alternative names (R19) */
    int64_t not_before, not_after;     /* Unix seconds; not_before 0: an hour ago, for clocks that lag */
};

/* Makes a key and its certificate, signed by the CA of these files, or by itself when ca_certificate is NULL,
 * and writes both as PEM: the certificate (0644) followed by the CA's, so that it is a chain up to the root,
 * the key 0600. FAULT_CONFLICT: one of the files exists, nothing is overwritten. FAULT_ABSENT, FAULT_INPUT:
 * the CA's files; FAULT_INPUT: a common name or another name that cannot be, or a server or handset without a
 * CA. */
enum fault_code make_certificate(const struct make_subject *subject, const char *ca_certificate,
                                 const char *ca_key, const char *certificate, const char *key,
                                 struct fault *f);

#endif
