/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a request, cut up in place as libmicrohttpd 0.9.75 does it, lax as it is: the guard lets
 * through what a strict reading of the raw bytes (RFC 9112) lets through, and nothing else.
 *
 * In place a NUL that the client sent looks like the one that replaced a CR. The strict reading therefore
 * takes "NUL LF" for a line's end. That is the only thing in which it is not strict. */
#include "server/guard.h"
#include "tests/fuzz/fuzz.h"

#include <strings.h>

#define LINES_MAX 200
#define BEHIND    64 /* the library's list of headers lies behind what it read: never all NULs */

/* --- as the library reads --- */

struct head {
    char *bytes, *at, *end;
    char *joined[LINES_MAX]; /* folded lines are put together elsewhere */
    size_t n_joined;
    struct guard guard;
};

/* The next line, ended in place; NULL when there is no line end. */
static char *next_line(struct head *h, size_t *ret_n)
{
    for (char *at = h->at; at < h->end; at++) {
        bool crlf = *at == '\r' && at + 1 < h->end && at[1] == '\n';
        if (!crlf && *at != '\n')
            continue;
        char *line = h->at;
        *ret_n = (size_t)(at - line);
        *at++ = '\0';
        if (crlf)
            *at++ = '\0';
        h->at = at;
        return line;
    }
    return NULL;
}

static bool read_request_line(struct head *h, char *line, size_t n)
{
    char *end = line + n, *target = memchr(line, ' ', n);
    if (target == NULL)
        return false;
    *target++ = '\0';
    while (target < end && *target == ' ')
        target++;
    if (target == end)
        return false;
    char *version = end - 1;
    while (*version == ' ' && version > target)
        version--;
    while (*version != ' ' && version > target)
        version--;
    if (version == target)
        return false;
    *version++ = '\0';
    if (end - version != 8 || memcmp(version, "HTTP/1.", 7) != 0 || version[7] < '0' || version[7] > '9')
        return false;
    h->guard.in_place = true;
    h->guard.method = line;
    h->guard.target = target;
    h->guard.target_length = strlen(target);
    h->guard.version = version;
    return true;
}

static void add_header(struct guard *guard, const char *name, const char *value)
{
    if (guard->count < GUARD_HEADERS_MAX)
        guard->header[guard->count] = (struct guard_header){ name, value, strlen(name), strlen(value) };
    guard->count++;
}

static bool split_header(char *line, char **ret_name, char **ret_value)
{
    char *colon = strchr(line, ':');
    if (colon == NULL)
        return false;
    *colon++ = '\0';
    *ret_name = line;
    *ret_value = colon + strspn(colon, " \t");
    return true;
}

static bool join(struct head *h, char **name, const char *line)
{
    if (h->n_joined == LINES_MAX)
        return false;
    size_t room = strlen(*name) + strlen(line) + 1;
    char *both = malloc(room);
    HOLDS(both != NULL);
    snprintf(both, room, "%s%s", *name, line + strspn(line, " \t"));
    h->joined[h->n_joined++] = *name = both;
    return true;
}

/* False: the library itself refuses it, or waits for more. */
static bool read_head(struct head *h)
{
    size_t n;
    char *line = next_line(h, &n), *name = NULL, *value = NULL;
    if (line == NULL || n == 0 || !read_request_line(h, line, n))
        return false;
    while ((line = next_line(h, &n)) != NULL) {
        if (name != NULL && (line[0] == ' ' || line[0] == '\t')) {
            if (!join(h, &name, line))
                return false;
            continue;
        }
        if (name != NULL)
            add_header(&h->guard, name, value);
        if (line[0] == '\0')
            return true;
        if (!split_header(line, &name, &value))
            return false;
    }
    return false;
}

/* --- as the RFC reads --- */

/* The length of the line that raw begins with, SIZE_MAX when it does not end with CR LF or holds a control
 * character that may not stand in it. `lax`: all but NUL may. */
static size_t strict_line(const char *raw, size_t n, bool lax)
{
    for (size_t i = 0; i + 1 < n; i++) {
        if ((raw[i] == '\r' || raw[i] == '\0') && raw[i + 1] == '\n')
            return i;
        bool control = ((uint8_t)raw[i] < 0x20 && raw[i] != '\t') || raw[i] == 0x7f;
        if (raw[i] == '\0' || raw[i] == '\n' || (control && !lax))
            return SIZE_MAX;
    }
    return SIZE_MAX;
}

static size_t token_length(const char *raw, size_t n)
{
    static const char also[] =
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t i = 0;
    while (i < n && raw[i] != '\0' && strchr(also, raw[i]) != NULL)
        i++;
    return i;
}

struct strict {
    size_t hosts, lengths, codings, headers;
    bool one_zero, twice, bad_length, bad_coding;
};

static bool is_name(const char *raw, size_t n, const char *name)
{
    return strlen(name) == n && strncasecmp(raw, name, n) == 0;
}

