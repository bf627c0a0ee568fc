/* SPDX-License-Identifier: Apache-2.0 */
/* cradlectl status. */
#ifndef CRADLE_CTL_STATUS_H
#define CRADLE_CTL_STATUS_H

#include "cli/ctl.h"

int ctl_status(struct ctl *ctl, int argc, char **argv);

#endif
