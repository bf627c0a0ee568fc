/* SPDX-License-Identifier: Apache-2.0 */
/* A request as handlers see it: judged by the dispatcher, with everything that they need and nothing of the
 * library beneath. Floor 3; belongs to its exchange; a handler has it alone while it runs. */
#ifndef CRADLE_REQUEST_H
#define CRADLE_REQUEST_H

#include "base/path.h"
#include "fleet/fleet.h"
#include "fleet/principal.h"
#include "fleet/upload.h"
#include "server/guard.h"
#include "server/query.h"
#include "server/reply.h"
#include <jansson.h>
#include <stdbool.h>

enum method { METHOD_GET, METHOD_HEAD, METHOD_PUT, METHOD_POST, METHOD_PATCH, METHOD_DELETE, METHOD_OPTIONS };
#define METHOD_COUNT 7
const char *method_name(enum method method);
bool method_parse(const char *text, enum method *ret_method);

#define REQUEST_JSON_MAX 65536 /* bytes of a JSON body */

struct route;
struct request {
    struct fleet *fleet;
    const struct route *route;
    enum method method;
    struct path path;                        /* of the target, canonical */
    char captured[PATH_COMPONENT_LIMIT + 1]; /* the {…} of the route's pattern; "" without */
    struct query query;
    struct guard guard; /* the headers */
    struct guard_verdict body;
    struct principal who;         /* unless the route is for anyone */
    json_t *json;                 /* BODY_JSON: an object */
    struct upload_options upload; /* BODY_UPLOAD: progress and user are set */
    struct upload *upload_begun;  /* BODY_UPLOAD: given by the handler, if it set no reply */
};

static inline const char *request_header(const struct request *request, const char *name)
{
    return guard_header(&request->guard, name);
}

#endif
