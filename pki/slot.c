/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/slot.h"

#include "base/mem.h"

#include <string.h>
#include <strings.h>

#define PEM_LINE 64 /* base64 characters a line (RFC 7468, 2) */

static const char begin_mark[] = "-----BEGIN CERTIFICATE-----";
static const char end_mark[] = "-----END CERTIFICATE-----";

/* "1" or ".1", and behind it nothing, or one of the two halves of a device certificate. */
static bool take_number(const char *text, struct slot *slot, const char **ret_rest)
{
    if (*text == '.')
        text++;
    if (*text < '1' || *text > '0' + (slot->kind == SLOT_PLATFORM ? 2 : SLOT_NUMBERS))
        return false;
    slot->number = (unsigned)(*text - '0');
    *ret_rest = text + 1;
    return true;
}

bool slot_parse(const char *parameter, struct slot *ret_slot)
{
    static const struct {
        const char *name;
        enum slot_part part;
    } parts[] = { { "customCaCert", SLOT_CA },
                  { "customDeviceCert", SLOT_DEVICE },
                  { "customDeviceKey", SLOT_KEY } };
    struct slot slot = { .kind = SLOT_APPLICATION };
    if (strncmp(parameter, "device.", 7) == 0) {
        slot.kind = SLOT_PLATFORM;
        parameter += 7;
    }
    if (strncmp(parameter, "sec.TLS.", 8) != 0)
        return false;
    parameter += 8;
    for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
        size_t n = strlen(parts[i].name);
        const char *rest;
        if (strncmp(parameter, parts[i].name, n) != 0 || !take_number(parameter + n, &slot, &rest))
            continue;
        slot.part = parts[i].part;
        if (slot.part == SLOT_DEVICE && strcmp(rest, ".privateKey") == 0)
            slot.part = SLOT_KEY;
        else if (*rest != '\0' && !(slot.part == SLOT_DEVICE && strcmp(rest, ".publicCert") == 0))
            return false;
        *ret_slot = slot;
        return true;
    }
    return false;
}

bool slot_misused(const char *parameter, const char *value)
{
    static const struct {
        const char *use;
        enum slot_kind kind;
    } uses[] = { { "dot1x", SLOT_PLATFORM },   { "provisioning", SLOT_PLATFORM },
                 { "CMS", SLOT_PLATFORM },     { "XMLAPI", SLOT_PLATFORM },
                 { "SIP", SLOT_APPLICATION },  { "syslog", SLOT_APPLICATION },
                 { "LDAP", SLOT_APPLICATION }, { "browser", SLOT_APPLICATION } };
    static const char selection[] = "sec.TLS.profileSelection.";
    if (strncmp(parameter, "device.", 7) == 0)
        parameter += 7;
    if (strncmp(parameter, selection, sizeof selection - 1) != 0)
        return false;
    bool platform = strncasecmp(value, "PlatformProfile", 15) == 0;
    if (!platform && strncasecmp(value, "ApplicationProfile", 18) != 0)
        return false;
    for (size_t i = 0; i < ARRAY_LENGTH(uses); i++)
        if (strcasecmp(parameter + sizeof selection - 1, uses[i].use) == 0)
            return platform != (uses[i].kind == SLOT_PLATFORM);
    return false;
}

static bool is_base64(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '=';
}

/* What stands between the marks, in lines. *ret_good is false, and out as it was, when it is no base64. */
static enum fault_code add_block(const char *at, const char *end, struct buf *out, bool *ret_good,
                                 struct fault *f)
{
    size_t before = out->used, column = 0, letters = 0;
    enum fault_code code = buf_printf(out, f, "%s\n", begin_mark);
    bool good = true;
    for (; code == FAULT_OK && good && at < end; at++) {
        if (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')
            continue;
        good = is_base64(*at);
        letters++;
        code = buf_add(out, at, 1, f);
        if (code == FAULT_OK && ++column == PEM_LINE) {
            code = buf_text(out, "\n", f);
            column = 0;
        }
    }
    if (code == FAULT_OK)
        code = buf_printf(out, f, "%s%s\n", column ? "\n" : "", end_mark);
    if (code == FAULT_OK && (!good || letters == 0)) {
        out->used = before;
        out->data[before] = '\0';
        good = false;
    }
    *ret_good = good;
    return code;
}

enum fault_code slot_certificates(const char *value, struct buf *out, size_t *ret_count, struct fault *f)
{
    size_t count = 0, before = out->used;
    enum fault_code code = FAULT_OK;
    bool good = true;
    for (const char *at = strstr(value, begin_mark); code == FAULT_OK && good && at; count += good) {
        at += sizeof begin_mark - 1;
        const char *end = strstr(at, end_mark);
        good = end != NULL;
        if (good)
            code = add_block(at, end, out, &good, f);
        at = good && code == FAULT_OK ? strstr(end + sizeof end_mark - 1, begin_mark) : NULL;
    }
    if (code != FAULT_OK)
        return code;
    if (!good && out->used > before) {
        out->used = before;
        out->data[before] = '\0';
    }
    *ret_count = good ? count : 0;
    return FAULT_OK;
}
