/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/der.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HEADER_MAX (2 + sizeof(size_t))

/* Tag and length (X.690, 8.1.3, the shortest form). */
static size_t header(uint8_t out[HEADER_MAX], enum der_tag tag, size_t n)
{
    size_t used = 0, bytes = 0;
    out[used++] = (uint8_t)tag;
    if (n < 0x80) {
        out[used++] = (uint8_t)n;
        return used;
    }
    while (bytes < sizeof n && n >> (8 * bytes) != 0)
        bytes++;
    out[used++] = (uint8_t)(0x80 | bytes);
    while (bytes > 0)
        out[used++] = (uint8_t)(n >> (8 * --bytes));
    return used;
}

enum fault_code der_add(struct buf *out, enum der_tag tag, const void *content, size_t n, struct fault *f)
{
    uint8_t head[HEADER_MAX];
    enum fault_code code = buf_add(out, head, header(head, tag, n), f);
    return code == FAULT_OK ? buf_add(out, content, n, f) : code;
}

enum fault_code der_wrap(struct buf *out, size_t start, enum der_tag tag, struct fault *f)
{
    uint8_t head[HEADER_MAX];
    size_t n = out->used - start, more = header(head, tag, n);
    struct fault local;
    struct fault *why = f != NULL ? f : &local;
    if (buf_reserve(out, more, why) == NULL)
        return why->code;
    memmove(out->data + start + more, out->data + start, n);
    memcpy(out->data + start, head, more);
    buf_grew(out, more);
    return FAULT_OK;
}

enum fault_code der_number(struct buf *out, const uint8_t *bytes, size_t n, struct fault *f)
{
    size_t start = out->used;
    while (n > 1 && bytes[0] == 0) {
        bytes++;
        n--;
    }
    /* A leading bit would make it negative; no bytes at all are zero. */
    enum fault_code code = n == 0 || bytes[0] & 0x80 ? buf_add(out, "", 1, f) : FAULT_OK;
    if (code == FAULT_OK)
        code = buf_add(out, bytes, n, f);
    return code == FAULT_OK ? der_wrap(out, start, DER_INTEGER, f) : code;
}

/* Base 128, the high bit set on all bytes but the last (X.690, 8.19). */
static size_t base_128(uint8_t out[5], unsigned long number)
{
    size_t used = 0;
    for (int shift = 28; shift >= 0; shift -= 7)
        if (number >> shift != 0 || shift == 0)
            out[used++] = (uint8_t)((number >> shift & 0x7f) | (shift > 0 ? 0x80 : 0));
    return used;
}

enum fault_code der_oid(struct buf *out, const char *dots, struct fault *f)
{
    uint8_t bytes[64];
    size_t used = 0;
    unsigned long first = 0;
    const char *at = dots;
    for (int i = 0;; i++) {
        char *end;
        unsigned long number = strtoul(at, &end, 10);
        if (end == at || number >= 1ul << 28 || used + 5 > sizeof bytes)
            return fault_set(f, FAULT_INPUT, "'%.60s' is no object identifier", dots);
        if (i == 0)
            first = number;
        else
            used += base_128(bytes + used, i == 1 ? first * 40 + number : number);
        if (*end == '\0')
            break;
        at = end + 1;
    }
    return der_add(out, DER_OID, bytes, used, f);
}

enum fault_code der_time(struct buf *out, int64_t when, struct fault *f)
{
    time_t seconds = (time_t)when;
    struct tm tm;
    char text[32];
    if (gmtime_r(&seconds, &tm) == NULL || tm.tm_year < 50 || tm.tm_year > 9999 - 1900)
        return fault_set(f, FAULT_INPUT, "a time out of range");
    bool utc = tm.tm_year < 150;
    strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &tm);
    const char *digits = utc ? text + 2 : text; /* UTCTime has no century */
    return der_add(out, utc ? DER_UTC_TIME : DER_GENERALIZED_TIME, digits, strlen(digits), f);
}
