/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"
#include "base/mem.h"
#include "base/utf.h"
#include <stdint.h>
#include <string.h>

void path_root(struct path *ret_path)
{
    *ret_path = (struct path){ .length = 1, .text = "/", .folder_asked = true };
}

const char *path_name(const struct path *p)
{
    const char *slash = strrchr(p->text, '/');
    return slash != NULL ? slash + 1 : p->text;
}

bool path_up(struct path *p)
{
    if (p->length <= 1)
        return false;
    size_t length = (size_t)(path_name(p) - p->text) - 1;
    p->length = length == 0 ? 1 : length;
    p->text[p->length] = '\0';
    p->folder_asked = true;
    return true;
}

bool path_next(const struct path *p, size_t *at, const char **ret_component, size_t *ret_n)
{
    /* *at is the end of the component before: a '/', or the end of the text. */
    size_t start = *at + 1;
    if (start >= p->length)
        return false;
    const char *component = p->text + start;
    size_t n = strcspn(component, "/");
    *ret_component = component;
    *ret_n = n;
    *at = start + n;
    return true;
}

/* Appends n checked bytes. */
static enum fault_code path_push(struct path *p, const char *component, size_t n, struct fault *f)
{
    size_t slash = p->length > 1 ? 1 : 0;
    if (p->length + slash + n > PATH_LIMIT)
        return fault_set(f, FAULT_INPUT, "the path is longer than %d bytes", PATH_LIMIT);
    if (slash)
        p->text[p->length++] = '/';
    memcpy(p->text + p->length, component, n);
    p->length += n;
    p->text[p->length] = '\0';
    p->folder_asked = false;
    return FAULT_OK;
}

enum fault_code path_append(struct path *p, const char *component, struct fault *f)
{
    return path_push(p, component, strlen(component), f);
}

static enum fault_code path_check(const char *component, size_t n, struct fault *f)
{
    if (n > PATH_COMPONENT_LIMIT)
        return fault_set(f, FAULT_INPUT, "a name in the path is longer than %d bytes", PATH_COMPONENT_LIMIT);
    for (size_t i = 0; i < n;) {
        uint32_t point;
        size_t length = utf_next(component + i, n - i, &point);
        if (length == 0)
            return fault_set(f, FAULT_INPUT, "the path is not valid UTF-8");
        if (utf_is_control(point))
            return fault_set(f, FAULT_INPUT, "the path has a control character in it");
        i += length;
    }
    return FAULT_OK;
}

/* Checks one name, spells its MAC in lower case and appends it. */
static enum fault_code path_enter(struct path *p, const char *component, size_t n, struct fault *f)
{
    char name[PATH_COMPONENT_LIMIT];
    enum fault_code code = path_check(component, n, f);
    if (code != FAULT_OK)
        return code;
    memcpy(name, component, n);
    struct mac mac;
    if (mac_prefix(name, n, &mac))
        memcpy(name, mac.text, MAC_DIGITS);
    return path_push(p, name, n, f);
}

/* Walks text from *p on. `climbs`: ".." goes up, otherwise it is refused. Ends with folder_asked set right.
 */
static enum fault_code path_walk(struct path *p, const char *text, size_t n, bool climbs, struct fault *f)
{
    p->folder_asked = true;
    for (size_t i = 0; i < n;) {
        const char *slash = memchr(text + i, '/', n - i);
        size_t end = slash != NULL ? (size_t)(slash - text) : n, length = end - i;
        const char *component = text + i;
        enum fault_code code = FAULT_OK;
        if (length == 0 || (length == 1 && component[0] == '.')) {
            p->folder_asked = true;
        } else if (length == 2 && component[0] == '.' && component[1] == '.') {
            if (!climbs)
                return fault_set(f, FAULT_INPUT, "'..' is not allowed in this path");
            if (!path_up(p))
                return fault_set(f, FAULT_FORBIDDEN, "there is nothing above the root folder");
        } else {
            code = path_enter(p, component, length, f);
            p->folder_asked = slash != NULL;
        }
        if (code != FAULT_OK)
            return code;
        i = end + 1;
    }
    return FAULT_OK;
}

enum fault_code path_parse(const char *text, size_t n, struct path *ret_path, struct fault *f)
{
    struct path p;
    path_root(&p);
    enum fault_code code = path_walk(&p, text, n, false, f);
    if (code == FAULT_OK)
        *ret_path = p;
    return code;
}

enum fault_code path_resolve(const struct path *folder, const char *argument, size_t n, struct path *ret_path,
                             struct fault *f)
{
    struct path p;
    if (n > 0 && argument[0] == '/')
        path_root(&p);
    else
        p = *folder;
    enum fault_code code = path_walk(&p, argument, n, true, f);
    if (code == FAULT_OK)
        *ret_path = p;
    return code;
}

/* pchar and '/' of RFC 3986, 3.3, but for '%'. */
static bool path_is_target_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~!$&'()*+,;=:@/", c) != NULL);
}

static int path_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum fault_code path_from_target(const char *target, size_t n, struct path *ret_path, struct fault *f)
{
    char decoded[3 * PATH_LIMIT]; /* the longest path with every byte escaped, before it is decoded */
    size_t used = 0;
    if (n == 0 || target[0] != '/')
        return fault_set(f, FAULT_INPUT, "the path does not begin with '/'");
    if (n > sizeof decoded)
        return fault_set(f, FAULT_INPUT, "the path is longer than %d bytes", PATH_LIMIT);
    for (size_t i = 0; i < n; i++) {
        char c = target[i];
        if (c == '%') {
            int high = i + 2 < n ? path_hex(target[i + 1]) : -1,
                low = i + 2 < n ? path_hex(target[i + 2]) : -1;
            if (high < 0 || low < 0)
                return fault_set(f, FAULT_INPUT, "a '%%' in the path is not followed by two hex digits");
            c = (char)(high << 4 | low);
            i += 2;
            if (c == '\0' || c == '.' || c == '/' || c == '\\')
                return fault_set(f, FAULT_INPUT, "an escape in the path hides a NUL, a dot or a slash");
        } else if (!path_is_target_byte(c)) {
            return fault_set(f, FAULT_INPUT, "a byte in the path must be written as an escape (%%%02X)",
                             (unsigned)(uint8_t)c);
        }
        decoded[used++] = c;
    }
    return path_parse(decoded, used, ret_path, f);
}
