/* SPDX-License-Identifier: Apache-2.0 */
/* `cradled serve`: what runs while the daemon serves, and the loop that waits for signals and for files to
 * change. Floor 4; the main thread. */
#ifndef CRADLE_SERVE_H
#define CRADLE_SERVE_H

#include "server/load.h"

/* Serves until SIGTERM or SIGINT; SIGHUP and changed files reload (reload.h). Prints `ready`, and the file
 * `welcome` unless NULL, when all listeners accept. Gives the exit status. */
int serve(const struct load_source *source, const char *welcome);

#endif
