/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/restore.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "fleet/adopt.h"
#include "fleet/audit.h"
#include "fleet/audit_carry.h"
#include "fleet/backup.h"
#include "fleet/fleet.h"
#include "fleet/master.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* --- out of the archive --- */

/* With what the disk said. */
static enum fault_code disk_fault(struct fault *f, int why, const char *file)
{
    return fault_set(f, why == ENOSPC || why == EDQUOT || why == EFBIG ? FAULT_QUOTA : FAULT_IO, "%s: %s",
                     file, strerror(why));
}

static enum fault_code put(void *user, const void *plain, size_t n, struct fault *f)
{
    const int *fd = user;
    const char *at = plain;
    while (n > 0) {
        ssize_t done = write(*fd, at, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return disk_fault(f, errno, STATE_INCOMING);
        at += done;
        n -= (size_t)done;
    }
    return FAULT_OK;
}

/* *ret_n is 0 at the end. */
static enum fault_code next_piece(int in, const char *file, uint8_t piece[ARCHIVE_CHUNK], size_t *ret_n,
                                  struct fault *f)
{
    ssize_t got;
    do
        got = read(in, piece, ARCHIVE_CHUNK);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return fault_set(f, FAULT_IO, "%s: %s", file, strerror(errno));
    *ret_n = (size_t)got;
    return FAULT_OK;
}

static enum fault_code read_about(int in, const char *file, struct archive_about *ret_about, struct fault *f)
{
    uint8_t header[ARCHIVE_HEADER];
    ssize_t got = pread(in, header, sizeof header, 0);
    if (got < 0)
        return fault_set(f, FAULT_IO, "%s: %s", file, strerror(errno));
    enum fault_code code = archive_read_header(header, (size_t)got, ret_about, f);
    if (code == FAULT_OK && ret_about->schema > SQL_STEPS)
        code =
            fault_set(f, FAULT_CONFLICT,
                      "this backup is of schema %u, and this program knows those up to %d: use a newer one",
                      ret_about->schema, (int)SQL_STEPS);
    return code;
}

static enum fault_code unpack(int in, int out, const char *file, const struct secret_key *master,
                              struct fault *f)
{
    uint8_t piece[ARCHIVE_CHUNK];
    struct archive_reader *reader = NULL;
    size_t n = 0;
    enum fault_code code = archive_reader_new(master, put, &out, &reader, f);
    do {
        if (code == FAULT_OK)
            code = next_piece(in, file, piece, &n, f);
        if (code == FAULT_OK)
            code = n > 0 ? archive_read(reader, piece, n, f) : archive_reader_end(reader, f);
    } while (code == FAULT_OK && n > 0);
    archive_reader_free(reader);
    return code;
}

static enum fault_code unpack_here(const struct settings *settings, int in, const char *file,
                                   const struct secret_key *master, struct fault *f)
{
    char path[STATE_PATH];
    enum fault_code code = state_path(settings, STATE_INCOMING, path, f);
    if (code)
        return code;
    int out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out < 0)
        return disk_fault(f, errno, path);
    code = unpack(in, out, file, master, f);
    close(out);
    return code;
}

