/* SPDX-License-Identifier: Apache-2.0 */
/* The API's list of who is slowed down, and of how crowded it is. Floor 3; handlers (route.h). */
#ifndef CRADLE_SUSPECTS_H
#define CRADLE_SUSPECTS_H

#include "server/request.h"

void suspects_list(struct request *request, struct reply *reply);
void suspects_lift(struct request *request, struct reply *reply);

#endif
