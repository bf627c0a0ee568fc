/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/trusting.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/xml.h"
#include "fleet/content.h"
#include "fleet/grant.h"
#include "fleet/inspect.h"
#include "fleet/layer.h"
#include "pki/slot.h"
#include "pki/vouch.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PLATFORM_SLOTS 2
#define NOTES_MAX      1000  /* of one layer; files with certificates are few */
#define FILES_MAX      10000 /* of one layer */

/* Something that a configuration file says or hides. */
struct note {
    enum { NOTE_CA, NOTE_ENCRYPTED } kind;
    char path[PATH_LIMIT + 1];
    unsigned slot; /* NOTE_CA: 1 … PLATFORM_SLOTS */
    bool verifies;
    char subject[VOUCH_SUBJECT];
};

/* What the files of one layer say. */
struct view {
    struct note *note;
    size_t count, unreadable;
};

/* While one file is read. */
struct reading {
    struct vouch *vouch;
    struct view *view;
    const char *path;
    enum fault_code code;
    struct fault *fault;
};

static enum fault_code add_note(struct view *view, const struct note *note, struct fault *f)
{
    if (view->count == NOTES_MAX)
        return FAULT_OK; /* so many say the same or contradict each other already */
    if ((view->count & (view->count - 1)) == 0) {
        struct note *grown = realloc(view->note, (view->count ? 2 * view->count : 1) * sizeof *grown);
        if (grown == NULL)
            return fault_set(f, FAULT_MEMORY, "no memory for what configuration files say");
        view->note = grown;
    }
    view->note[view->count++] = *note;
    return FAULT_OK;
}

static void view_fini(struct view *view)
{
    free(view->note);
    *view = (struct view){ 0 };
}

/* --- one file ------------------------------------------------------------------------------------------ */

static void on_attribute(void *user, const char *name, const char *value)
{
    struct reading *r = user;
    struct slot slot;
    struct buf pem;
    size_t count = 0;
    if (r->code != FAULT_OK || !slot_parse(name, &slot) || slot.kind != SLOT_PLATFORM || slot.part != SLOT_CA)
        return;
    struct note note = { .kind = NOTE_CA, .slot = slot.number };
    (void)mem_copy_text(note.path, sizeof note.path, r->path);
    buf_init(&pem, SLOT_PEM_LIMIT);
    enum fault_code code = slot_certificates(value, &pem, &count, r->fault);
    if (code == FAULT_OK && count > 0) {
        enum vouch_answer answer = vouch_ask(r->vouch, pem.data, pem.used, note.subject);
        note.verifies = answer == VOUCH_YES;
        if (answer != VOUCH_NOTHING)
            code = add_note(r->view, &note, r->fault);
    }
    if (code != FAULT_TOO_LARGE) /* such a value is no certificate */
        r->code = code;
    buf_fini(&pem);
}

static enum fault_code read_text(struct reading *r, const char *text, size_t n, struct fault *f)
{
    struct fault why;
    if (inspect_is_encrypted(text, n)) {
        struct note note = { .kind = NOTE_ENCRYPTED };
        (void)mem_copy_text(note.path, sizeof note.path, r->path);
        return add_note(r->view, &note, f);
    }
    struct xml_check *xml = xml_check_new();
    if (xml == NULL)
        return fault_set(f, FAULT_MEMORY, "no memory for a configuration file");
    xml_check_attributes(xml, on_attribute, r);
    enum fault_code code = xml_check_feed(xml, text, n, &why);
    if (code == FAULT_OK)
        code = xml_check_finish(xml, &why);
    xml_check_free(xml);
    if (code == FAULT_CONTENT)
        r->view->unreadable++;
    else if (code != FAULT_OK && f)
        *f = why;
    return code == FAULT_OK || code == FAULT_CONTENT ? r->code : code;
}

