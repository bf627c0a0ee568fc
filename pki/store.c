/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/store.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define INDEX_LIMIT ((size_t)512 << 20)

static enum fault_code lock_folder(struct store *store, struct fault *f)
{
    char file[FILE_PATH];
    enum fault_code code = file_path(file, f, "%s/lock", store->folder);
    if (code != FAULT_OK)
        return code;
    store->lock = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (store->lock < 0)
        return fault_set(f, FAULT_IO, "cannot make %s: %s", file, strerror(errno));
    if (flock(store->lock, LOCK_EX | LOCK_NB) == 0)
        return FAULT_OK;
    return fault_set(f, FAULT_BUSY, "another cradlectl is at work in %s: wait for it", store->folder);
}

static enum fault_code name_folders(struct store *store, const char *folder, const char *root,
                                    struct fault *f)
{
    *store = (struct store){ .lock = -1 };
    enum fault_code code = file_path(store->folder, f, "%s", folder);
    if (code == FAULT_OK)
        code = root != NULL ? file_path(store->root, f, "%s", root)
                            : file_path(store->root, f, "%s/root", folder);
    return code;
}

static enum fault_code make_folders(const struct store *store, struct fault *f)
{
    char path[FILE_PATH];
    enum fault_code code = file_folder(store->folder, f);
    if (code == FAULT_OK)
        code = file_folder(store->root, f);
    for (int role = -1; code == FAULT_OK && role < PROFILE_COUNT; role++) {
        if (role >= 0 && !profile_is_role((enum profile_id)role))
            continue;
        const char *name = role < 0 ? "ca" : profile_get((enum profile_id)role)->word;
        code = file_path(path, f, "%s/%s", store->folder, name);
        if (code == FAULT_OK)
            code = file_folder(path, f);
    }
    return code;
}

/* The index comes first, so that whatever exists can be revoked; a making that was interrupted leaves it. */
static enum fault_code there_is_one(const char *folder, struct fault *f)
{
    return fault_set(f, FAULT_CONFLICT,
                     "there is a PKI in %.100s already; if its making was interrupted and nothing was signed "
                     "yet, remove that folder and begin again",
                     folder);
}

enum fault_code store_create(const char *folder, const char *root, struct store *ret_store, struct fault *f)
{
    struct store store;
    char index[FILE_PATH], key[FILE_PATH];
    enum fault_code code = name_folders(&store, folder, root, f);
    if (code == FAULT_OK)
        code = file_path(index, f, "%s/index", store.folder);
    if (code == FAULT_OK)
        code = store_ca(&store, PROFILE_ROOT, ".key", key, f);
    if (code == FAULT_OK && file_exists(index))
        code = there_is_one(folder, f);
    if (code == FAULT_OK && file_exists(key))
        code = fault_set(f, FAULT_CONFLICT,
                         "%.100s exists already, and nothing is overwritten: remove it only if nothing was "
                         "signed with it",
                         key);
    if (code == FAULT_OK)
        code = make_folders(&store, f);
    if (code == FAULT_OK)
        code = lock_folder(&store, f);
    /* Another one may have made it since the first look. */
    if (code == FAULT_OK && file_exists(index))
        code = there_is_one(folder, f);
    if (code == FAULT_OK)
        *ret_store = store;
    else
        store_close(&store);
    return code;
}

static enum fault_code read_index(struct store *store, struct fault *f)
{
    char file[FILE_PATH];
    struct buf text;
    size_t whole = 0;
    buf_init(&text, INDEX_LIMIT);
    enum fault_code code = file_path(file, f, "%s/index", store->folder);
    if (code == FAULT_OK)
        code = file_read(file, &text, f);
    if (code == FAULT_ABSENT)
        fault_set(f, FAULT_ABSENT, "there is no PKI in %s: make one with 'cradlectl pki init'",
                  store->folder);
    if (code == FAULT_OK)
        code = ledger_parse(&store->ledger, text.data, text.used, file, &whole, f);
    /* What is appended must begin a line. */
    if (code == FAULT_OK && store->lock >= 0 && whole < text.used && truncate(file, (off_t)whole) != 0)
        code = fault_set(f, FAULT_IO, "cannot mend %s: %s", file, strerror(errno));
    buf_fini(&text);
    return code;
}

enum fault_code store_open(const char *folder, const char *root, bool change, struct store *ret_store,
                           struct fault *f)
{
    struct store store;
    char index[FILE_PATH];
    enum fault_code code = name_folders(&store, folder, root, f);
    if (code == FAULT_OK)
        code = file_path(index, f, "%s/index", store.folder);
    /* No lock file is left in a folder that is no PKI. */
    if (code == FAULT_OK && change && file_exists(index))
        code = lock_folder(&store, f);
    if (code == FAULT_OK)
        code = read_index(&store, f);
    if (code == FAULT_OK)
        *ret_store = store;
    else
        store_close(&store);
    return code;
}

