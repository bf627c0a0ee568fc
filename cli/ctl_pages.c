/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ctl.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define PAGE      1000
#define PAGES_MAX 10000

enum fault_code ctl_pages(struct ctl *ctl, const char *path, const char *key, json_t **ret_all,
                          struct fault *f)
{
    json_t *all = json_array();
    AUTO_FREE char *after = NULL;
    for (int page = 0; page < PAGES_MAX; page++) {
        json_t *answer = NULL;
        enum fault_code code = ctl_call(ctl, "GET", NULL, &answer, f, "%slimit=%d%s%s", path, PAGE,
                                        after ? "&after=" : "", after ? after : "");
        if (code != FAULT_OK) {
            json_decref(all);
            return code;
        }
        json_array_extend(all, json_object_get(answer, key));
        const char *next = json_string_value(json_object_get(answer, "next"));
        free(after);
        after = next ? client_escape(next) : NULL;
        bool more = next != NULL;
        json_decref(answer);
        if (!more || after == NULL)
            break;
    }
    *ret_all = all;
    return FAULT_OK;
}
