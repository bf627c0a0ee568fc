/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a client sends as a path: what is accepted is canonical, so that reading it again changes nothing.
 */
#include "base/path.h"
#include "tests/fuzz/fuzz.h"

#include <strings.h>

static void check(enum fault_code code, const struct path *p)
{
    struct path again;
    if (code != FAULT_OK)
        return;
    HOLDS(strlen(p->text) == p->length && p->length <= PATH_LIMIT && p->text[0] == '/');
    HOLDS(path_parse(p->text, p->length, &again, NULL) == FAULT_OK);
    HOLDS(strcmp(again.text, p->text) == 0);
    size_t at = 0, used, steps = 0;
    const char *component;
    while (path_next(p, &at, &component, &used)) {
        HOLDS(used > 0 && used <= PATH_COMPONENT_LIMIT);
        HOLDS(!(component[0] == '.' && (used == 1 || (used == 2 && component[1] == '.'))));
        steps++;
    }
    for (again = *p; path_up(&again);)
        steps--;
    HOLDS(steps == 0 && strcmp(again.text, "/") == 0);
}

/* What an accepted target cannot have in it: bytes that RFC 3986 does not allow, and escapes that hide
 * something. */
static void check_target(const char *target, size_t n)
{
    static const char *const hidden[] = { "%00", "%2e", "%2f", "%5c" };
    for (size_t i = 0; i < n; i++) {
        HOLDS(target[i] > ' ' && target[i] != 0x7f && strchr("\"<>\\^`{|}?#[]", target[i]) == NULL);
        for (size_t h = 0; h < sizeof hidden / sizeof hidden[0]; h++)
            HOLDS(n - i < 3 || strncasecmp(target + i, hidden[h], 3) != 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct path folder, p;
    char *text = fuzz_copy(data, n);
    check(path_parse(text, n, &p, NULL), &p);
    enum fault_code code = path_from_target(text, n, &p, NULL);
    check(code, &p);
    if (code == FAULT_OK)
        check_target(text, n);
    HOLDS(path_parse("/a/b", 4, &folder, NULL) == FAULT_OK);
    check(path_resolve(&folder, text, n, &p, NULL), &p);
    free(text);
    return 0;
}
