/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of what the HTTPS front end answers. First match wins. Floor 3; pure, the table is constant.
 */
#ifndef CRADLE_ROUTE_H
#define CRADLE_ROUTE_H

#include "base/fault.h"
#include "server/request.h"
#include <stdbool.h>
#include <stdio.h>

/* Who may ask; the tree's own rules (grant.h) come after these. */
#define WHO_ANYONE        0
#define WHO_HANDSET       (1 << ROLE_HANDSET)
#define WHO_ADMINISTRATOR (1 << ROLE_ADMINISTRATOR)
#define WHO_OPERATOR      (1 << ROLE_OPERATOR)
#define WHO_ALL           (WHO_HANDSET | WHO_ADMINISTRATOR | WHO_OPERATOR)

enum route_body {
    BODY_NONE,  /* what comes is read and forgotten, within bounds */
    BODY_JSON,  /* an object of at most REQUEST_JSON_MAX bytes */
    BODY_UPLOAD /* the handler begins an upload, the dispatcher streams into it and commits */
};

/* Runs on a worker and may block. Fills the reply; a BODY_UPLOAD handler that begins an upload leaves it. */
typedef void route_handler(struct request *request, struct reply *reply);

struct route {
    enum method method;  /* a GET row answers HEAD too */
    const char *pattern; /* segments; {x} is one segment, a last {path} all the rest, also none */
    unsigned who;
    enum route_body body;
    route_handler *handler;
    const char *summary;
};

enum route_found { ROUTE_FOUND, ROUTE_ABSENT /* 404 */, ROUTE_METHOD /* 405, see route_allow */ };
/* serves: a listener for handsets knows nothing below /api/. captured holds PATH_COMPONENT_LIMIT + 1 bytes.
 */
enum route_found route_find(enum serves serves, enum method method, const struct path *path,
                            const struct route **ret_route, char *captured);
/* "GET, HEAD, PUT": what the path knows. */
void route_allow(enum serves serves, const struct path *path, char *out, size_t size);

/* At start: FAULT_INTERNAL names a row that an earlier one hides. Any table, for tests. */
enum fault_code route_check(const struct route *routes, size_t count, struct fault *f);
const struct route *route_table(size_t *ret_count);
/* One line a row: method, pattern, roles separated by commas, summary. */
void route_print(FILE *out);

#endif
