/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever spelling a MAC comes in, what is read is 12 lower-case digits, and reads back as itself in every
 * spelling. */
#include "base/mac.h"
#include "tests/fuzz/fuzz.h"

static void check_canonical(const struct mac *mac)
{
    struct mac again;
    HOLDS(strlen(mac->text) == MAC_DIGITS && strspn(mac->text, "0123456789abcdef") == MAC_DIGITS);
    HOLDS(strspn(mac->text, "0") < MAC_DIGITS);
    HOLDS(mac_parse(mac->text, MAC_DIGITS, &again) && mac_equal(mac, &again));
    HOLDS(mac_prefix(mac->text, MAC_DIGITS, &again) && mac_equal(mac, &again));
    char spelled[2 * MAC_DIGITS];
    size_t n = 0;
    for (size_t i = 0; i < MAC_DIGITS; i++) {
        char c = mac->text[i];
        if (i > 0 && i % 2 == 0)
            spelled[n++] = "-:."[i / 2 % 3];
        spelled[n++] = c >= 'a' && i % 3 == 0 ? (char)(c - 'a' + 'A') : c;
    }
    HOLDS(mac_parse(spelled, n, &again) && mac_equal(mac, &again));
    HOLDS(!mac_parse(spelled, n - 1, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_copy(data, size);
    struct mac parsed = { "" }, prefix = { "" };
    bool is_mac = mac_parse(text, size, &parsed), has_mac = mac_prefix(text, size, &prefix);
    HOLDS(is_mac || parsed.text[0] == '\0');
    HOLDS(has_mac || prefix.text[0] == '\0');
    if (is_mac)
        check_canonical(&parsed);
    if (has_mac) {
        check_canonical(&prefix);
        HOLDS(size == MAC_DIGITS || text[MAC_DIGITS] == '.' || text[MAC_DIGITS] == '-');
    }
    int distance = mac_distance(&parsed, &prefix);
    HOLDS(distance >= 0 && distance <= MAC_DIGITS);
    HOLDS((distance == 0) == mac_equal(&parsed, &prefix));
    HOLDS(distance == mac_distance(&prefix, &parsed));
    free(text);
    return 0;
}
