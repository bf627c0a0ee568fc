/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/principal.h"

#include "base/mem.h"

#include <string.h>

static const char *const names[ROLE_COUNT] = {
    [ROLE_HANDSET] = "handset",
    [ROLE_ADMINISTRATOR] = "administrator",
    [ROLE_OPERATOR] = "operator",
};

const char *role_name(enum role role)
{
    return (unsigned)role < ROLE_COUNT ? names[role] : "unknown";
}

bool role_parse(const char *text, enum role *ret_role)
{
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *ret_role = (enum role)i;
            return true;
        }
    return false;
}

bool serves_role(enum serves serves, enum role role)
{
    switch (serves) {
    case SERVES_ALL:
        return true;
    case SERVES_HANDSETS:
    case SERVES_LEGACY:
        return role == ROLE_HANDSET;
    case SERVES_MANAGEMENT:
        return role == ROLE_ADMINISTRATOR || role == ROLE_OPERATOR;
    }
    return false;
}

const char *principal_name(const struct principal *who)
{
    return who->account[0] != '\0' ? who->account : who->mac.text;
}
