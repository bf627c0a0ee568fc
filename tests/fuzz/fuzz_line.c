/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines do not depend on the pieces they come in; without Telnet commands and NULs they are what
 * stands between the line ends. Input: the size of the pieces, then the bytes of a connection. */
#include "ftps/line.h"
#include "tests/fuzz/fuzz.h"

/* What became of the lines, as one number: enough to tell two of them apart. */
struct told {
    uint64_t sum;
    size_t lines;
};

static void tell(struct told *told, const struct line *line)
{
    HOLDS(line->used <= LINE_LIMIT && line->text[line->used] == '\0' && strlen(line->text) == line->used);
    HOLDS(memchr(line->text, '\n', line->used) == NULL);
    HOLDS(!line->cut || line->used == LINE_LIMIT);
    uint64_t sum = told->sum + line->used * 4 + (line->cut ? 2 : 0) + (line->nul ? 1 : 0);
    for (size_t i = 0; i < line->used; i++)
        sum = (sum ^ (uint8_t)line->text[i]) * 0x100000001b3;
    told->sum = sum;
    told->lines++;
    size_t argument, verb = line_verb(line, &argument);
    HOLDS(verb <= argument && argument <= line->used && argument - verb <= 1);
    HOLDS(memchr(line->text, ' ', verb) == NULL && (verb == line->used || line->text[verb] == ' '));
    if (line_is_http(line))
        HOLDS(verb >= 3);
}

static struct told feed(const uint8_t *data, size_t n, size_t piece, struct line *line)
{
    struct told told = { 0, 0 };
    memset(line, 0, sizeof *line);
    for (size_t at = 0; at < n; at += piece) {
        size_t size = n - at < piece ? n - at : piece;
        char *copy = fuzz_copy(data + at, size), *next = copy;
        for (size_t left = size, used; left > 0; next += used, left -= used) {
            bool whole = line_feed(line, next, left, &used);
            HOLDS(used <= left && (whole ? used > 0 && next[used - 1] == '\n' : used == left));
            if (!whole)
                continue;
            tell(&told, line);
            line_clear(line);
            HOLDS(line->used == 0 && !line->cut && !line->nul && line->text[0] == '\0');
        }
        free(copy);
    }
    return told;
}

/* Only a Telnet command of two or three bytes swallows a line end. */
static size_t least_lines(const uint8_t *data, size_t n)
{
    size_t lines = 0;
    for (size_t i = 0; i < n; i++)
        lines += data[i] == '\n' && (i < 1 || data[i - 1] != 0xff) && (i < 2 || data[i - 2] != 0xff);
    return lines;
}

/* RFC 959 without RFC 854. */
static void check_plain(const uint8_t *data, size_t n)
{
    static struct line line;
    memset(&line, 0, sizeof line);
    for (size_t at = 0; at < n;) {
        const uint8_t *end = memchr(data + at, '\n', n - at);
        if (end == NULL)
            return;
        size_t length = (size_t)(end - data) - at, used;
        size_t text = length > 0 && data[at + length - 1] == '\r' ? length - 1 : length;
        HOLDS(line_feed(&line, (const char *)data + at, n - at, &used) && used == length + 1);
        HOLDS(line.used == (text < LINE_LIMIT ? text : LINE_LIMIT) && line.cut == (text > LINE_LIMIT) &&
              !line.nul);
        HOLDS(memcmp(line.text, data + at, line.used) == 0);
        line_clear(&line);
        at += used;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct line one, other;
    if (size < 2)
        return 0;
    size_t piece = 2 + data[0];
    data++, size--;
    struct told whole = feed(data, size, size, &one);
    HOLDS(whole.lines >= least_lines(data, size));
    for (size_t i = 0; i < 2; i++) {
        struct told pieces = feed(data, size, i == 0 ? 1 : piece, &other);
        HOLDS(pieces.lines == whole.lines && pieces.sum == whole.sum);
        HOLDS(one.used == other.used && one.cut == other.cut && one.nul == other.nul && one.at == other.at);
        HOLDS(memcmp(one.text, other.text, one.used) == 0);
    }
    if (memchr(data, 0xff, size) == NULL && memchr(data, 0, size) == NULL)
        check_plain(data, size);
    return 0;
}
