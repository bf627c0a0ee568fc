/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tls_file.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool tls_file_named(const char *file)
{
    return file != NULL && file[0] != '\0';
}

enum fault_code tls_file_read(const char *file, struct buf *content, struct fault *f)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return fault_set(f, FAULT_INPUT, "cannot read %s: %s", file, strerror(errno));
    enum fault_code code = FAULT_OK;
    for (ssize_t n = 1; code == FAULT_OK && n != 0;) {
        char *room = buf_reserve(content, 4096, f);
        if (room == NULL) {
            code = fault_set(f, FAULT_INPUT, "%s is larger than a file of certificates can be", file);
            break;
        }
        n = read(fd, room, 4096);
        if (n > 0)
            buf_grew(content, (size_t)n);
        else if (n < 0 && errno != EINTR)
            code = fault_set(f, FAULT_INPUT, "cannot read %s: %s", file, strerror(errno));
    }
    close(fd);
    return code;
}
