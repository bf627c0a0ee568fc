/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/key.h"
#include "base/mem.h"
#include "pki/file.h"

#include <stdio.h>
#include <string.h>

#define KEY_FILE_LIMIT (1 << 20)

static const struct {
    const char *word;
    gnutls_pk_algorithm_t algorithm;
    unsigned bits;
} kinds[KEY_KINDS] = {
    [KEY_RSA_2048] = { "rsa2048", GNUTLS_PK_RSA, 2048 },
    [KEY_RSA_3072] = { "rsa3072", GNUTLS_PK_RSA, 3072 },
    [KEY_RSA_4096] = { "rsa4096", GNUTLS_PK_RSA, 4096 },
    [KEY_P256] = { "p256", GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1) },
    [KEY_P384] = { "p384", GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1) },
};

enum fault_code key_kind_find(const char *word, enum key_kind *ret_kind, struct fault *f)
{
    for (int i = 0; i < KEY_KINDS; i++)
        if (strcmp(kinds[i].word, word) == 0) {
            *ret_kind = (enum key_kind)i;
            return FAULT_OK;
        }
    return fault_set(f, FAULT_INPUT,
                     "'%.40s' is no kind of key: write rsa2048, rsa3072, rsa4096, p256 or p384", word);
}

const char *key_kind_word(enum key_kind kind)
{
    return kinds[kind].word;
}

enum fault_code passphrase_check(const struct passphrase *passphrase, struct fault *f)
{
    if (strlen(passphrase->text) < KEY_PASSPHRASE_MIN)
        return fault_set(f, FAULT_INPUT, "the passphrase is too short: take %d characters at least",
                         KEY_PASSPHRASE_MIN);
    return FAULT_OK;
}

enum fault_code passphrase_read(const char *file, struct passphrase *ret_passphrase, struct fault *f)
{
    struct buf text;
    buf_init(&text, KEY_FILE_LIMIT);
    enum fault_code code = file_read(file, &text, f);
    if (code == FAULT_OK) {
        const char *line = text.data != NULL ? text.data : "";
        const char *end = memchr(line, '\n', text.used);
        size_t n = end != NULL ? (size_t)(end - line) : text.used;
        if (n > 0 && line[n - 1] == '\r')
            n--;
        if (n == 0 || n > KEY_PASSPHRASE_MAX || memchr(line, '\0', n) != NULL)
            code = fault_set(f, FAULT_INPUT, "the first line of %s is no passphrase of 1 to %d bytes", file,
                             KEY_PASSPHRASE_MAX);
        else
            (void)mem_copy_bytes(ret_passphrase->text, sizeof ret_passphrase->text, line, n);
    }
    buf_wipe(&text);
    return code;
}

enum fault_code key_generate(enum key_kind kind, gnutls_x509_privkey_t *ret_key, struct fault *f)
{
    gnutls_x509_privkey_t key = NULL;
    int rc = gnutls_x509_privkey_init(&key);
    if (rc == 0)
        rc = gnutls_x509_privkey_generate(key, kinds[kind].algorithm, kinds[kind].bits, 0);
    if (rc == 0) {
        *ret_key = key;
        return FAULT_OK;
    }
    gnutls_x509_privkey_deinit(key);
    return fault_set(f, FAULT_TLS, "cannot make a key: %s", gnutls_strerror(rc));
}

enum fault_code key_export(gnutls_x509_privkey_t key, const struct passphrase *passphrase, struct buf *pem,
                           struct fault *f)
{
    gnutls_datum_t text = { NULL, 0 };
    int rc = passphrase != NULL
                 ? gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, passphrase->text,
                                                     GNUTLS_PKCS_PBES2_AES_256, &text)
                 : gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &text);
    if (rc < 0)
        return fault_set(f, FAULT_TLS, "cannot write a key as PEM: %s", gnutls_strerror(rc));
    enum fault_code code = buf_add(pem, text.data, text.size, f);
    mem_wipe(text.data, text.size);
    gnutls_free(text.data);
    return code;
}

enum fault_code key_save(const char *file, gnutls_x509_privkey_t key, const struct passphrase *passphrase,
                         struct fault *f)
{
    struct buf pem;
    buf_init(&pem, KEY_FILE_LIMIT);
    enum fault_code code = key_export(key, passphrase, &pem, f);
    if (code == FAULT_OK)
        code = file_write(file, 0600, FILE_NEW, pem.data, pem.used, f);
    buf_wipe(&pem);
    return code;
}

