/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/file.h"

#include "base/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 16384

enum fault_code file_read(const char *file, struct buf *content, struct fault *f)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return fault_set(f, errno == ENOENT ? FAULT_ABSENT : FAULT_IO, "cannot read %s: %s", file,
                         strerror(errno));
    enum fault_code code = FAULT_OK;
    for (ssize_t n = 1; code == FAULT_OK && n != 0;) {
        char *room = buf_reserve(content, PIECE, NULL);
        if (room == NULL) {
            code = fault_set(f, FAULT_TOO_LARGE, "%s is too large: more than %zu bytes", file,
                             content->limit - PIECE);
            break;
        }
        n = read(fd, room, PIECE);
        if (n > 0)
            buf_grew(content, (size_t)n);
        else if (n < 0 && errno != EINTR)
            code = fault_set(f, FAULT_IO, "cannot read %s: %s", file, strerror(errno));
    }
    close(fd);
    return code;
}

enum fault_code file_write(const char *file, mode_t mode, enum file_how how, const void *data, size_t n,
                           struct fault *f)
{
    char fresh[FILE_PATH];
    const char *slash = strrchr(file, '/');
    int folder = slash != NULL ? (int)(slash - file) + 1 : 0;
    enum fault_code code = file_path(fresh, f, "%.*s.%s.XXXXXX", folder, file, file + folder);
    if (code != FAULT_OK)
        return code;
    int fd = mkostemp(fresh, O_CLOEXEC); /* 0600: what is secret is so from the first byte */
    if (fd < 0)
        return fault_set(f, FAULT_IO, "cannot make %s: %s", file, strerror(errno));
    bool good = fchmod(fd, mode) == 0 && disk_write(fd, data, n) && fsync(fd) == 0;
    int why = errno;
    close(fd);
    errno = why;
    /* link(2) refuses what exists, rename(2) does not. */
    good = good && (how == FILE_NEW ? link(fresh, file) == 0 : rename(fresh, file) == 0);
    good = good && disk_sync_name(file);
    why = errno;
    unlink(fresh);
    if (good)
        return FAULT_OK;
    if (how == FILE_NEW && why == EEXIST)
        return fault_set(f, FAULT_CONFLICT, "%s exists already, and nothing is overwritten", file);
    return fault_set(f, FAULT_IO, "cannot write %s: %s", file, strerror(why));
}

bool file_exists(const char *file)
{
    struct stat info;
    return lstat(file, &info) == 0;
}

enum fault_code file_folder(const char *folder, struct fault *f)
{
    if (mkdir(folder, 0700) == 0)
        return FAULT_OK;
    struct stat info;
    if (errno == EEXIST && stat(folder, &info) == 0 && S_ISDIR(info.st_mode))
        return FAULT_OK;
    return fault_set(f, FAULT_IO, "cannot make the folder %s: %s", folder, strerror(errno));
}

enum fault_code file_path(char ret_path[FILE_PATH], struct fault *f, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(ret_path, FILE_PATH, format, arguments);
    va_end(arguments);
    if (n < 0 || n >= FILE_PATH)
        return fault_set(f, FAULT_INPUT, "a file name is longer than %d bytes", FILE_PATH - 1);
    return FAULT_OK;
}
