/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 is read as the C library reads it in its C.UTF-8 locale, and a cut text is made whole by taking bytes
 * of one character only. */
#include "base/utf.h"
#include "tests/fuzz/fuzz.h"

#include <locale.h>
#include <wchar.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool reference;
    static bool asked;
    if (!asked)
        reference = setlocale(LC_CTYPE, "C.UTF-8") != NULL;
    asked = true;
    char *text = fuzz_copy(data, size);
    size_t at = 0;
    while (at < size) {
        uint32_t point = 0xffffffff;
        size_t n = utf_next(text + at, size - at, &point);
        HOLDS(n <= 4 && n <= size - at);
        HOLDS(n > 0 || point == 0xffffffff);
        HOLDS(!utf_is_control(point) || (n > 0 && point < 0xa0));
        if (reference) {
            mbstate_t state = { 0 };
            wchar_t wide = 0;
            size_t theirs = mbrtowc(&wide, text + at, size - at, &state);
            /* It reads on beyond U+10FFFF, where characters end. */
            bool valid = theirs != (size_t)-1 && theirs != (size_t)-2 && (uint32_t)wide <= 0x10ffff;
            HOLDS(valid == (n > 0));
            HOLDS(!valid || ((theirs > 0 ? theirs : 1) == n && (uint32_t)wide == point));
        }
        if (n == 0)
            break;
        at += n;
        /* Every cut of a well-formed text ends where a character ends. */
        for (size_t cut = at - n; cut < at; cut++)
            HOLDS(utf_whole(text, cut) == at - n);
        HOLDS(utf_whole(text, at) == at);
    }
    size_t whole = utf_whole(text, size);
    HOLDS(whole <= size && size - whole < 4);
    free(text);
    return 0;
}
