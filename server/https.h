/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTPS front end: handsets' boots and logs, administrators' files, the API. libmicrohttpd speaks HTTP,
 * several daemons of one thread each beside one another (SO_REUSEPORT); workers do what blocks. Floor 3;
 * started and stopped by one thread. */
#ifndef CRADLE_HTTPS_H
#define CRADLE_HTTPS_H

#include "base/fault.h"
#include "base/settings.h"
#include "base/tls.h"
#include "fleet/fleet.h"

struct https;
/* Accepts on all addresses of https_listen, management_listen and legacy_https_listen when it returns. fleet
 * is borrowed until https_stop. FAULT_IO: an address cannot be used; the text names it. */
enum fault_code https_start(struct fleet *fleet, struct tls_identity *identity, struct https **ret_https,
                            struct fault *f);
/* New connections prove themselves with this from now on; those that are open go on. Any thread. */
void https_renew(struct https *https, struct tls_identity *identity);
/* The addresses with the ports that the system chose: https_listen's, then management_listen's, then
 * legacy_https_listen's. */
const struct settings_listen *https_bound(const struct https *https);
/* Finishes what is under way, closes all connections. Takes NULL. */
void https_stop(struct https *https);

#endif