static enum fault_code take_in(struct restore *restore, const char *file, struct secret_key *ret_master,
                               struct fault *f)
{
    int in = open(file, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return fault_set(f, errno == ENOENT ? FAULT_ABSENT : FAULT_IO, "%s: %s", file, strerror(errno));
    enum fault_code code = read_about(in, file, &restore->about, f);
    if (code == FAULT_OK)
        code = master_find(restore->settings, restore->about.master, ret_master, f);
    if (code == FAULT_OK)
        code = unpack_here(restore->settings, in, file, ret_master, f);
    close(in);
    return code;
}

/* --- judging it --- */

static enum fault_code inspect(struct restore *restore, const char *name, int *ret_version, struct fault *f)
{
    char path[STATE_PATH];
    enum fault_code code = state_path(restore->settings, name, path, f);
    return code ? code : db_inspect(path, ret_version, f);
}

static enum fault_code open_incoming(struct restore *restore, const struct secret_key *master,
                                     struct fault *f)
{
    int version = 0;
    uint8_t id[ARCHIVE_ID];
    struct adopt_result adopted;
    enum fault_code code = inspect(restore, STATE_INCOMING, &version, f);
    if (code == FAULT_OK)
        code = state_open(restore->settings, STATE_INCOMING, STATE_PLAIN, &restore->db, NULL, f);
    if (code == FAULT_OK)
        code = vault_load(restore->db, master, &restore->vault, f);
    if (code)
        return code;
    backup_catalog_id(restore->vault, id);
    if (memcmp(id, restore->about.catalog, sizeof id) != 0)
        return fault_set(f, FAULT_DAMAGED, "the catalog in this backup is not the one that its header names");
    return adopt_contents(restore->db, restore->vault, &adopted, f);
}

enum fault_code restore_begin(const struct settings *settings, const char *file, struct restore *restore,
                              struct fault *f)
{
    struct secret_key master = { { 0 } };
    *restore = (struct restore){ .settings = settings, .incoming = true };
    state_clean(settings);
    enum fault_code code = take_in(restore, file, &master, f);
    if (code == FAULT_OK)
        code = open_incoming(restore, &master, f);
    mem_wipe(&master, sizeof master);
    return code;
}

/* As it is: what is refused afterwards has changed nothing. */
static enum fault_code open_present(const struct settings *settings, struct db **ret_db,
                                    struct vault **ret_vault, struct fault *f)
{
    enum fault_code code = state_open(settings, STATE_CATALOG, STATE_AS_IT_IS, ret_db, NULL, f);
    return code ? code : master_open(settings, *ret_db, ret_vault, f);
}

enum fault_code restore_stopped(const struct settings *settings, struct restore *restore, struct fault *f)
{
    int version = 0;
    *restore = (struct restore){ .settings = settings };
    state_clean(settings);
    enum fault_code code = inspect(restore, STATE_CATALOG, &version, f);
    return code ? code : open_present(settings, &restore->db, &restore->vault, f);
}

void restore_end(struct restore *restore)
{
    vault_free(restore->vault);
    db_close(restore->db);
    if (restore->incoming)
        state_remove(restore->settings, STATE_INCOMING);
    *restore = (struct restore){ 0 };
}

/* --- what goes along --- */

struct finish_write {
    struct db_write write;
    struct fleet *fleet; /* of the incoming catalog: what audit.h needs of one */
    struct db_conn *now, *then;
    const struct merge_news *news;
    const struct archive_about *about;
};

static enum fault_code finish_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct finish_write *w = CONTAINER_OF(write, struct finish_write, write);
    char id[2 * ARCHIVE_ID + 1], when[40], detail[80];
    struct vault_new made = { 0 };
    secret_hex(w->about->id, ARCHIVE_ID, id);
    clock_rfc3339(w->about->created, when, sizeof when);
    snprintf(detail, sizeof detail, "made=%s", when);
    const struct audit_event event = { .kind = AUDIT_KIND_BACKUP_RESTORED, .target = id, .detail = detail };
    enum fault_code code = w->now ? merge_denials(w->now, w->then, conn, w->news, f) : FAULT_OK;
    /* What is sealed from now on and what the former catalog sealed since the backup share no key. */
    if (code == FAULT_OK)
        code = vault_rotate(w->fleet->vault, conn, &made, f);
    vault_drop(&made);
    return code ? code : audit_add(w->fleet, conn, &event, f);
}

static enum fault_code finish_catalog(struct restore *restore, struct db *present,
                                      const struct merge_news *news, struct fault *f)
{
    struct fleet fleet = {
        .settings = restore->settings, .db = restore->db, .vault = restore->vault, .lock = -1
    };
    struct finish_write w = {
        .write.run = finish_run, .fleet = &fleet, .news = news, .about = &restore->about
    };
    int64_t records = 0;
    enum fault_code code = audit_open(&fleet, f);
    if (code == FAULT_OK && present)
        code = audit_carry(present, restore->db, &records, f);
    if (code == FAULT_OK && present)
        code = db_read_begin(present, &w.now, f);
    if (code == FAULT_OK && present)
        code = db_read_begin(restore->db, &w.then, f);
    if (code == FAULT_OK)
        code = db_write_wait(restore->db, &w.write, f);
    db_read_end(restore->db, w.then);
    db_read_end(present, w.now);
    audit_free(fleet.audit);
    return code;
}

