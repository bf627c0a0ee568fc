/* SPDX-License-Identifier: Apache-2.0 */
#include "base/seal_source.h"
#include "base/disk.h"
#include "base/mem.h"
#include "base/seal.h"
#include "base/token.h"
#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CREDENTIAL       "credential:"
#define NEXT             ".next"
#define SOURCE_PATH      1100
#define ENVELOPE_VERSION 1
#define ENVELOPE_HEAD    (1 + SEAL_ENVELOPE_KEY_ID + 2)

static bool is_credential(const char *text)
{
    return strncmp(text, CREDENTIAL, strlen(CREDENTIAL)) == 0;
}

bool seal_source_is_named(const char *text)
{
    return is_credential(text) || token_is_uri(text);
}

const char *seal_source_shown(const char *text, char *out, size_t size)
{
    if (token_is_uri(text))
        return token_shown(text, out, size);
    snprintf(out, size, "%s", text);
    return out;
}

/* The file that holds the key, or its envelope. */
static enum fault_code source_path(const struct seal_source *source, enum seal_place_kind which,
                                   char path[SOURCE_PATH], struct fault *f)
{
    const char *folder = "", *name = token_is_uri(source->text) ? source->envelope : source->text;
    if (is_credential(source->text)) {
        folder = getenv("CREDENTIALS_DIRECTORY");
        name = source->text + strlen(CREDENTIAL);
        if (folder == NULL || folder[0] == '\0')
            return fault_set(
                f, FAULT_ABSENT,
                "%s: the service manager gave no credentials; see LoadCredential in systemd.exec(5)",
                source->text);
        if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL)
            return fault_set(f, FAULT_INPUT, "%s: not a credential's name", source->text);
    }
    int n = snprintf(path, SOURCE_PATH, "%s%s%s%s", folder, folder[0] ? "/" : "", name,
                     which == SEAL_STAGED ? NEXT : "");
    return n > 0 && n < SOURCE_PATH ? FAULT_OK
                                    : fault_set(f, FAULT_INPUT, "the path of the master key is too long");
}

/* --- the envelope --- */

enum fault_code seal_envelope_parse(const uint8_t *data, size_t n, const uint8_t **ret_key_id,
                                    const uint8_t **ret_sealed, size_t *ret_sealed_n, struct fault *f)
{
    if (n < ENVELOPE_HEAD || data[0] != ENVELOPE_VERSION)
        return fault_set(f, FAULT_DAMAGED, "not an envelope of the known version");
    size_t sealed = (size_t)data[ENVELOPE_HEAD - 2] << 8 | data[ENVELOPE_HEAD - 1];
    if (sealed == 0 || sealed != n - ENVELOPE_HEAD)
        return fault_set(f, FAULT_DAMAGED, "the envelope's length is wrong");
    *ret_key_id = data + 1;
    *ret_sealed = data + ENVELOPE_HEAD;
    *ret_sealed_n = sealed;
    return FAULT_OK;
}

static enum fault_code token_failed(int rc, const struct seal_source *source, struct fault *f)
{
    char shown[160];
    return fault_set(f, FAULT_INPUT, "the master key's token %s: %s; it must be an RSA key that may decrypt",
                     token_shown(source->text, shown, sizeof shown), gnutls_strerror(rc));
}

static int token_key_id(gnutls_privkey_t key, gnutls_pubkey_t *ret_public, uint8_t id[SEAL_ENVELOPE_KEY_ID])
{
    gnutls_pubkey_t public_key = NULL;
    size_t n = SEAL_ENVELOPE_KEY_ID;
    int rc = gnutls_pubkey_init(&public_key);
    if (rc >= 0)
        rc = gnutls_pubkey_import_privkey(public_key, key, 0, 0);
    if (rc >= 0)
        rc = gnutls_pubkey_get_key_id(public_key, GNUTLS_KEYID_USE_SHA256, id, &n);
    if (rc < 0 || ret_public == NULL)
        gnutls_pubkey_deinit(public_key);
    else
        *ret_public = public_key;
    return rc;
}

static enum fault_code envelope_open(const struct seal_source *source, const uint8_t *data, size_t n,
                                     struct secret_key *ret_key, struct fault *f)
{
    const uint8_t *key_id = NULL;
    uint8_t own[SEAL_ENVELOPE_KEY_ID];
    gnutls_datum_t sealed = { 0 }, plain = { 0 };
    size_t sealed_n = 0;
    gnutls_privkey_t key;
    const uint8_t *at = NULL;
    enum fault_code code = seal_envelope_parse(data, n, &key_id, &at, &sealed_n, f);
    if (code == FAULT_OK)
        code = token_private_key(source->text, source->pin_file, &key, f);
    if (code)
        return code;
    sealed.data = (unsigned char *)(uintptr_t)at;
    sealed.size = (unsigned)sealed_n;
    int rc = token_key_id(key, NULL, own);
    if (rc >= 0 && memcmp(own, key_id, sizeof own) != 0)
        code =
            fault_set(f, FAULT_INPUT, "%s was encrypted to another key than the token's", source->envelope);
    else if (rc >= 0)
        rc = gnutls_privkey_decrypt_data(key, 0, &sealed, &plain);
    gnutls_privkey_deinit(key);
    if (code == FAULT_OK && (rc < 0 || plain.size != sizeof ret_key->bytes))
        code = token_failed(rc < 0 ? rc : GNUTLS_E_DECRYPTION_FAILED, source, f);
    if (code == FAULT_OK)
        memcpy(ret_key->bytes, plain.data, sizeof ret_key->bytes);
    mem_wipe(plain.data, plain.size);
    gnutls_free(plain.data);
    return code;
}

