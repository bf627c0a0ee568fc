/* SPDX-License-Identifier: Apache-2.0 */
/* Any User-Agent gives two short printable words, and a handset's gives what stands in it. */
#include "fleet/handset.h"
#include "tests/fuzz/fuzz.h"

static void check_word(const char *word)
{
    HOLDS(strnlen(word, 64) < 64);
    for (; *word != '\0'; word++)
        HOLDS(*word > ' ' && *word <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = { data, size };
    char *text = fuzz_text(&in), model[64], firmware[64], again[64], version[64], line[256];
    memset(model, 'x', sizeof model);
    memset(firmware, 'x', sizeof firmware);
    handset_parse_agent(text, model, firmware);
    check_word(model);
    check_word(firmware);
    HOLDS(strstr(text, "-UA/") != NULL || (model[0] == '\0' && firmware[0] == '\0'));
    if (strstr(model, "UA/") == NULL && model[0] != '\0') {
        snprintf(line, sizeof line, "FileTransport Any-%s-UA/%s Type/Application", model, firmware);
        handset_parse_agent(line, again, version);
        HOLDS(strcmp(model, again) == 0 && strcmp(firmware, version) == 0);
    }
    free(text);
    return 0;
}
