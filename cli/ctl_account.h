/* SPDX-License-Identifier: Apache-2.0 */
/* cradlectl account, certificate and refusals: who may come in, by which credentials, and who does not want
 * to. A password that the server made is printed once, on standard output. One thread. */
#ifndef CRADLE_CTL_ACCOUNT_H
#define CRADLE_CTL_ACCOUNT_H

#include "cli/ctl.h"

int ctl_account_list(struct ctl *ctl, int argc, char **argv);
int ctl_account_add(struct ctl *ctl, int argc, char **argv);
int ctl_account_password(struct ctl *ctl, int argc, char **argv);
int ctl_account_enable(struct ctl *ctl, int argc, char **argv);
int ctl_account_disable(struct ctl *ctl, int argc, char **argv);
int ctl_account_remove(struct ctl *ctl, int argc, char **argv);

int ctl_certificate_list(struct ctl *ctl, int argc, char **argv);
int ctl_certificate_revoke(struct ctl *ctl, int argc, char **argv);

int ctl_refusals(struct ctl *ctl, int argc, char **argv);

#endif
