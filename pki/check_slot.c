/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates in a handset's configuration file. */
#include "base/buf.h"
#include "base/mem.h"
#include "base/tls_file.h"
#include "base/xml.h"
#include "pki/check_inner.h"
#include "pki/slot.h"

#include <string.h>
#include <strings.h>

struct inspection {
    const char *file;
    const struct check_terms *terms;
    struct findings *findings;
    enum fault_code code; /* the first thing that has nothing to do with the file */
    struct fault *fault;
};

bool check_is_configuration(const char *file)
{
    const char *dot = strrchr(file, '.');
    return dot && (strcasecmp(dot, ".cfg") == 0 || strcasecmp(dot, ".xml") == 0);
}

static void look_at_set(const struct inspection *in, const struct check_set *set, enum slot_part part)
{
    /* What a handset shows to others is a client's certificate: its own. */
    struct check_terms terms = *in->terms;
    terms.role = part == SLOT_DEVICE ? CHECK_HANDSET : CHECK_SERVER;
    terms.n_names = 0;
    terms.resolves = NULL;
    for (size_t i = 0; i < set->count; i++) {
        check_certificate(set, &set->item[i], &terms, in->findings);
        if (part == SLOT_DEVICE && i == 0)
            check_leaf(set, &set->item[i], &terms, in->findings);
        /* A self-signed server certificate is loaded as its own CA, and need not be one. */
        else if (!set->item[i].self_issued)
            check_issuer(set, &set->item[i], 0, &terms, in->findings);
    }
}

static enum fault_code look_at_value(const struct inspection *in, const char *parameter, const char *value,
                                     enum slot_part part)
{
    char source[300];
    struct buf pem;
    struct check_set set = { .source = source, .bundle = part == SLOT_CA };
    size_t count = 0;
    snprintf(source, sizeof source, "%s, %s", in->file, parameter);
    const struct finding_place place = check_place(&set, NULL);
    if (part == SLOT_KEY) {
        finding_add(in->findings, FINDING_KEY_DELIVERED, &place, NULL);
        return FAULT_OK;
    }
    buf_init(&pem, SLOT_PEM_LIMIT);
    enum fault_code code = slot_certificates(value, &pem, &count, in->fault);
    if ((code == FAULT_OK && count == 0) || code == FAULT_TOO_LARGE) {
        finding_add(in->findings, FINDING_SLOT_EMPTY, &place, NULL);
        code = FAULT_OK;
    } else if (code == FAULT_OK) {
        code = check_set_text(&set, pem.data, pem.used, in->findings, in->fault);
        if (code == FAULT_OK)
            look_at_set(in, &set, part);
    }
    check_set_fini(&set);
    buf_fini(&pem);
    return code;
}

static void on_attribute(void *user, const char *name, const char *value)
{
    struct inspection *in = user;
    struct slot slot;
    if (in->code != FAULT_OK)
        return;
    if (slot_misused(name, value)) {
        const struct finding_place place = { .source = in->file };
        finding_add(in->findings, FINDING_SLOT_KIND, &place, "%s is %s", name, value);
    }
    if (slot_parse(name, &slot) && value[strspn(value, " \t\r\n")] != '\0')
        in->code = look_at_value(in, name, value, slot.part);
}

static enum fault_code feed(struct inspection *in, const struct buf *content)
{
    struct fault why;
    struct xml_check *xml = xml_check_new();
    if (xml == NULL)
        return fault_set(in->fault, FAULT_MEMORY, "no memory for a configuration file");
    xml_check_attributes(xml, on_attribute, in);
    enum fault_code code = xml_check_feed(xml, content->data, content->used, &why);
    if (code == FAULT_OK)
        code = xml_check_finish(xml, &why);
    if (code == FAULT_CONTENT) {
        const struct finding_place place = { .source = in->file };
        finding_add(in->findings, FINDING_NOT_WELL_FORMED, &place, "%s", why.text);
        code = FAULT_OK;
    } else if (code != FAULT_OK && in->fault) {
        *in->fault = why;
    }
    xml_check_free(xml);
    return code ? code : in->code;
}

enum fault_code check_configuration(const char *file, const struct check_terms *terms,
                                    struct findings *findings, struct fault *f)
{
    struct buf content;
    struct fault why;
    const struct check_terms own = check_settled(terms);
    struct inspection in = { file, &own, findings, FAULT_OK, f };
    enum fault_code code = FAULT_OK;
    buf_init(&content, TLS_FILE_LIMIT);
    if (tls_file_read(file, &content, &why) != FAULT_OK) {
        const struct finding_place place = { .source = file };
        finding_add(findings, FINDING_FILE_UNREADABLE, &place, "%s", why.text);
    } else {
        code = feed(&in, &content);
    }
    buf_wipe(&content); /* passwords, and perhaps a key */
    return code == FAULT_OK && findings->memory_failed
               ? fault_set(f, FAULT_MEMORY, "no memory for a list of findings")
               : code;
}
