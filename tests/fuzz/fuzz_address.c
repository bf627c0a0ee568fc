/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that FTP tells and compares: what was read is written as it reads, and PASV tells six numbers
 * that a client can put together again. Input: 2 bytes of a port, a line that is an address, a line that is
 * told instead. */
#include "ftps/address.h"
#include "ftps/unclean.h"
#include "tests/fuzz/fuzz.h"

static void check_passive(const union address *address, const char *told, uint16_t port)
{
    char text[64];
    unsigned n[6];
    int end = 0;
    if (!address_passive(address, told, port, text, sizeof text)) {
        HOLDS(address->any.sa_family != AF_INET || told[0] != '\0');
        return;
    }
    HOLDS(sscanf(text, "%u,%u,%u,%u,%u,%u%n", &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &end) == 6 &&
          text[end] == '\0');
    for (size_t i = 0; i < 6; i++)
        HOLDS(n[i] <= 255);
    HOLDS(n[4] << 8 == (port & 0xff00u) && n[5] == (port & 0xffu));
    char dotted[20], own[ADDRESS_LIMIT];
    snprintf(dotted, sizeof dotted, "%u.%u.%u.%u", n[0], n[1], n[2], n[3]);
    address_text(address, own);
    HOLDS(strcmp(dotted, told[0] != '\0' ? told : own) == 0);
}

static void check_unclean(const char *list)
{
    struct mac mac = { "00907a0a0b0c" }, none = { "" };
    HOLDS(!unclean_allowed(list, &none));
    HOLDS(!unclean_allowed(list, &mac) || strcasestr(list, "00907a") != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = { data, size };
    uint16_t port = (uint16_t)fuzz_number(&in, 2);
    char *host = fuzz_line(&in), *told = fuzz_text(&in), text[ADDRESS_LIMIT];
    union address address, again;
    if (host != NULL && address_parse(host, port, &address)) {
        address_text(&address, text);
        HOLDS(text[0] != '\0' && strlen(text) < sizeof text && address_port(&address) == port);
        HOLDS(address_parse(text, 0, &again) && address_same_host(&address, &again) &&
              address_same_host(&again, &address));
        address_unmap(&again);
        address_unmap(&address);
        HOLDS(address_same_host(&address, &again) && address_port(&address) == port);
        address_text(&again, text);
        HOLDS(strchr(text, '.') == NULL || address.any.sa_family == AF_INET || strncmp(text, "::", 2) == 0);
        HOLDS(address_length(&address) ==
              (address.any.sa_family == AF_INET ? sizeof address.v4 : sizeof address.v6));
        check_passive(&address, "", port);
        check_passive(&address, told, port);
    }
    check_unclean(told);
    free(host);
    free(told);
    return 0;
}