/* --- the present catalog --- */

/* *ret_there: there is one. One that cannot be read is not passed over in silence: what it denies would be
 * forgotten. */
static enum fault_code look_present(struct restore *restore, struct db **ret_db, bool *ret_there,
                                    struct fault *f)
{
    char path[STATE_PATH];
    uint8_t id[ARCHIVE_ID];
    struct vault *vault = NULL;
    enum fault_code code = state_path(restore->settings, STATE_CATALOG, path, f);
    if (code)
        return code;
    *ret_there = access(path, F_OK) == 0;
    if (!*ret_there)
        return FAULT_OK;
    code = open_present(restore->settings, ret_db, &vault, f);
    if (code)
        return fault_prefix(f,
                            "%s is there and cannot be opened; to restore without what it denies, move it "
                            "away first",
                            path);
    backup_catalog_id(vault, id);
    vault_free(vault);
    if (memcmp(id, restore->about.catalog, sizeof id) != 0)
        return fault_set(f, FAULT_CONFLICT,
                         "%s is another catalog than the one that was backed up; to restore nonetheless, "
                         "move it to another place first",
                         path);
    return FAULT_OK;
}

/* --- into its place --- */

static enum fault_code sync_path(const char *path, int flags, struct fault *f)
{
    int fd = open(path, flags | O_CLOEXEC);
    int failed = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return failed ? disk_fault(f, failed, path) : FAULT_OK;
}

/* The old one gets its second name before the new one takes the first: there is a catalog at any moment. */
static enum fault_code keep_old(const struct settings *settings, const char *catalog,
                                char ret_kept[STATE_PATH], struct fault *f)
{
    char name[64];
    struct tm tm;
    time_t now = (time_t)(clock_wall_ms() / 1000);
    gmtime_r(&now, &tm);
    size_t n = strftime(name, sizeof name, STATE_KEPT "%Y%m%dT%H%M%SZ", &tm);
    enum fault_code code = state_path(settings, name, ret_kept, f);
    bool kept = code == FAULT_OK && link(catalog, ret_kept) == 0;
    /* Another restore of the same second. */
    for (int i = 2; code == FAULT_OK && !kept && errno == EEXIST && i < 100; i++) {
        snprintf(name + n, sizeof name - n, "-%d", i);
        code = state_path(settings, name, ret_kept, f);
        kept = code == FAULT_OK && link(catalog, ret_kept) == 0;
    }
    return code == FAULT_OK && !kept ? disk_fault(f, errno, ret_kept) : code;
}

static enum fault_code swap(const struct settings *settings, bool there, char ret_kept[STATE_PATH],
                            struct fault *f)
{
    char catalog[STATE_PATH], incoming[STATE_PATH];
    enum fault_code code = state_path(settings, STATE_CATALOG, catalog, f);
    if (code == FAULT_OK)
        code = state_path(settings, STATE_INCOMING, incoming, f);
    if (code == FAULT_OK)
        code = state_is_closed(settings, STATE_CATALOG, f);
    if (code == FAULT_OK)
        code = state_is_closed(settings, STATE_INCOMING, f);
    if (code == FAULT_OK)
        code = sync_path(incoming, O_RDWR, f);
    if (code == FAULT_OK && there)
        code = keep_old(settings, catalog, ret_kept, f);
    if (code)
        return code;
    if (rename(incoming, catalog) != 0) {
        code = disk_fault(f, errno, catalog);
        if (there)
            unlink(ret_kept);
        return code;
    }
    return sync_path(settings->state, O_RDONLY | O_DIRECTORY, f);
}

enum fault_code restore_finish(struct restore *restore, const struct merge_news *news,
                               char ret_kept[STATE_PATH], struct fault *f)
{
    struct db *present = NULL;
    bool there = false;
    ret_kept[0] = '\0';
    enum fault_code code = look_present(restore, &present, &there, f);
    if (code == FAULT_OK)
        code = finish_catalog(restore, present, news, f);
    db_close(present);
    vault_free(restore->vault);
    db_close(restore->db);
    restore->vault = NULL;
    restore->db = NULL;
    return code ? code : swap(restore->settings, there, ret_kept, f);
}
