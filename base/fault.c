/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fault.h"
#include "base/utf.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const fault_words[FAULT_COUNT] = {
    [FAULT_OK] = "ok",
    [FAULT_INPUT] = "input",
    [FAULT_CONTENT] = "content",
    [FAULT_UNAUTHENTICATED] = "unauthenticated",
    [FAULT_FORBIDDEN] = "forbidden",
    [FAULT_ABSENT] = "absent",
    [FAULT_CONFLICT] = "conflict",
    [FAULT_PRECONDITION] = "precondition",
    [FAULT_RANGE] = "range",
    [FAULT_TOO_LARGE] = "too-large",
    [FAULT_QUOTA] = "quota",
    [FAULT_BUSY] = "busy",
    [FAULT_DAMAGED] = "damaged",
    [FAULT_IO] = "io",
    [FAULT_MEMORY] = "memory",
    [FAULT_CUT] = "cut",
    [FAULT_TIMEOUT] = "timeout",
    [FAULT_TLS] = "tls",
    [FAULT_INTERNAL] = "internal",
};

/* Goes through a buffer of its own, because a caller may quote f's present text in the new one. */
static void fault_put(struct fault *f, const char *lead, const char *rest)
{
    char text[sizeof f->text];
    int n = snprintf(text, sizeof text, "%s%s", lead, rest);
    size_t length = n < 0 ? 0 : (size_t)n;
    if (length >= sizeof text)
        length = utf_whole(text, sizeof text - 1);
    text[length] = '\0';
    memcpy(f->text, text, length + 1);
}

enum fault_code fault_set(struct fault *f, enum fault_code code, const char *format, ...)
{
    if (f == NULL)
        return code;
    char text[sizeof f->text + 4];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(text, sizeof text, format, arguments) < 0)
        text[0] = '\0';
    va_end(arguments);
    f->code = code;
    fault_put(f, "", text);
    return code;
}

enum fault_code fault_prefix(struct fault *f, const char *format, ...)
{
    if (f == NULL)
        return FAULT_INTERNAL;
    char lead[sizeof f->text - 2];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(lead, sizeof lead, format, arguments);
    va_end(arguments);
    if (n < 0)
        return f->code;
    size_t length = (size_t)n < sizeof lead ? (size_t)n : utf_whole(lead, sizeof lead - 1);
    lead[length] = '\0';
    char rest[sizeof f->text + 2];
    snprintf(rest, sizeof rest, ": %s", f->text);
    fault_put(f, lead, rest);
    return f->code;
}

const char *fault_word(enum fault_code code)
{
    return (unsigned)code < FAULT_COUNT ? fault_words[code] : "unknown";
}
