/* SPDX-License-Identifier: Apache-2.0 */
#include "ftps/reply.h"

#include "base/mem.h"

#include <stdio.h>

static const struct {
    int code;
    const char *text;
} replies[REPLY_COUNT] = {
#define X(id, code, text) { code, text },
#include "ftps/reply.def"
#undef X
};

/* words NULL: the fault's own. */
static const struct {
    enum reply reply;
    const char *words;
} of_fault[FAULT_COUNT] = {
    [FAULT_OK] = { REPLY_LATER, "Something went wrong" },
    [FAULT_INPUT] = { REPLY_BAD_ARGUMENT, NULL },
    [FAULT_CONTENT] = { REPLY_NAME_REFUSED, NULL },
    [FAULT_UNAUTHENTICATED] = { REPLY_NOT_LOGGED_IN, NULL },
    [FAULT_FORBIDDEN] = { REPLY_REFUSED, NULL },
    [FAULT_ABSENT] = { REPLY_REFUSED, "No such file or folder" },
    [FAULT_CONFLICT] = { REPLY_NAME_REFUSED, NULL },
    [FAULT_PRECONDITION] = { REPLY_REFUSED, NULL },
    [FAULT_RANGE] = { REPLY_BAD_OFFSET, "The restart offset lies beyond the end" },
    [FAULT_TOO_LARGE] = { REPLY_TOO_LARGE, NULL },
    [FAULT_QUOTA] = { REPLY_NO_ROOM, NULL },
    [FAULT_BUSY] = { REPLY_LATER, "Too busy, try again later" },
    [FAULT_DAMAGED] = { REPLY_LATER, "Cannot be read now, try again later" },
    [FAULT_IO] = { REPLY_LATER, "Not possible now, try again later" },
    [FAULT_MEMORY] = { REPLY_LATER, "Too busy, try again later" },
    [FAULT_CUT] = { REPLY_CUT, "The data connection was cut, nothing of the transfer counts" },
    [FAULT_TIMEOUT] = { REPLY_CUT, "The data connection stalled, nothing of the transfer counts" },
    [FAULT_TLS] = { REPLY_NO_DATA, "The data connection's TLS failed" },
    [FAULT_INTERNAL] = { REPLY_LATER, "Something went wrong" },
};

int reply_code(enum reply reply)
{
    return replies[reply].code;
}

const char *reply_text(enum reply reply)
{
    return replies[reply].text;
}

enum fault_code reply_add(struct buf *out, enum reply reply, bool more, struct fault *f, va_list arguments)
{
    char text[REPLY_LINE_MAX - 8];
    int n = vsnprintf(text, sizeof text, replies[reply].text, arguments);
    if (n < 0)
        return fault_set(f, FAULT_INTERNAL, "a reply cannot be written");
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    return buf_printf(out, f, "%d%c%s\r\n", replies[reply].code, more ? '-' : ' ', text);
}

enum fault_code reply_add_middle(struct buf *out, const char *text, struct fault *f)
{
    return buf_printf(out, f, " %s\r\n", text);
}

enum reply reply_of_fault(const struct fault *fault, const char **ret_words)
{
    enum fault_code code = (unsigned)fault->code < FAULT_COUNT ? fault->code : FAULT_INTERNAL;
    *ret_words = of_fault[code].words ? of_fault[code].words : fault->text;
    return of_fault[code].reply;
}
