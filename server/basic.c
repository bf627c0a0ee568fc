/* SPDX-License-Identifier: Apache-2.0 */
#include "server/basic.h"

#include "base/mem.h"
#include "base/utf.h"

#include <string.h>
#include <strings.h>

/* Longer headers hold no credentials of ours: a name, a colon and a password, each at its longest, and room
 * to see that they are longer. */
#define DECODED_MAX 4096
#define ENCODED_MAX (DECODED_MAX / 3 * 4)

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool basic_decode(const char *text, size_t n, char *out, size_t *ret_n)
{
    if (n % 4 != 0)
        return false;
    size_t padding = n == 0 || text[n - 1] != '=' ? 0 : text[n - 2] == '=' ? 2 : 1;
    size_t used = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < n; i++) {
        int value = i >= n - padding ? 0 : digit(text[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (unsigned)value;
        if (i % 4 != 3)
            continue;
        size_t bytes = i + 1 == n ? 3 - padding : 3;
        if (bytes < 3 && (bits & ((1U << (8 * (3 - bytes))) - 1)) != 0)
            return false; /* bits that no byte uses: a second spelling of the same text */
        for (size_t b = 0; b < bytes; b++)
            out[used++] = (char)(bits >> (16 - 8 * b) & 0xff);
        bits = 0;
    }
    *ret_n = used;
    return true;
}

static bool is_fit_name(const char *name, size_t n)
{
    uint32_t point;
    for (size_t i = 0, step; i < n; i += step) {
        step = utf_next(name + i, n - i, &point);
        if (step == 0 || utf_is_control(point))
            return false;
    }
    return true;
}

static void split(const char *text, size_t n, struct basic *basic)
{
    const char *colon = memchr(text, ':', n);
    if (colon == NULL) {
        basic->user_unfit = true;
        return;
    }
    size_t name = (size_t)(colon - text);
    basic->user_unfit =
        !is_fit_name(text, name) || !mem_copy_bytes(basic->user, sizeof basic->user, text, name);
    basic->password_unfit = !mem_copy_bytes(basic->password, sizeof basic->password, colon + 1, n - name - 1);
}

enum basic_kind basic_parse(const char *value, struct basic *ret_basic)
{
    if (value == NULL || strncasecmp(value, "Basic", 5) != 0 || (value[5] != ' ' && value[5] != '\0'))
        return BASIC_NONE;
    value += 5;
    while (*value == ' ')
        value++;
    size_t n = strlen(value);
    while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t'))
        n--;
    char decoded[DECODED_MAX];
    size_t length = 0;
    *ret_basic = (struct basic){ 0 };
    if (n == 0 || n > ENCODED_MAX || !basic_decode(value, n, decoded, &length))
        ret_basic->user_unfit = true;
    else
        split(decoded, length, ret_basic);
    mem_wipe(decoded, sizeof decoded);
    return BASIC_GIVEN;
}
