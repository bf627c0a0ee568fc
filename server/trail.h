/* SPDX-License-Identifier: Apache-2.0 */
/* The API's view of the audit trail (fleet/audit.h): its records as they are stored, so that whoever asks can
 * prove them without trusting the answer, and readable beside. Floor 3; handlers run on a worker. */
#ifndef CRADLE_TRAIL_H
#define CRADLE_TRAIL_H

#include "server/reply.h"
#include "server/request.h"

void trail_list(struct request *request, struct reply *reply);

#endif
