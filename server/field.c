/* SPDX-License-Identifier: Apache-2.0 */
#include "server/field.h"

#include "base/clock.h"
#include "base/mem.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static void wipe_free(void *p)
{
    mem_wipe_free(p, malloc_usable_size(p));
}

void field_init(void)
{
    json_set_alloc_funcs(malloc, wipe_free);
}

enum fault_code field_parse(const char *text, size_t n, json_t **ret_object, struct fault *f)
{
    json_error_t error;
    json_t *value = json_loadb(text ? text : "", n, JSON_REJECT_DUPLICATES, &error);
    if (value == NULL)
        return fault_set(f, FAULT_INPUT, "the body is not JSON: line %d, column %d: %s", error.line,
                         error.column, error.text);
    if (!json_is_object(value)) {
        json_decref(value);
        return fault_set(f, FAULT_INPUT, "the body must be a JSON object");
    }
    *ret_object = value;
    return FAULT_OK;
}

enum fault_code field_check(const json_t *object, const char *const *known, struct fault *f)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        const char *const *at = known;
        while (*at != NULL && strcmp(*at, name) != 0)
            at++;
        if (*at == NULL)
            return fault_set(f, FAULT_INPUT, "unknown member '%.60s'", name);
    }
    return FAULT_OK;
}

enum fault_code field_text(const json_t *object, const char *name, const char **ret_text, struct fault *f)
{
    const json_t *value = json_object_get(object, name);
    if (value != NULL && !json_is_string(value))
        return fault_set(f, FAULT_INPUT, "'%s' must be a text", name);
    *ret_text = json_string_value(value);
    return FAULT_OK;
}

enum fault_code field_bool(const json_t *object, const char *name, bool *ret_set, bool *ret_value,
                           struct fault *f)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL)
        return FAULT_OK;
    if (!json_is_boolean(value))
        return fault_set(f, FAULT_INPUT, "'%s' must be true or false", name);
    *ret_set = true;
    *ret_value = json_is_true(value);
    return FAULT_OK;
}

json_t *field_time(int64_t wall_ms)
{
    if (wall_ms == 0)
        return json_null();
    char text[32];
    clock_rfc3339(wall_ms, text, sizeof text);
    return json_string(text);
}
