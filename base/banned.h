/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of the C library that Cradle never makes: each has an unbounded or a hidden side.
 * Forced into every source by the build (-include). Floor 0. */
#ifndef CRADLE_BANNED_H
#define CRADLE_BANNED_H

#ifdef __GNUC__
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#undef alloca /* a macro in glibc, and those cannot be poisoned */
#pragma GCC poison strcpy strcat stpcpy sprintf vsprintf gets strtok alloca popen tmpnam mktemp atoi atol
#endif

#endif
