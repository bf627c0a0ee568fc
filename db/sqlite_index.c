/* SPDX-License-Identifier: Apache-2.0 */
/* How to see without a lock, or a call into the kernel, that somebody has committed: all who have the catalog
 * open share the index of its write-ahead log, in memory, and its head counts the commits. The file format's
 * description has its layout (SQLite, "WAL-mode File Format", 2.1), in the machine's byte order. */
#include "db/sqlite.h"

enum { INDEX_VERSION = 3007000, INDEX_REGION = 32768 };

struct index_head {
    uint32_t version, unused, commits;
};

void sqlite_find_index(struct engine_conn *conn)
{
    sqlite3_file *file = NULL;
    void volatile *region = NULL;
    int rc = sqlite3_file_control(conn->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (rc == SQLITE_OK && file != NULL && file->pMethods != NULL && file->pMethods->iVersion >= 2)
        (void)file->pMethods->xShmMap(file, 0, INDEX_REGION, 0, &region);
    conn->index = (const struct index_head *)(uintptr_t)region;
}

uint64_t sqlite_newest(struct engine_conn *conn)
{
    if (conn->index == NULL || __atomic_load_n(&conn->index->version, __ATOMIC_ACQUIRE) != INDEX_VERSION)
        return 0;
    return 1 + (uint64_t)__atomic_load_n(&conn->index->commits, __ATOMIC_ACQUIRE);
}
