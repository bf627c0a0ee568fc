/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/exposure.h"

#include "base/mem.h"
#include "base/secret.h"
#include "fleet/survey.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SECRETS_MAX 2000 /* of one handset and the shared files */
#define CLOSED_MAX  1000

/* --- what is a secret --- */

/* First match wins; the last rows catch what firmware calls alike elsewhere. */
static const struct {
    const char *pattern, *what;
} known[] = {
    { "device.wifi.psk.key", "Wi-Fi pre-shared key" },
    { "device.wifi.wpa*psk*", "Wi-Fi pre-shared key" },
    { "device.wifi.wep.key*", "WEP key" },
    { "device.wifi.wpa*ent.password", "Wi-Fi password (802.1X)" },
    { "device.net.dot1x.password", "network password (802.1X)" },
    { "device.sec.configEncryption.key", "key of encrypted configuration files" },
    { "device.prov.password", "provisioning password" },
    { "device.auth.localAdminPassword", "administrator's password of the handset" },
    { "device.auth.localUserPassword", "user's password of the handset" },
    { "device.sec.TLS.custom*DeviceKey*", "private key of a device certificate" },
    { "device.sec.TLS.custom*PrivateKey*", "private key of a device certificate" },
    { "reg.*.auth.password", "telephone password (SIP)" },
    { "dir.corp.password", "directory password (LDAP)" },
    { "apps.push.password", "password of the push interface" },
    { "*.logincred.password", "login password" },
    { "*password", "password" },
    { "*passphrase", "passphrase" },
    { "*psk", "pre-shared key" },
    { "*.secret", "secret" },
};

const char *exposure_recognise(const char *parameter)
{
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
        if (fnmatch(known[i].pattern, parameter, FNM_CASEFOLD) == 0)
            return known[i].what;
    return NULL;
}

/* A name and a password inside of an address: "https://user:secret@host/". */
static bool has_credentials(const char *value)
{
    const char *from = strstr(value, "://");
    if (from == NULL)
        return false;
    from += 3;
    size_t authority = strcspn(from, "/ ,");
    const char *at = memchr(from, '@', authority);
    return at != NULL && memchr(from, ':', (size_t)(at - from)) != NULL;
}

/* --- looking --- */

/* One handset's look at one layer. digest[i] is that of ret->secrets[i]. */
struct look {
    struct secret_key key;
    struct exposure *out;
    struct secret_digest digest[SECRETS_MAX];
    bool shared;      /* the layer that is read is the shared one */
    struct mac other; /* another handset's layer is read; "" while the handset's own and the shared one are */
    size_t number;    /* of that handset, from 1 */
    size_t last[SECRETS_MAX]; /* which handset was counted last for each secret */
};

static void digest_of(const struct look *look, const char *value, struct secret_digest *ret_digest)
{
    secret_mac(&look->key, value, strlen(value), ret_digest);
}

static enum fault_code add_secret(struct look *look, const char *path, const char *name, const char *what,
                                  const char *value, struct fault *f)
{
    struct exposure *out = look->out;
    if (out->n_secrets == SECRETS_MAX) {
        out->cut = true;
        return FAULT_OK;
    }
    if ((out->n_secrets & (out->n_secrets - 1)) == 0) {
        size_t room = out->n_secrets ? 2 * out->n_secrets : 1;
        struct exposure_secret *grown = reallocarray(out->secrets, room, sizeof *grown);
        if (grown == NULL)
            return fault_set(f, FAULT_MEMORY, "no memory for the list of secrets");
        out->secrets = grown;
    }
    struct exposure_secret *secret = &out->secrets[out->n_secrets];
    *secret = (struct exposure_secret){ .what = what, .shared = look->shared };
    size_t n = 0;
    for (; name[n] != '\0' && n < EXPOSURE_PARAMETER_LIMIT; n++)
        secret->parameter[n] = name[n] > ' ' && name[n] <= '~' ? name[n] : '?';
    (void)mem_copy_text(secret->path, sizeof secret->path, path);
    digest_of(look, value, &look->digest[out->n_secrets++]);
    return FAULT_OK;
}

/* The handset that is looked at holds this value: is it one of the secrets? */
static enum fault_code match_secret(struct look *look, const char *value, struct fault *f)
{
    struct secret_digest digest;
    struct exposure *out = look->out;
    digest_of(look, value, &digest);
    for (size_t i = 0; i < out->n_secrets; i++) {
        struct exposure_secret *secret = &out->secrets[i];
        size_t named = secret->holders < EXPOSURE_OTHERS_MAX ? secret->holders : EXPOSURE_OTHERS_MAX;
        if (look->last[i] == look->number || !secret_equal(&look->digest[i], &digest, sizeof digest))
            continue;
        if (named < EXPOSURE_OTHERS_MAX) {
            if ((named & (named - 1)) == 0) {
                struct mac *grown = reallocarray(secret->others, named ? 2 * named : 1, sizeof *grown);
                if (grown == NULL)
                    return fault_set(f, FAULT_MEMORY, "no memory for the list of secrets");
                secret->others = grown;
            }
            secret->others[named] = look->other;
        }
        secret->holders++;
        look->last[i] = look->number;
    }
    return FAULT_OK;
}

