/* SPDX-License-Identifier: Apache-2.0 */
/* The administrator's side of a simulation, over HTTPS: registers handsets that nobody has, gives them files,
 * reads their logs back, removes all of it. Never replaces a file that is there. One thread; blocking. */
#ifndef CRADLE_SITE_H
#define CRADLE_SITE_H

#include "base/fault.h"
#include "cli/expect.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/roster.h"
#include <signal.h>

struct site;
/* user, password: copied. */
enum fault_code site_open(const struct options *options, const char *user, const char *password,
                          struct site **ret_site, struct fault *f);
void site_close(struct site *site); /* takes NULL */

/* Adds `count` simulated handsets to the server and to the roster, with their files, and makes known what
 * they must get. On failure the roster holds those that were registered. */
enum fault_code site_set_up(struct site *site, size_t count, struct roster *roster, struct expect *expect,
                            struct fault *f);
/* Reads all logs back, what is wrong goes into the report. */
enum fault_code site_check_logs(struct site *site, struct roster *roster, struct report *report,
                                const volatile sig_atomic_t *stop, struct fault *f);
/* Removes what site_set_up made. Goes on after a failure and gives the first one. */
enum fault_code site_clean_up(struct site *site, struct roster *roster, struct fault *f);

#endif
