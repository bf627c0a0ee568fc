/* SPDX-License-Identifier: Apache-2.0 */
/* An Authorization header of any bytes: base64 has one spelling, and credentials that are whole are those
 * that were sent. */
#include "server/basic.h"
#include "tests/fuzz/fuzz.h"

#include <strings.h>

static char *encode(const char *text, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = malloc((n + 2) / 3 * 4 + 1), *at = out;
    HOLDS(out != NULL);
    for (size_t i = 0; i < n; i += 3) {
        uint32_t bits = 0;
        for (size_t b = 0; b < 3; b++)
            bits = bits << 8 | (i + b < n ? (uint8_t)text[i + b] : 0);
        for (size_t d = 0; d < 4; d++)
            *at++ = i + d > n ? '=' : digits[bits >> (18 - 6 * d) & 63];
    }
    *at = '\0';
    return out;
}

static void check_base64(const char *text, size_t n)
{
    char *out = malloc(n / 4 * 3 + 1);
    size_t used = 0;
    HOLDS(out != NULL);
    if (basic_decode(text, n, out, &used)) {
        char *again = encode(out, used);
        HOLDS(used <= n / 4 * 3 && strlen(again) == n && memcmp(again, text, n) == 0);
        free(again);
    }
    free(out);
}

/* The other direction: these bytes, sent as credentials. */
static void check_sent(const char *raw, size_t n)
{
    char *encoded = encode(raw, n), *header = malloc(strlen(encoded) + 16);
    HOLDS(header != NULL);
    snprintf(header, strlen(encoded) + 16, "bASIC  %s ", encoded);
    struct basic basic;
    HOLDS(basic_parse(header, &basic) == BASIC_GIVEN);
    const char *colon = n > 0 ? memchr(raw, ':', n) : NULL;
    size_t user = colon != NULL ? (size_t)(colon - raw) : n, password = colon != NULL ? n - user - 1 : 0;
    HOLDS(strlen(basic.user) <= ACCOUNT_NAME_LIMIT && strlen(basic.password) <= SECRET_PASSWORD_MAX);
    if (!basic.user_unfit) {
        HOLDS(colon != NULL && strlen(basic.user) == user && memcmp(basic.user, raw, user) == 0);
        HOLDS(fuzz_is_clean(basic.user));
        HOLDS(basic.password_unfit ==
              (password > SECRET_PASSWORD_MAX || memchr(colon + 1, 0, password) != NULL));
        if (!basic.password_unfit)
            HOLDS(strlen(basic.password) == password && memcmp(basic.password, colon + 1, password) == 0);
    }
    if (basic.user_unfit)
        HOLDS(basic.user[0] == '\0' || memchr(raw, ':', n) != NULL);
    HOLDS(!basic.password_unfit || basic.password[0] == '\0');
    free(encoded);
    free(header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = { data, size };
    char *exact = fuzz_copy(data, size), *text = fuzz_text(&in);
    struct basic basic;
    check_base64(exact, size);
    check_sent(exact, size);
    if (basic_parse(text, &basic) == BASIC_GIVEN)
        HOLDS(strncasecmp(text, "basic", 5) == 0 &&
              strnlen(basic.user, sizeof basic.user) < sizeof basic.user &&
              strnlen(basic.password, sizeof basic.password) < sizeof basic.password);
    else
        HOLDS(strncasecmp(text, "basic ", 6) != 0);
    HOLDS(basic_parse(NULL, &basic) == BASIC_NONE);
    free(exact);
    free(text);
    return 0;
}
