/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys: made, stored, read. PEM in the traditional form ("RSA PRIVATE KEY", "EC PRIVATE KEY": what
 * old handsets read) or, under a passphrase, PKCS #8 with PBES2 and AES-256. All of it is GnuTLS's work.
 * Floor 1; any thread, blocking (an RSA key takes a second). */
#ifndef CRADLE_KEY_H
#define CRADLE_KEY_H

#include "base/buf.h"
#include "base/fault.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stddef.h>

/* R20: RSA from 2048 to 4096 bits, ECDSA on P-256 and P-384. */
enum key_kind { KEY_RSA_2048, KEY_RSA_3072, KEY_RSA_4096, KEY_P256, KEY_P384, KEY_KINDS };
/* "rsa2048", "rsa3072", "rsa4096", "p256", "p384". FAULT_INPUT names them. */
enum fault_code key_kind_find(const char *word, enum key_kind *ret_kind, struct fault *f);
const char *key_kind_word(enum key_kind kind);

/* Of new ones, bytes. */
#define KEY_PASSPHRASE_MIN 12
#define KEY_PASSPHRASE_MAX 256
struct passphrase {
    char text[KEY_PASSPHRASE_MAX + 1]; /* mem_wipe it */
};
/* FAULT_INPUT: shorter than KEY_PASSPHRASE_MIN. */
enum fault_code passphrase_check(const struct passphrase *passphrase, struct fault *f);
/* The first line of a file. FAULT_INPUT: empty, too long, a NUL in it. */
enum fault_code passphrase_read(const char *file, struct passphrase *ret_passphrase, struct fault *f);

/* Where the passphrase of an encrypted key comes from: asked when it is needed and not before. */
struct passphrase_source {
    enum fault_code (*get)(void *user, const char *key_file, struct passphrase *ret_passphrase,
                           struct fault *f);
    void *user;
};

/* Given: gnutls_x509_privkey_deinit. */
enum fault_code key_generate(enum key_kind kind, gnutls_x509_privkey_t *ret_key, struct fault *f);
/* Appends PEM to a buf, which is to be wiped; encrypted when there is a passphrase. */
enum fault_code key_export(gnutls_x509_privkey_t key, const struct passphrase *passphrase, struct buf *pem,
                           struct fault *f);
/* Writes a file of mode 0600; file_write's faults. */
enum fault_code key_save(const char *file, gnutls_x509_privkey_t key, const struct passphrase *passphrase,
                         struct fault *f);
/* FAULT_ABSENT; FAULT_INPUT: no PEM private key, a wrong passphrase, or encrypted and there is no source.
 * source may be NULL. Given. */
enum fault_code key_load(const char *file, const struct passphrase_source *source,
                         gnutls_x509_privkey_t *ret_key, struct fault *f);

/* Its public half. Given: gnutls_pubkey_deinit. */
enum fault_code key_public(gnutls_x509_privkey_t key, gnutls_pubkey_t *ret_public, struct fault *f);
/* Is it one of enum key_kind's sorts? FAULT_CONTENT says what it is and what it should be. */
enum fault_code key_check(gnutls_pubkey_t key, struct fault *f);
/* "RSA, 2048 bits", "ECDSA, P-256". */
void key_describe(gnutls_pubkey_t key, char *out, size_t size);

#endif
