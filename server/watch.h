/* SPDX-License-Identifier: Apache-2.0 */
/* Have files changed since they were read? Compares what stat tells: device, inode, size and both times. A
 * change counts once it has stayed the same from one look to the next, so that a certificate and its key,
 * which are two files, are not read half changed. Floor 4; the main thread. */
#ifndef CRADLE_WATCH_H
#define CRADLE_WATCH_H

#include "base/settings.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <time.h>

#define WATCH_FILES_MAX (SETTINGS_FILES_MAX + 1)

/* What a file looked like. Symbolic links are followed: what they lead to counts. */
struct watch_mark {
    int error; /* errno of stat; the rest is 0 then */
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

struct watch {
    size_t count;
    settings_kind_PATH file[WATCH_FILES_MAX];
    struct watch_mark read[WATCH_FILES_MAX]; /* before they were read */
    struct watch_mark seen[WATCH_FILES_MAX]; /* at the last look, if pending */
    bool pending;
};

/* Begins with the settings file (NULL: none), as it looks now. */
void watch_begin(struct watch *watch, const char *file);
/* Adds the files that the settings name, as they look now. */
void watch_add(struct watch *watch, const struct settings *settings);
/* Adds the files that another one watched, but for its first: the settings file. */
void watch_add_former(struct watch *watch, const struct watch *former);
/* Looks. True when something differs from what was read and is as it was at the look before: read again. */
bool watch_look(struct watch *watch);

#endif
