/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/grant.h"

#include "base/mem.h"

#include <string.h>

#define FOLDER_HANDSETS "@handset"
#define FOLDER_LOGS     "@log"
#define FALLBACK        "000000000000"
#define LOG_SUFFIX      ".log"
#define RESERVED_WORDS  "/healthz and /api are the server's own: nothing is stored there"
/* Digits of a generation: more would pass 63 bits. */
#define GENERATION_DIGITS 18

/* What handsets write and read back, besides logs: the text after their MAC. */
static const char *const own_files[] = { "-phone.cfg", "-web.cfg", "-directory.xml", "-calls.xml" };

/* What the components of a path look like. */
struct shape {
    struct mac mac; /* the first one that a component begins with; empty: none does */
    bool two;       /* another component begins with another one */
    bool reserved;  /* a component begins with '@' */
};

static void look(const struct path *path, struct shape *ret_shape)
{
    struct shape shape = { 0 };
    size_t at = 0, n;
    const char *component;
    while (path_next(path, &at, &component, &n)) {
        struct mac mac;
        if (component[0] == '@')
            shape.reserved = true;
        if (!mac_prefix(component, n, &mac))
            continue;
        if (shape.mac.text[0] == '\0')
            shape.mac = mac;
        else if (!mac_equal(&shape.mac, &mac))
            shape.two = true;
    }
    *ret_shape = shape;
}

static bool is_reading(enum grant_action action)
{
    return action == GRANT_READ || action == GRANT_LIST;
}

bool grant_is_reserved(const char *path)
{
    return strcmp(path, "/healthz") == 0 ||
           (strncmp(path, "/api", 4) == 0 && (path[4] == '/' || path[4] == '\0'));
}

/* Would this make something new there? */
static bool stores_reserved(enum grant_action action, const struct path *path)
{
    return (action == GRANT_REPLACE || action == GRANT_APPEND) && grant_is_reserved(path->text);
}

static enum fault_code absent(struct fault *f)
{
    return fault_set(f, FAULT_ABSENT, GRANT_ABSENT_WORDS);
}

/* The last component's text after its MAC, when it is "MAC-…" with this MAC; otherwise NULL. */
static const char *after_mac(const struct path *path, const struct mac *mac)
{
    const char *name = path_name(path);
    struct mac found;
    if (!mac_prefix(name, strlen(name), &found) || !mac_equal(&found, mac) || name[MAC_DIGITS] != '-')
        return NULL;
    return name + MAC_DIGITS;
}

static bool is_log(const char *rest)
{
    if (rest == NULL)
        return false;
    size_t n = strlen(rest), suffix = strlen(LOG_SUFFIX);
    return n > suffix && strcmp(rest + n - suffix, LOG_SUFFIX) == 0;
}

static bool is_own_file(const char *rest)
{
    for (size_t i = 0; rest != NULL && i < ARRAY_LENGTH(own_files); i++)
        if (strcmp(rest, own_files[i]) == 0)
            return true;
    return false;
}

/* Is a folder on the way called like a file that `mac` writes? Clients that mirror a tree cannot have a file
 * and a folder of one name, and would miss what is below. */
static bool is_in_file(const struct path *path, const struct mac *mac)
{
    struct path folder = *path;
    while (path_up(&folder)) {
        const char *rest = after_mac(&folder, mac);
        if (is_log(rest) || is_own_file(rest))
            return true;
    }
    return false;
}

static enum fault_code handset_write(const struct principal *who, enum grant_action action,
                                     const struct path *path, struct place *place, struct fault *f)
{
    const char *rest = path->folder_asked || strchr(path->text, '@') ? NULL : after_mac(path, &who->mac);
    if (stores_reserved(action, path))
        return fault_set(f, FAULT_FORBIDDEN, RESERVED_WORDS);
    if (is_in_file(path, &who->mac))
        return fault_set(f, FAULT_FORBIDDEN,
                         "a folder on the way has the name of a file that a handset writes");
    if (is_log(rest)) {
        place->kind = PLACE_LOG;
        return FAULT_OK;
    }
    if (action == GRANT_REPLACE && is_own_file(rest))
        return FAULT_OK;
    if (action == GRANT_REMOVE)
        return fault_set(f, FAULT_FORBIDDEN,
                         "a handset ends its own logs (MAC-….log) and removes nothing else");
    return fault_set(f, FAULT_FORBIDDEN,
                     "a handset writes its own logs (MAC-….log), and replaces MAC-phone.cfg, MAC-web.cfg, "
                     "MAC-directory.xml and MAC-calls.xml");
}

