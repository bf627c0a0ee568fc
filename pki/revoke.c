/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/revoke.h"
#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define LIST_LIMIT ((size_t)64 << 20)
#define DAY        86400
#define CLOCK_LAG  300 /* seconds; a list from the future is refused, with everyone whom it is about */

enum fault_code revoke_mark(struct store *store, const struct profile *profile, const char *which,
                            enum crl_reason reason, enum profile_id *ret_ca, size_t *ret_count,
                            struct fault *f)
{
    int64_t now = clock_wall_ms() / 1000;
    size_t found = 0, marked = 0;
    enum profile_id ca = PROFILE_ROOT;
    for (size_t i = 0; i < store->ledger.count; i++) {
        struct ledger_line *line = &store->ledger.all[i];
        if (profile != NULL ? line->profile != profile->id || strcmp(line->subject, which) != 0
                            : strcmp(line->serial, which) != 0)
            continue;
        if (line->profile == PROFILE_ROOT)
            return fault_set(f, FAULT_INPUT, "a root cannot be revoked: take it out of whatever trusts it");
        found++;
        ca = store_issuer_of(line->profile);
        if (line->revoked != 0)
            continue;
        line->revoked = now;
        line->reason = reason;
        marked++;
    }
    if (found == 0)
        return fault_set(f, FAULT_ABSENT, "no %s certificate of %.80s was signed here",
                         profile != NULL ? profile->word : "such", which);
    if (marked == 0)
        return fault_set(f, FAULT_CONFLICT, "every certificate of %.80s is revoked already", which);
    enum fault_code code = store_save(store, f);
    if (code == FAULT_OK) {
        *ret_ca = ca;
        *ret_count = marked;
    }
    return code;
}

static struct crl_entry *collect(const struct ledger *ledger, enum profile_id ca, size_t *ret_count)
{
    struct crl_entry *entries = calloc(ledger->count + 1, sizeof *entries);
    size_t count = 0;
    for (size_t i = 0; entries != NULL && i < ledger->count; i++) {
        const struct ledger_line *line = &ledger->all[i];
        if (line->revoked == 0 || store_issuer_of(line->profile) != ca)
            continue;
        (void)mem_copy_text(entries[count].serial, sizeof entries[count].serial, line->serial);
        entries[count].when = line->revoked;
        entries[count++].reason = line->reason;
    }
    *ret_count = count;
    return entries;
}

enum fault_code revoke_publish(const struct store *store, enum profile_id ca, const struct issuer *issuer,
                               int days, size_t *ret_count, struct fault *f)
{
    char file[FILE_PATH];
    size_t count = 0;
    if (days < 1 || days > REVOKE_CRL_DAYS_MAX)
        return fault_set(f, FAULT_INPUT, "a list of revocations holds 1 to %d days", REVOKE_CRL_DAYS_MAX);
    AUTO_FREE struct crl_entry *entries = collect(&store->ledger, ca, &count);
    if (entries == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    struct buf pem;
    buf_init(&pem, LIST_LIMIT);
    int64_t now = clock_wall_ms() / 1000;
    enum fault_code code = store_ca(store, ca, "-crl.pem", file, f);
    if (code == FAULT_OK) {
        /* The time as the number grows by itself, even when the last list was lost. */
        uint64_t last = crl_number(file), number = last >= (uint64_t)now ? last + 1 : (uint64_t)now;
        code = crl_make(issuer, entries, count, number, now - CLOCK_LAG, now + (int64_t)days * DAY, &pem, f);
    }
    if (code == FAULT_OK)
        code = file_write(file, 0644, FILE_REPLACE, pem.data, pem.used, f);
    if (code == FAULT_OK && ret_count != NULL)
        *ret_count = count;
    buf_fini(&pem);
    return code;
}
