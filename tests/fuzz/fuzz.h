/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets share: a check that stays in every build, and a way to cut an input into pieces.
 * One thread. */
#ifndef CRADLE_FUZZ_H
#define CRADLE_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(what) ((what) ? (void)0 : fuzz_broken(#what, __FILE__, __LINE__))

static inline __attribute__((noreturn)) void fuzz_broken(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

/* What is left of an input. */
struct fuzz {
    const uint8_t *at;
    size_t left;
};

/* The next byte; 0 at the end. */
static inline uint8_t fuzz_byte(struct fuzz *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++;
}

/* Up to 8 bytes, big-endian. */
static inline uint64_t fuzz_number(struct fuzz *in, size_t bytes)
{
    uint64_t n = 0;
    while (bytes-- > 0)
        n = n << 8 | fuzz_byte(in);
    return n;
}

/* Exactly so many bytes in memory of their own: a read beyond them is found. free() it. */
static inline char *fuzz_copy(const void *data, size_t n)
{
    char *copy = calloc(1, n > 0 ? n : 1);
    HOLDS(copy != NULL);
    if (n > 0)
        memcpy(copy, data, n);
    return copy;
}

/* The bytes up to the next line end or NUL, as a text; the line end is skipped. NULL for an input that is
 * empty. free() it. */
static inline char *fuzz_line(struct fuzz *in)
{
    if (in->left == 0)
        return NULL;
    size_t n = 0;
    while (n < in->left && in->at[n] != '\n' && in->at[n] != '\0')
        n++;
    char *text = malloc(n + 1);
    HOLDS(text != NULL);
    memcpy(text, in->at, n);
    text[n] = '\0';
    size_t taken = n < in->left ? n + 1 : n;
    in->at += taken;
    in->left -= taken;
    return text;
}

/* All that is left, up to a NUL, as a text. free() it. */
static inline char *fuzz_text(struct fuzz *in)
{
    const uint8_t *nul = in->left > 0 ? memchr(in->at, 0, in->left) : NULL;
    size_t n = nul != NULL ? (size_t)(nul - in->at) : in->left;
    char *text = malloc(n + 1);
    HOLDS(text != NULL);
    if (n > 0)
        memcpy(text, in->at, n);
    text[n] = '\0';
    in->at += in->left;
    in->left = 0;
    return text;
}

/* Is it a line that can stand in a log or a reply: no control characters but those above ASCII? */
static inline bool fuzz_is_clean(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

#endif
