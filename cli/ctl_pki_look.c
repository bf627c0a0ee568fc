/* SPDX-License-Identifier: Apache-2.0 */
/* pki chain, show, trust-bundle. */
#include "cli/ctl_pki.h"
#include "cli/ctl_pki_base.h"

#include "base/clock.h"
#include "base/mem.h"
#include "pki/bundle.h"
#include "pki/explain.h"
#include "pki/order.h"

#include <stdio.h>
#include <string.h>

#define TEXT_LIMIT ((size_t)1 << 30)
#define FILE_LIMIT (1 << 20)

/* --- chain --- */

static enum fault_code read_files(const struct ctl_words *words, struct buf *texts, struct fault *f)
{
    enum fault_code code = FAULT_OK;
    for (size_t i = 0; code == FAULT_OK && i < words->count; i++)
        code = file_read(words->word[i], &texts[i], f);
    return code;
}

int ctl_pki_chain(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    static struct buf texts[CTL_LIST_MAX];
    struct buf pem, notes;
    const char *out = NULL;
    bool without_root = false, force = false, whole = false;
    const struct ctl_option options[] = {
        { "out", "FILE", CTL_TEXT, &out, "write the chain there (default: standard output)", 0, 0 },
        { "without-root", NULL, CTL_FLAG, &without_root, "end before the root", 0, 0 },
        { "force", NULL, CTL_FLAG, &force, "overwrite the file", 0, 0 },
    };
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 1, CTL_LIST_MAX, &words);
    if (status != CTL_GO)
        return status;
    buf_init(&pem, FILE_LIMIT);
    buf_init(&notes, FILE_LIMIT);
    for (size_t i = 0; i < words.count; i++)
        buf_init(&texts[i], FILE_LIMIT);
    enum fault_code code = read_files(&words, texts, &f);
    if (code == FAULT_OK)
        code = order_chain(texts, words.count, without_root, &pem, &notes, &whole, &f);
    /* An incomplete one would fail on every handset: it is shown, and not written as if it were good. */
    if (code == FAULT_OK && out != NULL && whole)
        code = file_write(out, 0644, force ? FILE_REPLACE : FILE_NEW, pem.data, pem.used, &f);
    else if (code == FAULT_OK && out == NULL)
        fwrite(pem.data, 1, pem.used, stdout);
    if (code == FAULT_OK)
        ctl_put(stderr, notes.data != NULL ? notes.data : "");
    /* Other files than certificates may have been named by mistake: keys. */
    for (size_t i = 0; i < words.count; i++)
        buf_wipe(&texts[i]);
    buf_fini(&pem);
    buf_fini(&notes);
    if (code != FAULT_OK)
        return ctl_failed(&f);
    return whole ? CTL_GOOD : CTL_FAILED;
}

/* --- show --- */

static json_t *as_json(const struct ledger_line *line, int64_t now)
{
    char end[25], when[25];
    clock_rfc3339(line->not_after * 1000, end, sizeof end);
    clock_rfc3339(line->revoked * 1000, when, sizeof when);
    const char *state = line->revoked != 0 ? "revoked" : line->not_after <= now ? "expired" : "valid";
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:s}", "state", state, "profile",
                     profile_get(line->profile)->word, "name", line->subject, "end", end, "serial",
                     line->serial, "revoked", line->revoked != 0 ? json_string(when) : json_null(), "reason",
                     line->revoked != 0 ? json_string(crl_reason_word(line->reason)) : json_null(), "file",
                     line->stem);
}

static enum fault_code show_index(const struct ctl *ctl, struct pki_base *base, struct fault *f)
{
    static const struct ctl_column columns[] = {
        { "STATE", "state" }, { "PROFILE", "profile" }, { "NAME", "name" },       { "END", "end" },
        { "FILE", "file" },   { "SERIAL", "serial" },   { "REVOKED", "revoked" }, { "REASON", "reason" },
    };
    enum fault_code code = pki_open(base, false, f);
    if (code != FAULT_OK)
        return code;
    json_t *rows = json_array();
    int64_t now = clock_wall_ms() / 1000;
    for (size_t i = 0; i < base->store.ledger.count; i++)
        json_array_append_new(rows, as_json(&base->store.ledger.all[i], now));
    ctl_print_table(ctl, rows, columns, ARRAY_LENGTH(columns));
    json_decref(rows);
    return FAULT_OK;
}

