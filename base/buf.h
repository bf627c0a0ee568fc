/* SPDX-License-Identifier: Apache-2.0 */
/* A growing run of bytes with a maximum: the only way to hold memory whose size a peer decides.
 * Floor 0; an object belongs to one thread. */
#ifndef CRADLE_BUF_H
#define CRADLE_BUF_H

#include "base/fault.h"
#include <stddef.h>

struct buf {
    char *data;   /* NULL while nothing was added; always followed by a NUL that `used` does not count */
    size_t used;  /* bytes */
    size_t room;  /* allocated bytes, the NUL included */
    size_t limit; /* `used` never passes it */
};

void buf_init(struct buf *b, size_t limit);
/* Frees; b may be all zero. buf_wipe overwrites first. Both leave an empty buf with the same limit. */
void buf_fini(struct buf *b);
void buf_wipe(struct buf *b);

/* Append. FAULT_TOO_LARGE above the limit, FAULT_MEMORY; the buf is unchanged on failure. */
enum fault_code buf_add(struct buf *b, const void *data, size_t n, struct fault *f);
enum fault_code buf_text(struct buf *b, const char *text, struct fault *f);
enum fault_code buf_printf(struct buf *b, struct fault *f, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Makes room for n more bytes and returns where they go, NULL on failure; buf_grew(b, n) then counts them. */
char *buf_reserve(struct buf *b, size_t n, struct fault *f);
void buf_grew(struct buf *b, size_t n);
/* Removes the first n bytes (n <= used). */
void buf_consume(struct buf *b, size_t n);
void buf_clear(struct buf *b);
/* Gives the bytes to the caller (free() them; NUL-terminated) and leaves b empty. NULL if out of memory. */
char *buf_take(struct buf *b, size_t *ret_n);

#endif
