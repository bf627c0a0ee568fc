/* SPDX-License-Identifier: Apache-2.0 */
/* cradlectl suspects: who is slowed down, how crowded it is, and lifting delays. */
#ifndef CRADLE_CTL_SUSPECTS_H
#define CRADLE_CTL_SUSPECTS_H

#include "cli/ctl.h"

int ctl_suspects(struct ctl *ctl, int argc, char **argv);

#endif
