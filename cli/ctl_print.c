/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ctl.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/utf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CELL 1024 /* bytes of a value as it is shown */

/* Does a character move the cursor or turn the direction of what follows? */
static bool is_unsafe(uint32_t point)
{
    return utf_is_control(point) || point == 0x61c || point == 0x200e || point == 0x200f ||
           (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

void ctl_put(FILE *out, const char *text)
{
    for (size_t n = strlen(text); n > 0;) {
        uint32_t point = 0;
        size_t length = utf_next(text, n, &point);
        size_t step = length > 0 ? length : 1;
        if (length == 1 && point == '\n')
            putc('\n', out);
        else if (length == 0 || is_unsafe(point))
            for (size_t i = 0; i < step; i++)
                fprintf(out, "\\x%02x", (unsigned)(unsigned char)text[i]);
        else
            fwrite(text, 1, length, out);
        text += step;
        n -= step;
    }
}

int ctl_failed(const struct fault *f)
{
    fputs("cradlectl: ", stderr);
    ctl_put(stderr, f->text);
    putc('\n', stderr);
    return f->code == FAULT_INPUT ? CTL_USAGE : CTL_FAILED;
}

void ctl_print_json(const json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
    putchar('\n');
}

/* A value as a person reads it; what came from a client cannot move the cursor. */
static const char *cell(const json_t *value, char out[CELL])
{
    char text[CELL];
    if (json_is_string(value)) {
        const char *safe = log_value(json_string_value(value), text, sizeof text);
        size_t n = strlen(safe);
        /* Quotes help a log's reader to tell values apart; columns do that here. */
        if (n >= 2 && safe[0] == '"' && safe[n - 1] == '"')
            (void)mem_copy_bytes(out, CELL, safe + 1, n - 2);
        else
            (void)mem_copy_text(out, CELL, safe);
    } else if (json_is_integer(value)) {
        (void)snprintf(out, CELL, "%lld", (long long)json_integer_value(value));
    } else if (json_is_boolean(value)) {
        (void)mem_copy_text(out, CELL, json_is_true(value) ? "yes" : "no");
    } else if (json_is_object(value) || json_is_array(value)) {
        char *dump = json_dumps(value, JSON_COMPACT);
        (void)mem_copy_text(out, CELL, dump != NULL ? log_value(dump, text, sizeof text) : "");
        free(dump);
    } else {
        out[0] = '\0';
    }
    if (out[0] == '\0')
        (void)mem_copy_text(out, CELL, "-");
    return out;
}

/* A label may be in any language. */
size_t ctl_width(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void print_cell(const char *text, size_t to, bool last)
{
    fputs(text, stdout);
    for (size_t n = ctl_width(text); !last && n < to + 2; n++)
        putchar(' ');
}

void ctl_print_table(const struct ctl *ctl, const json_t *array, const struct ctl_column *columns,
                     size_t count)
{
    enum { COLUMNS_MAX = 16 };
    size_t widths[COLUMNS_MAX] = { 0 }, i;
    const json_t *row;
    char out[CELL];
    if (ctl_json(ctl)) {
        ctl_print_json(array);
        return;
    }
    if (count > COLUMNS_MAX)
        count = COLUMNS_MAX;
    for (size_t c = 0; c < count; c++)
        widths[c] = ctl_width(columns[c].heading);
    json_array_foreach(array, i, row) for (size_t c = 0; c < count; c++)
    {
        size_t n = ctl_width(cell(json_object_get(row, columns[c].key), out));
        if (n > widths[c])
            widths[c] = n;
    }
    for (size_t c = 0; c < count; c++)
        print_cell(columns[c].heading, widths[c], c + 1 == count);
    putchar('\n');
    json_array_foreach(array, i, row)
    {
        for (size_t c = 0; c < count; c++)
            print_cell(cell(json_object_get(row, columns[c].key), out), widths[c], c + 1 == count);
        putchar('\n');
    }
}

void ctl_print_object(const struct ctl *ctl, const json_t *object)
{
    const char *key;
    json_t *value;
    char out[CELL];
    if (ctl_json(ctl)) {
        ctl_print_json(object);
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)object, key, value) printf("%s: %s\n", key, cell(value, out));
}

void ctl_progress(const char *what, int64_t done, int64_t total)
{
    enum { BAR = 30 };
    static int shown = -2; /* thousandths, so that a terminal is not flooded */
    if (!isatty(STDERR_FILENO))
        return;
    if (total <= 0) {
        fprintf(stderr, "\r%s: %lld", what, (long long)done);
        return;
    }
    int now = done >= total ? 1000 : (int)((double)done / (double)total * 1000);
    if (now == shown)
        return;
    shown = now < 1000 ? now : -2;
    char bar[BAR + 1];
    memset(bar, '.', BAR);
    memset(bar, '#', (size_t)(now * BAR / 1000));
    bar[BAR] = '\0';
    fprintf(stderr, "\r%s [%s] %lld/%lld%s", what, bar, (long long)done, (long long)total,
            now == 1000 ? "\n" : "");
}
