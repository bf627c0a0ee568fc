/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/trusting.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "fleet/grant.h"
#include "fleet/layer.h"
#include "fleet/survey.h"
#include "pki/slot.h"
#include "pki/vouch.h"

#include <stdlib.h>
#include <string.h>

#define PLATFORM_SLOTS 2
#define NOTES_MAX      1000 /* of one layer; files with certificates are few */

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

/* While a layer is read. */
struct reading {
    struct vouch *vouch;
    struct view *view;
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

/* --- one layer --- */

static enum fault_code on_attribute(void *user, const char *path, const char *name, const char *value,
                                    struct fault *f)
{
    struct reading *r = user;
    struct slot slot;
    struct buf pem;
    size_t count = 0;
    if (!slot_parse(name, &slot) || slot.kind != SLOT_PLATFORM || slot.part != SLOT_CA)
        return FAULT_OK;
    struct note note = { .kind = NOTE_CA, .slot = slot.number };
    (void)mem_copy_text(note.path, sizeof note.path, path);
    buf_init(&pem, SLOT_PEM_LIMIT);
    enum fault_code code = slot_certificates(value, &pem, &count, f);
    if (code == FAULT_OK && count > 0) {
        enum vouch_answer answer = vouch_ask(r->vouch, pem.data, pem.used, note.subject);
        note.verifies = answer == VOUCH_YES;
        if (answer != VOUCH_NOTHING)
            code = add_note(r->view, &note, f);
    }
    buf_fini(&pem);
    return code == FAULT_TOO_LARGE ? FAULT_OK : code; /* such a value is no certificate */
}

static enum fault_code on_closed(void *user, const char *path, bool encrypted, struct fault *f)
{
    struct reading *r = user;
    struct note note = { .kind = NOTE_ENCRYPTED };
    if (!encrypted) {
        r->view->unreadable++;
        return FAULT_OK;
    }
    (void)mem_copy_text(note.path, sizeof note.path, path);
    return add_note(r->view, &note, f);
}

static enum fault_code read_layer(struct fleet *fleet, struct db_conn *conn, const char *layer,
                                  struct vouch *vouch, struct view *view, struct fault *f)
{
    struct reading reading = { .vouch = vouch, .view = view };
    const struct survey survey = { .attribute = on_attribute, .closed = on_closed, .user = &reading };
    return survey_layer(fleet, conn, layer, &survey, f);
}

/* --- one handset --- */

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

/* --- the fleet --- */

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
