/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf.h"

size_t utf_next(const char *text, size_t n, uint32_t *ret_point)
{
    /* Lead bytes by length: the bits they carry, and the least code point that needs that length. */
    static const struct {
        uint8_t mask, lead;
        uint32_t least;
    } forms[] = { { 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };

    if (n == 0)
        return 0;
    uint8_t first = (uint8_t)text[0];
    for (size_t length = 1; length <= 4; length++) {
        if ((first & forms[length - 1].mask) != forms[length - 1].lead)
            continue;
        if (length > n)
            return 0;
        uint32_t point = first & (uint8_t)~forms[length - 1].mask;
        for (size_t i = 1; i < length; i++) {
            uint8_t byte = (uint8_t)text[i];
            if ((byte & 0xc0) != 0x80)
                return 0;
            point = point << 6 | (byte & 0x3f);
        }
        if (point < forms[length - 1].least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
            return 0;
        *ret_point = point;
        return length;
    }
    return 0;
}

bool utf_is_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point <= 0x9f);
}

size_t utf_whole(const char *text, size_t n)
{
    size_t start = n;
    for (size_t back = 0; back < 4 && start > 0; back++) {
        uint8_t byte = (uint8_t)text[--start];
        if ((byte & 0xc0) == 0x80)
            continue;
        size_t need = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
        return n - start < need ? start : n;
    }
    return n;
}

bool utf_is_plain(const char *text, size_t n)
{
    for (size_t i = 0, length; i < n; i += length) {
        uint32_t point = 0;
        length = utf_next(text + i, n - i, &point);
        if (length == 0 || utf_is_control(point))
            return false;
    }
    return true;
}
