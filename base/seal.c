/* SPDX-License-Identifier: Apache-2.0 */
#include "base/seal.h"
#include "base/bytes.h"
#include "base/disk.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEAL_VERSION 1
#define SEAL_NONCE   12
#define SEAL_TAG     16
#define SEAL_HEAD    5 /* version and key id of a chunk */
#define SEAL_HEX     (2 * SECRET_KEY_SIZE)

static const char seal_chunk_label[] = "cradle chunk"; /* with its NUL: no label begins another one */
static const char seal_key_label[] = "cradle key";

#define SEAL_CHUNK_AAD (sizeof seal_chunk_label + SEAL_HEAD + SEAL_CONTENT_ID + 8 + 1)
#define SEAL_PURPOSE   64
#define SEAL_KEY_AAD   (sizeof seal_key_label + SEAL_HEAD + SEAL_PURPOSE)

_Static_assert(SEAL_BYTES_OVERHEAD == SEAL_NONCE + SEAL_TAG, "doc/format.md");
_Static_assert(SEAL_OVERHEAD == SEAL_HEAD + SEAL_BYTES_OVERHEAD, "doc/format.md");
_Static_assert(SEAL_WRAPPED_SIZE == 1 + SEAL_NONCE + SECRET_KEY_SIZE + SEAL_TAG, "doc/format.md");

static bool seal_cipher(const struct secret_key *key, gnutls_aead_cipher_hd_t *ret_cipher)
{
    gnutls_datum_t bytes = { (unsigned char *)(uintptr_t)key->bytes, sizeof key->bytes };
    return gnutls_aead_cipher_init(ret_cipher, GNUTLS_CIPHER_AES_256_GCM, &bytes) == 0;
}

enum fault_code seal_bytes(const struct secret_key *key, const uint8_t *aad, size_t n_aad, const void *plain,
                           size_t n, uint8_t *out, struct fault *f)
{
    gnutls_aead_cipher_hd_t cipher;
    if (!seal_cipher(key, &cipher))
        return fault_set(f, FAULT_MEMORY, "AES-256-GCM cannot be set up");
    if (gnutls_rnd(GNUTLS_RND_NONCE, out, SEAL_NONCE) < 0) {
        gnutls_aead_cipher_deinit(cipher);
        return fault_set(f, FAULT_INTERNAL, "the random number generator failed");
    }
    size_t room = n + SEAL_TAG;
    int rc = gnutls_aead_cipher_encrypt(cipher, out, SEAL_NONCE, aad, n_aad, SEAL_TAG, n > 0 ? plain : "", n,
                                        out + SEAL_NONCE, &room);
    gnutls_aead_cipher_deinit(cipher);
    if (rc < 0 || room != n + SEAL_TAG)
        return fault_set(f, FAULT_INTERNAL, "sealing failed: %s", gnutls_strerror(rc));
    return FAULT_OK;
}

/* sealed: nonce, ciphertext of n bytes, tag. A failure leaves no bytes that were not authenticated in out. */
static enum fault_code seal_open(const struct secret_key *key, const uint8_t *aad, size_t n_aad,
                                 const uint8_t *sealed, size_t n, void *out, struct fault *f)
{
    gnutls_aead_cipher_hd_t cipher;
    if (!seal_cipher(key, &cipher))
        return fault_set(f, FAULT_MEMORY, "AES-256-GCM cannot be set up");
    /* GnuTLS refuses a NULL output even when nothing is put there. */
    uint8_t nothing[1];
    size_t room = n;
    int rc = gnutls_aead_cipher_decrypt(cipher, sealed, SEAL_NONCE, aad, n_aad, SEAL_TAG, sealed + SEAL_NONCE,
                                        n + SEAL_TAG, n > 0 ? out : nothing, &room);
    gnutls_aead_cipher_deinit(cipher);
    if (rc == 0 && room == n)
        return FAULT_OK;
    mem_wipe(out, n);
    return fault_set(f, FAULT_DAMAGED, "the seal is broken");
}

