/* SPDX-License-Identifier: Apache-2.0 */
#include "base/xml.h"
#include <expat.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* The longest single tag, comment or instruction: expat holds one of them whole in memory. */
#define XML_TOKEN_LIMIT (1024 * 1024)
/* The most that expat is given at once; it takes an int. */
#define XML_PIECE (256 * 1024)

struct xml_check {
    XML_Parser parser;
    int depth;
    uint64_t fed;
    /* The first bytes go in together: expat guesses the encoding from them, and another one from the first
     * alone. */
    char first[2];
    size_t n_first;
    xml_attribute *attribute; /* NULL: nobody wants to know */
    void *user;
    struct fault why; /* the first error; FAULT_OK while there is none */
};

/* Keeps the first error, with the place where the parser stands. */
static void xml_fail(struct xml_check *check, const char *words)
{
    if (check->why.code != FAULT_OK)
        return;
    fault_set(&check->why, FAULT_CONTENT, "line %lu, column %lu: %s",
              (unsigned long)XML_GetCurrentLineNumber(check->parser),
              (unsigned long)XML_GetCurrentColumnNumber(check->parser) + 1, words);
}

static void xml_stop(struct xml_check *check, const char *words)
{
    xml_fail(check, words);
    XML_StopParser(check->parser, XML_FALSE);
}

static void XMLCALL xml_on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
    struct xml_check *check = user;
    (void)name;
    if (++check->depth > XML_DEPTH)
        xml_stop(check, "elements are nested too deeply");
    for (size_t i = 0; check->attribute && check->why.code == FAULT_OK && attributes[i] != NULL; i += 2)
        check->attribute(check->user, attributes[i], attributes[i + 1]);
}

static void XMLCALL xml_on_end(void *user, const XML_Char *name)
{
    struct xml_check *check = user;
    (void)name;
    check->depth--;
}

static void XMLCALL xml_on_doctype(void *user, const XML_Char *name, const XML_Char *system_id,
                                   const XML_Char *public_id, int has_internal_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;
    xml_stop(user, "a DOCTYPE is not allowed; remove it");
}

struct xml_check *xml_check_new(void)
{
    struct xml_check *check = calloc(1, sizeof *check);
    if (check == NULL)
        return NULL;
    check->parser = XML_ParserCreate(NULL);
    if (check->parser == NULL) {
        free(check);
        return NULL;
    }
    XML_SetUserData(check->parser, check);
    XML_SetElementHandler(check->parser, xml_on_start, xml_on_end);
    XML_SetStartDoctypeDeclHandler(check->parser, xml_on_doctype);
    return check;
}

void xml_check_attributes(struct xml_check *check, xml_attribute *attribute, void *user)
{
    check->attribute = attribute;
    check->user = user;
}

void xml_check_free(struct xml_check *check)
{
    if (check == NULL)
        return;
    XML_ParserFree(check->parser);
    free(check);
}

static enum fault_code xml_report(const struct xml_check *check, struct fault *f)
{
    if (check->why.code != FAULT_OK && f != NULL)
        *f = check->why;
    return check->why.code;
}

static void xml_parse(struct xml_check *check, const char *data, size_t n, bool last)
{
    if (XML_Parse(check->parser, data, (int)n, last) == XML_STATUS_OK) {
        check->fed += n;
        XML_Index at = XML_GetCurrentByteIndex(check->parser);
        if (!last && at >= 0 && check->fed - (uint64_t)at > XML_TOKEN_LIMIT)
            xml_fail(check, "a single tag or comment is too long");
        return;
    }
    enum XML_Error error = XML_GetErrorCode(check->parser);
    if (error == XML_ERROR_NO_MEMORY && check->why.code == FAULT_OK)
        fault_set(&check->why, FAULT_MEMORY, "out of memory");
    xml_fail(check, XML_ErrorString(error));
}

enum fault_code xml_check_feed(struct xml_check *check, const void *data, size_t n, struct fault *f)
{
    const char *at = data;
    while (n > 0 && check->n_first < sizeof check->first) {
        check->first[check->n_first++] = *at++;
        n--;
        if (check->n_first == sizeof check->first)
            xml_parse(check, check->first, sizeof check->first, false);
    }
    while (n > 0 && check->why.code == FAULT_OK) {
        size_t piece = n < XML_PIECE ? n : XML_PIECE;
        xml_parse(check, at, piece, false);
        at += piece;
        n -= piece;
    }
    return xml_report(check, f);
}

enum fault_code xml_check_finish(struct xml_check *check, struct fault *f)
{
    bool all_held = check->n_first < sizeof check->first;
    if (check->why.code == FAULT_OK)
        xml_parse(check, check->first, all_held ? check->n_first : 0, true);
    return xml_report(check, f);
}
