/* SPDX-License-Identifier: Apache-2.0 */
/* The implicit FTPS front end (RFC 959, 2228, 3659, 4217; TLS from the first byte): listeners, and one loop a
 * processor. For server/main.c; nothing else of ftps/ is. Floor 3; the main thread. */
#ifndef CRADLE_FTPS_H
#define CRADLE_FTPS_H

#include "base/fault.h"
#include "base/settings.h"
#include "base/tls.h"
#include "fleet/fleet.h"

struct ftps;
/* Accepts on ftps_listen and legacy_ftps_listen when this returns, and on management_ftps_listen when
 * management_listen is set, too. fleet and its settings are borrowed until ftps_stop, identity is kept.
 * FAULT_IO, FAULT_INPUT: an address cannot be listened on; the text names it. */
enum fault_code ftps_start(struct fleet *fleet, struct tls_identity *identity, struct ftps **ret_ftps,
                           struct fault *f);
/* Where it listens, with the ports that the system chose for 0. Borrowed until ftps_stop. */
const struct settings_listen *ftps_bound(const struct ftps *ftps);
/* New sessions prove themselves with this from now on; those that are open go on with theirs, data
 * connections included. Any thread. */
void ftps_renew(struct ftps *ftps, struct tls_identity *identity);
/* The fleet's trust has changed: sessions whose client certificate does not hold any more end, soon. */
void ftps_look_again(struct ftps *ftps);
/* Closes the listeners, lets commits that are under way be answered, ends all sessions, waits for their jobs,
 * frees. Takes NULL. */
void ftps_stop(struct ftps *ftps);

#endif
