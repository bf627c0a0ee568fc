/* SPDX-License-Identifier: Apache-2.0 */
#include "server/logs.h"

#include "fleet/grant.h"
#include "fleet/logbook.h"
#include "server/field.h"
#include "server/handsets.h"

#include <stdlib.h>
#include <string.h>

static json_t *describe_generation(const struct logbook_generation *g)
{
    return json_pack("{s:s, s:I, s:I, s:o, s:o, s:o, s:I, s:I}", "path", g->path, "generation",
                     (json_int_t)g->generation, "size", (json_int_t)g->size, "started",
                     field_time(g->started), "modified", field_time(g->modified), "closed",
                     field_time(g->closed), "segments", (json_int_t)g->segments, "repeats",
                     (json_int_t)g->repeats);
}

static json_t *describe_segment(const struct logbook_segment *s)
{
    return json_pack("{s:I, s:I, s:o, s:b, s:o, s:b, s:s}", "segment", (json_int_t)s->segment, "size",
                     (json_int_t)s->size, "received", field_time(s->received), "repeat", s->repeat, "of",
                     s->repeat ? json_integer(s->of) : json_null(), "seen", s->seen, "author", s->author);
}

void logs_generations(struct request *request, struct reply *reply)
{
    static const char *const known[] = { NULL };
    struct fault f;
    struct mac mac;
    struct logbook_generation *generations = NULL;
    size_t count = 0;
    enum fault_code code = grant_role(&request->who, GRANT_READ, &f);
    if (code == FAULT_OK)
        code = handsets_named(request, &mac, &f);
    if (code == FAULT_OK)
        code = query_check(&request->query, known, &f);
    if (code == FAULT_OK)
        code = logbook_list(request->fleet, &mac, &generations, &count, &f);
    if (code != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, describe_generation(&generations[i]));
    free(generations);
    reply_json(reply, 200, json_pack("{s:o}", "generations", list));
}

void logs_segments(struct request *request, struct reply *reply)
{
    static const char *const known[] = { "path", "generation", NULL };
    struct fault f;
    struct mac mac;
    struct path path;
    int64_t generation = 0;
    const char *text = query_get(&request->query, "path");
    struct logbook_segment *segments = NULL;
    size_t count = 0;
    enum fault_code code = grant_role(&request->who, GRANT_READ, &f);
    if (code == FAULT_OK)
        code = handsets_named(request, &mac, &f);
    if (code == FAULT_OK)
        code = query_check(&request->query, known, &f);
    if (code == FAULT_OK)
        code = query_number(&request->query, "generation", 1, INT64_MAX, &generation, &f);
    if (code == FAULT_OK && (text == NULL || generation == 0))
        code = fault_set(&f, FAULT_INPUT, "the query parameters 'path' and 'generation' are needed");
    if (code == FAULT_OK)
        code = path_parse(text, strlen(text), &path, &f);
    if (code == FAULT_OK)
        code = logbook_segments(request->fleet, &mac, path.text, generation, &segments, &count, &f);
    if (code != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, describe_segment(&segments[i]));
    free(segments);
    reply_json(reply, 200, json_pack("{s:o}", "segments", list));
}
