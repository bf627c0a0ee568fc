/* SPDX-License-Identifier: Apache-2.0 */
/* Getting bytes and names onto the disk for good. Floor 0; any thread, blocking. Both leave errno when they
 * fail. */
#ifndef CRADLE_DISK_H
#define CRADLE_DISK_H

#include <stdbool.h>
#include <stddef.h>

/* All n bytes, through short writes and signals; does not sync. */
bool disk_write(int fd, const void *data, size_t n);
/* Syncs the folder that `file` is in: a new name is on disk only then. */
bool disk_sync_name(const char *file);

#endif
