/* SPDX-License-Identifier: Apache-2.0 */
#include "server/route.h"

#include "base/mem.h"
#include "fleet/grant.h"
#include "server/accounts.h"
#include "server/certificates.h"
#include "server/checks.h"
#include "server/files.h"
#include "server/handsets.h"
#include "server/logs.h"
#include "server/refusals.h"
#include "server/seals.h"
#include "server/suspects.h"
#include "server/trail.h"
#include "server/upkeep.h"

#include <string.h>

static void route_health(struct request *request, struct reply *reply)
{
    (void)request;
    reply->status = 200;
    reply_header(reply, "Content-Type", "text/plain; charset=utf-8");
    reply_header(reply, "Cache-Control", "no-store");
    if (buf_text(&reply->body, "ok\n", NULL) != FAULT_OK)
        reply_problem(reply, 503, fault_word(FAULT_MEMORY), "out of memory");
}

#define ADMIN WHO_ADMINISTRATOR
#define LOGS  (WHO_ADMINISTRATOR | WHO_OPERATOR)

/* clang-format off */
static const struct route routes[] = {
    { METHOD_GET,    "/healthz",                            WHO_ANYONE, BODY_NONE,   route_health,     "is the daemon alive" },
    { METHOD_GET,    "/api/v1/handsets",                    ADMIN,      BODY_NONE,   handsets_list,    "list handsets" },
    { METHOD_POST,   "/api/v1/handsets",                    ADMIN,      BODY_JSON,   handsets_add,     "register a handset" },
    { METHOD_GET,    "/api/v1/handsets/{mac}",              ADMIN,      BODY_NONE,   handsets_show,    "show a handset" },
    { METHOD_PATCH,  "/api/v1/handsets/{mac}",              ADMIN,      BODY_JSON,   handsets_change,  "change a handset" },
    { METHOD_DELETE, "/api/v1/handsets/{mac}",              ADMIN,      BODY_NONE,   handsets_remove,  "take a handset and its accounts out of the fleet" },
    { METHOD_POST,   "/api/v1/handsets/{mac}/lost",         ADMIN,      BODY_NONE,   handsets_lost,    "deny a lost handset everything, and list the secrets that it holds" },
    { METHOD_POST,   "/api/v1/handsets/{mac}/found",        ADMIN,      BODY_NONE,   handsets_found,   "let a lost handset back in" },
    { METHOD_GET,    "/api/v1/handsets/{mac}/logs",         LOGS,       BODY_NONE,   logs_generations, "list the generations of a handset's logs" },
    { METHOD_GET,    "/api/v1/handsets/{mac}/logs/segments", LOGS,      BODY_NONE,   logs_segments,    "list the segments of one generation" },
    { METHOD_GET,    "/api/v1/accounts",                    ADMIN,      BODY_NONE,   accounts_list,    "list accounts" },
    { METHOD_POST,   "/api/v1/accounts",                    ADMIN,      BODY_JSON,   accounts_add,     "add an account" },
    { METHOD_GET,    "/api/v1/accounts/{name}",             ADMIN,      BODY_NONE,   accounts_show,    "show an account" },
    { METHOD_PATCH,  "/api/v1/accounts/{name}",             ADMIN,      BODY_JSON,   accounts_change,  "enable or disable an account" },
    { METHOD_DELETE, "/api/v1/accounts/{name}",             ADMIN,      BODY_NONE,   accounts_remove,  "remove an account" },
    { METHOD_POST,   "/api/v1/accounts/{name}/password",    ADMIN,      BODY_JSON,   accounts_password, "set an account's password, or have one made" },
    { METHOD_GET,    "/api/v1/certificates",                ADMIN,      BODY_NONE,   certificates_list, "list the client certificates that were seen or revoked" },
    { METHOD_POST,   "/api/v1/certificates/{fingerprint}/revoke", ADMIN, BODY_JSON,  certificates_revoke, "revoke a client certificate" },
    { METHOD_GET,    "/api/v1/refusals",                    ADMIN,      BODY_NONE,   refusals_list,    "list the clients that refuse the server's certificate or TLS" },
    { METHOD_DELETE, "/api/v1/refusals",                    ADMIN,      BODY_NONE,   refusals_clear,   "forget the clients that refused" },
    { METHOD_GET,    "/api/v1/suspects",                    ADMIN,      BODY_NONE,   suspects_list,    "list who is slowed down, and where clients come from" },
    { METHOD_DELETE, "/api/v1/suspects",                    ADMIN,      BODY_NONE,   suspects_lift,    "lift the delays of suspects" },
    { METHOD_GET,    "/api/v1/versions",                    ADMIN,      BODY_NONE,   files_versions,   "list the former versions of a file" },
    { METHOD_GET,    "/api/v1/backup",                      ADMIN,      BODY_NONE,   upkeep_backup,    "download a sealed backup of the whole catalog" },
    { METHOD_GET,    "/api/v1/audit",                       ADMIN,      BODY_NONE,   trail_list,       "list the records of the audit trail" },
    { METHOD_GET,    "/api/v1/seal",                        ADMIN,      BODY_NONE,   seals_status,     "show the data keys, and how far re-sealing is" },
    { METHOD_POST,   "/api/v1/seal/rotate",                 ADMIN,      BODY_NONE,   seals_rotate,     "make a new data key, and re-seal in the background" },
    { METHOD_POST,   "/api/v1/check/chain",                 ADMIN,      BODY_JSON,   checks_chain,     "say which handsets would refuse a new certificate chain" },
    { METHOD_POST,   "/api/v1/seal/rewrap",                 ADMIN,      BODY_NONE,   seals_rewrap,     "wrap the data keys under a new master key" },
    { METHOD_POST,   "/api/v1/verify",                      ADMIN,      BODY_NONE,   upkeep_verify,    "begin to verify everything that is stored" },
    { METHOD_GET,    "/api/v1/verify",                      ADMIN,      BODY_NONE,   upkeep_verified,  "say how far that is, and what is damaged" },
    { METHOD_GET,    "/{path}",                             WHO_ALL,    BODY_NONE,   files_read,       "read a file or a log, or list a folder" },
    { METHOD_PUT,    "/{path}",                             WHO_ALL,    BODY_UPLOAD, files_write,      "store a file, or a new generation of a log" },
    { METHOD_DELETE, "/{path}",                             WHO_ALL,    BODY_NONE,   files_remove,     "remove a file, or end a log's generation" },
};
/* clang-format on */

