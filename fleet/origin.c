/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/origin.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

void origin_parse(const char *address, struct origin *ret_origin)
{
    struct origin origin = { 0 };
    struct in6_addr v6;
    if (inet_pton(AF_INET, address, origin.bytes) == 1) {
        origin.family = 4;
    } else if (inet_pton(AF_INET6, address, &v6) == 1) {
        origin.family = 6;
        memcpy(origin.bytes, v6.s6_addr, sizeof origin.bytes);
    }
    *ret_origin = origin;
}

bool origin_equal(const struct origin *a, const struct origin *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

void origin_text(const struct origin *origin, char text[ORIGIN_TEXT_LIMIT])
{
    struct in6_addr v6 = { 0 };
    char address[INET6_ADDRSTRLEN];
    memcpy(v6.s6_addr, origin->bytes, sizeof origin->bytes);
    if (origin->family == 4 && inet_ntop(AF_INET, origin->bytes, address, sizeof address) != NULL)
        (void)mem_copy_text(text, ORIGIN_TEXT_LIMIT, address);
    else if (origin->family == 6 && inet_ntop(AF_INET6, &v6, address, sizeof address) != NULL)
        (void)snprintf(text, ORIGIN_TEXT_LIMIT, "%s/64", address);
    else
        (void)mem_copy_text(text, ORIGIN_TEXT_LIMIT, "?");
}