static enum fault_code handset_place(const struct principal *who, enum grant_action action,
                                     const struct path *path, struct place *place, struct fault *f)
{
    struct shape shape;
    look(path, &shape);
    bool carries_mac = shape.mac.text[0] != '\0';
    if (shape.reserved || shape.two || (carries_mac && !mac_equal(&shape.mac, &who->mac)))
        return is_reading(action) ? absent(f)
                                  : fault_set(f, FAULT_FORBIDDEN, "not a name of this handset's own");
    place->kind = PLACE_OWN;
    place->mac = who->mac;
    place->path = *path;
    if (action == GRANT_ENTER)
        return FAULT_OK;
    if (!is_reading(action))
        return handset_write(who, action, path, place, f);
    place->fallback = strncmp(path_name(path), FALLBACK, strlen(FALLBACK)) == 0;
    place->own_name = carries_mac;
    if (action == GRANT_READ && !path->folder_asked && is_log(after_mac(path, &who->mac)))
        place->kind = PLACE_LOG;
    return FAULT_OK;
}

/* Takes the first component off; false when there is none. *ret_rest begins with '/' again. */
static bool take_component(const struct path *path, const char **ret_component, size_t *ret_n,
                           struct path *ret_rest)
{
    size_t at = 0;
    if (!path_next(path, &at, ret_component, ret_n))
        return false;
    const char *rest = *ret_component + *ret_n;
    path_root(ret_rest);
    if (*rest != '\0') {
        ret_rest->length = strlen(rest);
        memcpy(ret_rest->text, rest, ret_rest->length + 1);
    }
    ret_rest->folder_asked = path->folder_asked;
    return true;
}

static bool component_is(const char *component, size_t n, const char *text)
{
    return n == strlen(text) && memcmp(component, text, n) == 0;
}

/* "…@N": cuts it off and gives N; 0 when there is none. Handsets write no '@', so nothing is hidden by it. */
static int64_t take_generation(struct path *path)
{
    char *at = strrchr(path->text, '@');
    if (at == NULL || at[1] < '1' || at[1] > '9')
        return 0;
    int64_t generation = 0;
    size_t digits = 0;
    for (const char *p = at + 1; *p != '\0'; p++, digits++) {
        if (*p < '0' || *p > '9' || digits == GENERATION_DIGITS)
            return 0;
        generation = generation * 10 + (*p - '0');
    }
    *at = '\0';
    path->length = (size_t)(at - path->text);
    return generation;
}

/* /@log and below, alike for administrators and operators. `below` is what follows "/@log". */
static enum fault_code log_place(enum grant_action action, const struct path *below, struct place *place,
                                 struct fault *f)
{
    if (!is_reading(action))
        return fault_set(f, FAULT_FORBIDDEN,
                         "logs can be read here and not changed; they go when the quota is reached");
    const char *component;
    size_t n;
    if (!take_component(below, &component, &n, &place->path)) {
        place->kind = PLACE_LOGS;
        return FAULT_OK;
    }
    if (n != MAC_DIGITS || !mac_prefix(component, n, &place->mac))
        return absent(f);
    place->kind = PLACE_LOGS_OF;
    if (action == GRANT_LIST || below->folder_asked || place->path.length == 1)
        return FAULT_OK;
    place->kind = PLACE_LOG;
    place->through_log = true;
    place->generation = take_generation(&place->path);
    return FAULT_OK;
}

/* A name in a layer: `mac`'s when it is given, otherwise the one that the path's MAC names, otherwise the
 * shared one. */
static enum fault_code layer_place(enum grant_action action, const struct mac *mac, const struct path *path,
                                   struct place *place, struct fault *f)
{
    struct shape shape;
    look(path, &shape);
    bool reading = is_reading(action);
    if (shape.reserved)
        return reading ? absent(f)
                       : fault_set(f, FAULT_INPUT,
                                   "names that begin with '@' are the server's own (@handset, @log)");
    if (shape.two || (mac && shape.mac.text[0] != '\0' && !mac_equal(mac, &shape.mac)))
        return reading ? absent(f) : fault_set(f, FAULT_INPUT, "the path names two different handsets");
    if (!reading && (path->length == 1 || path->folder_asked))
        return fault_set(f, FAULT_INPUT,
                         "the path names a folder; folders are only names: write the files in them");
    if (stores_reserved(action, path))
        return fault_set(f, FAULT_INPUT, RESERVED_WORDS);

