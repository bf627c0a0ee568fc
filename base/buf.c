/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/mem.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST_ROOM 64

void buf_init(struct buf *b, size_t limit)
{
    *b = (struct buf){ .limit = limit };
}

void buf_fini(struct buf *b)
{
    free(b->data);
    buf_init(b, b->limit);
}

void buf_wipe(struct buf *b)
{
    mem_wipe_free(b->data, b->room);
    buf_init(b, b->limit);
}

char *buf_reserve(struct buf *b, size_t n, struct fault *f)
{
    /* SIZE_MAX as limit leaves no room for the NUL, so the greatest `used` is one less. */
    size_t limit = b->limit < SIZE_MAX ? b->limit : SIZE_MAX - 1;
    if (b->used > limit || n > limit - b->used) {
        fault_set(f, FAULT_TOO_LARGE, "more than %zu bytes", b->limit);
        return NULL;
    }
    size_t need = b->used + n + 1;
    if (need > b->room) {
        size_t room = b->room < BUF_FIRST_ROOM ? BUF_FIRST_ROOM : b->room;
        while (room < need)
            room = room > SIZE_MAX / 2 ? need : room * 2;
        if (room > limit + 1)
            room = limit + 1;
        /* Not realloc: it may leave a copy behind that buf_wipe would never reach. */
        char *data = malloc(room);
        if (data == NULL) {
            fault_set(f, FAULT_MEMORY, "out of memory");
            return NULL;
        }
        if (b->used > 0)
            memcpy(data, b->data, b->used);
        mem_wipe_free(b->data, b->used);
        b->data = data;
        b->room = room;
    }
    b->data[b->used] = '\0';
    return b->data + b->used;
}

void buf_grew(struct buf *b, size_t n)
{
    if (n == 0)
        return;
    b->used += n;
    b->data[b->used] = '\0';
}

enum fault_code buf_add(struct buf *b, const void *data, size_t n, struct fault *f)
{
    struct fault local;
    struct fault *why = f != NULL ? f : &local;
    char *at = buf_reserve(b, n, why);
    if (at == NULL)
        return why->code;
    if (n > 0)
        memcpy(at, data, n);
    buf_grew(b, n);
    return FAULT_OK;
}

enum fault_code buf_text(struct buf *b, const char *text, struct fault *f)
{
    return buf_add(b, text, strlen(text), f);
}

enum fault_code buf_printf(struct buf *b, struct fault *f, const char *format, ...)
{
    struct fault local;
    struct fault *why = f != NULL ? f : &local;
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (n < 0)
        return fault_set(f, FAULT_INTERNAL, "a text cannot be formatted");
    char *at = buf_reserve(b, (size_t)n, why);
    if (at == NULL)
        return why->code;
    va_start(arguments, format);
    vsnprintf(at, (size_t)n + 1, format, arguments);
    va_end(arguments);
    buf_grew(b, (size_t)n);
    return FAULT_OK;
}

void buf_consume(struct buf *b, size_t n)
{
    if (n == 0)
        return;
    b->used -= n;
    memmove(b->data, b->data + n, b->used);
    b->data[b->used] = '\0';
}

void buf_clear(struct buf *b)
{
    b->used = 0;
    if (b->data != NULL)
        b->data[0] = '\0';
}

char *buf_take(struct buf *b, size_t *ret_n)
{
    if (b->data == NULL && buf_reserve(b, 0, NULL) == NULL)
        return NULL;
    char *data = b->data;
    if (ret_n != NULL)
        *ret_n = b->used;
    buf_init(b, b->limit);
    return data;
}
