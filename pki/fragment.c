/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/fragment.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define SLOT_FORMS "platform:1, platform:2 or application:1 … application:6"

static const struct use {
    const char *word;
    enum fragment_kind kind;
    const char *choice; /* the parameter that chooses a profile for it; NULL: chosen on the handset */
} uses[] = {
    { "wifi", FRAGMENT_PLATFORM, "device.sec.TLS.profileSelection.dot1x" },
    { "provisioning", FRAGMENT_PLATFORM, "device.sec.TLS.profileSelection.provisioning" },
    { "cms", FRAGMENT_PLATFORM, NULL },
    { "xmlapi", FRAGMENT_PLATFORM, NULL },
    { "sip", FRAGMENT_APPLICATION, "sec.TLS.profileSelection.SIP" },
    { "syslog", FRAGMENT_APPLICATION, NULL },
    { "ldap", FRAGMENT_APPLICATION, "sec.TLS.profileSelection.LDAP" },
    { "browser", FRAGMENT_APPLICATION, "sec.TLS.profileSelection.browser" },
};

enum fault_code fragment_slot(const char *text, struct fragment_slot *ret_slot, struct fault *f)
{
    static const char *const kinds[] = { "platform:", "application:" };
    static const char most[] = { '2', '6' };
    for (int kind = FRAGMENT_PLATFORM; kind <= FRAGMENT_APPLICATION; kind++) {
        size_t n = strlen(kinds[kind]);
        if (strncmp(text, kinds[kind], n) != 0)
            continue;
        if (text[n] < '1' || text[n] > most[kind] || text[n + 1] != '\0')
            break;
        *ret_slot = (struct fragment_slot){ .kind = (enum fragment_kind)kind, .number = text[n] - '0' };
        return FAULT_OK;
    }
    return fault_set(f, FAULT_INPUT, "'%.40s' is no slot: write " SLOT_FORMS, text);
}

static const struct use *find_use(const char *word)
{
    for (size_t i = 0; i < ARRAY_LENGTH(uses); i++)
        if (strcmp(uses[i].word, word) == 0)
            return &uses[i];
    return NULL;
}

enum fault_code fragment_use(struct fragment_slot *slot, const char *word, struct fault *f)
{
    const struct use *use = find_use(word);
    if (use == NULL)
        return fault_set(
            f, FAULT_INPUT,
            "'%.40s' is no use: platform slots serve wifi, provisioning, cms and xmlapi, application "
            "slots sip, syslog, ldap and browser",
            word);
    if (use->kind != slot->kind)
        return fault_set(f, FAULT_INPUT,
                         "%s cannot use %s slot: platform slots serve wifi, provisioning, cms and xmlapi, "
                         "application slots sip, syslog, ldap and browser",
                         word, slot->kind == FRAGMENT_PLATFORM ? "a platform" : "an application");
    slot->use = use->word;
    return FAULT_OK;
}

/* name="text": line ends as references, because a reader of XML makes blanks of bare ones (XML 1.0, 3.3.3).
 */
static enum fault_code attribute(struct buf *out, const char *name, const char *text, struct fault *f)
{
    enum fault_code code = buf_printf(out, f, "\n        %s=\"", name);
    for (; code == FAULT_OK && *text != '\0'; text++) {
        switch (*text) {
        case '\n':
            code = buf_text(out, "&#10;", f);
            break;
        case '&':
            code = buf_text(out, "&amp;", f);
            break;
        case '<':
            code = buf_text(out, "&lt;", f);
            break;
        case '"':
            code = buf_text(out, "&quot;", f);
            break;
        default:
            code = *text == '\r' ? FAULT_OK : buf_add(out, text, 1, f);
        }
    }
    return code == FAULT_OK ? buf_text(out, "\"", f) : code;
}

/* A parameter of the handset itself acts only beside its ".set"; the pair of a device certificate has one
 * for both. */
