/* SPDX-License-Identifier: Apache-2.0 */
/* The name space that handsets and administrators see (fleet/tree.h), over HTTP: RFC 9110's GET, HEAD, PUT
 * and DELETE. Floor 3; handlers (route.h). */
#ifndef CRADLE_FILES_H
#define CRADLE_FILES_H

#include "server/request.h"

void files_read(struct request *request, struct reply *reply);
/* The same for a handset that asks for what lies in memory, or cannot be had: that takes no worker. False:
 * nothing was done. */
bool files_read_hot(struct request *request, struct reply *reply);
/* Begins the upload. */
void files_write(struct request *request, struct reply *reply);
/* The answer to an upload that has ended; the dispatcher's, on its own thread. */
void files_written(struct request *request, const struct upload *upload, struct reply *reply);
void files_remove(struct request *request, struct reply *reply);
void files_versions(struct request *request, struct reply *reply);

/* After a fault that is no proof of absence: a handset that could not read a file of its own must not fall
 * back to the shared one (fleet/trouble.h). */
void files_trouble(const struct request *request, const struct fault *f);

#endif