enum fault_code seal_open_bytes(const struct secret_key *key, const uint8_t *aad, size_t n_aad,
                                const uint8_t *sealed, size_t n, void *out, struct fault *f)
{
    if (n < SEAL_BYTES_OVERHEAD)
        return fault_set(f, FAULT_DAMAGED, "what is sealed has only %zu bytes", n);
    return seal_open(key, aad, n_aad, sealed, n - SEAL_BYTES_OVERHEAD, out, f);
}

static size_t seal_chunk_aad(uint32_t key_id, const struct seal_place *place, uint8_t aad[SEAL_CHUNK_AAD])
{
    uint8_t *at = bytes_put(aad, seal_chunk_label, sizeof seal_chunk_label);
    *at++ = SEAL_VERSION;
    at = bytes_put_be(at, key_id, 4);
    at = bytes_put(at, place->content, SEAL_CONTENT_ID);
    at = bytes_put_be(at, place->index, 8);
    *at++ = place->last ? 1 : 0;
    return (size_t)(at - aad);
}

enum fault_code seal_chunk(const struct secret_key *key, uint32_t key_id, const struct seal_place *place,
                           const void *plain, size_t n, uint8_t *out, struct fault *f)
{
    uint8_t aad[SEAL_CHUNK_AAD];
    size_t n_aad = seal_chunk_aad(key_id, place, aad);
    out[0] = SEAL_VERSION;
    bytes_put_be(out + 1, key_id, 4);
    return seal_bytes(key, aad, n_aad, plain, n, out + SEAL_HEAD, f);
}

enum fault_code seal_chunk_key(const uint8_t *sealed, size_t n, uint32_t *ret_key_id, struct fault *f)
{
    if (n < SEAL_OVERHEAD)
        return fault_set(f, FAULT_DAMAGED, "a sealed chunk has only %zu bytes", n);
    if (sealed[0] != SEAL_VERSION)
        return fault_set(f, FAULT_DAMAGED, "a sealed chunk is of the unknown version %d", sealed[0]);
    *ret_key_id = (uint32_t)bytes_get_be(sealed + 1, 4);
    return FAULT_OK;
}

enum fault_code seal_open_chunk(const struct secret_key *key, const struct seal_place *place,
                                const uint8_t *sealed, size_t n, void *out, struct fault *f)
{
    uint32_t key_id = 0;
    enum fault_code code = seal_chunk_key(sealed, n, &key_id, f);
    if (code != FAULT_OK)
        return code;
    uint8_t aad[SEAL_CHUNK_AAD];
    size_t n_aad = seal_chunk_aad(key_id, place, aad);
    return seal_open(key, aad, n_aad, sealed + SEAL_HEAD, n - SEAL_OVERHEAD, out, f);
}

static size_t seal_key_aad(uint32_t id, const char *purpose, uint8_t aad[SEAL_KEY_AAD])
{
    size_t n = strlen(purpose);
    if (n > SEAL_PURPOSE)
        return 0;
    uint8_t *at = bytes_put(aad, seal_key_label, sizeof seal_key_label);
    *at++ = SEAL_VERSION;
    at = bytes_put_be(at, id, 4);
    at = bytes_put(at, purpose, n);
    return (size_t)(at - aad);
}

enum fault_code seal_wrap(const struct secret_key *master, uint32_t id, const char *purpose,
                          const struct secret_key *key, uint8_t out[SEAL_WRAPPED_SIZE], struct fault *f)
{
    uint8_t aad[SEAL_KEY_AAD];
    size_t n_aad = seal_key_aad(id, purpose, aad);
    if (n_aad == 0)
        return fault_set(f, FAULT_INTERNAL, "a key's purpose is longer than %d bytes", SEAL_PURPOSE);
    out[0] = SEAL_VERSION;
    return seal_bytes(master, aad, n_aad, key->bytes, sizeof key->bytes, out + 1, f);
}

