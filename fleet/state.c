/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/state.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_BUSY_MS 5000

enum fault_code state_path(const struct settings *settings, const char *name, char out[STATE_PATH],
                           struct fault *f)
{
    int n = snprintf(out, STATE_PATH, "%s/%s", settings->state, name);
    if (n < 0 || (size_t)n >= STATE_PATH)
        return fault_set(f, FAULT_INPUT, "the path of the state folder is too long");
    return FAULT_OK;
}

enum fault_code state_lock(const struct settings *settings, int *ret_lock, struct fault *f)
{
    int fd = open(settings->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        *ret_lock = -1; /* opening the catalog says what is missing */
        return FAULT_OK;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        *ret_lock = fd;
        return FAULT_OK;
    }
    int why = errno;
    close(fd);
    if (why == EWOULDBLOCK)
        return fault_set(f, FAULT_BUSY, "another cradled uses the state folder %s: stop that one first",
                         settings->state);
    return fault_set(f, FAULT_IO, "cannot lock the state folder %s: %s", settings->state, strerror(why));
}

void state_unlock(int lock)
{
    if (lock >= 0)
        close(lock);
}

enum fault_code state_open(const struct settings *settings, const char *name, enum state_how how,
                           struct db **ret_db, int *ret_upgraded, struct fault *f)
{
    char file[STATE_PATH];
    enum fault_code code = state_path(settings, name, file, f);
    if (code)
        return code;
    /* Each worker, those who read in the background, and the front ends' threads, two for each processor. */
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    const struct db_options options = { .file = file,
                                        .readers = (size_t)settings->workers + 8 +
                                                   2 * (size_t)(processors > 0 ? processors : 1),
                                        .create = how == STATE_CREATE,
                                        .busy_ms = STATE_BUSY_MS,
                                        .erase = how == STATE_ERASE,
                                        .as_it_is = how == STATE_AS_IT_IS };
    return db_open(&options, ret_db, ret_upgraded, f);
}

enum fault_code state_is_closed(const struct settings *settings, const char *name, struct fault *f)
{
    char with[64], path[STATE_PATH];
    struct stat st;
    snprintf(with, sizeof with, "%s-wal", name);
    enum fault_code code = state_path(settings, with, path, f);
    if (code == FAULT_OK && stat(path, &st) == 0 && st.st_size > 0)
        code = fault_set(f, FAULT_CONFLICT,
                         "%s is there: the file that it belongs to was not closed, or is missing", path);
    return code;
}

void state_remove(const struct settings *settings, const char *name)
{
    static const char *const beside[] = { "-journal", "-wal", "-shm", "" };
    for (size_t i = 0; i < ARRAY_LENGTH(beside); i++) {
        char with[64], file[STATE_PATH];
        snprintf(with, sizeof with, "%s%s", name, beside[i]);
        if (state_path(settings, with, file, NULL) == FAULT_OK)
            unlink(file);
    }
}

/* A restore that was killed just before its last step has given the catalog its second name already. */
static void clean_names(const struct settings *settings)
{
    struct stat catalog, st;
    char file[STATE_PATH];
    if (state_path(settings, STATE_CATALOG, file, NULL) != FAULT_OK || stat(file, &catalog) != 0 ||
        catalog.st_nlink < 2)
        return;
    DIR *folder = opendir(settings->state);
    if (folder == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (strncmp(entry->d_name, STATE_KEPT, strlen(STATE_KEPT)) == 0 &&
            fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_dev == catalog.st_dev && st.st_ino == catalog.st_ino)
            unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
}

void state_clean(const struct settings *settings)
{
    clean_names(settings);
    state_remove(settings, STATE_SNAPSHOT);
    state_remove(settings, STATE_INCOMING);
}
