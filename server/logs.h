/* SPDX-License-Identifier: Apache-2.0 */
/* The API's view of handsets' logs: generations and segments. Their bytes are read in the tree (/@log/).
 * Floor 3; handlers (route.h). */
#ifndef CRADLE_LOGS_H
#define CRADLE_LOGS_H

#include "server/request.h"

void logs_generations(struct request *request, struct reply *reply);
void logs_segments(struct request *request, struct reply *reply);

#endif
