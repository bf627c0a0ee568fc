/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/survey.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/xml.h"
#include "fleet/content.h"
#include "fleet/inspect.h"
#include "fleet/layer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FILES_MAX 10000 /* of one layer */

/* While one file is read. */
struct reading {
    const struct survey *survey;
    const char *path;
    enum fault_code code; /* what the first attribute that was not welcome gave */
    struct fault *fault;
};

static void on_attribute(void *user, const char *name, const char *value)
{
    struct reading *r = user;
    if (r->code == FAULT_OK)
        r->code = r->survey->attribute(r->survey->user, r->path, name, value, r->fault);
}

static enum fault_code read_text(struct reading *r, const char *text, size_t n, struct fault *f)
{
    struct fault why = { .code = FAULT_OK };
    if (inspect_is_encrypted(text, n))
        return r->survey->closed(r->survey->user, r->path, true, f);
    struct xml_check *xml = xml_check_new();
    if (xml == NULL)
        return fault_set(f, FAULT_MEMORY, "no memory for a configuration file");
    xml_check_attributes(xml, on_attribute, r);
    enum fault_code code = xml_check_feed(xml, text, n, &why);
    if (code == FAULT_OK)
        code = xml_check_finish(xml, &why);
    xml_check_free(xml);
    if (r->code != FAULT_OK)
        return r->code;
    if (code == FAULT_CONTENT)
        return r->survey->closed(r->survey->user, r->path, false, f);
    return code == FAULT_OK ? code : fault_set(f, code, "%s", why.text);
}

static enum fault_code read_file(struct fleet *fleet, struct db_conn *conn, const char *layer,
                                 const char *path, const struct survey *survey, struct fault *f)
{
    struct reading r = { .survey = survey, .path = path, .code = FAULT_OK, .fault = f };
    struct layer_file file;
    struct fault why;
    char *text = NULL;
    size_t n = 0;
    enum fault_code code = layer_find(fleet->vault, conn, layer, path, 0, &file, &why);
    if (code == FAULT_OK && file.content.size > SURVEY_FILE_MAX)
        code = FAULT_DAMAGED;
    if (code == FAULT_OK) {
        n = (size_t)file.content.size;
        text = malloc(n + 1);
        if (text == NULL)
            return fault_set(f, FAULT_MEMORY, "no memory for a configuration file");
        code = content_load(fleet->vault, conn, &file.content, text, &why);
    }
    if (code == FAULT_OK)
        code = read_text(&r, text, n, f);
    else if (code == FAULT_DAMAGED)
        code = survey->closed(survey->user, path, false, f);
    else
        fault_set(f, code, "%s", why.text);
    mem_wipe_free(text, n);
    return code;
}

static bool is_configuration(const char *path)
{
    size_t n = strlen(path);
    return n > 4 && (strcasecmp(path + n - 4, ".cfg") == 0 || strcasecmp(path + n - 4, ".xml") == 0);
}

/* As a list of texts, each with its NUL: a statement is not run while another one of its kind is read. */
static enum fault_code list_files(struct db_conn *conn, const char *layer, struct buf *paths, struct fault *f)
{
    struct db_rows rows;
    enum fault_code code = FAULT_OK;
    /* '0' comes right behind '/', with which every path begins. */
    db_select(conn, SQL_FILE_RANGE, DB_ARGS(db_text(layer), db_text("/"), db_text("0")), &rows);
    while (code == FAULT_OK && db_next(&rows)) {
        const char *path = db_row_text(&rows, 0);
        if (is_configuration(path))
            code = buf_add(paths, path, strlen(path) + 1, f);
    }
    enum fault_code ended = db_end(&rows, code == FAULT_OK ? f : NULL);
    return code == FAULT_OK ? ended : code;
}

enum fault_code survey_layer(struct fleet *fleet, struct db_conn *conn, const char *layer,
                             const struct survey *survey, struct fault *f)
{
    struct buf paths;
    buf_init(&paths, (size_t)FILES_MAX * (PATH_LIMIT + 1));
    enum fault_code code = list_files(conn, layer, &paths, f);
    for (size_t at = 0; code == FAULT_OK && at < paths.used; at += strlen(paths.data + at) + 1)
        code = read_file(fleet, conn, layer, paths.data + at, survey, f);
    buf_fini(&paths);
    return code;
}
