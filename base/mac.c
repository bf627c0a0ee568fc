/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mac.h"
#include <string.h>

/* The digit in lower case, or 0. Not isxdigit(): no locale decides what a handset is called. */
static char mac_digit(char c)
{
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))
        return c;
    return c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : '\0';
}

static bool mac_is_zero(const struct mac *mac)
{
    return strcmp(mac->text, "000000000000") == 0;
}

bool mac_parse(const char *text, size_t n, struct mac *ret_mac)
{
    struct mac mac = { "" };
    size_t digits = 0;
    bool after_digit = false;
    for (size_t i = 0; i < n; i++) {
        char digit = mac_digit(text[i]);
        if (digit != '\0') {
            if (digits == MAC_DIGITS)
                return false;
            mac.text[digits++] = digit;
            after_digit = true;
        } else {
            if (!after_digit || (text[i] != ':' && text[i] != '-' && text[i] != '.'))
                return false;
            after_digit = false;
        }
    }
    if (digits != MAC_DIGITS || !after_digit || mac_is_zero(&mac))
        return false;
    *ret_mac = mac;
    return true;
}

bool mac_prefix(const char *name, size_t n, struct mac *ret_mac)
{
    struct mac mac = { "" };
    if (n < MAC_DIGITS || (n > MAC_DIGITS && name[MAC_DIGITS] != '.' && name[MAC_DIGITS] != '-'))
        return false;
    for (size_t i = 0; i < MAC_DIGITS; i++) {
        mac.text[i] = mac_digit(name[i]);
        if (mac.text[i] == '\0')
            return false;
    }
    if (mac_is_zero(&mac))
        return false;
    *ret_mac = mac;
    return true;
}

bool mac_equal(const struct mac *a, const struct mac *b)
{
    return strcmp(a->text, b->text) == 0;
}

int mac_distance(const struct mac *a, const struct mac *b)
{
    if (a->text[0] == '\0' || b->text[0] == '\0')
        return mac_equal(a, b) ? 0 : MAC_DIGITS;
    /* least[i]: the distance of the first i digits. */
    int least[MAC_DIGITS + 1] = { 0 };
    for (size_t i = 1; i <= MAC_DIGITS; i++) {
        least[i] = least[i - 1] + (a->text[i - 1] != b->text[i - 1]);
        if (i >= 2 && a->text[i - 1] == b->text[i - 2] && a->text[i - 2] == b->text[i - 1] &&
            least[i - 2] + 1 < least[i])
            least[i] = least[i - 2] + 1;
    }
    return least[MAC_DIGITS];
}