static enum fault_code read_key(const char *file, const struct buf *pem,
                                const struct passphrase_source *source, gnutls_x509_privkey_t key,
                                struct fault *f)
{
    const gnutls_datum_t text = { (unsigned char *)pem->data, (unsigned)pem->used };
    if (pem->used == 0 || strstr(pem->data, "PRIVATE KEY-----") == NULL)
        return fault_set(f, FAULT_INPUT, "%s is no PEM private key", file);
    bool encrypted = strstr(pem->data, "ENCRYPTED") != NULL;
    if (!encrypted)
        return gnutls_x509_privkey_import(key, &text, GNUTLS_X509_FMT_PEM) == 0
                   ? FAULT_OK
                   : fault_set(f, FAULT_INPUT, "%s is no PEM private key", file);
    if (source == NULL)
        return fault_set(f, FAULT_INPUT, "the key %s is encrypted: give its passphrase", file);
    struct passphrase passphrase = { "" };
    enum fault_code code = source->get(source->user, file, &passphrase, f);
    if (code == FAULT_OK &&
        gnutls_x509_privkey_import2(key, &text, GNUTLS_X509_FMT_PEM, passphrase.text, 0) < 0)
        code = fault_set(f, FAULT_INPUT, "the passphrase does not open the key %s", file);
    mem_wipe(&passphrase, sizeof passphrase);
    return code;
}

enum fault_code key_load(const char *file, const struct passphrase_source *source,
                         gnutls_x509_privkey_t *ret_key, struct fault *f)
{
    struct buf pem;
    buf_init(&pem, KEY_FILE_LIMIT);
    gnutls_x509_privkey_t key = NULL;
    enum fault_code code = file_read(file, &pem, f);
    if (code == FAULT_OK && gnutls_x509_privkey_init(&key) < 0)
        code = fault_set(f, FAULT_MEMORY, "out of memory");
    if (code == FAULT_OK)
        code = read_key(file, &pem, source, key, f);
    buf_wipe(&pem);
    if (code == FAULT_OK)
        *ret_key = key;
    else
        gnutls_x509_privkey_deinit(key);
    return code;
}

enum fault_code key_public(gnutls_x509_privkey_t key, gnutls_pubkey_t *ret_public, struct fault *f)
{
    gnutls_privkey_t abstract = NULL;
    gnutls_pubkey_t public = NULL;
    int rc = gnutls_privkey_init(&abstract);
    if (rc == 0)
        rc = gnutls_privkey_import_x509(abstract, key, 0);
    if (rc == 0)
        rc = gnutls_pubkey_init(&public);
    if (rc == 0)
        rc = gnutls_pubkey_import_privkey(public, abstract, 0, 0);
    if (abstract != NULL)
        gnutls_privkey_deinit(abstract);
    if (rc == 0) {
        *ret_public = public;
        return FAULT_OK;
    }
    if (public != NULL)
        gnutls_pubkey_deinit(public);
    return fault_set(f, FAULT_TLS, "cannot take the public half of a key: %s", gnutls_strerror(rc));
}

void key_describe(gnutls_pubkey_t key, char *out, size_t size)
{
    unsigned bits = 0;
    gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
    int algorithm = gnutls_pubkey_get_pk_algorithm(key, &bits);
    if (algorithm == GNUTLS_PK_RSA)
        snprintf(out, size, "RSA, %u bits", bits);
    else if (gnutls_pubkey_export_ecc_raw2(key, &curve, NULL, NULL, 0) == 0)
        snprintf(out, size, "ECDSA, %s",
                 curve == GNUTLS_ECC_CURVE_SECP256R1   ? "P-256"
                 : curve == GNUTLS_ECC_CURVE_SECP384R1 ? "P-384"
                                                       : gnutls_ecc_curve_get_name(curve));
    else
        snprintf(out, size, "%s, %u bits", gnutls_pk_algorithm_get_name((gnutls_pk_algorithm_t)algorithm),
                 bits);
}

enum fault_code key_check(gnutls_pubkey_t key, struct fault *f)
{
    unsigned bits = 0;
    gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
    int algorithm = gnutls_pubkey_get_pk_algorithm(key, &bits);
    if (algorithm == GNUTLS_PK_RSA && bits >= 2048 && bits <= 4096)
        return FAULT_OK;
    if (algorithm == GNUTLS_PK_ECDSA && gnutls_pubkey_export_ecc_raw2(key, &curve, NULL, NULL, 0) == 0 &&
        (curve == GNUTLS_ECC_CURVE_SECP256R1 || curve == GNUTLS_ECC_CURVE_SECP384R1))
        return FAULT_OK;
    char words[80];
    key_describe(key, words, sizeof words);
    return fault_set(
        f, FAULT_CONTENT,
        "its key (%s) cannot be certified: make one of RSA with 2048 to 4096 bits, or of ECDSA on "
        "P-256 or P-384",
        words);
}
