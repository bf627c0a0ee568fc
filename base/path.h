/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of the name space that both protocols share, in one canonical spelling.
 *
 * A canonical path begins with '/', has no empty, "." or ".." component, no trailing '/' (but for "/"
 * itself), is valid UTF-8 without control characters (U+0000–U+001F, U+007F–U+009F), and spells every MAC
 * that a component begins with (mac_prefix) in lower case. At most PATH_LIMIT bytes, PATH_COMPONENT_LIMIT
 * bytes a component. Floor 0; any thread. */
#ifndef CRADLE_PATH_H
#define CRADLE_PATH_H

#include "base/fault.h"
#include "base/mac.h"
#include <stdbool.h>
#include <stddef.h>

#define PATH_LIMIT           1023
#define PATH_COMPONENT_LIMIT 255

struct path {
    size_t length;
    char text[PATH_LIMIT + 1]; /* canonical, NUL-terminated */
    bool folder_asked;         /* the spelling ended in '/', "." or ".." : the client means a folder */
};

/* The path of a decoded text without a working folder: "//" and "/./" collapse; ".." is FAULT_INPUT; a
 * missing leading
 * '/' is added. FAULT_INPUT with the reason for everything that is not canonical-able. */
enum fault_code path_parse(const char *text, size_t n, struct path *ret_path, struct fault *f);

/* The path of a raw HTTP request target's path part, before '?' (RFC 9110 7.1, RFC 3986): must begin with
 * '/'; %-escapes are decoded once; FAULT_INPUT for a bad escape, %00, an encoded '.', '/' or '\', a raw byte
 * that RFC 3986 does not allow, and ".." . */
enum fault_code path_from_target(const char *target, size_t n, struct path *ret_path, struct fault *f);

/* The path that an FTP argument names from a working folder (RFC 959): absolute or relative, ".." goes up;
 * ".." above the root is FAULT_FORBIDDEN, never clamped. An empty argument names the working folder. */
enum fault_code path_resolve(const struct path *folder, const char *argument, size_t n, struct path *ret_path,
                             struct fault *f);

void path_root(struct path *ret_path);
/* The last component (inside p->text; "" for the root). */
const char *path_name(const struct path *p);
/* One level up; the root stays the root and gives false. */
bool path_up(struct path *p);
/* Walks the components: *at starts at 0; gives each component with its length; false at the end. */
bool path_next(const struct path *p, size_t *at, const char **ret_component, size_t *ret_n);
/* Appends one component that is canonical already (a row of the catalog). FAULT_INPUT when it grows too long.
 */
enum fault_code path_append(struct path *p, const char *component, struct fault *f);

#endif
