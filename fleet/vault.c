/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/vault.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/seal.h"

#include <string.h>
#include <sys/mman.h>

/* Far more than years of rotations make. */
#define VAULT_KEYS 64

enum vault_purpose { PURPOSE_CHUNK, PURPOSE_DIGEST, PURPOSE_PASSWORD, PURPOSE_COUNT };
static const char *const purposes[PURPOSE_COUNT] = { "chunk", "digest", "password" };

struct vault_entry {
    uint32_t id;
    enum vault_purpose purpose;
    struct secret_key key;
};
struct vault {
    size_t count;
    size_t current[PURPOSE_COUNT]; /* the newest entry of each purpose */
    struct vault_entry entry[VAULT_KEYS];
};

/* Pages of its own, so that locking them in and keeping them out of core dumps concerns nothing else. Both
 * are best effort: a small RLIMIT_MEMLOCK must not stop the start. */
static struct vault *vault_pages(void)
{
    void *pages =
        mmap(NULL, sizeof(struct vault), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return NULL;
    (void)mlock(pages, sizeof(struct vault));
    (void)madvise(pages, sizeof(struct vault), MADV_DONTDUMP);
    return pages;
}

void vault_free(struct vault *vault)
{
    if (vault == NULL)
        return;
    mem_wipe(vault, sizeof *vault);
    munmap(vault, sizeof *vault);
}

enum fault_code vault_make(struct db_conn *conn, const struct secret_key *master, struct fault *f)
{
    int64_t now = clock_wall_ms();
    enum fault_code code = FAULT_OK;
    for (uint32_t i = 0; code == FAULT_OK && i < PURPOSE_COUNT; i++) {
        struct secret_key key;
        uint8_t wrapped[SEAL_WRAPPED_SIZE];
        uint32_t id = i + 1;
        secret_random(key.bytes, sizeof key.bytes);
        code = seal_wrap(master, id, purposes[i], &key, wrapped, f);
        mem_wipe(&key, sizeof key);
        if (code == FAULT_OK)
            code = db_run(
                conn, SQL_KEY_ADD,
                DB_ARGS(db_int(id), db_text(purposes[i]), db_blob(wrapped, sizeof wrapped), db_int(now)),
                NULL, f);
    }
    return code;
}

static enum fault_code vault_add(struct vault *vault, const struct secret_key *master, struct db_rows *rows,
                                 struct fault *f)
{
    int64_t id = db_row_int(rows, 0);
    const char *name = db_row_text(rows, 1);
    size_t purpose = 0;
    while (purpose < PURPOSE_COUNT && strcmp(purposes[purpose], name) != 0)
        purpose++;
    if (purpose == PURPOSE_COUNT || id < 1 || id > UINT32_MAX)
        return fault_set(f, FAULT_DAMAGED,
                         "the catalog holds a data key that this program does not know (number %lld)",
                         (long long)id);
    if (vault->count == VAULT_KEYS)
        return fault_set(f, FAULT_DAMAGED, "the catalog holds more than %d data keys", VAULT_KEYS);
    struct vault_entry *entry = &vault->entry[vault->count];
    size_t n = 0;
    const void *wrapped = db_row_blob(rows, 2, &n);
    enum fault_code code = seal_unwrap(master, (uint32_t)id, name, wrapped, n, &entry->key, f);
    if (code != FAULT_OK)
        return fault_prefix(f, "data key %lld does not open; is the master key another catalog's?",
                            (long long)id);
    entry->id = (uint32_t)id;
    entry->purpose = (enum vault_purpose)purpose;
    vault->current[purpose] = vault->count++;
    return FAULT_OK;
}

static enum fault_code vault_read(struct vault *vault, struct db_conn *conn, const struct secret_key *master,
                                  struct fault *f)
{
    struct db_rows rows;
    enum fault_code code = FAULT_OK;
    db_select(conn, SQL_KEY_LIST, DB_NONE, &rows);
    while (code == FAULT_OK && db_next(&rows))
        code = vault_add(vault, master, &rows, f);
    enum fault_code ended = db_end(&rows, code == FAULT_OK ? f : NULL);
    return code != FAULT_OK ? code : ended;
}

static bool vault_complete(const struct vault *vault)
{
    for (size_t i = 0; i < PURPOSE_COUNT; i++)
        if (vault->count == 0 || vault->entry[vault->current[i]].purpose != (enum vault_purpose)i)
            return false;
    return true;
}

enum fault_code vault_load(struct db *db, const struct secret_key *master, struct vault **ret_vault,
                           struct fault *f)
{
    struct vault *vault = vault_pages();
    if (vault == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory for the data keys");
    struct db_conn *conn = NULL;
    enum fault_code code = db_read_begin(db, &conn, f);
    if (code == FAULT_OK)
        code = vault_read(vault, conn, master, f);
    db_read_end(db, conn);
    if (code == FAULT_OK && !vault_complete(vault))
        code = fault_set(f, FAULT_ABSENT,
                         "the catalog has no data keys: it was never finished; run `cradled init` again");
    if (code != FAULT_OK) {
        vault_free(vault);
        return code;
    }
    *ret_vault = vault;
    return FAULT_OK;
}

const struct secret_key *vault_chunk_key(const struct vault *vault, uint32_t id)
{
    for (size_t i = vault->count; i-- > 0;)
        if (vault->entry[i].id == id && vault->entry[i].purpose == PURPOSE_CHUNK)
            return &vault->entry[i].key;
    return NULL;
}

const struct secret_key *vault_current(const struct vault *vault, uint32_t *ret_id)
{
    const struct vault_entry *entry = &vault->entry[vault->current[PURPOSE_CHUNK]];
    *ret_id = entry->id;
    return &entry->key;
}

const struct secret_key *vault_digest_key(const struct vault *vault)
{
    return &vault->entry[vault->current[PURPOSE_DIGEST]].key;
}

const struct secret_key *vault_password_key(const struct vault *vault)
{
    return &vault->entry[vault->current[PURPOSE_PASSWORD]].key;
}