static enum fault_code envelope_make(const struct seal_source *source, const struct secret_key *master,
                                     uint8_t out[SEAL_ENVELOPE_MAX], size_t *ret_n, struct fault *f)
{
    gnutls_privkey_t key;
    gnutls_pubkey_t public_key = NULL;
    const gnutls_datum_t plain = { (unsigned char *)(uintptr_t)master->bytes, sizeof master->bytes };
    gnutls_datum_t sealed = { 0 };
    enum fault_code code = token_private_key(source->text, source->pin_file, &key, f);
    if (code)
        return code;
    int rc = token_key_id(key, &public_key, out + 1);
    if (rc >= 0 && gnutls_pubkey_get_pk_algorithm(public_key, NULL) != GNUTLS_PK_RSA)
        rc = GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM;
    if (rc >= 0)
        rc = gnutls_pubkey_encrypt_data(public_key, 0, &plain, &sealed);
    if (rc < 0 || sealed.size > SEAL_ENVELOPE_MAX - ENVELOPE_HEAD) {
        code = token_failed(rc < 0 ? rc : GNUTLS_E_SHORT_MEMORY_BUFFER, source, f);
    } else {
        out[0] = ENVELOPE_VERSION;
        out[ENVELOPE_HEAD - 2] = (uint8_t)(sealed.size >> 8);
        out[ENVELOPE_HEAD - 1] = (uint8_t)sealed.size;
        memcpy(out + ENVELOPE_HEAD, sealed.data, sealed.size);
        *ret_n = ENVELOPE_HEAD + sealed.size;
    }
    gnutls_free(sealed.data);
    if (public_key)
        gnutls_pubkey_deinit(public_key);
    gnutls_privkey_deinit(key);
    return code;
}

static enum fault_code envelope_read(const char *path, uint8_t data[SEAL_ENVELOPE_MAX], size_t *ret_n,
                                     struct fault *f)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return fault_set(f, errno == ENOENT ? FAULT_ABSENT : FAULT_IO,
                         "%s: cannot be read: %s; restore it from your copy", path, strerror(errno));
    size_t n = 0;
    ssize_t got = 1;
    while (n < SEAL_ENVELOPE_MAX && (got = read(fd, data + n, SEAL_ENVELOPE_MAX - n)) > 0)
        n += (size_t)got;
    close(fd);
    if (got < 0)
        return fault_set(f, FAULT_IO, "%s: cannot be read", path);
    *ret_n = n;
    return FAULT_OK;
}

/* --- reading and changing --- */

enum fault_code seal_source_load(const struct seal_source *source, enum seal_place_kind which,
                                 struct secret_key *ret_key, struct fault *f)
{
    char path[SOURCE_PATH];
    uint8_t data[SEAL_ENVELOPE_MAX];
    size_t n = 0;
    if (which == SEAL_STAGED && is_credential(source->text))
        return fault_set(f, FAULT_ABSENT, "a credential is never staged");
    enum fault_code code = source_path(source, which, path, f);
    if (code)
        return code;
    if (!token_is_uri(source->text))
        return seal_master_load(path, ret_key, f);
    code = envelope_read(path, data, &n, f);
    return code ? code : envelope_open(source, data, n, ret_key, f);
}

static enum fault_code write_new(const char *path, const uint8_t *data, size_t n, struct fault *f)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fault_set(f, FAULT_IO, "%s: cannot be made: %s", path, strerror(errno));
    bool worked = disk_write(fd, data, n) && fsync(fd) == 0;
    worked = close(fd) == 0 && worked && disk_sync_name(path);
    if (worked)
        return FAULT_OK;
    unlink(path);
    return fault_set(f, FAULT_IO, "%s: cannot be written", path);
}

enum fault_code seal_source_stage(const struct seal_source *source, const struct secret_key *key,
                                  struct fault *f)
{
    char path[SOURCE_PATH], text[2 * SECRET_KEY_SIZE + 2];
    uint8_t envelope[SEAL_ENVELOPE_MAX];
    size_t n = 0;
    if (is_credential(source->text))
        return fault_set(f, FAULT_CONFLICT,
                         "%s is the service manager's: put the new key beside it under another name, and set "
                         "master_key_next to that",
                         source->text);
    enum fault_code code = source_path(source, SEAL_STAGED, path, f);
    if (code)
        return code;
    if (token_is_uri(source->text)) {
        code = envelope_make(source, key, envelope, &n, f);
        return code ? code : write_new(path, envelope, n, f);
    }
    secret_hex(key->bytes, sizeof key->bytes, text);
    text[2 * SECRET_KEY_SIZE] = '\n';
    code = write_new(path, (const uint8_t *)text, 2 * SECRET_KEY_SIZE + 1, f);
    mem_wipe(text, sizeof text);
    return code;
}

enum fault_code seal_source_finish(const struct seal_source *source, struct fault *f)
{
    char from[SOURCE_PATH], to[SOURCE_PATH];
    enum fault_code code = source_path(source, SEAL_STAGED, from, f);
    if (code == FAULT_OK)
        code = source_path(source, SEAL_IN_PLACE, to, f);
    if (code == FAULT_OK && (rename(from, to) != 0 || !disk_sync_name(to)))
        code = fault_set(f, FAULT_IO, "%s: cannot take the place of %s: %s", from, to, strerror(errno));
    return code;
}

void seal_source_drop(const struct seal_source *source)
{
    char path[SOURCE_PATH];
    if (!is_credential(source->text) && source_path(source, SEAL_STAGED, path, NULL) == FAULT_OK)
        unlink(path);
}
