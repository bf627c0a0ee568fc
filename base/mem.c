/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

void mem_cleanup_free(void *pointer_to_pointer)
{
    /* Through memcpy: the caller's pointer has another type than void *. */
    void *p;
    memcpy(&p, pointer_to_pointer, sizeof p);
    free(p);
}

void mem_wipe(void *p, size_t n)
{
    if (n > 0)
        explicit_bzero(p, n);
}

void mem_wipe_free(void *p, size_t n)
{
    if (p == NULL)
        return;
    mem_wipe(p, n);
    free(p);
}

bool mem_copy_text(char *dst, size_t size, const char *src)
{
    return mem_copy_bytes(dst, size, src, strlen(src));
}

bool mem_copy_bytes(char *dst, size_t size, const void *src, size_t n)
{
    if (size == 0)
        return false;
    if (n >= size || (n > 0 && memchr(src, '\0', n) != NULL)) {
        dst[0] = '\0';
        return false;
    }
    if (n > 0)
        memmove(dst, src, n);
    dst[n] = '\0';
    return true;
}
