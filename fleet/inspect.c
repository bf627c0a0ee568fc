/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/inspect.h"

#include "base/mem.h"
#include "base/xml.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct inspect {
    enum { KIND_UNKNOWN, KIND_XML, KIND_ENCRYPTED } kind;
    struct xml_check *xml;
    size_t used;
    char head[INSPECT_HEAD]; /* while the kind is unknown */
};

struct inspect *inspect_new(void)
{
    struct inspect *inspect = calloc(1, sizeof *inspect);
    if (inspect)
        inspect->xml = xml_check_new();
    if (inspect && inspect->xml == NULL) {
        free(inspect);
        return NULL;
    }
    return inspect;
}

void inspect_free(struct inspect *inspect)
{
    if (inspect == NULL)
        return;
    xml_check_free(inspect->xml);
    mem_wipe_free(inspect, sizeof *inspect); /* the head may hold a password */
}

bool inspect_is_encrypted(const char *head, size_t n)
{
    if (n > INSPECT_HEAD)
        n = INSPECT_HEAD;
    const char *line_end = memchr(head, '\n', n);
    size_t at = n >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (at < n && (head[at] == ' ' || head[at] == '\t' || head[at] == '\r' || head[at] == '\n'))
        at++;
    size_t end = line_end ? (size_t)(line_end - head) : n;
    if (at < end && head[at] == '<')
        return false;
    return memmem(head, end, "Digest=", 7) != NULL;
}

/* The kind is known, one way or the other, once the first line has ended or is too long. */
static enum fault_code inspect_decide(struct inspect *inspect, struct fault *f)
{
    inspect->kind = inspect_is_encrypted(inspect->head, inspect->used) ? KIND_ENCRYPTED : KIND_XML;
    if (inspect->kind == KIND_ENCRYPTED)
        return FAULT_OK;
    return xml_check_feed(inspect->xml, inspect->head, inspect->used, f);
}

enum fault_code inspect_feed(struct inspect *inspect, const void *data, size_t n, struct fault *f)
{
    if (inspect->kind == KIND_UNKNOWN) {
        size_t take = sizeof inspect->head - inspect->used;
        if (take > n)
            take = n;
        memcpy(inspect->head + inspect->used, data, take);
        bool line_ended = memchr(inspect->head + inspect->used, '\n', take) != NULL;
        inspect->used += take;
        if (!line_ended && inspect->used < sizeof inspect->head)
            return FAULT_OK;
        enum fault_code code = inspect_decide(inspect, f);
        if (code)
            return code;
        data = (const char *)data + take;
        n -= take;
    }
    return inspect->kind == KIND_XML ? xml_check_feed(inspect->xml, data, n, f) : FAULT_OK;
}

enum fault_code inspect_finish(struct inspect *inspect, struct fault *f)
{
    if (inspect->kind == KIND_UNKNOWN) {
        enum fault_code code = inspect_decide(inspect, f);
        if (code)
            return code;
    }
    return inspect->kind == KIND_XML ? xml_check_finish(inspect->xml, f) : FAULT_OK;
}
