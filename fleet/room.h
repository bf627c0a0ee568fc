/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that is full to the last byte takes no removal either: that, too, is written before it frees
 * anything. So what stores asks here first, and leaves some room. Floor 2; any thread; blocks for moments. */
#ifndef CRADLE_ROOM_H
#define CRADLE_ROOM_H

#include "base/fault.h"

struct fleet;
/* FAULT_QUOTA: less than the setting disk_reserve is free, on the state folder's disk and in the catalog,
 * whose file does not shrink when something is removed from it. */
enum fault_code room_check(struct fleet *fleet, struct fault *f);

#endif
