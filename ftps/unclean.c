/* SPDX-License-Identifier: Apache-2.0 */
#include "ftps/unclean.h"

#include <string.h>
#include <strings.h>

#define UNCLEAN_DIGITS_MIN 6

bool unclean_allowed(const char *list, const struct mac *mac)
{
    if (mac->text[0] == '\0')
        return false;
    while (*list != '\0') {
        list += strspn(list, " ,");
        size_t n = strcspn(list, " ,");
        if (n >= UNCLEAN_DIGITS_MIN && n <= MAC_DIGITS && strncasecmp(list, mac->text, n) == 0)
            return true;
        list += n;
    }
    return false;
}
