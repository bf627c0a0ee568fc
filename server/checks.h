/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers below /api/v1/check: what a change would mean, before it is made. Floor 3; on a worker. */
#ifndef CRADLE_CHECKS_H
#define CRADLE_CHECKS_H

#include "server/request.h"

void checks_chain(struct request *request, struct reply *reply);

#endif
