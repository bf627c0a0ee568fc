/* SPDX-License-Identifier: Apache-2.0 */
#include "base/value.h"
#include "base/mem.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The largest first; a value is shown in the largest unit that divides it. */
struct value_unit {
    const char *name;
    int64_t factor;
};
static const struct value_unit value_no_units[] = { { "", 1 }, { NULL, 0 } };
static const struct value_unit value_size_units[] = {
    { "G", 1 << 30 }, { "M", 1 << 20 }, { "K", 1 << 10 }, { "", 1 }, { NULL, 0 }
};
static const struct value_unit value_time_units[] = { { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 },
                                                      { "s", 1000 },     { "ms", 1 },      { "", 1000 },
                                                      { NULL, 0 } };

static void value_show(int64_t value, const struct value_unit *units, char *out, size_t size)
{
    if (value == 0) {
        snprintf(out, size, "0");
        return;
    }
    while (value % units->factor != 0)
        units++;
    snprintf(out, size, "%" PRId64 "%s", value / units->factor, units->name);
}

static enum fault_code value_read(const char *text, const struct value_unit *units, int64_t min, int64_t max,
                                  const char *remedy, int64_t *ret_value, struct fault *f)
{
    int64_t number = 0;
    const char *at = text;
    bool fits = true;
    for (; *at >= '0' && *at <= '9'; at++)
        fits = fits && !__builtin_mul_overflow(number, 10, &number) &&
               !__builtin_add_overflow(number, *at - '0', &number);
    const struct value_unit *unit = units;
    while (unit->name != NULL && strcasecmp(unit->name, at) != 0)
        unit++;
    if (at == text || unit->name == NULL)
        return fault_set(f, FAULT_INPUT, "'%.40s' is no %s", text, remedy);
    if (!fits || __builtin_mul_overflow(number, unit->factor, &number) || number < min || number > max) {
        char low[32], high[32];
        value_show(min, units, low, sizeof low);
        value_show(max, units, high, sizeof high);
        return fault_set(f, FAULT_INPUT, "'%.40s' is out of range; write %s to %s", text, low, high);
    }
    *ret_value = number;
    return FAULT_OK;
}

enum fault_code value_number(const char *text, int64_t min, int64_t max, int64_t *ret_number, struct fault *f)
{
    return value_read(text, value_no_units, min, max, "number; write digits only", ret_number, f);
}

enum fault_code value_size(const char *text, int64_t min, int64_t max, int64_t *ret_bytes, struct fault *f)
{
    return value_read(text, value_size_units, min, max,
                      "size; write bytes as a whole number with K, M, G or nothing behind it", ret_bytes, f);
}

enum fault_code value_time(const char *text, int64_t min, int64_t max, int64_t *ret_ms, struct fault *f)
{
    return value_read(text, value_time_units, min, max,
                      "time; write a whole number with ms, s, m, h or d behind it", ret_ms, f);
}

enum fault_code value_word(const char *text, const char *const *words, int *ret_index, struct fault *f)
{
    char all[120] = "";
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            *ret_index = i;
            return FAULT_OK;
        }
        size_t used = strlen(all);
        const char *between = i == 0 ? "" : words[i + 1] == NULL ? " or " : ", ";
        snprintf(all + used, sizeof all - used, "%s%s", between, words[i]);
    }
    return fault_set(f, FAULT_INPUT, "'%.40s' is not possible; write %s", text, all);
}

char *value_trim(char *text)
{
    static const char blanks[] = " \t\r\n\v\f";
    text += strspn(text, blanks);
    size_t n = strlen(text);
    while (n > 0 && strchr(blanks, text[n - 1]) != NULL)
        text[--n] = '\0';
    return text;
}

char *value_item(char **list)
{
    char *item = strsep(list, ",");
    return item != NULL ? value_trim(item) : NULL;
}

static bool value_port(const char *text, size_t n, long *ret_port)
{
    if (n == 0 || n > 5 || strspn(text, "0123456789") < n)
        return false;
    *ret_port = strtol(text, NULL, 10);
    return *ret_port <= UINT16_MAX;
}

