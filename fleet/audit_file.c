/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/audit_file.h"

#include "fleet/audit.h"

#include <stdio.h>

#define TARGET_MAX (PATH_LIMIT + 64)

/* The one name that a file of a layer has for everybody. */
static void name_file(const char *layer, const struct path *path, char out[TARGET_MAX])
{
    if (layer[0] != '\0')
        snprintf(out, TARGET_MAX, "/@handset/%s%s", layer, path->text);
    else
        snprintf(out, TARGET_MAX, "%s", path->text);
}

enum fault_code audit_stored(struct fleet *fleet, struct db_conn *conn, const struct put_target *target,
                             const struct upload_outcome *outcome, bool unchecked, struct fault *f)
{
    char name[TARGET_MAX], detail[64];
    struct audit_event event = { .who = &target->who, .detail = detail };
    enum fault_code code = FAULT_OK;
    if (target->who.role == ROLE_HANDSET)
        return FAULT_OK;
    if (target->register_handset) {
        event.kind = AUDIT_KIND_HANDSET_ADDED;
        event.target = target->mac.text;
        snprintf(detail, sizeof detail, "with a file that was stored for it");
        code = audit_add(fleet, conn, &event, f);
    }
    name_file(target->layer, &target->path, name);
    event.kind = AUDIT_KIND_FILE_STORED;
    event.target = name;
    snprintf(detail, sizeof detail, "%s bytes=%lld%s", outcome->created ? "new" : "replaced",
             (long long)outcome->size, unchecked ? " unchecked" : "");
    return code == FAULT_OK ? audit_add(fleet, conn, &event, f) : code;
}

enum fault_code audit_removed(struct fleet *fleet, struct db_conn *conn, const struct principal *who,
                              const struct place *place, struct fault *f)
{
    char name[TARGET_MAX];
    const struct audit_event event = { .kind = AUDIT_KIND_FILE_REMOVED, .who = who, .target = name };
    if (who->role == ROLE_HANDSET)
        return FAULT_OK;
    name_file(place->mac.text, &place->path, name);
    return audit_add(fleet, conn, &event, f);
}

void audit_opened(struct fleet *fleet, const struct principal *who, const struct path *path,
                  const struct found *found, const struct tree_open *wish)
{
    char detail[64] = "";
    bool bearer = !found->log && found->file.content.kind == CONTENT_BEARER;
    if (who->role == ROLE_HANDSET && !bearer)
        return;
    if (wish->version != 0)
        snprintf(detail, sizeof detail, "version=%lld", (long long)wish->version);
    else if (wish->all)
        snprintf(detail, sizeof detail, "all generations");
    else if (found->log)
        snprintf(detail, sizeof detail, "generation=%lld", (long long)found->generation.generation);
    const struct audit_event event = {
        .kind = bearer       ? who->role == ROLE_HANDSET ? AUDIT_KIND_KEY_DELIVERED : AUDIT_KIND_SECRET_READ
                : found->log ? AUDIT_KIND_LOG_READ
                             : AUDIT_KIND_FILE_READ,
        .who = who,
        .target = path->text,
        .detail = detail,
    };
    audit_note(fleet, &event);
}
