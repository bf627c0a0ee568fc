/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ctl_handset.h"

#include "base/mac.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A word that is to be a MAC, in the server's spelling. */
static enum fault_code read_mac(const char *word, struct mac *ret_mac, struct fault *f)
{
    if (!mac_parse(word, strlen(word), ret_mac))
        return fault_set(f, FAULT_INPUT, "\"%s\" is no MAC address: 12 hex digits", word);
    return FAULT_OK;
}

/* --- looking --- */

int ctl_handset_list(struct ctl *ctl, int argc, char **argv)
{
    static const struct ctl_column columns[] = {
        { "MAC", "mac" },
        { "LABEL", "label" },
        { "ENABLED", "enabled" },
        { "LOST", "lost" },
        { "SEEN", "last_seen" },
        { "AT", "last_address" },
        { "MODEL", "model" },
        { "FIRMWARE", "firmware" },
        { "EXPIRED", "accept_expired" },
        { "LEGACY", "legacy" },
        { "LAST LEGACY", "legacy_last" },
    };
    struct ctl_words words;
    struct fault f;
    json_t *all = NULL;
    int status = ctl_read(ctl, argc, argv, NULL, 0, 0, 0, &words);
    if (status != CTL_GO)
        return status;
    if (ctl_pages(ctl, "/handsets?", "handsets", &all, &f) != FAULT_OK)
        return ctl_failed(&f);
    ctl_print_table(ctl, all, columns, ARRAY_LENGTH(columns));
    json_decref(all);
    return CTL_GOOD;
}

/* One request about one handset, whose answer is shown; NULL body: none. */
static int about(struct ctl *ctl, const char *word, const char *method, const char *tail, json_t *body)
{
    struct fault f;
    struct mac mac;
    json_t *answer = NULL;
    enum fault_code code = read_mac(word, &mac, &f);
    if (code != FAULT_OK)
        json_decref(body);
    else
        code = ctl_call(ctl, method, body, &answer, &f, "/handsets/%s%s", mac.text, tail);
    if (code != FAULT_OK)
        return ctl_failed(&f);
    if (answer != NULL)
        ctl_print_object(ctl, answer);
    json_decref(answer);
    return CTL_GOOD;
}

int ctl_handset_show(struct ctl *ctl, int argc, char **argv)
{
    struct ctl_words words;
    int status = ctl_read(ctl, argc, argv, NULL, 0, 1, 1, &words);
    return status == CTL_GO ? about(ctl, words.word[0], "GET", "", NULL) : status;
}

int ctl_handset_remove(struct ctl *ctl, int argc, char **argv)
{
    struct ctl_words words;
    int status = ctl_read(ctl, argc, argv, NULL, 0, 1, 1, &words);
    return status == CTL_GO ? about(ctl, words.word[0], "DELETE", "", NULL) : status;
}

int ctl_handset_found(struct ctl *ctl, int argc, char **argv)
{
    struct ctl_words words;
    int status = ctl_read(ctl, argc, argv, NULL, 0, 1, 1, &words);
    return status == CTL_GO ? about(ctl, words.word[0], "POST", "/found", NULL) : status;
}

/* --- changing --- */

struct wish {
    const char *label, *enabled, *binding, *expired, *legacy, *pin;
};
#define WISH_OPTIONS(w)                                                                                          \
    { "label", "TEXT", CTL_TEXT, &(w).label, "free text: where it is, whose it is", 0, 0 },                      \
        { "enabled", "yes|no", CTL_TEXT, &(w).enabled, "may it come in", 0, 0 },                                 \
        { "require-binding", "yes|no", CTL_TEXT, &(w).binding, "must its FTPS data channels resume TLS", 0, 0 }, \
        { "accept-expired",                                                                                      \
          "yes|no",                                                                                              \
          CTL_TEXT,                                                                                              \
          &(w).expired,                                                                                          \
          "is its certificate taken when it has expired",                                                        \
          0,                                                                                                     \
          0 },                                                                                                   \
        { "legacy", "yes|no", CTL_TEXT, &(w).legacy, "may it use the listeners for old TLS", 0, 0 },             \
    {                                                                                                            \
        "pin", "FINGERPRINT|none", CTL_TEXT, &(w).pin,                                                           \
            "the self-signed certificate (SHA-256) that is its own", 0, 0                                        \
    }

static enum fault_code add_flag(json_t *body, const char *key, const char *option, const char *value,
                                struct fault *f)
{
    if (value == NULL)
        return FAULT_OK;
    bool yes = strcmp(value, "yes") == 0;
    if (!yes && strcmp(value, "no") != 0)
        return fault_set(f, FAULT_INPUT, "--%s takes yes or no, not \"%s\"", option, value);
    json_object_set_new(body, key, json_boolean(yes));
    return FAULT_OK;
}

static enum fault_code read_wish(const struct wish *w, json_t *body, struct fault *f)
{
    enum fault_code code = add_flag(body, "enabled", "enabled", w->enabled, f);
    if (code == FAULT_OK)
        code = add_flag(body, "require_binding", "require-binding", w->binding, f);
    if (code == FAULT_OK)
        code = add_flag(body, "accept_expired", "accept-expired", w->expired, f);
    if (code == FAULT_OK)
        code = add_flag(body, "legacy", "legacy", w->legacy, f);
    if (w->label != NULL && json_object_set_new(body, "label", json_string(w->label)) != 0 &&
        code == FAULT_OK)
        code = fault_set(f, FAULT_INPUT, "a label is UTF-8 text");
    if (w->pin != NULL)
        json_object_set_new(body, "pinned", strcmp(w->pin, "none") == 0 ? json_null() : json_string(w->pin));
    return code;
}

int ctl_handset_add(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct mac mac;
    struct ctl_words words;
    struct wish wish = { 0 };
    const struct ctl_option options[] = { WISH_OPTIONS(wish) };
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 1, 1, &words);
    if (status != CTL_GO)
        return status;
    json_t *body = json_object(), *answer = NULL;
    enum fault_code code = read_mac(words.word[0], &mac, &f);
    if (code == FAULT_OK)
        code = read_wish(&wish, body, &f);
    if (code != FAULT_OK) {
        json_decref(body);
        return ctl_failed(&f);
    }
    json_object_set_new(body, "mac", json_string(mac.text));
    if (ctl_call(ctl, "POST", body, &answer, &f, "/handsets") != FAULT_OK)
        return ctl_failed(&f);
    ctl_print_object(ctl, answer);
    json_decref(answer);
    return CTL_GOOD;
}

int ctl_handset_change(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    struct wish wish = { 0 };
    const struct ctl_option options[] = { WISH_OPTIONS(wish) };
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 1, 1, &words);
    if (status != CTL_GO)
        return status;
    json_t *body = json_object();
    enum fault_code code = read_wish(&wish, body, &f);
    if (code == FAULT_OK && json_object_size(body) == 0)
        code = fault_set(&f, FAULT_INPUT, "say what is to be changed: --label, --enabled, …");
    if (code != FAULT_OK) {
        json_decref(body);
        return ctl_failed(&f);
    }
    return about(ctl, words.word[0], "PATCH", "", body);
}
