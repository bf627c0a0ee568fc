/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/bearer.h"

#include <stdlib.h>
#include <string.h>

static const char begin[] = "BEGIN ", key[] = "PRIVATE KEY";

/* --- references --- */

/* "#45" or "#x2d" as a character; -1: it is none that a PEM line is made of. */
static int reference_value(const char *text, size_t n)
{
    char digits[sizeof((struct bearer *)NULL)->reference];
    bool hex = n > 1 && (text[1] == 'x' || text[1] == 'X');
    size_t from = hex ? 2 : 1;
    if (n <= from || n >= sizeof digits || text[0] != '#')
        return -1;
    memcpy(digits, text + from, n - from);
    digits[n - from] = '\0';
    if (strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789") != n - from)
        return -1;
    unsigned long value = strtoul(digits, NULL, hex ? 16 : 10);
    return value > 0 && value < 0x80 ? (int)value : -1;
}

/* --- the mark --- */

static void mark_feed(struct bearer *b, char c)
{
    size_t tail = sizeof key - 1;
    if (b->in_label) {
        bool fits = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ' ';
        if (fits && b->n_label < sizeof b->label) {
            b->label[b->n_label++] = c;
            return;
        }
        if (c == '-' && b->n_label >= tail && memcmp(b->label + b->n_label - tail, key, tail) == 0)
            b->keys++;
        b->in_label = false;
        b->n_label = b->matched = b->dashes = 0;
    }
    if (c == '-') {
        b->dashes++;
        b->matched = 0;
    } else if (b->dashes >= 5 && c == begin[b->matched]) {
        b->in_label = begin[++b->matched] == '\0';
    } else {
        b->dashes = b->matched = 0;
    }
}

static void reference_give_up(struct bearer *b)
{
    mark_feed(b, '&');
    for (size_t i = 0; i < b->n_reference; i++)
        mark_feed(b, b->reference[i]);
    b->in_reference = false;
}

static void bearer_one(struct bearer *b, char c)
{
    if (c == '\0')
        return;
    if (b->in_reference && c == ';') {
        int value = reference_value(b->reference, b->n_reference);
        if (value < 0)
            reference_give_up(b);
        else
            mark_feed(b, (char)value);
        if (b->in_reference) {
            b->in_reference = false;
            return;
        }
    } else if (b->in_reference && c != '&' && b->n_reference < sizeof b->reference) {
        b->reference[b->n_reference++] = c;
        return;
    } else if (b->in_reference) {
        reference_give_up(b);
    }
    if (c == '&') {
        b->in_reference = true;
        b->n_reference = 0;
        return;
    }
    mark_feed(b, c);
}

void bearer_feed(struct bearer *bearer, const void *data, size_t n)
{
    const char *at = data, *end = at + n;
    while (at < end) {
        /* Most bytes are nothing's beginning: firmware is large. */
        if (!bearer->in_reference && !bearer->in_label && bearer->dashes == 0)
            while (at < end && *at != '-' && *at != '&')
                at++;
        if (at < end)
            bearer_one(bearer, *at++);
    }
}

/* --- the whole text --- */

size_t bearer_plain(const char *text, size_t n, char *out)
{
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        const char *end = text[i] == '&' ? memchr(text + i, ';', n - i < 12 ? n - i : 12) : NULL;
        int value = end ? reference_value(text + i + 1, (size_t)(end - text) - i - 1) : -1;
        if (value >= 0) {
            out[used++] = (char)value;
            i = (size_t)(end - text);
        } else if (text[i] != '\0') {
            out[used++] = text[i];
        }
    }
    return used;
}

void bearer_root(const char *plain, size_t n, char root[BEARER_ROOT])
{
    static const char names[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:";
    size_t at = 0, used = 0;
    root[0] = '\0';
    for (;;) {
        while (at < n && plain[at] != '<')
            at++;
        bool comment = n - at >= 4 && memcmp(plain + at, "<!--", 4) == 0;
        bool instruction = n - at >= 2 && plain[at + 1] == '?';
        if (!comment && !instruction)
            break;
        const char *stop = memmem(plain + at, n - at, comment ? "-->" : "?>", comment ? 3 : 2);
        if (stop == NULL)
            return;
        at = (size_t)(stop - plain) + 2;
    }
    while (++at < n && used < BEARER_ROOT - 1 && plain[at] != '\0' && strchr(names, plain[at]) != NULL)
        root[used++] = plain[at];
    bool ended = at < n && strchr(" \t\r\n/>", plain[at]) != NULL && plain[at] != '\0';
    root[ended ? used : 0] = '\0';
}
