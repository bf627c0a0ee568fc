/* SPDX-License-Identifier: Apache-2.0 */
/* The part of cradlectl pki check that asks the server about the fleet: which handsets' configuration holds a
 * CA that would not verify a new chain. */
#ifndef CRADLE_CTL_FLEET_H
#define CRADLE_CTL_FLEET_H

#include "cli/ctl.h"

/* Sets "fleet" in answer. *ret_status: CTL_FAILED when handsets would refuse the chain, CTL_WARNINGS when
 * some may or something could not be looked into, CTL_GOOD. FAULT_INPUT: the file. */
enum fault_code ctl_fleet_ask(struct ctl *ctl, const char *chain_file, json_t *answer, int *ret_status,
                              struct fault *f);
void ctl_fleet_print(const json_t *fleet);

#endif
