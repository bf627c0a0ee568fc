/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/finding.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *word;
    enum finding_severity own, bundle;
    const char *meaning, *remedy;
} rows[FINDING_ID_COUNT] = {
#define X(id, word, own, bundle, meaning, remedy) { word, FINDING_##own, FINDING_##bundle, meaning, remedy },
#include "pki/finding.def"
#undef X
};

const char *finding_word(enum finding_id id)
{
    return rows[id].word;
}

const char *finding_meaning(enum finding_id id)
{
    return rows[id].meaning;
}

const char *finding_remedy(enum finding_id id)
{
    return rows[id].remedy;
}

enum finding_severity finding_severity_of(enum finding_id id, bool bundle)
{
    return bundle ? rows[id].bundle : rows[id].own;
}

const char *finding_severity_word(enum finding_severity severity)
{
    static const char *const words[] = { "info", "warning", "fatal" };
    return words[severity];
}

/* Without the quotes that log_value puts around what holds a blank: here a text stands alone. */
void finding_clean(char *out, size_t size, const char *text)
{
    log_value(text ? text : "", out, size);
    size_t n = strlen(out);
    if (n < 2 || out[0] != '"')
        return;
    memmove(out, out + 1, n - 2);
    out[n - 2] = '\0';
}

static struct finding *make_room(struct findings *findings)
{
    if (findings->count == findings->room) {
        size_t room = findings->room ? 2 * findings->room : 16;
        struct finding *grown = realloc(findings->list, room * sizeof *grown);
        if (grown == NULL) {
            findings->memory_failed = true;
            return NULL;
        }
        findings->list = grown;
        findings->room = room;
    }
    struct finding *finding = &findings->list[findings->count++];
    memset(finding, 0, sizeof *finding);
    return finding;
}

void finding_add(struct findings *findings, enum finding_id id, const struct finding_place *place,
                 const char *format, ...)
{
    enum finding_severity severity = finding_severity_of(id, place->bundle);
    if (severity > findings->worst)
        findings->worst = severity;
    if (findings->count > FINDINGS_MAX)
        return;
    if (findings->count == FINDINGS_MAX) {
        id = FINDING_TOO_MANY;
        severity = FINDING_WARNING;
        format = NULL;
    }
    struct finding *finding = make_room(findings);
    if (finding == NULL)
        return;
    finding->id = id;
    finding->severity = severity;
    finding->certificate = place->certificate;
    finding_clean(finding->source, sizeof finding->source, place->source);
    finding_clean(finding->subject, sizeof finding->subject, place->subject);
    if (format == NULL)
        return;
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    finding_clean(finding->text, sizeof finding->text, n < 0 ? "" : text);
}

bool finding_has(const struct findings *findings, enum finding_id id)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->list[i].id == id)
            return true;
    return false;
}

const struct finding *finding_worst(const struct findings *findings)
{
    const struct finding *worst = NULL;
    for (size_t i = 0; i < findings->count; i++)
        if (worst == NULL || findings->list[i].severity > worst->severity)
            worst = &findings->list[i];
    return worst;
}

void findings_fini(struct findings *findings)
{
    free(findings->list);
    *findings = (struct findings){ 0 };
}

void finding_print(FILE *out, const struct finding *finding)
{
    fprintf(out, "%-8s %s  %s", finding_severity_word(finding->severity), rows[finding->id].word,
            finding->source);
    if (finding->certificate > 0)
        fprintf(out, ", certificate %u%s%s%s", finding->certificate, finding->subject[0] ? " (" : "",
                finding->subject, finding->subject[0] ? ")" : "");
    fprintf(out, "\n         %s%s%s\n         > %s\n", rows[finding->id].meaning,
            finding->text[0] ? ": " : "", finding->text, rows[finding->id].remedy);
}

void finding_words(const struct finding *finding, char *out, size_t size)
{
    const char *slash = strrchr(finding->source, '/');
    snprintf(out, size, "%s: %s%s%s; %s", slash ? slash + 1 : finding->source, rows[finding->id].meaning,
             finding->text[0] ? ": " : "", finding->text, rows[finding->id].remedy);
}
