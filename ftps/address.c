/* SPDX-License-Identifier: Apache-2.0 */
#include "ftps/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool address_parse(const char *host, uint16_t port, union address *ret_address)
{
    union address a;
    memset(&a, 0, sizeof a);
    if (inet_pton(AF_INET, host, &a.v4.sin_addr) == 1)
        a.v4.sin_family = AF_INET;
    else if (inet_pton(AF_INET6, host, &a.v6.sin6_addr) == 1)
        a.v6.sin6_family = AF_INET6;
    else
        return false;
    *ret_address = a;
    address_set_port(ret_address, port);
    return true;
}

void address_unmap(union address *address)
{
    if (address->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr))
        return;
    union address a;
    memset(&a, 0, sizeof a);
    a.v4.sin_family = AF_INET;
    a.v4.sin_port = address->v6.sin6_port;
    memcpy(&a.v4.sin_addr, &address->v6.sin6_addr.s6_addr[12], sizeof a.v4.sin_addr);
    *address = a;
}

socklen_t address_length(const union address *address)
{
    return address->any.sa_family == AF_INET ? sizeof address->v4 : sizeof address->v6;
}

uint16_t address_port(const union address *address)
{
    return ntohs(address->any.sa_family == AF_INET ? address->v4.sin_port : address->v6.sin6_port);
}

void address_set_port(union address *address, uint16_t port)
{
    if (address->any.sa_family == AF_INET)
        address->v4.sin_port = htons(port);
    else
        address->v6.sin6_port = htons(port);
}

void address_text(const union address *address, char text[ADDRESS_LIMIT])
{
    const void *bytes = address->any.sa_family == AF_INET ? (const void *)&address->v4.sin_addr
                                                          : (const void *)&address->v6.sin6_addr;
    if (inet_ntop(address->any.sa_family, bytes, text, ADDRESS_LIMIT) == NULL)
        text[0] = '\0';
}

bool address_same_host(const union address *a, const union address *b)
{
    if (a->any.sa_family != b->any.sa_family)
        return false;
    if (a->any.sa_family == AF_INET)
        return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    return a->any.sa_family == AF_INET6 && IN6_ARE_ADDR_EQUAL(&a->v6.sin6_addr, &b->v6.sin6_addr) &&
           a->v6.sin6_scope_id == b->v6.sin6_scope_id;
}

bool address_passive(const union address *address, const char *told, uint16_t port, char *out, size_t size)
{
    struct in_addr v4;
    if (address->any.sa_family != AF_INET)
        return false;
    v4 = address->v4.sin_addr;
    if (told[0] != '\0' && inet_pton(AF_INET, told, &v4) != 1)
        return false;
    uint32_t bits = ntohl(v4.s_addr);
    snprintf(out, size, "%u,%u,%u,%u,%u,%u", bits >> 24, bits >> 16 & 255, bits >> 8 & 255, bits & 255,
             port >> 8, port & 255u);
    return true;
}