static enum fault_code on_attribute(void *user, const char *path, const char *name, const char *value,
                                    struct fault *f)
{
    struct look *look = user;
    const char *what = value[0] != '\0' ? exposure_recognise(name) : NULL;
    if (what == NULL && has_credentials(value))
        what = "name and password in an address";
    if (what == NULL)
        return FAULT_OK;
    return look->other.text[0] ? match_secret(look, value, f) : add_secret(look, path, name, what, value, f);
}

static enum fault_code on_closed(void *user, const char *path, bool encrypted, struct fault *f)
{
    struct look *look = user;
    struct exposure *out = look->out;
    if (look->other.text[0]) {
        out->others_closed++;
        return FAULT_OK;
    }
    if (out->n_closed == CLOSED_MAX) {
        out->cut = true;
        return FAULT_OK;
    }
    struct exposure_closed *grown = reallocarray(out->closed, out->n_closed + 1, sizeof *grown);
    if (grown == NULL)
        return fault_set(f, FAULT_MEMORY, "no memory for the list of files");
    out->closed = grown;
    grown[out->n_closed] = (struct exposure_closed){ .shared = look->shared, .encrypted = encrypted };
    (void)mem_copy_text(grown[out->n_closed++].path, sizeof grown->path, path);
    return FAULT_OK;
}

/* A read of its own for each layer: no snapshot is kept alive while a whole fleet is looked at. */
static enum fault_code look_at(struct fleet *fleet, struct look *look, const char *layer, struct fault *f)
{
    const struct survey survey = { .attribute = on_attribute, .closed = on_closed, .user = look };
    struct db_conn *conn;
    enum fault_code code = db_read_begin(fleet->db, &conn, f);
    if (code != FAULT_OK)
        return code;
    code = survey_layer(fleet, conn, layer, &survey, f);
    db_read_end(fleet->db, conn);
    return code;
}

static enum fault_code list_macs(struct fleet *fleet, struct mac **ret_macs, size_t *ret_count,
                                 struct fault *f)
{
    struct db_conn *conn;
    struct db_rows rows;
    struct mac *macs = NULL;
    size_t count = 0, room = 0;
    enum fault_code code = db_read_begin(fleet->db, &conn, f), ended;
    if (code != FAULT_OK)
        return code;
    db_select(conn, SQL_HANDSET_MACS, DB_NONE, &rows);
    while (code == FAULT_OK && db_next(&rows)) {
        if (count == room) {
            room = room ? 2 * room : 256;
            struct mac *grown = reallocarray(macs, room, sizeof *grown);
            if (grown == NULL) {
                code = fault_set(f, FAULT_MEMORY, "no memory for the list of handsets");
                break;
            }
            macs = grown;
        }
        if (mem_copy_text(macs[count].text, sizeof macs[count].text, db_row_text(&rows, 0)))
            count++;
    }
    ended = db_end(&rows, code == FAULT_OK ? f : NULL);
    db_read_end(fleet->db, conn);
    if (code == FAULT_OK)
        code = ended;
    if (code != FAULT_OK) {
        free(macs);
        return code;
    }
    *ret_macs = macs;
    *ret_count = count;
    return FAULT_OK;
}

static enum fault_code look_at_others(struct fleet *fleet, struct look *look, const struct mac *mac,
                                      struct fault *f)
{
    struct mac *macs = NULL;
    size_t count = 0;
    enum fault_code code = list_macs(fleet, &macs, &count, f);
    for (size_t i = 0; code == FAULT_OK && i < count; i++) {
        if (mac_equal(&macs[i], mac))
            continue;
        look->other = macs[i];
        look->number = i + 1;
        code = look_at(fleet, look, macs[i].text, f);
    }
    free(macs);
    return code;
}

enum fault_code exposure_look(struct fleet *fleet, const struct mac *mac, struct exposure *ret_exposure,
                              struct fault *f)
{
    struct exposure out = { 0 };
    struct look *look = calloc(1, sizeof *look);
    if (look == NULL)
        return fault_set(f, FAULT_MEMORY, "no memory to look for secrets");
    look->out = &out;
    secret_random(&look->key, sizeof look->key);
    enum fault_code code = look_at(fleet, look, mac->text, f);
    look->shared = true;
    if (code == FAULT_OK)
        code = look_at(fleet, look, "", f);
    look->shared = false;
    if (code == FAULT_OK && out.n_secrets > 0)
        code = look_at_others(fleet, look, mac, f);
    mem_wipe_free(look, sizeof *look);
    if (code == FAULT_OK)
        *ret_exposure = out;
    else
        exposure_fini(&out);
    return code;
}

void exposure_fini(struct exposure *exposure)
{
    for (size_t i = 0; i < exposure->n_secrets; i++)
        free(exposure->secrets[i].others);
    free(exposure->secrets);
    free(exposure->closed);
    *exposure = (struct exposure){ 0 };
}
