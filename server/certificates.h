/* SPDX-License-Identifier: Apache-2.0 */
/* The API's client certificates. Floor 3; handlers of the route table. */
#ifndef CRADLE_CERTIFICATES_H
#define CRADLE_CERTIFICATES_H

#include "server/reply.h"
#include "server/request.h"

void certificates_list(struct request *request, struct reply *reply);
void certificates_revoke(struct request *request, struct reply *reply);

#endif
