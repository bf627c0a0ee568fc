/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what an administrator hands in: password files and lists of credentials. "-" is standard input. */
#ifndef CRADLE_INTAKE_H
#define CRADLE_INTAKE_H

#include "base/buf.h"
#include "base/fault.h"

/* The whole file into *text, up to its limit. Says on standard error when others may read a file with
 * secrets. */
enum fault_code intake_whole(const char *path, struct buf *text, struct fault *f);
/* Its first line without the line's end, not empty; wipe and free it. */
enum fault_code intake_password(const char *path, char **ret_password, struct fault *f);

#endif
