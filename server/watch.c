/* SPDX-License-Identifier: Apache-2.0 */
#include "server/watch.h"

#include "base/mem.h"

#include <errno.h>

static struct watch_mark mark_of(const char *file)
{
    struct watch_mark mark = { 0 };
    struct stat st;
    if (stat(file, &st) != 0) {
        mark.error = errno;
        return mark;
    }
    mark.device = st.st_dev;
    mark.inode = st.st_ino;
    mark.size = st.st_size;
    mark.modified = st.st_mtim;
    mark.changed = st.st_ctim; /* a mode that was put right shows here alone */
    return mark;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_mark(const struct watch_mark *a, const struct watch_mark *b)
{
    return a->error == b->error && a->device == b->device && a->inode == b->inode && a->size == b->size &&
           same_time(&a->modified, &b->modified) && same_time(&a->changed, &b->changed);
}

static void add(struct watch *watch, const char *file)
{
    if (watch->count == WATCH_FILES_MAX ||
        !mem_copy_text(watch->file[watch->count], sizeof watch->file[0], file))
        return; /* settings_files gives no more, and the settings' own name is not longer than a path can be
                 */
    watch->read[watch->count++] = mark_of(file);
}

void watch_begin(struct watch *watch, const char *file)
{
    *watch = (struct watch){ 0 };
    add(watch, file != NULL ? file : "");
}

void watch_add(struct watch *watch, const struct settings *settings)
{
    const char *files[SETTINGS_FILES_MAX];
    size_t n = settings_files(settings, files, SETTINGS_FILES_MAX);
    for (size_t i = 0; i < n; i++)
        add(watch, files[i]);
}

void watch_add_former(struct watch *watch, const struct watch *former)
{
    for (size_t i = 1; i < former->count; i++)
        add(watch, former->file[i]);
}

bool watch_look(struct watch *watch)
{
    bool differs = false, still = watch->pending;
    for (size_t i = 0; i < watch->count; i++) {
        struct watch_mark now = mark_of(watch->file[i]);
        differs |= !same_mark(&now, &watch->read[i]);
        still &= same_mark(&now, &watch->seen[i]);
        watch->seen[i] = now;
    }
    watch->pending = differs && !still;
    return differs && still;
}
