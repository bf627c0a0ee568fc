/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a management request: an object without a name twice, or a complaint; and what was read,
 * written out, reads the same. */
#include "server/field.h"
#include "tests/fuzz/fuzz.h"

static const char *const known[] = { "mac", "label", "enabled", "role", "password", NULL };

static void check_fields(const json_t *object)
{
    struct fault f = { FAULT_OK, "" };
    const char *text = "untouched";
    bool set = false, value = false;
    for (size_t i = 0; known[i] != NULL; i++) {
        const json_t *member = json_object_get(object, known[i]);
        if (field_text(object, known[i], &text, &f) == FAULT_OK)
            HOLDS((text != NULL) == (member != NULL) &&
                  (text == NULL || strlen(text) == json_string_length(member)));
        else
            HOLDS(f.code == FAULT_INPUT && member != NULL && !json_is_string(member));
        set = false;
        if (field_bool(object, known[i], &set, &value, &f) == FAULT_OK)
            HOLDS(set == (member != NULL) && (!set || value == json_is_true(member)));
        else
            HOLDS(f.code == FAULT_INPUT && !set);
    }
    if (field_check(object, known, &f) == FAULT_OK)
        HOLDS(json_object_size(object) <= 5);
    else
        HOLDS(f.code == FAULT_INPUT && strstr(f.text, "unknown member") != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fault f = { FAULT_OK, "" };
    json_t *object = NULL, *again = NULL;
    char *text = fuzz_copy(data, size);
    field_init();
    if (field_parse(text, size, &object, &f) != FAULT_OK) {
        HOLDS(f.code == FAULT_INPUT && f.text[0] != '\0' && object == NULL);
    } else {
        check_fields(object);
        char *written = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(17));
        HOLDS(written != NULL && field_parse(written, strlen(written), &again, &f) == FAULT_OK);
        HOLDS(json_equal(object, again));
        json_decref(again);
        free(written);
        json_decref(object);
    }
    free(text);
    return 0;
}
