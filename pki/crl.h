/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of revoked certificates (X.509 CRL v2, RFC 5280, 5): made and signed. Floor 1; any thread. */
#ifndef CRADLE_CRL_H
#define CRADLE_CRL_H

#include "base/buf.h"
#include "base/fault.h"
#include "pki/mint.h"

#include <stddef.h>
#include <stdint.h>

/* Why (RFC 5280, 5.3.1; those that make sense here). */
enum crl_reason {
    CRL_UNSPECIFIED,
    CRL_KEY_COMPROMISE,      /* lost, stolen, copied */
    CRL_CA_COMPROMISE,       /* of an intermediate */
    CRL_AFFILIATION_CHANGED, /* no longer of this site */
    CRL_SUPERSEDED,          /* another took its place */
    CRL_CESSATION,           /* out of service */
    CRL_PRIVILEGE_WITHDRAWN,
    CRL_REASONS
};
/* "key-compromise", as the command line and the index write it. FAULT_INPUT names them all. */
enum fault_code crl_reason_find(const char *word, enum crl_reason *ret_reason, struct fault *f);
const char *crl_reason_word(enum crl_reason reason);

struct crl_entry {
    char serial[MINT_SERIAL_MAX]; /* lower-case hex */
    int64_t when;                 /* Unix seconds */
    enum crl_reason reason;
};

/* Appends a PEM list of `count` entries, number `number`, valid from `now` to `next` (Unix seconds).
 * FAULT_INPUT: a serial that is none; FAULT_TLS. */
enum fault_code crl_make(const struct issuer *issuer, const struct crl_entry *entries, size_t count,
                         uint64_t number, int64_t now, int64_t next, struct buf *pem, struct fault *f);

/* The number of a list in a PEM file; 0 when there is no file, or no list in it. */
uint64_t crl_number(const char *file);

#endif