static const char *const method_names[METHOD_COUNT] = {
    [METHOD_GET] = "GET",         [METHOD_HEAD] = "HEAD",   [METHOD_PUT] = "PUT",
    [METHOD_POST] = "POST",       [METHOD_PATCH] = "PATCH", [METHOD_DELETE] = "DELETE",
    [METHOD_OPTIONS] = "OPTIONS",
};

const char *method_name(enum method method)
{
    return method_names[method];
}

bool method_parse(const char *text, enum method *ret_method)
{
    for (int method = 0; method < METHOD_COUNT; method++)
        if (strcmp(text, method_names[method]) == 0) {
            *ret_method = (enum method)method;
            return true;
        }
    return false;
}

static bool is_rest(const char *segment, size_t n)
{
    return n == 6 && memcmp(segment, "{path}", 6) == 0;
}

static size_t segment_length(const char *at)
{
    return strcspn(at, "/");
}

/* Does a path fit a pattern? Both begin with '/'. A path may be a pattern too (for route_check): then its {…}
 * is just a segment. */
static bool fits(const char *pattern, const char *path, char *captured)
{
    for (;;) {
        pattern++, path++;
        size_t p = segment_length(pattern), n = segment_length(path);
        if (is_rest(pattern, p))
            return true;
        if (*pattern == '{') {
            if (n == 0 || (captured != NULL && !mem_copy_bytes(captured, PATH_COMPONENT_LIMIT + 1, path, n)))
                return false;
        } else if (p != n || memcmp(pattern, path, n) != 0) {
            return false;
        }
        pattern += p, path += n;
        if (*pattern == '\0' || *path == '\0')
            return *pattern == *path;
    }
}

static bool is_api(const char *path)
{
    return strncmp(path, "/api", 4) == 0 && (path[4] == '/' || path[4] == '\0');
}

static bool row_knows(const struct route *route, const char *path, char *captured)
{
    return grant_is_reserved(path) == grant_is_reserved(route->pattern) &&
           fits(route->pattern, path, captured);
}

enum route_found route_find(enum serves serves, enum method method, const struct path *path,
                            const struct route **ret_route, char *captured)
{
    bool known = false;
    if ((serves == SERVES_HANDSETS || serves == SERVES_LEGACY) && is_api(path->text))
        return ROUTE_ABSENT;
    for (size_t i = 0; i < ARRAY_LENGTH(routes); i++) {
        captured[0] = '\0';
        if (!row_knows(&routes[i], path->text, captured))
            continue;
        known = true;
        if (routes[i].method == method || (routes[i].method == METHOD_GET && method == METHOD_HEAD)) {
            *ret_route = &routes[i];
            return ROUTE_FOUND;
        }
    }
    return known ? ROUTE_METHOD : ROUTE_ABSENT;
}

void route_allow(enum serves serves, const struct path *path, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    if ((serves == SERVES_HANDSETS || serves == SERVES_LEGACY) && is_api(path->text))
        return;
    for (size_t i = 0; i < ARRAY_LENGTH(routes); i++) {
        if (!row_knows(&routes[i], path->text, NULL))
            continue;
        const char *name = routes[i].method == METHOD_GET ? "GET, HEAD" : method_names[routes[i].method];
        if (strstr(out, name) != NULL)
            continue;
        int n = snprintf(out + used, size - used, "%s%s", used ? ", " : "", name);
        used += n > 0 && (size_t)n < size - used ? (size_t)n : 0;
    }
}

enum fault_code route_check(const struct route *table, size_t count, struct fault *f)
{
    for (size_t later = 1; later < count; later++)
        for (size_t i = 0; i < later; i++)
            if (table[i].method == table[later].method && row_knows(&table[i], table[later].pattern, NULL))
                return fault_set(f, FAULT_INTERNAL, "route %s %s is hidden by %s",
                                 method_names[table[later].method], table[later].pattern, table[i].pattern);
    return FAULT_OK;
}

const struct route *route_table(size_t *ret_count)
{
    *ret_count = ARRAY_LENGTH(routes);
    return routes;
}

void route_print(FILE *out)
{
    for (size_t i = 0; i < ARRAY_LENGTH(routes); i++) {
        fprintf(out, "%s %s ", method_names[routes[i].method], routes[i].pattern);
        const char *between = "";
        for (int role = 0; role < ROLE_COUNT; role++)
            if (routes[i].who & 1U << role) {
                fprintf(out, "%s%s", between, role_name((enum role)role));
                between = ",";
            }
        fprintf(out, "%s %s\n", routes[i].who == WHO_ANYONE ? "anyone" : "", routes[i].summary);
    }
}
