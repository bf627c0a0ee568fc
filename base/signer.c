/* SPDX-License-Identifier: Apache-2.0 */
#include "base/signer.h"

#include "base/mem.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

/* The digest of a PSS signature, or NULL: what else is asked for is PKCS#1, whose DigestInfo GnuTLS makes. */
static const EVP_MD *signer_pss_digest(gnutls_sign_algorithm_t algorithm)
{
    if (algorithm == GNUTLS_SIGN_RSA_PSS_RSAE_SHA256)
        return EVP_sha256();
    if (algorithm == GNUTLS_SIGN_RSA_PSS_RSAE_SHA384)
        return EVP_sha384();
    return algorithm == GNUTLS_SIGN_RSA_PSS_RSAE_SHA512 ? EVP_sha512() : NULL;
}

static bool signer_pad(EVP_PKEY_CTX *context, const EVP_MD *pss)
{
    if (pss == NULL)
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) > 0;
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) > 0 &&
           EVP_PKEY_CTX_set_signature_md(context, pss) > 0 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) > 0;
}

/* A signature that went wrong on its way, by memory that ran out or a bit that flipped, can give the key away
 * (Boneh, DeMillo, Lipton, 1997): it does not leave. That costs a twentieth of the signature. */
static bool signer_make(EVP_PKEY *key, const EVP_MD *pss, const gnutls_datum_t *hash,
                        unsigned char *signature, size_t *size)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    bool made = context != NULL && EVP_PKEY_sign_init(context) > 0 && signer_pad(context, pss) &&
                EVP_PKEY_sign(context, signature, size, hash->data, hash->size) > 0 &&
                EVP_PKEY_verify_init(context) > 0 && signer_pad(context, pss) &&
                EVP_PKEY_verify(context, signature, *size, hash->data, hash->size) > 0;
    EVP_PKEY_CTX_free(context);
    return made;
}

static int signer_sign(gnutls_privkey_t key, gnutls_sign_algorithm_t algorithm, void *data, unsigned flags,
                       const gnutls_datum_t *hash, gnutls_datum_t *ret_signature)
{
    (void)key;
    (void)flags;
    const EVP_MD *pss = signer_pss_digest(algorithm);
    if (pss == NULL && algorithm != GNUTLS_SIGN_RSA_RAW)
        return GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM;
    size_t size = (size_t)EVP_PKEY_get_size(data);
    unsigned char *signature = gnutls_malloc(size);
    if (signature == NULL)
        return GNUTLS_E_MEMORY_ERROR;
    if (!signer_make(data, pss, hash, signature, &size)) {
        mem_wipe(signature, (size_t)EVP_PKEY_get_size(data));
        gnutls_free(signature);
        return GNUTLS_E_PK_SIGN_FAILED;
    }
    *ret_signature = (gnutls_datum_t){ .data = signature, .size = (unsigned)size };
    return 0;
}

static int signer_info(gnutls_privkey_t key, unsigned flags, void *data)
{
    (void)key;
    if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO)
        return GNUTLS_PK_RSA;
    if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS)
        return EVP_PKEY_get_bits(data);
    if (flags & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO) {
        gnutls_sign_algorithm_t algorithm = GNUTLS_FLAGS_TO_SIGN_ALGO(flags);
        return gnutls_sign_get_pk_algorithm(algorithm) == GNUTLS_PK_RSA ||
               signer_pss_digest(algorithm) != NULL;
    }
    return flags & GNUTLS_PRIVKEY_INFO_SIGN_ALGO ? 0 : -1;
}

static void signer_free(gnutls_privkey_t key, void *data)
{
    (void)key;
    EVP_PKEY_free(data); /* wipes the private numbers */
}

static EVP_PKEY *signer_copy(gnutls_privkey_t key)
{
    gnutls_x509_privkey_t plain;
    if (gnutls_privkey_export_x509(key, &plain) < 0)
        return NULL;
    EVP_PKEY *copy = NULL;
    gnutls_datum_t der;
    if (gnutls_x509_privkey_export2(plain, GNUTLS_X509_FMT_DER, &der) >= 0) {
        const unsigned char *at = der.data;
        copy = d2i_PrivateKey(EVP_PKEY_RSA, NULL, &at, (long)der.size);
        mem_wipe(der.data, der.size);
        gnutls_free(der.data);
    }
    gnutls_x509_privkey_deinit(plain);
    return copy;
}

enum fault_code signer_take(gnutls_privkey_t *key, struct fault *f)
{
    /* What a signature takes depends on no file of the system's. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    EVP_PKEY *copy = signer_copy(*key);
    if (copy == NULL)
        return fault_set(f, FAULT_INPUT, "libcrypto cannot use this RSA key: make a new one");
    gnutls_privkey_t made = NULL;
    if (gnutls_privkey_init(&made) < 0 ||
        gnutls_privkey_import_ext4(made, copy, NULL, signer_sign, NULL, signer_free, signer_info, 0) < 0) {
        if (made != NULL)
            gnutls_privkey_deinit(made);
        EVP_PKEY_free(copy);
        return fault_set(f, FAULT_MEMORY, "no memory for a private key");
    }
    gnutls_privkey_deinit(*key);
    *key = made;
    return FAULT_OK;
}
