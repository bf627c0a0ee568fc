/* SPDX-License-Identifier: Apache-2.0 */
/* Names of a boot: variables are filled in where they stand and nowhere else, and nothing is written beyond
 * its room. Input: a byte of room, then a line that is a template, one that is a folder. */
#include "cli/trace.h"
#include "tests/fuzz/fuzz.h"

static const struct trace_values values = { "00907a0a0b0c", "3111-36150-001", "8440", "sip.ld" };

static bool has_variable(const char *text)
{
    static const char *const names[] = { "[MAC]",     "[PHONE_MAC_ADDRESS]", "[MACADDRESS]",
                                         "[PART]",    "[PHONE_PART_NUMBER]", "[PHONE_MODEL]",
                                         "[APP_FILE]" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strstr(text, names[i]) != NULL)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = { data, size };
    size_t room = (size_t)fuzz_byte(&in) + 1;
    char *name = fuzz_line(&in), *folder = fuzz_text(&in), *out = malloc(room),
         *roomy = malloc(TRACE_NAME_LIMIT * 16);
    HOLDS(out != NULL && roomy != NULL);
    if (name != NULL) {
        bool fits = trace_expand(name, &values, out, room);
        if (trace_expand(name, &values, roomy, TRACE_NAME_LIMIT * 16)) {
            HOLDS(fits == (strlen(roomy) < room) && (!fits || strcmp(out, roomy) == 0));
            HOLDS(has_variable(name) || strcmp(name, roomy) == 0);
        }
        fits = trace_place(folder, name, out, room);
        if (trace_place(folder, name, roomy, TRACE_NAME_LIMIT * 16)) {
            size_t n = strlen(roomy), n_name = strlen(name + strspn(name, "/"));
            HOLDS(fits == (n < room) && (!fits || strcmp(out, roomy) == 0));
            HOLDS(roomy[0] != '/' && n >= n_name &&
                  strcmp(roomy + n - n_name, name + strspn(name, "/")) == 0);
        }
    }
    free(name);
    free(folder);
    free(out);
    free(roomy);
    return 0;
}
