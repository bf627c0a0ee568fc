/* SPDX-License-Identifier: Apache-2.0 */
/* The API's list of clients that refuse us. Floor 3; handlers (route.h). */
#ifndef CRADLE_REFUSALS_H
#define CRADLE_REFUSALS_H

#include "server/request.h"

void refusals_list(struct request *request, struct reply *reply);
void refusals_clear(struct request *request, struct reply *reply);

#endif
