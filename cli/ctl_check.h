/* SPDX-License-Identifier: Apache-2.0 */
/* cradlectl pki check: what is wrong with certificates, in files, on a live server, for the fleet. */
#ifndef CRADLE_CTL_CHECK_H
#define CRADLE_CTL_CHECK_H

#include "cli/ctl.h"

/* CTL_GOOD: nothing above info. CTL_WARNINGS: at worst a warning. CTL_FAILED: something is fatal, or the
 * command failed.
 */
int ctl_check(struct ctl *ctl, int argc, char **argv);

#endif