static enum fault_code device(struct buf *out, const char *set, const char *name, const char *text,
                              struct fault *f)
{
    char parameter[80];
    enum fault_code code = FAULT_OK;
    if (set != NULL) {
        snprintf(parameter, sizeof parameter, "%s.set", set);
        code = attribute(out, parameter, "1", f);
    }
    return code == FAULT_OK ? attribute(out, name, text, f) : code;
}

static enum fault_code platform(const struct fragment_slot *slot, const char *certificate, const char *key,
                                const char *ca, struct buf *out, struct fault *f)
{
    char ca_name[64], pair[64], name[80], list[64], own[64], value[32];
    const struct use *use = slot->use != NULL ? find_use(slot->use) : NULL;
    snprintf(ca_name, sizeof ca_name, "device.sec.TLS.customCaCert%d", slot->number);
    snprintf(pair, sizeof pair, "device.sec.TLS.customDeviceCert%d", slot->number);
    snprintf(list, sizeof list, "device.sec.TLS.profile.caCertList%d", slot->number);
    snprintf(own, sizeof own, "device.sec.TLS.profile.deviceCert%d", slot->number);
    enum fault_code code = buf_text(out, "    <device device.set=\"1\"", f);
    if (code == FAULT_OK)
        code = device(out, ca_name, ca_name, ca, f);
    snprintf(name, sizeof name, "%s.publicCert", pair);
    if (code == FAULT_OK)
        code = device(out, pair, name, certificate, f);
    snprintf(name, sizeof name, "%s.privateKey", pair);
    if (code == FAULT_OK)
        code = device(out, NULL, name, key, f);
    snprintf(value, sizeof value, "Platform%d", slot->number);
    if (code == FAULT_OK)
        code = device(out, list, list, value, f);
    if (code == FAULT_OK)
        code = device(out, own, own, value, f);
    snprintf(value, sizeof value, "PlatformProfile%d", slot->number);
    if (code == FAULT_OK && use != NULL && use->choice != NULL)
        code = device(out, use->choice, use->choice, value, f);
    return code == FAULT_OK ? buf_text(out, "/>\n", f) : code;
}

static enum fault_code application(const struct fragment_slot *slot, const char *certificate, const char *key,
                                   const char *ca, struct buf *out, struct fault *f)
{
    char name[80], value[32];
    const struct use *use = slot->use != NULL ? find_use(slot->use) : NULL;
    enum fault_code code = buf_text(out, "    <sec", f);
    snprintf(name, sizeof name, "sec.TLS.customCaCert.%d", slot->number);
    if (code == FAULT_OK)
        code = attribute(out, name, ca, f);
    snprintf(name, sizeof name, "sec.TLS.customDeviceCert.%d", slot->number);
    if (code == FAULT_OK)
        code = attribute(out, name, certificate, f);
    snprintf(name, sizeof name, "sec.TLS.customDeviceKey.%d", slot->number);
    if (code == FAULT_OK)
        code = attribute(out, name, key, f);
    snprintf(name, sizeof name, "sec.TLS.profile.%d.caCert.application%d", slot->number, slot->number);
    if (code == FAULT_OK)
        code = attribute(out, name, "1", f);
    snprintf(name, sizeof name, "sec.TLS.profile.%d.deviceCert", slot->number);
    snprintf(value, sizeof value, "Application%d", slot->number);
    if (code == FAULT_OK)
        code = attribute(out, name, value, f);
    snprintf(value, sizeof value, "ApplicationProfile%d", slot->number);
    if (code == FAULT_OK && use != NULL && use->choice != NULL)
        code = attribute(out, use->choice, value, f);
    return code == FAULT_OK ? buf_text(out, "/>\n", f) : code;
}

enum fault_code fragment_write(const struct fragment_slot *slot, const char *certificate, const char *key,
                               const char *ca, struct buf *out, struct fault *f)
{
    enum fault_code code =
        buf_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<handsetConfig>\n", f);
    if (code == FAULT_OK)
        code = slot->kind == FRAGMENT_PLATFORM ? platform(slot, certificate, key, ca, out, f)
                                               : application(slot, certificate, key, ca, out, f);
    return code == FAULT_OK ? buf_text(out, "</handsetConfig>\n", f) : code;
}