static enum fault_code read_file(struct fleet *fleet, struct db_conn *conn, const char *layer,
                                 struct reading *r, struct fault *f)
{
    struct layer_file file;
    enum fault_code code = layer_find(fleet->vault, conn, layer, r->path, 0, &file, f);
    char *text = NULL;
    size_t n = 0;
    if (code == FAULT_OK && file.content.size <= TRUSTING_FILE_MAX) {
        n = (size_t)file.content.size;
        text = malloc(n + 1);
        if (text == NULL)
            return fault_set(f, FAULT_MEMORY, "no memory for a configuration file");
        code = content_load(fleet->vault, conn, &file.content, text, f);
    }
    if (code == FAULT_DAMAGED || (code == FAULT_OK && text == NULL)) {
        r->view->unreadable++;
        code = FAULT_OK;
    } else if (code == FAULT_OK) {
        code = read_text(r, text, n, f);
    }
    mem_wipe_free(text, n);
    return code;
}

/* --- one layer ----------------------------------------------------------------------------------------- */

static bool is_configuration(const char *path)
{
    size_t n = strlen(path);
    return n > 4 && (strcasecmp(path + n - 4, ".cfg") == 0 || strcasecmp(path + n - 4, ".xml") == 0);
}

/* The configuration files of a layer, as a list of texts, each with its NUL. */
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
    enum fault_code ended = db_end(&rows, code ? NULL : f);
    return code ? code : ended;
}

static enum fault_code read_layer(struct fleet *fleet, struct db_conn *conn, const char *layer,
                                  struct vouch *vouch, struct view *view, struct fault *f)
{
    struct buf paths;
    buf_init(&paths, (size_t)FILES_MAX * (PATH_LIMIT + 1));
    enum fault_code code = list_files(conn, layer, &paths, f);
    for (size_t at = 0; code == FAULT_OK && at < paths.used; at += strlen(paths.data + at) + 1) {
        struct reading r = { vouch, view, paths.data + at, FAULT_OK, f };
        code = read_file(fleet, conn, layer, &r, f);
    }
    buf_fini(&paths);
    return code;
}

/* --- one handset --------------------------------------------------------------------------------------- */

/* The votes on one platform slot. */
struct votes {
    size_t yes, no;
};

struct verdict {
    struct votes slot[PLATFORM_SLOTS + 1];
    bool encrypted;
    const struct note *against; /* the first that does not verify */
    bool against_shared;
};

static void count_note(struct verdict *verdict, const struct note *note, bool shared)
{
    if (note->kind == NOTE_ENCRYPTED) {
        verdict->encrypted = true;
        return;
    }
    struct votes *votes = &verdict->slot[note->slot];
    votes->yes += note->verifies;
    votes->no += !note->verifies;
    if (!note->verifies && verdict->against == NULL) {
        verdict->against = note;
        verdict->against_shared = shared;
    }
}

/* Does the handset have a file of its own that hides this shared one? */
static enum fault_code is_hidden(struct fleet *fleet, struct db_conn *conn, const struct mac *mac,
                                 const char *path, bool *ret_hidden, struct fault *f)
{
    struct layer_file file;
    enum fault_code code = layer_find(fleet->vault, conn, mac->text, path, 0, &file, f);
    *ret_hidden = code != FAULT_ABSENT;
    return code == FAULT_ABSENT || code == FAULT_DAMAGED ? FAULT_OK : code;
}

static enum fault_code weigh(struct fleet *fleet, struct db_conn *conn, const struct mac *mac,
                             const struct view *shared, const struct view *own, struct verdict *verdict,
                             struct fault *f)
{
    enum fault_code code = FAULT_OK;
    for (size_t i = 0; i < own->count; i++)
        count_note(verdict, &own->note[i], false);
    for (size_t i = 0; code == FAULT_OK && i < shared->count; i++) {
        bool hidden = false;
        code = is_hidden(fleet, conn, mac, shared->note[i].path, &hidden, f);
        if (code == FAULT_OK && !hidden)
            count_note(verdict, &shared->note[i], true);
    }
    return code;
}

static enum fault_code add_handset(struct trusting *t, const struct handset *handset,
                                   const struct verdict *verdict, bool unsure, struct fault *f)
{
    if ((t->count & (t->count - 1)) == 0) {
        struct trusting_handset *grown = realloc(t->list, (t->count ? 2 * t->count : 1) * sizeof *grown);
        if (grown == NULL)
            return fault_set(f, FAULT_MEMORY, "no memory for a list of handsets");
        t->list = grown;
    }
    struct trusting_handset *one = &t->list[t->count++];
    *one =
        (struct trusting_handset){ .mac = handset->mac, .unsure = unsure, .shared = verdict->against_shared };
    (void)mem_copy_text(one->label, sizeof one->label, handset->label);
    (void)mem_copy_text(one->file, sizeof one->file, verdict->against->path);
    (void)mem_copy_text(one->subject, sizeof one->subject, verdict->against->subject);
    return FAULT_OK;
}

