/* SPDX-License-Identifier: Apache-2.0 */
/* The API's view of the catalog as a whole: backups, and looking whether everything in it is sound. Floor 3;
 * handlers (route.h). */
#ifndef CRADLE_UPKEEP_H
#define CRADLE_UPKEEP_H

#include "server/request.h"

void upkeep_backup(struct request *request, struct reply *reply);
void upkeep_verify(struct request *request, struct reply *reply);
void upkeep_verified(struct request *request, struct reply *reply);

#endif
