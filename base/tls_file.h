/* SPDX-License-Identifier: Apache-2.0 */
/* PEM files for tls.c, tls_trust.c and the checker in pki/, and for nobody else. Floor 0; any thread. */
#ifndef CRADLE_TLS_FILE_H
#define CRADLE_TLS_FILE_H

#include "base/buf.h"
#include "base/fault.h"
#include <stdbool.h>

#define TLS_FILE_LIMIT (1 << 20) /* bytes; the limit of the buf */

/* Is a file name given at all, neither NULL nor ""? */
bool tls_file_named(const char *file);
/* The whole file into an initialised buf; buf_wipe it, it may hold a key. FAULT_INPUT with the reason. */
enum fault_code tls_file_read(const char *file, struct buf *content, struct fault *f);

#endif
