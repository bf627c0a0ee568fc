/* SPDX-License-Identifier: Apache-2.0 */
/* The query of a request target: every name once, and what was read, escaped again, reads the same. */
#include "server/query.h"
#include "tests/fuzz/fuzz.h"

static size_t escape(char *out, const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += (size_t)snprintf(out + n, 4, "%%%02x", (unsigned)(uint8_t)*text);
    return n;
}

static void check_again(const struct query *query)
{
    static char written[3 * QUERY_TEXT_MAX + 4 * QUERY_ITEMS_MAX];
    static struct query again;
    size_t n = 0;
    for (size_t i = 0; i < query->count; i++) {
        n += escape(written + n, query->item[i].name);
        written[n++] = '=';
        n += escape(written + n, query->item[i].value);
        written[n++] = '&';
        if (query->item[i].name[0] == '\0' && query->item[i].value[0] == '\0')
            HOLDS(n >= 2);
    }
    if (n > QUERY_TEXT_MAX - 2 * QUERY_ITEMS_MAX)
        return;
    HOLDS(query_parse(written, n, &again, NULL) == FAULT_OK && again.count == query->count);
    for (size_t i = 0; i < query->count; i++)
        HOLDS(strcmp(query->item[i].name, again.item[i].name) == 0 &&
              strcmp(query->item[i].value, again.item[i].value) == 0);
}

static void check_values(const struct query *query)
{
    static const char *const known[] = { "create", "unchecked", "all", "limit", NULL };
    struct fault f = { FAULT_OK, "" };
    bool on = false;
    int64_t number = -9;
    if (query_check(query, known, &f) == FAULT_OK)
        HOLDS(query->count <= 4);
    else
        HOLDS(f.code == FAULT_INPUT);
    const char *create = query_get(query, "create");
    if (query_flag(query, "create", &on, NULL) == FAULT_OK)
        HOLDS(on == (create != NULL && strcmp(create, "1") == 0));
    else
        HOLDS(create != NULL && strcmp(create, "1") != 0 && strcmp(create, "0") != 0);
    if (query_number(query, "limit", 1, 1000, &number, NULL) == FAULT_OK)
        HOLDS(query_get(query, "limit") == NULL ? number == -9 : number >= 1 && number <= 1000);
    else
        HOLDS(number == -9);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct query query;
    char *text = fuzz_copy(data, size);
    struct fault f = { FAULT_OK, "" };
    if (query_parse(text, size, &query, &f) != FAULT_OK) {
        HOLDS(f.code == FAULT_INPUT && f.text[0] != '\0');
    } else {
        HOLDS(query.count <= QUERY_ITEMS_MAX);
        for (size_t i = 0; i < query.count; i++) {
            HOLDS(query_get(&query, query.item[i].name) == query.item[i].value);
            HOLDS(query.item[i].name >= query.text && query.item[i].value < query.text + sizeof query.text);
        }
        check_again(&query);
        check_values(&query);
    }
    free(text);
    return 0;
}
