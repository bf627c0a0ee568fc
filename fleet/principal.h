/* SPDX-License-Identifier: Apache-2.0 */
/* Who a client turned out to be. Filled by login.c, judged by grant.c, carried by the front ends. Floor 2; a
 * value. */
#ifndef CRADLE_PRINCIPAL_H
#define CRADLE_PRINCIPAL_H

#include "base/mac.h"
#include "base/settings.h"
#include <stdbool.h>

#define ACCOUNT_NAME_LIMIT 64
#define ADDRESS_LIMIT      46 /* INET6_ADDRSTRLEN */

/* The order is that of tls_trust's bundles. */
enum role { ROLE_HANDSET, ROLE_ADMINISTRATOR, ROLE_OPERATOR };
#define ROLE_COUNT 3
const char *role_name(enum role role); /* "handset", "administrator", "operator" */
bool role_parse(const char *text, enum role *ret_role);

/* Which roles a listener serves (settings management_listen, legacy_https_listen, legacy_ftps_listen).
 * LEGACY: handsets that are marked so, with old TLS. */
enum serves { SERVES_ALL, SERVES_HANDSETS, SERVES_MANAGEMENT, SERVES_LEGACY };
bool serves_role(enum serves serves, enum role role);

struct principal {
    enum role role;
    char account[ACCOUNT_NAME_LIMIT + 1]; /* "" for a handset that a certificate alone identified */
    struct mac mac;                       /* handsets; empty otherwise */
    bool by_certificate;
    char fingerprint[65];        /* of that certificate, or "" */
    char address[ADDRESS_LIMIT]; /* of the client, numeric */
    enum settings_binding
        binding; /* data_binding for this client: the setting, or `require` of its handset */
};
/* How it is called in logs and as an author: the account, or the MAC. Borrowed from *who. */
const char *principal_name(const struct principal *who);

#endif
