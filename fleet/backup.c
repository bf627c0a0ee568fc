/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/backup.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/seal.h"
#include "fleet/grant.h"
#include "fleet/state.h"
#include "fleet/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct backup {
    struct fleet *fleet;
    struct archive_writer *writer;
    int fd;       /* the copy, which has no name any more */
    int64_t left; /* bytes of it that are not sealed yet */
    int64_t at;   /* of the archive: where piece begins */
    size_t used;
    bool ended;
    uint8_t piece[ARCHIVE_FRAME];
};

void backup_catalog_id(struct vault *vault, uint8_t ret_id[ARCHIVE_ID])
{
    struct secret_key derived;
    secret_derive(vault_digest_key(vault), "cradle catalog id", &derived);
    memcpy(ret_id, derived.bytes, ARCHIVE_ID);
    mem_wipe(&derived, sizeof derived);
}

static void backup_free(void *user)
{
    struct backup *backup = user;
    archive_writer_free(backup->writer);
    if (backup->fd >= 0)
        close(backup->fd);
    backup->fleet->backing_up = false;
    mem_wipe_free(backup, sizeof *backup);
}

/* --- reading it --- */

static enum fault_code fill(int fd, void *out, size_t n, struct fault *f)
{
    char *at = out;
    while (n > 0) {
        ssize_t got = read(fd, at, n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return fault_set(f, FAULT_IO, "the copy of the catalog cannot be read: %s",
                             got < 0 ? strerror(errno) : "it was cut");
        at += got;
        n -= (size_t)got;
    }
    return FAULT_OK;
}

/* The archive's next piece. */
static enum fault_code advance(struct backup *backup, struct fault *f)
{
    uint8_t plain[ARCHIVE_CHUNK];
    size_t n = backup->left < ARCHIVE_CHUNK ? (size_t)backup->left : ARCHIVE_CHUNK;
    backup->at += (int64_t)backup->used;
    backup->used = 0;
    if (n == 0) {
        backup->ended = true;
        return archive_write_end(backup->writer, backup->piece, &backup->used, f);
    }
    enum fault_code code = fill(backup->fd, plain, n, f);
    if (code == FAULT_OK)
        code = archive_write(backup->writer, plain, n, backup->piece, &backup->used, f);
    backup->left -= (int64_t)n;
    return code;
}

static enum fault_code backup_read(void *user, int64_t offset, void *out, size_t n, size_t *ret_n,
                                   struct fault *f)
{
    struct backup *backup = user;
    size_t got = 0;
    while (got < n) {
        int64_t within = offset + (int64_t)got - backup->at;
        if (within < 0)
            return fault_set(f, FAULT_INTERNAL, "a backup is read from front to end");
        if (within < (int64_t)backup->used) {
            size_t take = backup->used - (size_t)within;
            if (take > n - got)
                take = n - got;
            memcpy((char *)out + got, backup->piece + within, take);
            got += take;
        } else if (backup->ended) {
            break;
        } else {
            enum fault_code code = advance(backup, f);
            if (code)
                return code;
        }
    }
    *ret_n = got;
    return FAULT_OK;
}

/* --- making it --- */

static enum fault_code drop_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    static const enum db_statement statements[] = {
        SQL_BACKUP_DROP_CHUNKS, SQL_BACKUP_DROP_FILES,      SQL_BACKUP_DROP_FORMER, SQL_BACKUP_DROP_CONTENTS,
        SQL_BACKUP_DROP_AUDIT,  SQL_BACKUP_DROP_DELIVERIES, SQL_BACKUP_DROP_KEYS,
    };
    enum fault_code code = FAULT_OK;
    (void)write;
    for (size_t i = 0; code == FAULT_OK && i < ARRAY_LENGTH(statements); i++)
        code = db_run(conn, statements[i], DB_NONE, NULL, f);
    return code;
}

/* Takes out of the copy what does not leave the house, and makes sure that what is left opens with the master
 * key that the archive will be made under: the file may have been exchanged since the start. */
static enum fault_code prepare(const struct settings *settings, const struct secret_key *master,
                               uint8_t ret_catalog[ARCHIVE_ID], struct fault *f)
{
    struct db *db = NULL;
    struct vault *vault = NULL;
    struct db_write drop = { .run = drop_run };
    enum fault_code code = state_open(settings, STATE_SNAPSHOT, STATE_ERASE, &db, NULL, f);
    if (code == FAULT_OK)
        code = db_write_wait(db, &drop, f);
    if (code == FAULT_OK)
        code = vault_load(db, master, &vault, f);
    if (code == FAULT_OK)
        backup_catalog_id(vault, ret_catalog);
    vault_free(vault);
    db_close(db);
    /* What the copy's write-ahead log still held would be missing from the archive. */
    return code ? code : state_is_closed(settings, STATE_SNAPSHOT, f);
}

/* The copy loses its name as soon as it is open: whatever ends this process, nothing of it stays. */
static enum fault_code take_over(struct backup *backup, const struct settings *settings, struct fault *f)
{
    char file[STATE_PATH];
    struct stat st;
    enum fault_code code = state_path(settings, STATE_SNAPSHOT, file, f);
    if (code)
        return code;
    backup->fd = open(file, O_RDONLY | O_CLOEXEC);
    if (backup->fd < 0 || fstat(backup->fd, &st) != 0)
        return fault_set(f, FAULT_IO, "%s: %s", file, strerror(errno));
    backup->left = st.st_size;
    return FAULT_OK;
}

static enum fault_code make(struct backup *backup, const struct settings *settings, struct fault *f)
{
    char file[STATE_PATH];
    struct secret_key master;
    struct archive_about about = { .created = clock_wall_ms(), .schema = SQL_STEPS };
    enum fault_code code = state_path(settings, STATE_SNAPSHOT, file, f);
    if (code)
        return code;
    vault_master(backup->fleet->vault, &master);
    code = db_snapshot(backup->fleet->db, file, f);
    if (code == FAULT_OK)
        code = prepare(settings, &master, about.catalog, f);
    if (code == FAULT_OK)
        code = take_over(backup, settings, f);
    state_remove(settings, STATE_SNAPSHOT);
    if (code == FAULT_OK)
        code = archive_writer_new(&master, &about, &backup->writer, f);
    mem_wipe(&master, sizeof master);
    if (code)
        return code;
    memcpy(backup->piece, archive_writer_header(backup->writer), ARCHIVE_HEADER);
    backup->used = ARCHIVE_HEADER;
    return FAULT_OK;
}

enum fault_code backup_open(struct fleet *fleet, const struct principal *actor, struct reader **ret_reader,
                            struct fault *f)
{
    enum fault_code code = grant_role(actor, GRANT_ADMINISTER, f);
    if (code)
        return code;
    if (atomic_exchange(&fleet->backing_up, true))
        return fault_set(f, FAULT_BUSY, "another backup is under way: wait for its end");
    struct backup *backup = calloc(1, sizeof *backup);
    if (backup == NULL) {
        fleet->backing_up = false;
        return fault_set(f, FAULT_MEMORY, "out of memory for a backup");
    }
    backup->fleet = fleet;
    backup->fd = -1;
    code = make(backup, fleet->settings, f);
    if (code) {
        backup_free(backup);
        return code;
    }
    const struct reader_origin origin = { backup_read, backup_free, backup };
    return reader_over(&origin, archive_size(backup->left), ret_reader, f);
}
