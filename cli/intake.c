/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/intake.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PASSWORD_FILE_LIMIT 4096

static enum fault_code read_all(int fd, const char *path, struct buf *text, struct fault *f)
{
    for (;;) {
        char block[4096];
        ssize_t n = read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fault_set(f, FAULT_IO, "cannot read %s: %s", path, strerror(errno));
        if (n == 0)
            return FAULT_OK;
        enum fault_code code = buf_add(text, block, (size_t)n, f);
        if (code != FAULT_OK) {
            (void)fault_prefix(f, "%s", path);
            return code;
        }
    }
}

enum fault_code intake_whole(const char *path, struct buf *text, struct fault *f)
{
    if (strcmp(path, "-") == 0)
        return read_all(STDIN_FILENO, "standard input", text, f);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fault_set(f, FAULT_IO, "cannot read %s: %s", path, strerror(errno));
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077) != 0)
        fprintf(stderr, "%s: others may read %s, which holds secrets: chmod 600 it\n",
                program_invocation_short_name, path);
    enum fault_code code = read_all(fd, path, text, f);
    close(fd);
    return code;
}

enum fault_code intake_password(const char *path, char **ret_password, struct fault *f)
{
    struct buf text;
    buf_init(&text, PASSWORD_FILE_LIMIT);
    enum fault_code code = intake_whole(path, &text, f);
    if (code == FAULT_OK) {
        size_t n = text.used > 0 ? strcspn(text.data, "\r\n") : 0;
        char *password = n > 0 ? strndup(text.data, n) : NULL;
        if (n == 0)
            code = fault_set(f, FAULT_INPUT, "%s holds no password: write it into the first line", path);
        else if (password == NULL)
            code = fault_set(f, FAULT_MEMORY, "out of memory");
        else
            *ret_password = password;
    }
    buf_wipe(&text);
    return code;
}
