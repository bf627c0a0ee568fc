/* SPDX-License-Identifier: Apache-2.0 */
/* The API's accounts. A password that the server made is in the answer to the request that had it made, and
 * nowhere else. Floor 3; handlers (route.h). */
#ifndef CRADLE_ACCOUNTS_H
#define CRADLE_ACCOUNTS_H

#include "server/request.h"

void accounts_list(struct request *request, struct reply *reply);
void accounts_add(struct request *request, struct reply *reply);
void accounts_show(struct request *request, struct reply *reply);
void accounts_change(struct request *request, struct reply *reply);
void accounts_remove(struct request *request, struct reply *reply);
void accounts_password(struct request *request, struct reply *reply);

#endif
