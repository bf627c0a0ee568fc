/* SPDX-License-Identifier: Apache-2.0 */
#include "server/guard.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool is_token_char(char c)
{
    return isalnum((unsigned char)c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_token_char(text[i]))
            return false;
    return n > 0;
}

static bool has_control(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f)
            return true;
    return false;
}

static bool is_named(const struct guard_header *header, const char *name)
{
    return header->name_length == strlen(name) && strncasecmp(header->name, name, header->name_length) == 0;
}

static size_t count_named(const struct guard *guard, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < guard->count; i++)
        count += is_named(&guard->header[i], name);
    return count;
}

const char *guard_header(const struct guard *guard, const char *name)
{
    for (size_t i = 0; i < guard->count && i < GUARD_HEADERS_MAX; i++)
        if (is_named(&guard->header[i], name))
            return guard->header[i].value;
    return NULL;
}

/* --- gaps between the texts --- */

/* Two NULs where CR and LF were, then the next line. The addresses are compared as numbers: a text that was
 * copied elsewhere lies in no fixed order. */
static bool is_line_end(const char *end, const char *next)
{
    return (uintptr_t)next == (uintptr_t)end + 2 && end[0] == '\0' && end[1] == '\0';
}

/* A value follows its name's colon, which is a NUL now, after blanks only. */
static bool value_follows(const struct guard_header *header)
{
    const char *at = header->name + header->name_length + 1;
    if ((uintptr_t)header->value < (uintptr_t)at || (uintptr_t)header->value - (uintptr_t)at > 4096)
        return false;
    for (; at < header->value; at++)
        if (*at != ' ' && *at != '\t')
            return false;
    return true;
}

static const char *check_places(const struct guard *guard)
{
    if (guard->target != guard->method + strlen(guard->method) + 1)
        return "more than one blank after the method";
    if (guard->version != guard->target + guard->target_length + 1)
        return "the request target holds a NUL or is followed by more than one blank";
    const char *end = guard->version + strlen(guard->version);
    for (size_t i = 0; i < guard->count; i++) {
        const struct guard_header *header = &guard->header[i];
        if (!is_line_end(end, header->name) || !value_follows(header))
            return "a header line is folded, holds a NUL, or the line before it ends without CR";
        end = header->value + header->value_length;
    }
    /* The empty line's end. Behind the last header there is always so much of the buffer: the list of the
     * headers comes after it. */
    if (guard->count > 0 && memcmp(end, "\0\0\0", 4) != 0)
        return "a header line ends without CR";
    return NULL;
}

/* --- the texts --- */

static const char *check_line(const struct guard *guard)
{
    if (!is_token(guard->method, strlen(guard->method)))
        return "malformed method";
    for (const char *m = guard->method; *m != '\0'; m++)
        if (islower((unsigned char)*m))
            return "methods are upper case";
    return NULL;
}

static const char *check_headers(const struct guard *guard)
{
    for (size_t i = 0; i < guard->count; i++) {
        if (!is_token(guard->header[i].name, guard->header[i].name_length))
            return "a header name is empty or holds a blank or another character that it cannot have";
        if (has_control(guard->header[i].value, guard->header[i].value_length))
            return "a header value holds a control character";
    }
    static const char *const once[] = {
        "Content-Length", "Transfer-Encoding", "Authorization",       "Content-Range",
        "Range",          "If-Modified-Since", "If-Unmodified-Since", "If-Range",
        "Expect",         "If-Match",          "If-None-Match",       NULL
    };
    for (const char *const *name = once; *name != NULL; name++)
        if (count_named(guard, *name) > 1)
            return "a header that may come once came twice";
    size_t hosts = count_named(guard, "Host");
    if (hosts > 1 || (hosts == 0 && strcmp(guard->version, "HTTP/1.0") != 0))
        return "there must be one Host header";
    return NULL;
}

static void check_framing(const struct guard *guard, struct guard_verdict *v)
{
    const char *coding = guard_header(guard, "Transfer-Encoding");
    const char *length = guard_header(guard, "Content-Length");
    if (coding != NULL) {
        if (length != NULL)
            *v = (struct guard_verdict){ .status = 400, .why = "Content-Length beside Transfer-Encoding" };
        else if (strcmp(guard->version, "HTTP/1.0") == 0)
            *v = (struct guard_verdict){ .status = 400, .why = "Transfer-Encoding on HTTP/1.0" };
        else if (strcasecmp(coding, "chunked") != 0)
            *v = (struct guard_verdict){ .status = 501, .why = "the only transfer coding is chunked" };
        else
            *v = (struct guard_verdict){ .has_body = true, .chunked = true, .length = -1 };
        return;
    }
    int64_t n = 0;
    for (const char *at = length; at != NULL && (*at != '\0' || at == length); at++) {
        if (*at < '0' || *at > '9' || n > (INT64_MAX - 9) / 10) {
            *v = (struct guard_verdict){ .status = 400, .why = "malformed Content-Length" };
            return;
        }
        n = n * 10 + (*at - '0');
    }
    *v = (struct guard_verdict){ .has_body = n > 0, .length = n };
}

void guard_check(const struct guard *guard, struct guard_verdict *ret_verdict)
{
    if (guard->count > GUARD_HEADERS_MAX) {
        *ret_verdict = (struct guard_verdict){ .status = 431, .why = "too many headers" };
        return;
    }
    const char *why = check_line(guard);
    if (why == NULL)
        why = check_headers(guard);
    if (why == NULL && guard->in_place)
        why = check_places(guard);
    if (why != NULL)
        *ret_verdict = (struct guard_verdict){ .status = 400, .why = why };
    else
        check_framing(guard, ret_verdict);
}
