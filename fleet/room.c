/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/room.h"

#include "fleet/fleet.h"

#include <sys/statvfs.h>

#define ROOM_LOG \
    4 /* a part of the reserve that must be on the disk: the write-ahead log is not in the catalog */

static enum fault_code room_within(struct fleet *fleet, int64_t *ret_bytes, struct fault *f)
{
    struct db_conn *conn;
    enum fault_code code = db_read_begin(fleet->db, &conn, f);
    if (code)
        return code;
    code = db_spare(conn, ret_bytes, f);
    db_read_end(fleet->db, conn);
    return code;
}

enum fault_code room_check(struct fleet *fleet, struct fault *f)
{
    const struct settings *settings = fleet->settings;
    int64_t reserve = settings->disk_reserve, within = 0;
    struct statvfs fs;
    if (reserve == 0 || statvfs(settings->state, &fs) != 0)
        return FAULT_OK; /* a folder that is gone is told of by who writes into it */
    int64_t left = (int64_t)(fs.f_bavail * fs.f_frsize);
    if (left >= reserve)
        return FAULT_OK;
    if (left >= reserve / ROOM_LOG) {
        enum fault_code code = room_within(fleet, &within, f);
        if (code)
            return code;
    }
    if (left >= reserve / ROOM_LOG && left + within >= reserve)
        return FAULT_OK;
    return fault_set(f, FAULT_QUOTA,
                     "the disk is nearly full: less than %lld bytes (disk_reserve) are left for %s; remove "
                     "something, or give it room",
                     (long long)reserve, settings->state);
}