/* One "address:port" (modified). */
static enum fault_code value_address(char *item, char *host, size_t size, uint16_t *ret_port, struct fault *f)
{
    char *colon = strrchr(item, ':');
    long port;
    if (colon == NULL || !value_port(colon + 1, strlen(colon + 1), &port))
        return fault_set(f, FAULT_INPUT, "'%.60s' has no port; write address:port, for example [::]:443",
                         item);
    size_t n = (size_t)(colon - item);
    if (n == 0)
        return fault_set(f, FAULT_INPUT, "':%ld' has no address; write [::]:%ld for all addresses", port,
                         port);
    bool brackets = n >= 2 && item[0] == '[' && item[n - 1] == ']';
    const char *address = item;
    *colon = '\0';
    if (brackets) {
        item[n - 1] = '\0';
        address = item + 1;
    } else if (strcmp(address, "localhost") == 0) {
        address = "127.0.0.1";
    } else if (strchr(address, ':') != NULL) {
        return fault_set(f, FAULT_INPUT, "'%.60s:%ld': write an IPv6 address in brackets, [address]:port",
                         address, port);
    }
    unsigned char binary[sizeof(struct in6_addr)];
    if (inet_pton(brackets ? AF_INET6 : AF_INET, address, binary) != 1 || !mem_copy_text(host, size, address))
        return fault_set(f, FAULT_INPUT, "'%.60s' is no %s address; write one in digits", address,
                         brackets ? "IPv6" : "IPv4");
    *ret_port = (uint16_t)port;
    return FAULT_OK;
}

enum fault_code value_listen(const char *text, struct settings_listen *ret_listen, struct fault *f)
{
    struct settings_listen listen = { 0 };
    char copy[VALUE_MAX], *rest = copy, *item;
    if (!mem_copy_text(copy, sizeof copy, text))
        return fault_set(f, FAULT_INPUT, "the list is too long; write less than %d bytes", VALUE_MAX);
    while (text[0] != '\0' && (item = value_item(&rest)) != NULL) {
        if (listen.count == SETTINGS_LISTEN_MAX)
            return fault_set(f, FAULT_INPUT, "too many addresses; write at most %d", SETTINGS_LISTEN_MAX);
        size_t i = listen.count++;
        enum fault_code code =
            value_address(item, listen.at[i].host, sizeof listen.at[i].host, &listen.at[i].port, f);
        if (code != FAULT_OK)
            return code;
    }
    *ret_listen = listen;
    return FAULT_OK;
}

enum fault_code value_ports(const char *text, int64_t min, int64_t max, struct settings_ports *ret_ports,
                            struct fault *f)
{
    const char *dash = strchr(text, '-');
    long low, high;
    if (dash == NULL || !value_port(text, (size_t)(dash - text), &low) ||
        !value_port(dash + 1, strlen(dash + 1), &high))
        return fault_set(f, FAULT_INPUT,
                         "'%.40s' is no range of ports; write low-high, for example 50000-50999", text);
    if (low > high || low < min || high > max)
        return fault_set(f, FAULT_INPUT,
                         "'%.40s': write the lower port first, both from %" PRId64 " to %" PRId64, text, min,
                         max);
    *ret_ports = (struct settings_ports){ (uint16_t)low, (uint16_t)high };
    return FAULT_OK;
}

static int value_least(int a, int b)
{
    return a < b ? a : b;
}

int value_unlike(const char *a, const char *b)
{
    size_t n = strlen(b);
    if (n > VALUE_ALIEN || strlen(a) > VALUE_ALIEN)
        return VALUE_ALIEN;
    /* line[i]: from what was read of a to the first i letters of b. */
    int line[VALUE_ALIEN + 1];
    for (size_t i = 0; i <= n; i++)
        line[i] = (int)i;
    for (; *a != '\0'; a++) {
        int corner = line[0]++;
        for (size_t i = 1; i <= n; i++) {
            int change = corner + (*a != b[i - 1]);
            corner = line[i];
            line[i] = value_least(change, 1 + value_least(line[i], line[i - 1]));
        }
    }
    return line[n];
}
