/* SPDX-License-Identifier: Apache-2.0 */
/* cradlectl seal: the data keys and the master key of a server. */
#ifndef CRADLE_CTL_SEAL_H
#define CRADLE_CTL_SEAL_H

#include "cli/ctl.h"

int ctl_seal_status(struct ctl *ctl, int argc, char **argv);
int ctl_seal_rotate(struct ctl *ctl, int argc, char **argv);
int ctl_seal_rewrap(struct ctl *ctl, int argc, char **argv);

#endif
