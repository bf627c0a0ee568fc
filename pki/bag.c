/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/bag.h"
#include "base/mem.h"

#include <gnutls/pkcs12.h>

/* Encrypts a bag and puts it in. */
static int add_bag(gnutls_pkcs12_t p12, gnutls_pkcs12_bag_t bag, const struct passphrase *passphrase)
{
    int rc = gnutls_pkcs12_bag_encrypt(bag, passphrase->text, GNUTLS_PKCS_PBES2_AES_256);
    return rc < 0 ? rc : gnutls_pkcs12_set_bag(p12, bag);
}

static int add_key(gnutls_pkcs12_t p12, gnutls_x509_privkey_t key, const gnutls_datum_t *id, const char *name,
                   const struct passphrase *passphrase)
{
    gnutls_datum_t pkcs8 = { NULL, 0 };
    gnutls_pkcs12_bag_t bag = NULL;
    int rc = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_DER, passphrase->text,
                                               GNUTLS_PKCS_PBES2_AES_256, &pkcs8);
    if (rc == 0)
        rc = gnutls_pkcs12_bag_init(&bag);
    if (rc == 0)
        rc = gnutls_pkcs12_bag_set_data(bag, GNUTLS_BAG_PKCS8_ENCRYPTED_KEY, &pkcs8);
    if (rc >= 0) {
        int index = rc;
        rc = gnutls_pkcs12_bag_set_friendly_name(bag, index, name);
        if (rc == 0)
            rc = gnutls_pkcs12_bag_set_key_id(bag, index, id);
    }
    /* The key inside is encrypted already. */
    if (rc == 0)
        rc = gnutls_pkcs12_set_bag(p12, bag);
    if (bag != NULL)
        gnutls_pkcs12_bag_deinit(bag);
    gnutls_free(pkcs8.data);
    return rc;
}

static int add_certificates(gnutls_pkcs12_t p12, const gnutls_x509_crt_t *certificates, size_t count,
                            const gnutls_datum_t *id, const char *name, const struct passphrase *passphrase)
{
    gnutls_pkcs12_bag_t bag = NULL;
    int rc = gnutls_pkcs12_bag_init(&bag);
    for (size_t i = 0; rc >= 0 && i < count; i++) {
        rc = gnutls_pkcs12_bag_set_crt(bag, certificates[i]);
        if (rc < 0 || i > 0)
            continue;
        int index = rc;
        rc = gnutls_pkcs12_bag_set_friendly_name(bag, index, name);
        if (rc == 0)
            rc = gnutls_pkcs12_bag_set_key_id(bag, index, id);
    }
    if (rc >= 0)
        rc = add_bag(p12, bag, passphrase);
    if (bag != NULL)
        gnutls_pkcs12_bag_deinit(bag);
    return rc;
}

enum fault_code bag_make(gnutls_x509_privkey_t key, const gnutls_x509_crt_t *certificates, size_t count,
                         const char *name, const struct passphrase *passphrase, struct buf *out,
                         struct fault *f)
{
    unsigned char bytes[32];
    size_t n = sizeof bytes;
    gnutls_pkcs12_t p12 = NULL;
    gnutls_datum_t der = { NULL, 0 };
    int rc = gnutls_x509_crt_get_key_id(certificates[0], 0, bytes, &n);
    const gnutls_datum_t id = { bytes, (unsigned)n };
    if (rc == 0)
        rc = gnutls_pkcs12_init(&p12);
    if (rc == 0)
        rc = add_certificates(p12, certificates, count, &id, name, passphrase);
    if (rc == 0)
        rc = add_key(p12, key, &id, name, passphrase);
    if (rc == 0)
        rc = gnutls_pkcs12_generate_mac2(p12, GNUTLS_MAC_SHA256, passphrase->text);
    if (rc == 0)
        rc = gnutls_pkcs12_export2(p12, GNUTLS_X509_FMT_DER, &der);
    if (p12 != NULL)
        gnutls_pkcs12_deinit(p12);
    if (rc < 0)
        return fault_set(f, FAULT_TLS, "cannot make the PKCS #12 file of %s: %s", name, gnutls_strerror(rc));
    enum fault_code code = buf_add(out, der.data, der.size, f);
    gnutls_free(der.data);
    return code;
}