void store_close(struct store *store)
{
    if (store->lock >= 0)
        close(store->lock);
    store->lock = -1;
    ledger_fini(&store->ledger);
}

enum fault_code store_ca(const struct store *store, enum profile_id role, const char *end,
                         char ret_path[FILE_PATH], struct fault *f)
{
    /* The one file of a CA that is kept apart. */
    if (role == PROFILE_ROOT && strcmp(end, ".key") == 0)
        return file_path(ret_path, f, "%s/root.key", store->root);
    return file_path(ret_path, f, "%s/ca/%s%s", store->folder, profile_get(role)->word, end);
}

enum fault_code store_file(const struct store *store, const char *stem, const char *end,
                           char ret_path[FILE_PATH], struct fault *f)
{
    return file_path(ret_path, f, "%s/%s%s", store->folder, stem, end);
}

enum fault_code store_stem(enum profile_id profile, const char *name, const char *base,
                           char ret_stem[LEDGER_STEM_MAX + 1], struct fault *f)
{
    char stem[LEDGER_STEM_MAX + 1];
    if (base != NULL && (strchr(base, '/') != NULL || base[0] == '.' || base[0] == '\0'))
        return fault_set(f, FAULT_INPUT,
                         "\"%.100s\" cannot name files: leave out '/' and a dot at the beginning", base);
    const char *folder = profile_is_role(profile) ? profile_get(profile)->word : "ca";
    int n = snprintf(stem, sizeof stem, "%s/%s", folder, base != NULL ? base : name);
    if (n < 0 || (size_t)n >= sizeof stem)
        return fault_set(f, FAULT_INPUT, "a name is too long for a file");
    for (char *at = stem + strlen(folder) + 1; *at != '\0'; at++)
        if (*at == '*' || *at == '/' || (unsigned char)*at < ' ' || (*at == '.' && at[1] == '.'))
            *at = '_';
    (void)mem_copy_text(ret_stem, LEDGER_STEM_MAX + 1, stem);
    return FAULT_OK;
}

enum profile_id store_issuer_of(enum profile_id profile)
{
    return profile_is_role(profile) ? profile : PROFILE_ROOT;
}

enum fault_code store_issuer(const struct store *store, enum profile_id ca,
                             const struct passphrase_source *source, struct issuer *ret_issuer,
                             struct fault *f)
{
    char certificate[FILE_PATH], key[FILE_PATH];
    enum fault_code code = store_ca(store, ca, ".pem", certificate, f);
    if (code == FAULT_OK)
        code = store_ca(store, ca, ".key", key, f);
    if (code == FAULT_OK)
        code = issuer_load(certificate, key, source, ret_issuer, f);
    if (code == FAULT_ABSENT && ca == PROFILE_ROOT)
        fault_prefix(f, "the root is needed for this: name its folder with --root");
    return code;
}

enum fault_code store_record(struct store *store, const struct ledger_line *line, struct fault *f)
{
    char file[FILE_PATH];
    struct buf text;
    buf_init(&text, 4096);
    int fd = -1;
    enum fault_code code = ledger_write(line, &text, f);
    if (code == FAULT_OK)
        code = file_path(file, f, "%s/index", store->folder);
    if (code == FAULT_OK)
        code = ledger_add(&store->ledger, line, f);
    if (code == FAULT_OK) {
        fd = open(file, O_WRONLY | O_APPEND | O_CLOEXEC);
        /* One write, so that readers see the line or nothing of it. */
        if (fd < 0 || write(fd, text.data, text.used) != (ssize_t)text.used || fsync(fd) != 0)
            code = fault_set(f, FAULT_IO, "cannot write %s: %s", file, strerror(errno));
    }
    if (fd >= 0)
        close(fd);
    buf_fini(&text);
    return code;
}

enum fault_code store_save(const struct store *store, struct fault *f)
{
    char file[FILE_PATH];
    struct buf text;
    buf_init(&text, INDEX_LIMIT);
    enum fault_code code = file_path(file, f, "%s/index", store->folder);
    if (code == FAULT_OK)
        code = buf_text(&text, LEDGER_HEADING, f);
    for (size_t i = 0; code == FAULT_OK && i < store->ledger.count; i++)
        code = ledger_write(&store->ledger.all[i], &text, f);
    if (code == FAULT_OK)
        code = file_write(file, 0600, FILE_REPLACE, text.data, text.used, f);
    buf_fini(&text);
    return code;
}
