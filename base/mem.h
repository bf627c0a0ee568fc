/* SPDX-License-Identifier: Apache-2.0 */
/* Small helpers around memory: cleanup attributes, wiping, overflow-safe copies of strings.
 * Floor 0; any thread. */
#ifndef CRADLE_MEM_H
#define CRADLE_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* A local that is freed when it leaves its scope: `AUTO_FREE char *text = …`. */
#define AUTO_FREE __attribute__((cleanup(mem_cleanup_free)))
void mem_cleanup_free(void *pointer_to_pointer);

/* Overwrites n bytes at p; the compiler cannot remove it. p may be NULL when n is 0. */
void mem_wipe(void *p, size_t n);
/* Wipes n bytes and frees; p may be NULL. */
void mem_wipe_free(void *p, size_t n);

/* Copies src with its NUL into dst of `size` bytes. False, and dst an empty string, when it does not fit. */
bool mem_copy_text(char *dst, size_t size, const char *src);
/* The same for n bytes that end without a NUL; a NUL inside counts as not fitting. */
bool mem_copy_bytes(char *dst, size_t size, const void *src, size_t n);

/* The struct of `type` whose `member` is at p. */
#define CONTAINER_OF(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))
#define ARRAY_LENGTH(a)               (sizeof(a) / sizeof((a)[0]))

#endif
