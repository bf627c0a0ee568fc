/* SPDX-License-Identifier: Apache-2.0 */
/* cradlectl handset: which handsets belong to the fleet, and what is allowed to each. One thread. */
#ifndef CRADLE_CTL_HANDSET_H
#define CRADLE_CTL_HANDSET_H

#include "cli/ctl.h"

int ctl_handset_list(struct ctl *ctl, int argc, char **argv);
int ctl_handset_show(struct ctl *ctl, int argc, char **argv);
int ctl_handset_add(struct ctl *ctl, int argc, char **argv);
int ctl_handset_change(struct ctl *ctl, int argc, char **argv);
int ctl_handset_remove(struct ctl *ctl, int argc, char **argv);
int ctl_handset_lost(struct ctl *ctl, int argc, char **argv);
int ctl_handset_found(struct ctl *ctl, int argc, char **argv);

#endif
