/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/profile.h"
#include "base/mac.h"
#include "base/mem.h"

#include <string.h>

/* Handsets of this age are sure of RSA with 2048 bits alone, and must verify root and servers too, so those
 * are RSA; administrators' programs are modern. A handset's certificate lasts as long as nobody wants to
 * touch it; a server's no longer than what browsers accept. */
static const struct profile profiles[PROFILE_COUNT] = {
    [PROFILE_ROOT] = { PROFILE_ROOT, "root", false, KEY_RSA_4096, 7300, "the CA's name" },
    [PROFILE_INTERMEDIATE] = { PROFILE_INTERMEDIATE, "intermediate", false, KEY_RSA_3072, 3650,
                               "the CA's name" },
    [PROFILE_SERVER] = { PROFILE_SERVER, "server", true, KEY_RSA_2048, 825, "a host name or an address" },
    [PROFILE_HANDSET] = { PROFILE_HANDSET, "handset", false, KEY_RSA_2048, 1825, "a MAC address" },
    [PROFILE_ADMINISTRATOR] = { PROFILE_ADMINISTRATOR, "administrator", false, KEY_P256, 365, "an account" },
    [PROFILE_OPERATOR] = { PROFILE_OPERATOR, "operator", false, KEY_P256, 365, "an account" },
};

const struct profile *profile_get(enum profile_id id)
{
    return &profiles[id];
}

enum fault_code profile_find(const char *word, const struct profile **ret_profile, struct fault *f)
{
    for (int i = 0; i < PROFILE_COUNT; i++)
        if (strcmp(profiles[i].word, word) == 0) {
            *ret_profile = &profiles[i];
            return FAULT_OK;
        }
    return fault_set(f, FAULT_INPUT,
                     "'%.40s' is no profile: write server, handset, administrator, operator or intermediate",
                     word);
}

enum fault_code profile_check(const struct profile *profile, const char *name, struct fault *f)
{
    struct mac mac;
    unsigned char bytes[16];
    size_t n;
    enum fault_code code = names_check_common(name, f);
    if (code != FAULT_OK)
        return code;
    switch (profile->id) {
    case PROFILE_SERVER:
        if (names_is_host(name) || names_is_address(name, bytes, &n))
            return FAULT_OK;
        return fault_set(f, FAULT_INPUT, "a server's common name is a host name or an address, not \"%s\"",
                         name);
    case PROFILE_HANDSET:
        if (mac_parse(name, strlen(name), &mac) && strcmp(mac.text, name) == 0)
            return FAULT_OK;
        return fault_set(f, FAULT_INPUT,
                         "a handset's common name is its MAC, 12 hex digits in lower case, not \"%s\"", name);
    case PROFILE_ADMINISTRATOR:
    case PROFILE_OPERATOR:
        if (mac_parse(name, strlen(name), &mac))
            return fault_set(f, FAULT_INPUT, "\"%s\" is a handset's name, not %s's", name, profile->word);
        return names_check_account(name, f);
    case PROFILE_ROOT:
    case PROFILE_INTERMEDIATE:
    case PROFILE_COUNT:
        break;
    }
    return FAULT_OK;
}

enum fault_code profile_name(const struct profile *profile, const char *text, char ret_name[NAMES_CN_MAX + 1],
                             struct fault *f)
{
    char name[NAMES_CN_MAX + 1];
    struct mac mac;
    struct names names = { 0 };
    enum fault_code code = names_check_common(text, f);
    if (code != FAULT_OK)
        return code;
    (void)mem_copy_text(name, sizeof name, text);
    if (profile->id == PROFILE_HANDSET && mac_parse(text, strlen(text), &mac))
        (void)mem_copy_text(name, sizeof name, mac.text);
    else if (profile->id == PROFILE_SERVER && names_add(&names, text, NULL) == FAULT_OK)
        (void)mem_copy_text(name, sizeof name, names.at[0]);
    code = profile_check(profile, name, f);
    if (code == FAULT_OK)
        (void)mem_copy_text(ret_name, NAMES_CN_MAX + 1, name);
    return code;
}
