/* SPDX-License-Identifier: Apache-2.0 */
/* Plays boots: many handsets at once in one thread, each a small machine with connections, TLS sessions and a
 * memory of its own, as if it were another device (a libcurl multi handle a handset; one epoll for all). */
#ifndef CRADLE_PLAYER_H
#define CRADLE_PLAYER_H

#include "base/fault.h"
#include "cli/expect.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/roster.h"
#include <signal.h>

/* Plays until every handset has made its boots or *stop is set. Errors of the server go into the report; a
 * fault is this side's. */
enum fault_code player_play(const struct options *options, struct roster *roster, struct expect *expect,
                            struct report *report, const volatile sig_atomic_t *stop, struct fault *f);

#endif
