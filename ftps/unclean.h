/* SPDX-License-Identifier: Apache-2.0 */
/* The setting unclean_close: handsets whose uploads may end without close_notify. Pure. Floor 3. */
#ifndef CRADLE_UNCLEAN_H
#define CRADLE_UNCLEAN_H

#include "base/mac.h"
#include <stdbool.h>

/* list: prefixes of 6 to 12 hex digits, separated by commas; anything else in it matches nobody. */
bool unclean_allowed(const char *list, const struct mac *mac);

#endif
