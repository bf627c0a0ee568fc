/* SPDX-License-Identifier: Apache-2.0 */
/* Backups on the machine itself, without a daemon: verifying one, or the stopped catalog, and restoring. */
#include "server/command.h"

#include "base/clock.h"
#include "base/secret.h"
#include "fleet/restore.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* --- looking --- */

static void print_damage(void *user, const struct verify_damage *damage)
{
    (void)user;
    printf("damaged: %s (content %s): %s\n", damage->place[0] ? damage->place : "nothing that has a name",
           damage->content, damage->words);
}

static enum fault_code look(struct restore *restore, int64_t *ret_damaged, struct fault *f)
{
    const struct verify_walk walk = { .damaged = print_damage };
    struct verify_counts counts = { 0 };
    enum fault_code code = verify_all(restore->db, restore->vault, &walk, &counts, f);
    if (code != FAULT_OK)
        return code;
    printf("%" PRId64 " contents with %" PRId64 " bytes were looked at, %" PRId64 " of them damaged.\n",
           counts.done, counts.done_bytes, counts.damaged);
    *ret_damaged = counts.damaged;
    return FAULT_OK;
}

static void print_about(const struct archive_about *about)
{
    char id[2 * ARCHIVE_ID + 1], catalog[2 * ARCHIVE_ID + 1], when[40];
    secret_hex(about->id, ARCHIVE_ID, id);
    secret_hex(about->catalog, ARCHIVE_ID, catalog);
    clock_rfc3339(about->created, when, sizeof when);
    printf("Backup %s of catalog %s, made %s, schema %u.\n", id, catalog, when, about->schema);
}

int command_verify(const struct settings *settings, const char *file)
{
    struct fault f;
    struct restore restore = { 0 };
    int64_t damaged = 0;
    int lock = -1;
    enum fault_code code = state_lock(settings, &lock, &f);
    if (code == FAULT_OK)
        code = file ? restore_begin(settings, file, &restore, &f) : restore_stopped(settings, &restore, &f);
    if (code == FAULT_OK && file)
        print_about(&restore.about);
    if (code == FAULT_OK)
        code = look(&restore, &damaged, &f);
    restore_end(&restore);
    state_unlock(lock);
    if (code != FAULT_OK)
        return command_failed(&f);
    return damaged > 0 ? COMMAND_FAILED : COMMAND_OK;
}

/* --- restoring --- */

static void print_news(void *user, enum merge_kind kind, const char *what, const char *name)
{
    static const char *const words[MERGE_KINDS] = {
        [MERGE_CREDENTIALS] = ("had another password before the restore; the one of the backup holds again: "
                               "change it if it was changed because somebody knew it"),
        [MERGE_DISABLED] = "was disabled since the backup, and stays so",
        [MERGE_REMOVED] = "was removed, or made anew as another one, since the backup: it is back, disabled",
        [MERGE_STRICTER] = "keeps the stricter settings that it got since the backup",
        [MERGE_REVOKED] = "was revoked since the backup, and stays so",
        [MERGE_GONE] = "was made since the backup: it is gone",
    };
    (void)user;
    printf("%s %s %s\n", what, name, words[kind]);
}

/* A fresh machine may have no state folder yet, when its master key lies elsewhere. */
static enum fault_code make_folder(const struct settings *settings, struct fault *f)
{
    if (mkdir(settings->state, 0700) == 0 || errno == EEXIST)
        return FAULT_OK;
    return fault_set(f, FAULT_IO, "cannot make the state folder %s: %s", settings->state, strerror(errno));
}

static enum fault_code restore_all(const struct settings *settings, const char *file, bool with_damage,
                                   char ret_kept[STATE_PATH], struct fault *f)
{
    const struct merge_news news = { .tell = print_news };
    struct restore restore = { 0 };
    int64_t damaged = 0;
    enum fault_code code = restore_begin(settings, file, &restore, f);
    if (code == FAULT_OK) {
        print_about(&restore.about);
        code = look(&restore, &damaged, f);
    }
    if (code == FAULT_OK && damaged > 0 && !with_damage)
        code = fault_set(f, FAULT_DAMAGED,
                         "the catalog was damaged already when this backup was made; nothing is changed. "
                         "--with-damage restores it nonetheless");
    if (code == FAULT_OK)
        code = restore_finish(&restore, &news, ret_kept, f);
    restore_end(&restore);
    return code;
}

int command_restore(const struct settings *settings, const char *file, bool with_damage)
{
    struct fault f;
    char kept[STATE_PATH] = "";
    int lock = -1;
    enum fault_code code = make_folder(settings, &f);
    if (code == FAULT_OK)
        code = state_lock(settings, &lock, &f);
    if (code == FAULT_OK)
        code = restore_all(settings, file, with_damage, kept, &f);
    state_unlock(lock);
    if (code != FAULT_OK)
        return command_failed(&f);
    if (kept[0] != '\0')
        printf("Restored. The former catalog is kept as %s; remove it when you need it no more.\n", kept);
    else
        puts("Restored. There was no catalog before: what was disabled or revoked since the backup is not "
             "known here.");
    return COMMAND_OK;
}
