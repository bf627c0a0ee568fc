/* SPDX-License-Identifier: Apache-2.0 */
/* The API's handsets. Floor 3; handlers (route.h). */
#ifndef CRADLE_HANDSETS_H
#define CRADLE_HANDSETS_H

#include "server/request.h"

void handsets_list(struct request *request, struct reply *reply);
void handsets_add(struct request *request, struct reply *reply);
void handsets_show(struct request *request, struct reply *reply);
void handsets_change(struct request *request, struct reply *reply);
void handsets_remove(struct request *request, struct reply *reply);
void handsets_lost(struct request *request, struct reply *reply);
void handsets_found(struct request *request, struct reply *reply);

/* The MAC that the target names. An unlike text is a handset that there is none of: FAULT_ABSENT. */
enum fault_code handsets_named(const struct request *request, struct mac *ret_mac, struct fault *f);

#endif
