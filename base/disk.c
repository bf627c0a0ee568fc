/* SPDX-License-Identifier: Apache-2.0 */
#include "base/disk.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <unistd.h>

bool disk_write(int fd, const void *data, size_t n)
{
    const char *at = data;
    while (n > 0) {
        ssize_t written = write(fd, at, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            errno = written < 0 ? errno : EIO;
            return false;
        }
        at += written;
        n -= (size_t)written;
    }
    return true;
}

bool disk_sync_name(const char *file)
{
    AUTO_FREE char *copy = strdup(file);
    int fd = copy != NULL ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0)
        return false;
    bool synced = fsync(fd) == 0;
    int why = errno;
    close(fd);
    errno = why;
    return synced;
}
