/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/pair.h"

#include "base/secret.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdint.h>
#include <string.h>

#define CERTIFICATES 16

static bool same_key(gnutls_x509_crt_t certificate, const uint8_t id[SECRET_DIGEST_SIZE])
{
    uint8_t other[SECRET_DIGEST_SIZE];
    size_t n = sizeof other;
    return gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, other, &n) >= 0 &&
           memcmp(other, id, sizeof other) == 0;
}

static bool key_id_of(const gnutls_datum_t *text, uint8_t id[SECRET_DIGEST_SIZE])
{
    gnutls_x509_privkey_t key;
    size_t n = SECRET_DIGEST_SIZE;
    if (gnutls_x509_privkey_init(&key) < 0)
        return false;
    int rc = gnutls_x509_privkey_import2(key, text, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN);
    if (rc >= 0)
        rc = gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, id, &n);
    gnutls_x509_privkey_deinit(key);
    return rc >= 0;
}

bool pair_find(const char *text, size_t n, char fingerprint[PAIR_FINGERPRINT])
{
    const gnutls_datum_t all = { (unsigned char *)(uintptr_t)text, (unsigned)n };
    uint8_t id[SECRET_DIGEST_SIZE], hash[SECRET_DIGEST_SIZE];
    gnutls_x509_crt_t list[CERTIFICATES];
    unsigned count = CERTIFICATES;
    bool found = false;
    if (!key_id_of(&all, id) || gnutls_x509_crt_list_import(list, &count, &all, GNUTLS_X509_FMT_PEM, 0) < 0)
        return false;
    for (unsigned i = 0; i < count; i++) {
        size_t size = sizeof hash;
        if (!found && same_key(list[i], id) &&
            gnutls_x509_crt_get_fingerprint(list[i], GNUTLS_DIG_SHA256, hash, &size) >= 0) {
            secret_hex(hash, sizeof hash, fingerprint);
            found = true;
        }
        gnutls_x509_crt_deinit(list[i]);
    }
    return found;
}