struct p12_source {
    const char *file;
};

static enum fault_code open_p12(void *user, const char *file, struct passphrase *ret_passphrase,
                                struct fault *f)
{
    const struct p12_source *source = user;
    return pki_ask_passphrase(source->file, file, ret_passphrase, f);
}

int ctl_pki_show(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    struct pki_base base = { 0 };
    struct p12_source p12 = { NULL };
    const struct passphrase_source source = { open_p12, &p12 };
    const struct ctl_option options[] = {
        { "pki", "DIR", CTL_TEXT, &base.folder, "without FILE: the PKI folder whose index is shown", 0, 0 },
        { "p12-passphrase-file", "FILE", CTL_TEXT, &p12.file,
          "the passphrase of a PKCS #12 (default: asked for)", 0, 0 },
    };
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 0, CTL_LIST_MAX, &words);
    if (status != CTL_GO)
        return status;
    enum fault_code code = FAULT_OK;
    if (words.count == 0)
        code = show_index(ctl, &base, &f);
    for (size_t i = 0; code == FAULT_OK && i < words.count; i++) {
        struct buf out;
        buf_init(&out, TEXT_LIMIT);
        code = explain_file(words.word[i], clock_wall_ms() / 1000, &source, &out, &f);
        if (code == FAULT_OK && words.count > 1)
            printf("%s%s:\n", i > 0 ? "\n" : "", words.word[i]);
        if (code == FAULT_OK)
            fputs(out.data, stdout);
        buf_fini(&out);
    }
    pki_close(&base);
    return code == FAULT_OK ? CTL_GOOD : ctl_failed(&f);
}

/* --- trust-bundle --- */

static enum fault_code write_bundle(struct pki_base *base, const char *out, bool force, struct fault *f)
{
    char ca[FILE_PATH], identities[FILE_PATH];
    struct buf pem, names;
    size_t count = 0;
    int64_t now = clock_wall_ms() / 1000;
    buf_init(&pem, TEXT_LIMIT);
    buf_init(&names, TEXT_LIMIT);
    enum fault_code code = pki_open(base, false, f);
    if (code == FAULT_OK)
        code = file_path(ca, f, "%s/ca.pem", out);
    if (code == FAULT_OK)
        code = file_path(identities, f, "%s/identities", out);
    if (code == FAULT_OK)
        code = bundle_radius(&base->store, now, &pem, f);
    if (code == FAULT_OK)
        code = bundle_identities(&base->store, now, &names, &count, f);
    if (code == FAULT_OK)
        code = file_folder(out, f);
    enum file_how how = force ? FILE_REPLACE : FILE_NEW;
    if (code == FAULT_OK && !force && (file_exists(ca) || file_exists(identities)))
        code = fault_set(f, FAULT_CONFLICT, "%s exists already: --force overwrites it",
                         file_exists(ca) ? ca : identities);
    if (code == FAULT_OK)
        code = file_write(ca, 0644, how, pem.data, pem.used, f);
    if (code == FAULT_OK)
        code = file_write(identities, 0644, how, names.data != NULL ? names.data : "", names.used, f);
    if (code == FAULT_OK)
        printf("%s: what a RADIUS server must trust\n%s: %zu handsets that may log in\n", ca, identities,
               count);
    buf_fini(&pem);
    buf_fini(&names);
    return code;
}

int ctl_pki_trust_bundle(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    struct pki_base base = { 0 };
    const char *out = "radius";
    bool force = false;
    const struct ctl_option options[] = {
        { "pki", "DIR", CTL_TEXT, &base.folder, "the PKI folder (default ./pki, or CRADLE_PKI)", 0, 0 },
        { "out", "DIR", CTL_TEXT, &out, "where ca.pem and identities go (default ./radius)", 0, 0 },
        { "force", NULL, CTL_FLAG, &force, "overwrite the two files", 0, 0 },
    };
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 0, 0, &words);
    if (status != CTL_GO)
        return status;
    status = write_bundle(&base, out, force, &f) == FAULT_OK ? CTL_GOOD : ctl_failed(&f);
    pki_close(&base);
    return status;
}
