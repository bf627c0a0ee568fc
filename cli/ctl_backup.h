/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of cradlectl about the catalog as a whole (ctl.h). */
#ifndef CRADLE_CTL_BACKUP_H
#define CRADLE_CTL_BACKUP_H

#include "cli/ctl.h"

int ctl_backup(struct ctl *ctl, int argc, char **argv);
int ctl_verify(struct ctl *ctl, int argc, char **argv);

#endif
