/* SPDX-License-Identifier: Apache-2.0 */
/* Values of settings: within their bounds or a fault with words; what was read, written out again, reads the
 * same. Input: two bytes that choose the bounds, then a line, then another one to compare it with. */
#include "base/value.h"
#include "tests/fuzz/fuzz.h"

#include <inttypes.h>

typedef enum fault_code reader(const char *text, int64_t min, int64_t max, int64_t *ret, struct fault *f);

static void check_number(reader *read, const char *unit, const char *text, int64_t min, int64_t max)
{
    struct fault f = { FAULT_OK, "" };
    int64_t value = -77, again;
    char shown[40];
    if (read(text, min, max, &value, &f) != FAULT_OK) {
        HOLDS(value == -77 && f.code == FAULT_INPUT && f.text[0] != '\0');
        return;
    }
    HOLDS(value >= min && value <= max && f.code == FAULT_OK);
    snprintf(shown, sizeof shown, "%" PRId64 "%s", value, unit);
    HOLDS(read(shown, min, max, &again, NULL) == FAULT_OK && again == value);
    HOLDS(value == max || read(shown, value + 1, max, &again, NULL) == FAULT_INPUT);
}

static void check_listen(const char *text)
{
    struct fault f = { FAULT_OK, "" };
    struct settings_listen listen, again;
    if (value_listen(text, &listen, &f) != FAULT_OK) {
        HOLDS(f.code == FAULT_INPUT && f.text[0] != '\0');
        return;
    }
    HOLDS(listen.count <= SETTINGS_LISTEN_MAX && (listen.count > 0 || text[0] == '\0'));
    char shown[VALUE_MAX] = "";
    for (size_t i = 0; i < listen.count; i++) {
        bool six = strchr(listen.at[i].host, ':') != NULL;
        size_t used = strlen(shown);
        snprintf(shown + used, sizeof shown - used, six ? "%s[%s]:%u" : "%s%s:%u", i > 0 ? ", " : "",
                 listen.at[i].host, listen.at[i].port);
    }
    HOLDS(value_listen(shown, &again, NULL) == FAULT_OK && again.count == listen.count);
    for (size_t i = 0; i < listen.count; i++)
        HOLDS(strcmp(listen.at[i].host, again.at[i].host) == 0 && listen.at[i].port == again.at[i].port);
}

static void check_ports(const char *text, int64_t min, int64_t max)
{
    struct fault f = { FAULT_OK, "" };
    struct settings_ports ports;
    if (value_ports(text, min, max, &ports, &f) != FAULT_OK)
        HOLDS(f.code == FAULT_INPUT && f.text[0] != '\0');
    else
        HOLDS(ports.low <= ports.high && ports.low >= min && ports.high <= max);
}

static void check_list(const char *text)
{
    char *copy = fuzz_copy(text, strlen(text) + 1), *rest = copy, *item;
    size_t items = 0, commas = 0;
    for (const char *c = text; *c != '\0'; c++)
        commas += *c == ',';
    for (; (item = value_item(&rest)) != NULL; items++) {
        size_t n = strlen(item);
        HOLDS(strchr(item, ',') == NULL);
        HOLDS(n == 0 || (item[0] != ' ' && item[n - 1] != ' ' && item[0] != '\t' && item[n - 1] != '\t'));
    }
    HOLDS(items == commas + 1);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = { data, size };
    int64_t min = fuzz_byte(&in), max = min + (int64_t)(UINT64_C(1) << fuzz_byte(&in) % 48);
    char *text = fuzz_line(&in), *other = text != NULL ? fuzz_text(&in) : NULL;
    if (text == NULL)
        return 0;
    check_number(value_number, "", text, min, max);
    check_number(value_size, "", text, min, max);
    check_number(value_time, "ms", text, min, max);
    check_listen(text);
    check_ports(text, min, max);
    check_list(text);
    int unlike = value_unlike(text, other);
    HOLDS(unlike >= 0 && unlike <= VALUE_ALIEN && unlike == value_unlike(other, text));
    HOLDS(strcmp(text, other) != 0 || unlike == 0 || strlen(text) > VALUE_ALIEN);
    HOLDS(strcmp(text, other) == 0 || unlike > 0);
    free(text);
    free(other);
    return 0;
}
