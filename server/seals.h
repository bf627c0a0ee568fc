/* SPDX-License-Identifier: Apache-2.0 */
/* The API of data keys and the master key: /api/v1/seal. Floor 3; handlers run on a worker. */
#ifndef CRADLE_SEALS_H
#define CRADLE_SEALS_H

#include "server/reply.h"
#include "server/request.h"

void seals_status(struct request *request, struct reply *reply);
void seals_rotate(struct request *request, struct reply *reply);
void seals_rewrap(struct request *request, struct reply *reply);

#endif
