/* SPDX-License-Identifier: Apache-2.0 */
#include "server/admit.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "fleet/audit.h"
#include "fleet/census.h"
#include "fleet/grant.h"
#include "fleet/handset.h"
#include "fleet/trouble.h"
#include "server/basic.h"
#include "server/exchange.h"
#include "server/files.h"
#include "server/route.h"

#include <string.h>
#include <strings.h>

/* A body that a route has no use for may be so large. */
#define BODY_UNUSED_MAX 65536

#define BUSY_WORDS "the server is busy: come back later"

/* --- the header --- */

static void reject(struct exchange *x, int status, const char *why)
{
    log_event(LOG_HTTPS_REJECTED, "address=%s target=%s status=%d why=%s", x->connection->address,
              LOG_VALUE(x->target), status, LOG_VALUE(why));
    x->reply.close = true;
    reply_problem(&x->reply, status, status == 501 ? "unknown" : fault_word(FAULT_INPUT), why);
}

/* The path and query of the target: origin form, or the absolute form that every server must take (RFC
 * 9112, 3.2.2). */
static enum fault_code read_target(struct exchange *x, struct fault *f)
{
    const char *target = x->target;
    /* Here, because the library splits the query in place: the guard sees no longer what was sent. */
    for (const char *c = target; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return fault_set(f, FAULT_INPUT, "the target holds a blank or a control character");
    if (strncasecmp(target, "https://", 8) == 0)
        target += 8 + strcspn(target + 8, "/?");
    size_t n = strcspn(target, "?");
    enum fault_code code = path_from_target(target, n, &x->request.path, f);
    if (code == FAULT_OK && target[n] == '?')
        (void)query_parse(target + n + 1, strlen(target + n + 1), &x->request.query, &x->query_fault);
    return code;
}

void admit_head(struct exchange *x, const char *method)
{
    struct fault f;
    struct request *request = &x->request;
    if (request->body.status != 0) {
        reject(x, request->body.status, request->body.why);
        return;
    }
    if (!method_parse(method, &request->method)) {
        reject(x, 501, "unknown method");
        return;
    }
    if (read_target(x, &f) != FAULT_OK) {
        request->path.length = 0;
        reject(x, 400, f.text);
        return;
    }
    enum serves serves = x->connection->serves;
    char allow[80];
    switch (route_find(serves, request->method, &request->path, &request->route, request->captured)) {
    case ROUTE_FOUND:
        break;
    case ROUTE_ABSENT:
        reply_problem(&x->reply, 404, fault_word(FAULT_ABSENT), GRANT_ABSENT_WORDS);
        break;
    case ROUTE_METHOD:
        route_allow(serves, &request->path, allow, sizeof allow);
        reply_problem(&x->reply, 405, "method", "this method is not for this path");
        reply_header(&x->reply, "Allow", "%s", allow);
        break;
    }
}

/* --- after identification --- */

static void run_handler(struct work *work)
{
    struct exchange *x = CONTAINER_OF(work, struct exchange, work);
    x->request.route->handler(&x->request, &x->reply);
    exchange_done(x);
}

void admit_work(struct exchange *x)
{
    x->work.run = run_handler;
    if (work_give(x->gate->fleet->work, &x->work))
        return;
    const struct fault busy = { FAULT_BUSY, BUSY_WORDS };
    log_event(LOG_OVERLOAD, "what=work protocol=https address=%s", x->connection->address);
    files_trouble(&x->request, &busy);
    reply_fault(&x->reply, &busy);
    exchange_done(x);
}

/* 403, 413 and a malformed query, in this order; a handset is not refused for a query. */
static enum fault_code judge(const struct exchange *x, struct fault *f)
{
    const struct request *request = &x->request;
    if ((request->route->who & 1U << request->who.role) == 0)
        return fault_set(f, FAULT_FORBIDDEN, "not for the role %s", role_name(request->who.role));
    int64_t limit = request->route->body == BODY_UPLOAD ? INT64_MAX /* tree_put knows */
                    : request->route->body == BODY_JSON ? REQUEST_JSON_MAX
                                                        : BODY_UNUSED_MAX;
    if (request->body.length > limit)
        return fault_set(f, FAULT_TOO_LARGE, "the body may have %lld bytes at most", (long long)limit);
    if (request->who.role != ROLE_HANDSET && x->query_fault.code != FAULT_OK)
        return fault_set(f, x->query_fault.code, "%s", x->query_fault.text);
    return FAULT_OK;
}

/* The role may not do it at all: worth a record, unlike a name that the tree keeps to itself. */
static void record_denied(const struct exchange *x)
{
    const struct request *request = &x->request;
    char target[PATH_LIMIT + 16];
    snprintf(target, sizeof target, "%s %s", method_name(request->method), request->path.text);
    const struct audit_event event = {
        .kind = AUDIT_KIND_ACCESS_DENIED, .who = &request->who, .target = target, .outcome = "denied"
    };
    audit_note(x->gate->fleet, &event);
}

/* A handset that asks for others' names waits, by the name's shape alone, before anything is looked up. */
static void after_census(struct gate_delay *delay)
{
    admit_work(CONTAINER_OF(delay, struct exchange, delay));
}

static void granted(struct exchange *x)
{
    struct fault f;
    x->request.who = x->login.who;
    int64_t wait = census_ask(x->gate->fleet, &x->request.who, &x->request.path);
    handset_seen(x->gate->fleet, &x->request.who, request_header(&x->request, "User-Agent"));
    if (judge(x, &f) != FAULT_OK) {
        if (f.code == FAULT_FORBIDDEN)
            record_denied(x);
        reply_fault(&x->reply, &f);
        exchange_done(x);
    } else if (x->request.route->body == BODY_JSON) {
        exchange_done(x); /* the handler runs when the body has come */
    } else if (wait > 0) {
        x->delay.over = after_census;
        gate_later(x->gate, &x->delay, wait);
    } else if (!pthread_equal(x->thread, pthread_self())) {
        run_handler(
            &x->work); /* a worker has brought the login this far; another one would only cost a switch */
    } else if (files_read_hot(&x->request, &x->reply)) {
        exchange_done(x);
    } else {
        admit_work(x);
    }
}

/* --- identification --- */

static void delay_over(struct gate_delay *delay)
{
    exchange_done(CONTAINER_OF(delay, struct exchange, delay));
}

/* A refusal leaves when the delay since the question is over, however long the looking took. */
static void refuse(struct exchange *x, int status, enum fault_code code)
{
    reply_problem(&x->reply, status, fault_word(code), LOGIN_REFUSED_WORDS);
    int64_t left = x->started + x->login.refuse_after_ms - clock_steady_ms();
    if (left <= 0) {
        exchange_done(x);
        return;
    }
    x->delay.over = delay_over;
    gate_later(x->gate, &x->delay, left);
}

static void challenge(struct exchange *x)
{
    reply_problem(&x->reply, 401, fault_word(FAULT_UNAUTHENTICATED), "credentials are needed");
    exchange_done(x);
}

/* Nobody knows yet who asks; but a handset whose own file is asked for must not fall back for this. */
static void mark_asked(struct exchange *x)
{
    size_t at = 0, n;
    const char *component;
    struct mac mac;
    while (path_next(&x->request.path, &at, &component, &n))
        if (mac_prefix(component, n, &mac)) {
            trouble_mark(x->gate->fleet, &mac);
            return;
        }
}

static void identified(struct login *login)
{
    struct exchange *x = CONTAINER_OF(login, struct exchange, login);
    switch (login->result) {
    case LOGIN_GRANTED:
        if (connection_belongs(x->connection, &login->who, login->peer.fingerprint, login->since))
            granted(x);
        else
            refuse(x, 401, FAULT_UNAUTHENTICATED); /* what it was judged by has changed meanwhile */
        return;
    case LOGIN_PASSWORD_NEEDED:
        challenge(x);
        return;
    case LOGIN_REFUSED:
        refuse(x, 401, FAULT_UNAUTHENTICATED);
        return;
    case LOGIN_FORBIDDEN:
        refuse(x, 403, FAULT_FORBIDDEN);
        return;
    case LOGIN_BUSY:
        break;
    }
    const struct fault busy = { FAULT_BUSY, BUSY_WORDS };
    if (!login->suspect) /* or whoever fails in a handset's name would take its fall-back away */
        mark_asked(x);
    reply_fault(&x->reply, &busy);
    exchange_done(x);
}

void admit_start(struct exchange *x)
{
    if (x->request.route->who == WHO_ANYONE) {
        x->request.route->handler(&x->request, &x->reply); /* such a one does not block */
        exchange_done(x);
        return;
    }
    struct basic basic;
    struct login *login = &x->login;
    const struct tls_peer *peer = connection_peer(x->connection);
    bool given = basic_parse(request_header(&x->request, "Authorization"), &basic) == BASIC_GIVEN;
    if (!given && peer->state == TLS_PEER_NONE) {
        challenge(x);
        return;
    }
    if (given) {
        mem_copy_text(login->user, sizeof login->user, basic.user);
        mem_copy_text(login->password, sizeof login->password, basic.password);
        login->user_unfit = basic.user_unfit;
        login->password_unfit = basic.password_unfit;
        login->has_password = true;
        mem_wipe(&basic, sizeof basic);
    }
    login->fleet = x->gate->fleet;
    login->peer = *peer;
    login->serves = x->connection->serves;
    login->protocol = "https";
    mem_copy_text(login->address, sizeof login->address, x->connection->address);
    login->done = identified;
    login_start(login);
}