    place->path = *path;
    place->mac = mac ? *mac : shape.mac;
    if (action == GRANT_REPLACE && is_in_file(path, &place->mac))
        return fault_set(f, FAULT_INPUT, "a folder on the way has the name of a file that a handset writes");
    place->kind = place->mac.text[0] != '\0' ? PLACE_LAYER : PLACE_SHARED;
    bool log = place->kind == PLACE_LAYER && is_log(after_mac(path, &place->mac));
    if (log && !reading)
        return fault_set(f, FAULT_FORBIDDEN,
                         "a handset's log is written by that handset; logs go by retention");
    if (action == GRANT_APPEND)
        return fault_set(f, FAULT_FORBIDDEN,
                         "only logs can be appended to, by their handset; replace the file");
    if (log && action == GRANT_READ && !path->folder_asked)
        place->kind = PLACE_LOG;
    return FAULT_OK;
}

static enum fault_code administrator_place(enum grant_action action, const struct path *path,
                                           struct place *place, struct fault *f)
{
    const char *component;
    size_t n;
    struct path below, rest;
    bool reading = is_reading(action);
    if (!take_component(path, &component, &n, &below)) {
        if (!reading)
            return layer_place(action, NULL, path, place, f);
        place->kind = PLACE_ROOT;
        return FAULT_OK;
    }
    if (component_is(component, n, FOLDER_LOGS))
        return log_place(action, &below, place, f);
    if (!component_is(component, n, FOLDER_HANDSETS))
        return layer_place(action, NULL, path, place, f);

    struct mac mac;
    if (!take_component(&below, &component, &n, &rest)) {
        if (!reading)
            return fault_set(f, FAULT_INPUT, "a name below @handset begins with a MAC: /@handset/MAC/…");
        place->kind = PLACE_LAYERS;
        return FAULT_OK;
    }
    if (n != MAC_DIGITS || !mac_prefix(component, n, &mac))
        return reading ? absent(f)
                       : fault_set(f, FAULT_INPUT, "a name below @handset begins with a MAC: 12 hex digits");
    return layer_place(action, &mac, &rest, place, f);
}

static enum fault_code operator_place(enum grant_action action, const struct path *path, struct place *place,
                                      struct fault *f)
{
    const char *component;
    size_t n;
    struct path below;
    bool root = !take_component(path, &component, &n, &below);
    if (!root && component_is(component, n, FOLDER_LOGS))
        return log_place(action, &below, place, f);
    if (!root || !is_reading(action))
        return fault_set(f, FAULT_FORBIDDEN, "an operator reads logs, at /@log/ and below");
    place->kind = PLACE_ROOT_LOGS;
    return FAULT_OK;
}

enum fault_code grant_place(const struct principal *who, enum grant_action action, const struct path *path,
                            struct place *ret_place, struct fault *f)
{
    if (action == GRANT_ADMINISTER)
        return fault_set(f, FAULT_INTERNAL, "a path was asked for what has none");
    struct place place = { .kind = PLACE_SHARED };
    path_root(&place.path);
    enum fault_code code = FAULT_INTERNAL;
    /* Folders are only names: who may list nothing in one may still stand in it. */
    if (action == GRANT_ENTER && who->role != ROLE_HANDSET) {
        place.path = *path;
        code = FAULT_OK;
    } else if (who->role == ROLE_HANDSET)
        code = handset_place(who, action, path, &place, f);
    else if (who->role == ROLE_ADMINISTRATOR)
        code = administrator_place(action, path, &place, f);
    else
        code = operator_place(action, path, &place, f);
    if (code == FAULT_OK)
        *ret_place = place;
    return code;
}

enum fault_code grant_bearer(const struct principal *who, struct fault *f)
{
    if (who->role == ROLE_HANDSET)
        return FAULT_OK;
    return fault_set(
        f, FAULT_FORBIDDEN,
        "this file bears a private key: only its handset can read it; it can be replaced or removed");
}

enum fault_code grant_role(const struct principal *who, enum grant_action action, struct fault *f)
{
    if (who->role == ROLE_ADMINISTRATOR)
        return FAULT_OK;
    if (who->role == ROLE_OPERATOR && is_reading(action))
        return FAULT_OK;
    return fault_set(f, FAULT_FORBIDDEN,
                     is_reading(action) ? "administrators and operators only" : "administrators only");
}
