/* SPDX-License-Identifier: Apache-2.0 */
/* A secret typed on the terminal, without echo. One thread; blocking. */
#ifndef CRADLE_PROMPT_H
#define CRADLE_PROMPT_H

#include "base/fault.h"
#include <stddef.h>

/* Asks on /dev/tty, whatever standard input is, and reads one line into out (size bytes with the NUL; wipe
 * it). Ctrl-C ends the program, once the echo is back. FAULT_INPUT: there is no terminal (otherwise: what the
 * caller offers instead, "give it in a file"), the line is empty or does not fit. */
enum fault_code prompt_secret(const char *prompt, const char *otherwise, char *out, size_t size,
                              struct fault *f);

#endif