static enum fault_code decide(struct trusting *t, const struct handset *handset,
                              const struct verdict *verdict, struct fault *f)
{
    bool certain = false, yes = false, no = false;
    for (unsigned slot = 1; slot <= PLATFORM_SLOTS; slot++) {
        const struct votes *votes = &verdict->slot[slot];
        certain |= votes->yes > 0 && votes->no == 0;
        yes |= votes->yes > 0;
        no |= votes->no > 0;
    }
    t->handsets++;
    if (certain) {
        t->accepting++;
    } else if (!no) {
        t->without++;
        t->opaque += verdict->encrypted;
    } else {
        return add_handset(t, handset, verdict, yes, f);
    }
    return FAULT_OK;
}

/* A read of its own for each handset: a long look keeps no snapshot alive. */
static enum fault_code look_at(struct fleet *fleet, const struct handset *handset, const struct view *shared,
                               struct vouch *vouch, struct trusting *t, struct fault *f)
{
    struct view own = { 0 };
    struct verdict verdict = { 0 };
    struct db_conn *conn = NULL;
    enum fault_code code = db_read_begin(fleet->db, &conn, f);
    if (code == FAULT_OK)
        code = read_layer(fleet, conn, handset->mac.text, vouch, &own, f);
    if (code == FAULT_OK)
        code = weigh(fleet, conn, &handset->mac, shared, &own, &verdict, f);
    db_read_end(fleet->db, conn);
    t->unreadable += own.unreadable;
    if (code == FAULT_OK)
        code = decide(t, handset, &verdict, f);
    view_fini(&own);
    return code;
}

/* --- the fleet ----------------------------------------------------------------------------------------- */

static enum fault_code read_shared(struct fleet *fleet, struct vouch *vouch, struct view *shared,
                                   struct fault *f)
{
    struct db_conn *conn = NULL;
    enum fault_code code = db_read_begin(fleet->db, &conn, f);
    if (code == FAULT_OK)
        code = read_layer(fleet, conn, "", vouch, shared, f);
    db_read_end(fleet->db, conn);
    return code;
}

static enum fault_code look_at_page(struct fleet *fleet, const struct mac *after, size_t limit,
                                    struct vouch *vouch, struct trusting *t, struct fault *f)
{
    struct handset *handsets = NULL;
    size_t count = 0;
    struct view shared = { 0 };
    enum fault_code code = handset_list(fleet, after, limit, &handsets, &count, f);
    if (code == FAULT_OK)
        code = read_shared(fleet, vouch, &shared, f);
    t->unreadable = after == NULL ? shared.unreadable : 0;
    for (size_t i = 0; code == FAULT_OK && i < count; i++)
        code = look_at(fleet, &handsets[i], &shared, vouch, t, f);
    if (code == FAULT_OK && count > 0)
        t->last = handsets[count - 1].mac;
    t->more = count == limit;
    view_fini(&shared);
    free(handsets);
    return code;
}

enum fault_code trusting_look(struct fleet *fleet, const struct principal *who, const char *chain,
                              const struct mac *after, size_t limit, struct trusting *ret_trusting,
                              struct fault *f)
{
    struct vouch *vouch = NULL;
    struct trusting trusting = { 0 };
    enum fault_code code = grant_role(who, GRANT_ADMINISTER, f);
    if (code == FAULT_OK)
        code = vouch_new(chain, strlen(chain), clock_wall_ms() / 1000, &vouch, f);
    if (code == FAULT_OK)
        code = look_at_page(fleet, after, limit, vouch, &trusting, f);
    vouch_free(vouch);
    if (code == FAULT_OK)
        *ret_trusting = trusting;
    else
        trusting_fini(&trusting);
    return code;
}

void trusting_fini(struct trusting *trusting)
{
    free(trusting->list);
    *trusting = (struct trusting){ 0 };
}