enum fault_code seal_unwrap(const struct secret_key *master, uint32_t id, const char *purpose,
                            const uint8_t *wrapped, size_t n, struct secret_key *ret_key, struct fault *f)
{
    uint8_t aad[SEAL_KEY_AAD];
    size_t n_aad = seal_key_aad(id, purpose, aad);
    if (n_aad == 0)
        return fault_set(f, FAULT_INTERNAL, "a key's purpose is longer than %d bytes", SEAL_PURPOSE);
    if (n != SEAL_WRAPPED_SIZE || wrapped[0] != SEAL_VERSION)
        return fault_set(f, FAULT_DAMAGED, "wrapped key %u is not of the known format", id);
    struct secret_key key;
    enum fault_code code = seal_open(master, aad, n_aad, wrapped + 1, sizeof key.bytes, key.bytes, f);
    if (code == FAULT_OK)
        *ret_key = key;
    else if (code == FAULT_DAMAGED)
        fault_set(f, code,
                  "key %u does not open: it is damaged, or this is not the master key it was wrapped under",
                  id);
    mem_wipe(&key, sizeof key);
    return code;
}

enum fault_code seal_master_create(const char *file, struct fault *f)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return fault_set(f, FAULT_CONFLICT, "%s: a master key exists already; it is never overwritten", file);
    if (fd < 0)
        return fault_set(f, FAULT_IO, "%s: cannot be created: %s", file, strerror(errno));
    struct secret_key key;
    char text[SEAL_HEX + 2];
    secret_random(key.bytes, sizeof key.bytes);
    secret_hex(key.bytes, sizeof key.bytes, text);
    text[SEAL_HEX] = '\n';
    bool worked = fchmod(fd, 0600) == 0 && disk_write(fd, text, SEAL_HEX + 1) && fsync(fd) == 0;
    mem_wipe(&key, sizeof key);
    mem_wipe(text, sizeof text);
    /* The key must not be lost after something was sealed under it. */
    worked = close(fd) == 0 && worked && disk_sync_name(file);
    if (worked)
        return FAULT_OK;
    int reason = errno;
    unlink(file);
    return fault_set(f, FAULT_IO, "%s: cannot be written: %s", file, strerror(reason));
}

static int seal_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool seal_read_key(const char *text, size_t n, struct secret_key *ret_key)
{
    if (n > 0 && text[n - 1] == '\n')
        n--;
    if (n > 0 && text[n - 1] == '\r')
        n--;
    if (n != SEAL_HEX)
        return false;
    for (size_t i = 0; i < SECRET_KEY_SIZE; i++) {
        int high = seal_hex_digit(text[2 * i]), low = seal_hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret_key->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* May this open file hold a master key? */
static enum fault_code seal_master_check(int fd, const char *file, struct fault *f)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return fault_set(f, FAULT_IO, "%s: %s", file, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return fault_set(f, FAULT_INPUT, "%s: not a plain file; let master_key name one", file);
    if (info.st_mode & 077)
        return fault_set(f, FAULT_FORBIDDEN, "%s: others than its owner can get at it; chmod 600 it", file);
    if (info.st_uid != geteuid() && info.st_uid != 0)
        return fault_set(f, FAULT_FORBIDDEN,
                         "%s: belongs to another user; chown it to the user cradled runs as", file);
    return FAULT_OK;
}

enum fault_code seal_master_load(const char *file, struct secret_key *ret_key, struct fault *f)
{
    /* Non-blocking, so that a named pipe in its place does not hold the start up. */
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return fault_set(
            f, FAULT_ABSENT,
            "%s: no master key there; restore it from your copy: the catalog cannot be read without it",
            file);
    if (fd < 0)
        return fault_set(f, errno == EACCES ? FAULT_FORBIDDEN : FAULT_IO, "%s: cannot be read: %s", file,
                         strerror(errno));
    enum fault_code code = seal_master_check(fd, file, f);
    char text[SEAL_HEX + 3];
    size_t used = 0;
    ssize_t got = 1;
    while (code == FAULT_OK && got != 0 && used < sizeof text) {
        got = read(fd, text + used, sizeof text - used);
        if (got < 0 && errno != EINTR)
            code = fault_set(f, FAULT_IO, "%s: cannot be read: %s", file, strerror(errno));
        else if (got > 0)
            used += (size_t)got;
    }
    close(fd);
    struct secret_key key = { { 0 } };
    if (code == FAULT_OK && !seal_read_key(text, used, &key))
        code =
            fault_set(f, FAULT_INPUT, "%s: not 64 hex digits; restore the master key from your copy", file);
    if (code == FAULT_OK)
        *ret_key = key;
    mem_wipe(&key, sizeof key);
    mem_wipe(text, sizeof text);
    return code;
}
