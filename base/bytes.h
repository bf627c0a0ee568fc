/* SPDX-License-Identifier: Apache-2.0 */
/* Binary formats, one field behind the other; numbers in network byte order. The caller knows that there is
 * room. Floor 0; any thread. */
#ifndef CRADLE_BYTES_H
#define CRADLE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Both give where the next field begins. */
static inline uint8_t *bytes_put(uint8_t *at, const void *data, size_t n)
{
    memcpy(at, data, n);
    return at + n;
}

/* The lowest `bytes` bytes of value, 1 to 8. */
static inline uint8_t *bytes_put_be(uint8_t *at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    return at + bytes;
}

static inline uint64_t bytes_get_be(const uint8_t *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

#endif
