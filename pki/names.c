/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/names.h"
#include "base/mem.h"
#include "base/utf.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#define LABEL_MAX 63 /* RFC 1035, 2.3.4 */

bool names_is_host(const char *text)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    const char *at = strncmp(text, "*.", 2) == 0 ? text + 2 : text;
    if (*at == '\0' || strlen(text) > NAMES_HOST_MAX)
        return false;
    for (;;) {
        size_t n = strspn(at, legal);
        if (n == 0 || n > LABEL_MAX || at[0] == '-' || at[n - 1] == '-')
            return false;
        at += n;
        if (*at == '\0')
            return true;
        if (*at++ != '.')
            return false;
    }
}

bool names_is_address(const char *text, unsigned char ret_bytes[16], size_t *ret_n)
{
    if (inet_pton(AF_INET, text, ret_bytes) == 1)
        *ret_n = 4;
    else if (inet_pton(AF_INET6, text, ret_bytes) == 1)
        *ret_n = 16;
    else
        return false;
    return true;
}

/* One spelling for each name; false for what is none. */
static bool canonical(const char *text, char out[NAMES_HOST_MAX + 1])
{
    unsigned char bytes[16];
    size_t n;
    if (names_is_address(text, bytes, &n))
        return inet_ntop(n == 4 ? AF_INET : AF_INET6, bytes, out, NAMES_HOST_MAX + 1) != NULL;
    if (!names_is_host(text))
        return false;
    /* Not tolower(): the locale has no say in it. */
    for (; *text != '\0'; text++)
        *out++ = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
    *out = '\0';
    return true;
}

enum fault_code names_add(struct names *names, const char *text, struct fault *f)
{
    char name[NAMES_HOST_MAX + 1];
    if (!canonical(text, name))
        return fault_set(f, FAULT_INPUT, "\"%.100s\" is neither a host name nor an address", text);
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->at[i], name) == 0)
            return FAULT_OK;
    if (names->count == NAMES_MAX)
        return fault_set(f, FAULT_INPUT, "more than %d names: spread them over two certificates", NAMES_MAX);
    (void)mem_copy_text(names->at[names->count++], sizeof names->at[0], name);
    return FAULT_OK;
}

enum fault_code names_check_common(const char *text, struct fault *f)
{
    size_t n = text != NULL ? strlen(text) : 0;
    if (n == 0 || n > NAMES_CN_MAX)
        return fault_set(f, FAULT_INPUT, "a common name has 1 to %d bytes", NAMES_CN_MAX);
    for (size_t i = 0, length; i < n; i += length) {
        uint32_t point = 0;
        length = utf_next(text + i, n - i, &point);
        if (length == 0 || utf_is_control(point))
            return fault_set(f, FAULT_INPUT, "a common name is UTF-8 without control characters");
    }
    return FAULT_OK;
}

enum fault_code names_check_account(const char *text, struct fault *f)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t n = strlen(text);
    /* It names a file too: none that is hidden, or a folder's. */
    if (n == 0 || n > NAMES_CN_MAX || strspn(text, legal) != n || text[0] == '.')
        return fault_set(f, FAULT_INPUT,
                         "\"%.100s\" cannot be an account: write 1 to %d letters, digits, '.', '_' and '-'",
                         text, NAMES_CN_MAX);
    return FAULT_OK;
}
