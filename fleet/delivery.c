/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/delivery.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "fleet/audit.h"
#include "fleet/bearer.h"
#include "fleet/layer.h"
#include "fleet/vault.h"
#include "pki/pair.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AUTHOR "cradled"

/* How many deliveries there may be for fingerprints that begin with these four digits. Too high only costs a
 * look into the catalog; too low never happens. */
struct delivery {
    _Atomic uint16_t waiting[0x10000];
};

static _Atomic uint16_t *delivery_slot(struct delivery *delivery, const char *fingerprint)
{
    char head[5] = "";
    memcpy(head, fingerprint, strnlen(fingerprint, 4));
    return &delivery->waiting[strtoul(head, NULL, 16) & 0xffff];
}

enum fault_code delivery_open(struct fleet *fleet, struct fault *f)
{
    struct db_conn *conn;
    struct db_rows rows;
    fleet->delivery = calloc(1, sizeof *fleet->delivery);
    if (fleet->delivery == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory for deliveries");
    enum fault_code code = db_read_begin(fleet->db, &conn, f);
    if (code)
        return code;
    db_select(conn, SQL_DELIVERY_WAITING, DB_NONE, &rows);
    while (db_next(&rows))
        *delivery_slot(fleet->delivery, db_row_text(&rows, 0)) += 1;
    code = db_end(&rows, f);
    db_read_end(fleet->db, conn);
    return code;
}

void delivery_free(struct delivery *delivery)
{
    free(delivery);
}

/* --- storing --- */

static enum fault_code store_sealed(struct fleet *fleet, struct db_conn *conn, struct content *content,
                                    const void *plain, int64_t now, struct fault *f)
{
    struct secret_key key = { { 0 } };
    struct seal_place place = { .last = true };
    size_t n = (size_t)content->size;
    uint8_t *sealed = malloc(n + SEAL_OVERHEAD);
    if (sealed == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory for an upload");
    memcpy(place.content, content->id, sizeof place.content);
    content->kind = CONTENT_BEARER;
    enum fault_code code = vault_own_make(fleet->vault, conn, &content->key, &key, f);
    if (code == FAULT_OK)
        code = seal_chunk(&key, content->key, &place, plain, n, sealed, f);
    mem_wipe(&key, sizeof key);
    if (code == FAULT_OK)
        code = content_settle(fleet->vault, conn, content, now, f);
    if (code == FAULT_OK)
        code = content_add_chunk(conn, content->id, 0, sealed, n + SEAL_OVERHEAD, f);
    free(sealed);
    return code;
}

enum fault_code delivery_store(struct fleet *fleet, struct db_conn *conn, const struct put_target *target,
                               struct content *content, const void *plain, int64_t now, struct fault *f)
{
    char fingerprint[PAIR_FINGERPRINT] = "", root[BEARER_ROOT] = "";
    size_t n = (size_t)content->size;
    char *text = malloc(n + 1);
    if (text == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory for an upload");
    size_t used = bearer_plain(plain, n, text);
    bool paired = pair_find(text, used, fingerprint);
    if (target->check_xml)
        bearer_root(text, used, root);
    mem_wipe_free(text, n);
    enum fault_code code = store_sealed(fleet, conn, content, plain, now, f);
    if (code == FAULT_OK)
        code = db_run(conn, SQL_DELIVERY_ADD,
                      DB_ARGS(db_blob(content->id, SEAL_CONTENT_ID), db_text(target->layer),
                              db_text(target->path.text), db_text(fingerprint), db_text(root), db_int(now)),
                      NULL, f);
    if (code == FAULT_OK && paired)
        *delivery_slot(fleet->delivery, fingerprint) += 1;
    return code;
}

/* --- the end --- */

struct ending {
    struct db_write write;
    struct fleet *fleet;
    char fingerprint[PAIR_FINGERPRINT];
    /* found */
    char layer[MAC_DIGITS + 1], path[PATH_LIMIT + 1], root[BEARER_ROOT];
    bool found;
};

static enum fault_code ending_find(struct ending *e, struct db_conn *conn, struct fault *f)
{
    struct db_rows rows;
    db_select(conn, SQL_DELIVERY_FIND, DB_ARGS(db_text(e->fingerprint)), &rows);
    e->found = db_next(&rows);
    if (e->found)
        e->found = mem_copy_text(e->layer, sizeof e->layer, db_row_text(&rows, 1)) &&
                   mem_copy_text(e->path, sizeof e->path, db_row_text(&rows, 2)) &&
                   mem_copy_text(e->root, sizeof e->root, db_row_text(&rows, 3));
    return db_end(&rows, f);
}

/* The fragment that takes the place: what the handset reads from now on says nothing. */
static enum fault_code ending_replace(struct ending *e, struct db_conn *conn, int64_t now, struct fault *f)
{
    struct layer_file file = { .modified = now };
    char text[BEARER_ROOT + 8];
    bool created = false;
    int64_t keep = e->fleet->settings->file_versions;
    (void)mem_copy_text(file.author, sizeof file.author, AUTHOR);
    if (e->root[0] == '\0')
        return layer_remove(e->fleet->vault, conn, e->layer, e->path, AUTHOR, now, keep, f);
    int n = snprintf(text, sizeof text, "<%s/>\n", e->root);
    enum fault_code code = content_store(e->fleet->vault, conn, text, (size_t)n, now, &file.content, f);
    return code ? code : layer_store(e->fleet->vault, conn, e->layer, e->path, &file, keep, &created, f);
}

/* Replacing lets go of the file's content, which destroys its key (content_release). */
static enum fault_code ending_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct ending *e = CONTAINER_OF(write, struct ending, write);
    char target[sizeof e->layer + sizeof e->path];
    enum fault_code code = ending_find(e, conn, f);
    if (code || !e->found)
        return code;
    code = ending_replace(e, conn, clock_wall_ms(), f);
    snprintf(target, sizeof target, "%s%s", e->layer, e->path);
    const struct audit_event event = { .kind = AUDIT_KIND_KEY_DESTROYED,
                                       .certificate = e->fingerprint,
                                       .target = target,
                                       .detail = "its handset has proved that it has it" };
    return code ? code : audit_add(e->fleet, conn, &event, f);
}

static void ending_done(struct db_write *write, const struct fault *result)
{
    struct ending *e = CONTAINER_OF(write, struct ending, write);
    if (result->code)
        log_event(LOG_KEY_KEPT, "fingerprint=%s why=%s", e->fingerprint, LOG_VALUE(result->text));
    else if (e->found) {
        *delivery_slot(e->fleet->delivery, e->fingerprint) -= 1;
        log_event(LOG_KEY_DESTROYED, "handset=%s path=%s fingerprint=%s", e->layer, LOG_VALUE(e->path),
                  e->fingerprint);
    }
    free(e);
}

void delivery_done(struct fleet *fleet, const char *fingerprint)
{
    struct ending *e = NULL;
    if (*delivery_slot(fleet->delivery, fingerprint) == 0 || (e = calloc(1, sizeof *e)) == NULL)
        return; /* without memory: the next login */
    e->write.run = ending_run;
    e->write.done = ending_done;
    e->fleet = fleet;
    (void)mem_copy_text(e->fingerprint, sizeof e->fingerprint, fingerprint);
    db_submit(fleet->db, &e->write);
}
