/* SPDX-License-Identifier: Apache-2.0 */
/* cradlectl audit: listing the server's audit trail, and proving it here, from the verification key and the
 * journal's heads, without trusting the server. One thread. */
#ifndef CRADLE_CTL_AUDIT_H
#define CRADLE_CTL_AUDIT_H

#include "cli/ctl.h"

int ctl_audit_list(struct ctl *ctl, int argc, char **argv);
int ctl_audit_verify(struct ctl *ctl, int argc, char **argv);

#endif
