/* SPDX-License-Identifier: Apache-2.0 */
/* Any path, action and role: what grant.c allows stays within what that role may ever see or change.
 * Input: role, action, then the path as an FTP argument. */
#include "base/mem.h"
#include "fleet/grant.h"
#include "tests/fuzz/fuzz.h"

#define OWN "00907a0a0b0c"

/* Whatever spelling it came in, nothing that a handset reaches begins with another one's MAC or with '@'. */
static void check_handset(const struct principal *who, enum grant_action action, const struct place *place)
{
    size_t at = 0, n;
    const char *component;
    struct mac mac;
    HOLDS(place->kind == PLACE_OWN || place->kind == PLACE_LOG);
    HOLDS(mac_equal(&place->mac, &who->mac));
    while (path_next(&place->path, &at, &component, &n)) {
        HOLDS(component[0] != '@');
        HOLDS(!mac_prefix(component, n, &mac) || mac_equal(&mac, &who->mac));
    }
    if (action == GRANT_REPLACE || action == GRANT_APPEND || action == GRANT_REMOVE) {
        HOLDS(strncmp(path_name(&place->path), OWN "-", strlen(OWN "-")) == 0);
        HOLDS(strchr(place->path.text, '@') == NULL);
    }
}

static void check_others(const struct principal *who, enum grant_action action, const struct place *place)
{
    bool writes = action == GRANT_REPLACE || action == GRANT_APPEND || action == GRANT_REMOVE;
    HOLDS(place->kind != PLACE_OWN);
    HOLDS(!writes || (who->role == ROLE_ADMINISTRATOR && action != GRANT_APPEND));
    HOLDS(!writes || place->kind == PLACE_SHARED || place->kind == PLACE_LAYER);
    if (who->role == ROLE_OPERATOR && action != GRANT_ENTER)
        HOLDS(place->kind == PLACE_ROOT_LOGS || place->kind == PLACE_LOGS || place->kind == PLACE_LOGS_OF ||
              place->kind == PLACE_LOG);
    if (place->kind == PLACE_LOG || place->kind == PLACE_LAYER || place->kind == PLACE_LOGS_OF)
        HOLDS(place->mac.text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct principal who = { .role = (enum role)(data[0] % ROLE_COUNT) };
    enum grant_action action = (enum grant_action)(data[1] % GRANT_ADMINISTER);
    struct path root, path;
    struct place place = { .kind = PLACE_SHARED };
    struct fault f = { .code = FAULT_OK };
    path_root(&root);
    if (who.role == ROLE_HANDSET)
        mem_copy_text(who.mac.text, sizeof who.mac.text, OWN);
    if (path_resolve(&root, (const char *)data + 2, size - 2, &path, &f) != FAULT_OK)
        return 0;
    enum fault_code code = grant_place(&who, action, &path, &place, &f);
    if (code != FAULT_OK) {
        HOLDS(code == FAULT_ABSENT || code == FAULT_FORBIDDEN || code == FAULT_INPUT);
        HOLDS(code == f.code && f.text[0] != '\0');
        return 0;
    }
    HOLDS(place.path.text[0] == '/' && place.path.length == strlen(place.path.text));
    if (who.role == ROLE_HANDSET)
        check_handset(&who, action, &place);
    else
        check_others(&who, action, &place);
    return 0;
}
