/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a client sends on a control connection: lines come out the same whether it arrives whole or byte
 * by byte. */
#include "ftps/line.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check(const struct line *line)
{
    size_t argument;
    must(line->used <= LINE_LIMIT && strlen(line->text) == line->used &&
         memchr(line->text, '\n', line->used) == NULL);
    must(line_verb(line, &argument) <= argument && argument <= line->used);
    (void)line_is_http(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct line whole, single; /* too large for some stacks, cleared below */
    const char *text = (const char *)data;
    size_t at = 0, byte = 0;
    line_clear(&whole);
    line_clear(&single);
    while (at < n) {
        size_t used = 0, one = 0;
        bool complete = line_feed(&whole, text + at, n - at, &used);
        must(used > 0 && used <= n - at);
        at += used;
        bool same = false;
        while (byte < at && !same) {
            same = line_feed(&single, text + byte, 1, &one);
            must(one == 1);
            byte++;
        }
        must(byte == at && same == complete);
        if (!complete)
            break;
        check(&whole);
        must(whole.used == single.used && strcmp(whole.text, single.text) == 0);
        must(whole.cut == single.cut && whole.nul == single.nul);
        line_clear(&whole);
        line_clear(&single);
    }
    return 0;
}
