/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files that are there completely or not at all. Floor 1; any thread, blocking. */
#ifndef CRADLE_FILE_H
#define CRADLE_FILE_H

#include "base/buf.h"
#include "base/fault.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define FILE_PATH 1024 /* bytes of a file's name with its folders, the NUL included */

/* Reads a file into an initialised buf, whose limit is the file's. FAULT_ABSENT: there is none; FAULT_IO;
 * FAULT_TOO_LARGE. */
enum fault_code file_read(const char *file, struct buf *content, struct fault *f);

/* Writes beside the file and moves into place, on disk before it returns: a crash leaves the old file, or
 * none, or the new one; and perhaps a hidden `.FILE.XXXXXX`, which can be removed. FILE_NEW: FAULT_CONFLICT
 * when the file exists. */
enum file_how { FILE_NEW, FILE_REPLACE };
enum fault_code file_write(const char *file, mode_t mode, enum file_how how, const void *data, size_t n,
                           struct fault *f);

bool file_exists(const char *file);

/* Makes a folder of mode 0700 unless there is one. */
enum fault_code file_folder(const char *folder, struct fault *f);

/* Puts a path together; FAULT_INPUT when it is longer than FILE_PATH. */
enum fault_code file_path(char ret_path[FILE_PATH], struct fault *f, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
