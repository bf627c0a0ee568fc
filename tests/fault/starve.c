/* SPDX-License-Identifier: Apache-2.0 */
/* Loaded into cradled with LD_PRELOAD: the allocation that CRADLE_FAULT_MEMORY counts down to fails. Not
 * together with a sanitizer, which has an allocator of its own. The other end is Memory in world.py. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct control {
    _Atomic int64_t left; /* 1: the next allocation; 0: none */
    _Atomic int64_t seen, hurt;
};

static struct control *control;

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t count, size_t n);
extern void *__libc_realloc(void *old, size_t n);

__attribute__((constructor)) static void begin(void)
{
    const char *file = getenv("CRADLE_FAULT_MEMORY");
    int fd = file && strstr(program_invocation_short_name, "cradled") ? open(file, O_RDWR | O_CLOEXEC) : -1;
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    control = map == MAP_FAILED ? NULL : map;
}

static bool fails(void)
{
    if (control == NULL)
        return false;
    control->seen++;
    if (control->left == 0 || atomic_fetch_sub(&control->left, 1) > 1)
        return false;
    control->left = 0;
    control->hurt++;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t n)
{
    return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t count, size_t n)
{
    return fails() ? NULL : __libc_calloc(count, n);
}

void *realloc(void *old, size_t n)
{
    return fails() ? NULL : __libc_realloc(old, n);
}
