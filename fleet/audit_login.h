/* SPDX-License-Identifier: Apache-2.0 */
/* What the audit trail says of a login that has ended. For login.c. Floor 2; never blocks. */
#ifndef CRADLE_AUDIT_LOGIN_H
#define CRADLE_AUDIT_LOGIN_H

#include "fleet/login.h"

/* Before the attempt is wiped. A refused one records the name only when an account has it, or when it has a
 * MAC's shape: anything else may be a password that was typed in the wrong place. */
void audit_login(const struct login *login);

#endif
