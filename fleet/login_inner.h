/* SPDX-License-Identifier: Apache-2.0 */
/* What login.c and login_look.c share, and nobody else sees. Floor 2. */
#ifndef CRADLE_LOGIN_INNER_H
#define CRADLE_LOGIN_INNER_H

#include "fleet/login.h"

/* What identifies a member of this role. */
enum settings_factors login_rule(const struct settings *settings, enum role role);
/* The oldest TLS that a member of this role may come with through such a listener. */
enum tls_version login_floor(const struct settings *settings, enum serves serves, enum role role);
/* Fills login->on with what the catalog holds about the certificate and, when there is a password, about the
 * name: what is not so is no error but a reason. On a worker. */
enum fault_code login_look(struct login *login, struct db_conn *conn, struct fault *f);

#endif