static void strict_value(struct strict *s, const char *raw, size_t n_name, const char *value, size_t n)
{
    static const char *const once[] = { "Authorization",       "Content-Range", "Range",  "If-Modified-Since",
                                        "If-Unmodified-Since", "If-Range",      "Expect", "If-Match",
                                        "If-None-Match" };
    static size_t seen[sizeof once / sizeof once[0]];
    if (s->headers++ == 0)
        memset(seen, 0, sizeof seen);
    for (size_t i = 0; i < sizeof once / sizeof once[0]; i++)
        if (is_name(raw, n_name, once[i]) && ++seen[i] > 1)
            s->twice = true;
    s->hosts += is_name(raw, n_name, "Host");
    if (is_name(raw, n_name, "Content-Length")) {
        s->lengths++;
        s->bad_length = n == 0;
        uint64_t length = 0;
        for (size_t i = 0; i < n; i++) {
            s->bad_length |= value[i] < '0' || value[i] > '9' || length > (INT64_MAX - 9) / 10;
            length = length * 10 + (uint64_t)(value[i] - '0');
        }
    }
    if (is_name(raw, n_name, "Transfer-Encoding")) {
        s->codings++;
        s->bad_coding = !is_name(value, n, "chunked");
    }
}

static bool strict_request_line(const char *raw, size_t n, struct strict *s)
{
    size_t method = token_length(raw, n);
    if (n == SIZE_MAX || method == 0 || method >= n || raw[method] != ' ')
        return false;
    for (size_t i = 0; i < method; i++)
        if (raw[i] >= 'a' && raw[i] <= 'z')
            return false;
    const char *target = raw + method + 1, *version = memrchr(raw, ' ', n);
    s->one_zero = memcmp(raw + n - 8, "HTTP/1.0", 8) == 0;
    return version > target && *target != ' ' && raw + n - version == 9;
}

static bool strict_head(const char *raw, size_t n, bool lax)
{
    struct strict s = { 0 };
    size_t line = strict_line(raw, n, lax);
    if (line == SIZE_MAX || !strict_request_line(raw, line, &s))
        return false;
    for (;;) {
        raw += line + 2;
        n -= line + 2;
        line = strict_line(raw, n, false);
        if (line == SIZE_MAX)
            return false;
        if (line == 0)
            break;
        size_t name = token_length(raw, line);
        if (name == 0 || name == line || raw[name] != ':')
            return false;
        const char *value = raw + name + 1, *end = raw + line;
        while (value < end && (*value == ' ' || *value == '\t'))
            value++;
        strict_value(&s, raw, name, value, (size_t)(end - value));
    }
    bool framed = s.codings == 0 || (s.lengths == 0 && !s.one_zero && !s.bad_coding);
    return s.headers <= GUARD_HEADERS_MAX && s.hosts <= 1 && (s.hosts == 1 || s.one_zero) && !s.twice &&
           s.lengths <= 1 && s.codings <= 1 && !s.bad_length && framed;
}

/* --- side by side --- */

/* What cannot be seen in place: NULs of the client's own where the end of the last header and the empty line
 * would be, and bare LF on a head without headers. */
static bool is_hidden(const struct head *h, const char *raw)
{
    if (h->guard.count == 0)
        return true;
    const struct guard_header *last = &h->guard.header[h->guard.count - 1];
    size_t end = (size_t)(last->value + last->value_length - h->bytes), n = (size_t)(h->end - h->bytes) - end;
    return memchr(raw + end, 0, n < 4 ? n : 4) != NULL;
}

static void check_texts(const struct guard *guard, const struct guard_verdict *v)
{
    HOLDS(v->status == 0 || v->status == 400 || v->status == 431 || v->status == 501);
    HOLDS((v->status != 0) == (v->why != NULL));
    HOLDS((v->status == 431) == (guard->count > GUARD_HEADERS_MAX));
    if (v->status != 0)
        return;
    const char *host = guard_header(guard, "hOST"), *length = guard_header(guard, "content-length");
    HOLDS(host != NULL || strcmp(guard->version, "HTTP/1.0") == 0);
    HOLDS(v->chunked ? v->length == -1 && v->has_body && length == NULL : v->length >= 0);
    HOLDS(v->chunked || v->has_body == (v->length > 0));
    if (length != NULL)
        HOLDS(strtoll(length, NULL, 10) == v->length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct head h = { .bytes = malloc(size + BEHIND) };
    HOLDS(h.bytes != NULL);
    if (size > 0)
        memcpy(h.bytes, data, size);
    memset(h.bytes + size, 'x', BEHIND);
    h.at = h.bytes;
    h.end = h.bytes + size;
    if (read_head(&h)) {
        struct guard_verdict v, copied;
        char *raw = fuzz_copy(data, size);
        guard_check(&h.guard, &v);
        check_texts(&h.guard, &v);
        HOLDS(v.status == 0 || !strict_head(raw, size, false) ||
              memchr(h.guard.target, ' ', h.guard.target_length) != NULL);
        /* What stands inside of the target is judged by those who read it (path.h, query.h). */
        HOLDS(v.status != 0 || strict_head(raw, size, true) || is_hidden(&h, raw));
        /* Where the texts were copied less can be seen, never more. */
        h.guard.in_place = false;
        guard_check(&h.guard, &copied);
        HOLDS(copied.status == 0 || v.status != 0);
        free(raw);
    }
    for (size_t i = 0; i < h.n_joined; i++)
        free(h.joined[i]);
    free(h.bytes);
    return 0;
}
