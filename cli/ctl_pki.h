/* SPDX-License-Identifier: Apache-2.0 */
/* cradlectl pki: making certificates, on files alone. These functions read options and tell what happened;
 * the work is pki/'s. One thread. */
#ifndef CRADLE_CTL_PKI_H
#define CRADLE_CTL_PKI_H

#include "cli/ctl.h"

int ctl_pki_init(struct ctl *ctl, int argc, char **argv);
int ctl_pki_request(struct ctl *ctl, int argc, char **argv);
int ctl_pki_sign(struct ctl *ctl, int argc, char **argv);
int ctl_pki_issue(struct ctl *ctl, int argc, char **argv);
int ctl_pki_renew(struct ctl *ctl, int argc, char **argv);
int ctl_pki_revoke(struct ctl *ctl, int argc, char **argv);
int ctl_pki_crl(struct ctl *ctl, int argc, char **argv);
int ctl_pki_chain(struct ctl *ctl, int argc, char **argv);
int ctl_pki_show(struct ctl *ctl, int argc, char **argv);
int ctl_pki_trust_bundle(struct ctl *ctl, int argc, char **argv);

#endif
