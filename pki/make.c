/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/make.h"
#include "base/clock.h"
#include "pki/file.h"
#include "pki/mint.h"

#include <string.h>
#include <unistd.h>

#define CHAIN_LIMIT (1 << 20)

static const struct profile *profile_of(enum make_purpose purpose)
{
    return profile_get(purpose == MAKE_SERVER    ? PROFILE_SERVER
                       : purpose == MAKE_HANDSET ? PROFILE_HANDSET
                                                 : PROFILE_ROOT);
}

static enum fault_code check(const struct make_subject *subject, bool by_ca, struct names *names,
                             struct fault *f)
{
    enum fault_code code = profile_check(profile_of(subject->purpose), subject->common_name, f);
    for (size_t i = 0; code == FAULT_OK && i < MAKE_NAMES_MAX && subject->names[i]; i++)
        code = names_add(names, subject->names[i], f);
    if (code == FAULT_OK && subject->purpose != MAKE_CA && !by_ca)
        code = fault_set(f, FAULT_INPUT, "only a CA signs itself: name the CA that signs this certificate");
    return code;
}

static enum fault_code make_signed(const struct make_subject *subject, const struct names *names,
                                   const struct issuer *issuer, gnutls_x509_privkey_t key, struct buf *pem,
                                   struct fault *f)
{
    const struct mint_order order = {
        .profile = profile_of(subject->purpose),
        .common_name = subject->common_name,
        .names = names,
        .not_before = subject->not_before ? subject->not_before : clock_wall_ms() / 1000 - 3600,
        .not_after = subject->not_after,
        .path_length = -1,
    };
    gnutls_pubkey_t public = NULL;
    gnutls_x509_crt_t certificate = NULL;
    enum fault_code code = key_public(key, &public, f);
    if (code == FAULT_OK)
        code = mint_certificate(&order, public, issuer, key, &certificate, f);
    if (code == FAULT_OK)
        code = mint_export(certificate, pem, f);
    if (code == FAULT_OK && issuer != NULL)
        code = mint_export(issuer->certificate, pem, f);
    gnutls_x509_crt_deinit(certificate);
    if (public != NULL)
        gnutls_pubkey_deinit(public);
    return code;
}

enum fault_code make_certificate(const struct make_subject *subject, const char *ca_certificate,
                                 const char *ca_key, const char *certificate, const char *key,
                                 struct fault *f)
{
    struct issuer issuer = { 0 };
    struct names names = { 0 };
    struct buf chain;
    gnutls_x509_privkey_t own = NULL;
    buf_init(&chain, CHAIN_LIMIT);
    enum fault_code code = check(subject, ca_certificate != NULL, &names, f);
    if (code == FAULT_OK && ca_certificate)
        code = issuer_load(ca_certificate, ca_key, NULL, &issuer, f);
    if (code == FAULT_OK)
        code = key_generate(subject->key == MAKE_RSA_2048 ? KEY_RSA_2048 : KEY_P256, &own, f);
    if (code == FAULT_OK)
        code = make_signed(subject, &names, ca_certificate ? &issuer : NULL, own, &chain, f);
    if (code == FAULT_OK)
        code = key_save(key, own, NULL, f);
    if (code == FAULT_OK) {
        code = file_write(certificate, 0644, FILE_NEW, chain.data, chain.used, f);
        if (code)
            unlink(key);
    }
    gnutls_x509_privkey_deinit(own);
    issuer_fini(&issuer);
    buf_fini(&chain);
    return code;
}
