/* SPDX-License-Identifier: Apache-2.0 */
/* A settings file of any bytes: it loads, or says where and why it does not. */
#include "base/settings.h"
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    /* A file in memory, opened by its name like any other. */
    int fd = memfd_create("settings", MFD_CLOEXEC);
    char name[40];
    HOLDS(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    struct settings *settings = NULL;
    struct fault f = { FAULT_OK, "" };
    enum fault_code code = settings_load(name, NULL, 0, &settings, &f);
    HOLDS(code == FAULT_OK ? settings != NULL && settings->state[0] == '/'
                           : settings == NULL && code == f.code && f.text[0] != '\0');
    settings_free(settings);
    close(fd);
    return 0;
}
