/* SPDX-License-Identifier: Apache-2.0 */
#include "server/reply.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int statuses[FAULT_COUNT] = {
    [FAULT_OK] = 200,        [FAULT_INPUT] = 400,     [FAULT_CONTENT] = 422,  [FAULT_UNAUTHENTICATED] = 401,
    [FAULT_FORBIDDEN] = 403, [FAULT_ABSENT] = 404,    [FAULT_CONFLICT] = 409, [FAULT_PRECONDITION] = 412,
    [FAULT_RANGE] = 416,     [FAULT_TOO_LARGE] = 413, [FAULT_QUOTA] = 507,    [FAULT_BUSY] = 503,
    [FAULT_DAMAGED] = 503,   [FAULT_IO] = 503,        [FAULT_MEMORY] = 503,   [FAULT_CUT] = 400,
    [FAULT_TIMEOUT] = 408,   [FAULT_TLS] = 400,       [FAULT_INTERNAL] = 500,
};

static const struct {
    int status;
    const char *phrase;
} phrases[] = {
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 204, "No Content" },
    { 206, "Partial Content" },
    { 304, "Not Modified" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 412, "Precondition Failed" },
    { 413, "Content Too Large" },
    { 416, "Range Not Satisfiable" },
    { 422, "Unprocessable Content" },
    { 431, "Request Header Fields Too Large" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 503, "Service Unavailable" },
    { 507, "Insufficient Storage" },
};

/* What a client shall wait before it comes back; seconds. */
#define RETRY_AFTER "5"

int reply_status(enum fault_code code)
{
    return code >= 0 && code < FAULT_COUNT ? statuses[code] : 500;
}

const char *reply_phrase(int status)
{
    for (size_t i = 0; i < ARRAY_LENGTH(phrases); i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Error";
}

void reply_init(struct reply *reply)
{
    *reply = (struct reply){ 0 };
    buf_init(&reply->body, REPLY_BODY_MAX);
}

void reply_fini(struct reply *reply)
{
    buf_wipe(&reply->body);
    reader_free(reply->reader);
    reply_init(reply);
}

void reply_header(struct reply *reply, const char *name, const char *format, ...)
{
    if (reply->headers == REPLY_HEADERS_MAX)
        return;
    va_list arguments;
    va_start(arguments, format);
    reply->header[reply->headers].name = name;
    vsnprintf(reply->header[reply->headers].value, sizeof reply->header[0].value, format, arguments);
    va_end(arguments);
    reply->headers++;
}

/* Quotes text as a JSON string; texts of faults are UTF-8, but may quote what a client sent. */
static enum fault_code add_string(struct buf *body, const char *text)
{
    json_t *string = json_string(text);
    char *quoted = json_dumps(string ? string : json_null(), JSON_ENCODE_ANY);
    enum fault_code code = quoted ? buf_text(body, quoted, NULL) : FAULT_MEMORY;
    free(quoted);
    json_decref(string);
    return code;
}

void reply_problem(struct reply *reply, int status, const char *type, const char *detail)
{
    bool close = reply->close;
    reply_fini(reply);
    reply->status = status;
    reply->close = close;
    reply_header(reply, "Content-Type", "application/problem+json");
    reply_header(reply, "Cache-Control", "no-store");
    if (status == 503)
        reply_header(reply, "Retry-After", RETRY_AFTER);
    if (status == 401)
        reply_header(reply, "WWW-Authenticate", "Basic realm=\"cradle\", charset=\"UTF-8\"");
    struct buf *body = &reply->body;
    if (buf_printf(body, NULL,
                   "{\"type\": \"urn:cradle:problem:%s\", \"title\": \"%s\", \"status\": %d, \"detail\": ",
                   type, reply_phrase(status), status) != FAULT_OK ||
        add_string(body, detail) != FAULT_OK || buf_text(body, "}\n", NULL) != FAULT_OK)
        buf_clear(body); /* out of memory: the status alone has to do */
}

void reply_fault(struct reply *reply, const struct fault *f)
{
    reply_problem(reply, reply_status(f->code), fault_word(f->code), f->text);
}

void reply_json(struct reply *reply, int status, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : NULL;
    json_decref(value);
    if (text == NULL || buf_text(&reply->body, text, NULL) != FAULT_OK ||
        buf_text(&reply->body, "\n", NULL) != FAULT_OK) {
        reply_problem(reply, 503, fault_word(FAULT_MEMORY), "out of memory");
    } else {
        reply->status = status;
        reply_header(reply, "Content-Type", "application/json");
        reply_header(reply, "Cache-Control", "no-store");
    }
    if (text != NULL)
        mem_wipe_free(text, strlen(text));
}
