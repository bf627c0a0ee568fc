/* SPDX-License-Identifier: Apache-2.0 */
#include "server/query.h"

#include "base/value.h"

#include <string.h>

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes one name or value behind what text holds; gives where it begins, NULL for what cannot be decoded.
 */
static const char *decode(struct query *query, size_t *used, const char *text, size_t n)
{
    char *begin = query->text + *used;
    for (size_t i = 0; i < n; i++) {
        char c = text[i] == '+' ? ' ' : text[i];
        if (c == '%') {
            int high = i + 2 < n ? hex(text[i + 1]) : -1, low = i + 2 < n ? hex(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return NULL;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (c == '\0')
            return NULL;
        query->text[(*used)++] = c;
    }
    query->text[(*used)++] = '\0';
    return begin;
}

static enum fault_code add(struct query *query, size_t *used, const char *text, size_t n, struct fault *f)
{
    if (query->count == QUERY_ITEMS_MAX)
        return fault_set(f, FAULT_INPUT, "more than %d query parameters", QUERY_ITEMS_MAX);
    const char *equals = memchr(text, '=', n);
    size_t name_length = equals ? (size_t)(equals - text) : n;
    const char *name = decode(query, used, text, name_length);
    const char *value =
        equals ? decode(query, used, equals + 1, n - name_length - 1) : decode(query, used, "", 0);
    if (name == NULL || value == NULL)
        return fault_set(f, FAULT_INPUT, "a query parameter has a bad escape");
    if (query_get(query, name) != NULL)
        return fault_set(f, FAULT_INPUT, "a query parameter is given twice");
    query->item[query->count].name = name;
    query->item[query->count++].value = value;
    return FAULT_OK;
}

enum fault_code query_parse(const char *text, size_t n, struct query *ret_query, struct fault *f)
{
    /* Decoding never lengthens; each item adds at most two NULs. */
    if (n > QUERY_TEXT_MAX - 2 * QUERY_ITEMS_MAX)
        return fault_set(f, FAULT_INPUT, "the query is too long");
    ret_query->count = 0;
    size_t used = 0;
    enum fault_code code = FAULT_OK;
    for (size_t at = 0; code == FAULT_OK && at < n;) {
        const char *amper = memchr(text + at, '&', n - at);
        size_t length = amper ? (size_t)(amper - text) - at : n - at;
        if (length > 0)
            code = add(ret_query, &used, text + at, length, f);
        at += length + 1;
    }
    if (code != FAULT_OK)
        ret_query->count = 0;
    return code;
}

const char *query_get(const struct query *query, const char *name)
{
    for (size_t i = 0; i < query->count; i++)
        if (strcmp(query->item[i].name, name) == 0)
            return query->item[i].value;
    return NULL;
}

enum fault_code query_check(const struct query *query, const char *const *known, struct fault *f)
{
    for (size_t i = 0; i < query->count; i++) {
        const char *const *at = known;
        while (*at != NULL && strcmp(*at, query->item[i].name) != 0)
            at++;
        if (*at == NULL)
            return fault_set(f, FAULT_INPUT, "unknown query parameter '%.60s'", query->item[i].name);
    }
    return FAULT_OK;
}

enum fault_code query_flag(const struct query *query, const char *name, bool *ret_on, struct fault *f)
{
    const char *value = query_get(query, name);
    if (value != NULL && strcmp(value, "1") != 0 && strcmp(value, "0") != 0)
        return fault_set(f, FAULT_INPUT, "the query parameter '%s' takes 1 or 0", name);
    *ret_on = value != NULL && value[0] == '1';
    return FAULT_OK;
}

enum fault_code query_number(const struct query *query, const char *name, int64_t min, int64_t max,
                             int64_t *ret_number, struct fault *f)
{
    const char *value = query_get(query, name);
    if (value == NULL)
        return FAULT_OK;
    enum fault_code code = value_number(value, min, max, ret_number, f);
    if (code != FAULT_OK)
        fault_prefix(f, "the query parameter '%s'", name);
    return code;
}
