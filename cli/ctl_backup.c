/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching a backup: into FILE.part, which is looked through, synced and only then gets its name. */
#include "cli/ctl_backup.h"

#include "base/archive.h"
#include "base/clock.h"
#include "base/disk.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART ".part"

static void on_progress(void *user, int64_t done, int64_t total)
{
    (void)user;
    ctl_progress("backup", done, total);
}

/* Without the master key: lengths, order and the end. What is inside only `cradled verify` can tell. */
static enum fault_code look_through(int fd, struct archive_about *ret_about, int64_t *ret_size,
                                    struct fault *f)
{
    struct archive_reader *reader = NULL;
    uint8_t bytes[ARCHIVE_CHUNK];
    int64_t size = 0;
    ssize_t got = 0;
    enum fault_code code = archive_reader_new(NULL, NULL, NULL, &reader, f);
    while (code == FAULT_OK && (got = pread(fd, bytes, sizeof bytes, (off_t)size)) > 0) {
        if (size == 0)
            code = archive_read_header(bytes, (size_t)got, ret_about, f);
        if (code == FAULT_OK)
            code = archive_read(reader, bytes, (size_t)got, f);
        size += got;
    }
    if (code == FAULT_OK && got < 0)
        code = fault_set(f, FAULT_IO, "cannot read what was written: %s", strerror(errno));
    if (code == FAULT_OK)
        code = archive_reader_end(reader, f);
    archive_reader_free(reader);
    *ret_size = size;
    return code;
}

/* The name, with whatever it replaces, is in place for good. */
static enum fault_code settle(int fd, const char *part, const char *file, struct fault *f)
{
    if (fsync(fd) != 0 || rename(part, file) != 0 || !disk_sync_name(file))
        return fault_set(f, FAULT_IO, "%s: cannot be written: %s", file, strerror(errno));
    return FAULT_OK;
}

/* A former attempt's rest is no loss; another one under way has it locked. */
static enum fault_code make_part(const char *part, int *ret_fd, struct fault *f)
{
    int fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fault_set(f, FAULT_IO, "%s: cannot be made: %s", part, strerror(errno));
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    if (fcntl(fd, F_SETLK, &lock) != 0 || fchmod(fd, 0600) != 0 || ftruncate(fd, 0) != 0) {
        int why = errno;
        close(fd);
        return fault_set(f, FAULT_IO, "%s: is in use or cannot be written: %s", part, strerror(why));
    }
    *ret_fd = fd;
    return FAULT_OK;
}

static enum fault_code fetch(struct ctl *ctl, const char *file, struct archive_about *ret_about,
                             int64_t *ret_size, struct fault *f)
{
    AUTO_FREE char *part = NULL;
    struct client *client = NULL;
    int fd = -1;
    if (asprintf(&part, "%s" PART, file) < 0) {
        part = NULL;
        return fault_set(f, FAULT_MEMORY, "out of memory");
    }
    enum fault_code code = ctl_client(ctl, &client, f);
    if (code == FAULT_OK)
        code = make_part(part, &fd, f);
    if (code != FAULT_OK)
        return code;
    code = client_download(client, "/backup", fd, on_progress, NULL, f);
    if (code == FAULT_OK)
        code = look_through(fd, ret_about, ret_size, f);
    if (code == FAULT_OK)
        code = settle(fd, part, file, f);
    if (code != FAULT_OK)
        unlink(part);
    close(fd);
    return code;
}

static void say(const struct ctl *ctl, const char *file, const struct archive_about *about, int64_t size)
{
    char created[32], id[2 * ARCHIVE_ID + 1], catalog[2 * ARCHIVE_ID + 1], master[2 * ARCHIVE_ID + 1];
    clock_rfc3339(about->created, created, sizeof created);
    secret_hex(about->id, ARCHIVE_ID, id);
    secret_hex(about->catalog, ARCHIVE_ID, catalog);
    secret_hex(about->master, ARCHIVE_ID, master);
    json_t *said = json_pack("{s:s, s:I, s:s, s:s, s:s, s:s}", "file", file, "bytes", (json_int_t)size,
                             "created", created, "id", id, "catalog", catalog, "master_key", master);
    ctl_print_object(ctl, said);
    json_decref(said);
}

int ctl_backup(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    struct archive_about about = { 0 };
    bool force = false;
    int64_t size = 0;
    const struct ctl_option options[] = {
        { "force", NULL, CTL_FLAG, &force, "replace FILE when it is there", 0, 0 },
    };
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 1, 1, &words);
    if (status != CTL_GO)
        return status;
    const char *file = words.word[0];
    if (!force && access(file, F_OK) == 0) {
        fault_set(&f, FAULT_CONFLICT, "%s is there already: name another file, or use --force", file);
        return ctl_failed(&f);
    }
    if (fetch(ctl, file, &about, &size, &f) != FAULT_OK)
        return ctl_failed(&f);
    say(ctl, file, &about, size);
    return CTL_GOOD;
}
