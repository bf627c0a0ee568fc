/* SPDX-License-Identifier: Apache-2.0 */
/* Writing DER (X.690), as little of it as a list of revocations takes: GnuTLS writes such lists too, but not
 * the reasons in them. Floor 1; any thread. */
#ifndef CRADLE_DER_H
#define CRADLE_DER_H

#include "base/buf.h"
#include "base/fault.h"
#include <stddef.h>
#include <stdint.h>

enum der_tag {
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_CONTEXT_0 = 0xa0,
    DER_KEY_ID = 0x80 /* [0] IMPLICIT of an AuthorityKeyIdentifier */
};

/* Append to an initialised buf; FAULT_TOO_LARGE, FAULT_MEMORY. */
enum fault_code der_add(struct buf *out, enum der_tag tag, const void *content, size_t n, struct fault *f);
/* A non-negative number of n bytes, big-endian. */
enum fault_code der_number(struct buf *out, const uint8_t *bytes, size_t n, struct fault *f);
/* An object identifier in dots ("2.5.29.20"), whose numbers are below 2^28. FAULT_INPUT. */
enum fault_code der_oid(struct buf *out, const char *dots, struct fault *f);
/* A time in Unix seconds: UTCTime up to 2049, GeneralizedTime from 2050 on (RFC 5280, 5.1.2.4). */
enum fault_code der_time(struct buf *out, int64_t time, struct fault *f);
/* Turns all that was appended since `start` (out->used then) into the content of a constructed value. */
enum fault_code der_wrap(struct buf *out, size_t start, enum der_tag tag, struct fault *f);

#endif
