/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/mint.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "pki/file.h"

#include <stdio.h>
#include <string.h>

#define CERTIFICATE_FILE_LIMIT (1 << 20)
#define CLOCK_LAG              3600 /* seconds */
#define DAY                    86400

void issuer_fini(struct issuer *issuer)
{
    gnutls_x509_crt_deinit(issuer->certificate);
    gnutls_x509_privkey_deinit(issuer->key);
    memset(issuer, 0, sizeof *issuer);
}

enum fault_code mint_load(const char *file, gnutls_x509_crt_t *ret_certificate, struct fault *f)
{
    struct buf pem;
    buf_init(&pem, CERTIFICATE_FILE_LIMIT);
    enum fault_code code = file_read(file, &pem, f);
    gnutls_x509_crt_t certificate = NULL;
    const gnutls_datum_t text = { (unsigned char *)pem.data, (unsigned)pem.used };
    if (code == FAULT_OK && gnutls_x509_crt_init(&certificate) < 0)
        code = fault_set(f, FAULT_MEMORY, "out of memory");
    if (code == FAULT_OK &&
        (pem.used == 0 || gnutls_x509_crt_import(certificate, &text, GNUTLS_X509_FMT_PEM) < 0))
        code = fault_set(f, FAULT_INPUT, "%s is no PEM certificate", file);
    /* It may have been a key by mistake. */
    buf_wipe(&pem);
    if (code == FAULT_OK)
        *ret_certificate = certificate;
    else
        gnutls_x509_crt_deinit(certificate);
    return code;
}

static bool belong_together(const struct issuer *issuer)
{
    uint8_t a[32], b[32];
    size_t n_a = sizeof a, n_b = sizeof b;
    return gnutls_x509_crt_get_key_id(issuer->certificate, GNUTLS_KEYID_USE_SHA256, a, &n_a) == 0 &&
           gnutls_x509_privkey_get_key_id(issuer->key, GNUTLS_KEYID_USE_SHA256, b, &n_b) == 0 && n_a == n_b &&
           memcmp(a, b, n_a) == 0;
}

enum fault_code issuer_load(const char *certificate, const char *key, const struct passphrase_source *source,
                            struct issuer *ret_issuer, struct fault *f)
{
    struct issuer issuer = { 0 };
    enum fault_code code = mint_load(certificate, &issuer.certificate, f);
    if (code == FAULT_OK && gnutls_x509_crt_get_ca_status(issuer.certificate, NULL) <= 0)
        code = fault_set(f, FAULT_INPUT, "%s is not the certificate of a CA", certificate);
    if (code == FAULT_OK)
        code = key_load(key, source, &issuer.key, f);
    if (code == FAULT_OK && !belong_together(&issuer))
        code = fault_set(f, FAULT_INPUT, "the key %s does not belong to the CA %s", key, certificate);
    if (code == FAULT_OK)
        *ret_issuer = issuer;
    else
        issuer_fini(&issuer);
    return code;
}

enum fault_code mint_dates(const struct profile *profile, int days, const struct issuer *issuer,
                           int64_t *ret_not_before, int64_t *ret_not_after, struct fault *f)
{
    int64_t now = clock_wall_ms() / 1000, begin = now - CLOCK_LAG;
    if (days < 0 || days > PROFILE_DAYS_MAX)
        return fault_set(f, FAULT_INPUT, "a lifetime is 1 to %d days", PROFILE_DAYS_MAX);
    int64_t end = now + (int64_t)(days > 0 ? days : profile->days) * DAY;
    if (issuer != NULL) {
        int64_t first = gnutls_x509_crt_get_activation_time(issuer->certificate);
        int64_t last = gnutls_x509_crt_get_expiration_time(issuer->certificate);
        char date[25];
        clock_rfc3339(last * 1000, date, sizeof date);
        date[10] = '\0';
        if (last <= now)
            return fault_set(f, FAULT_INPUT, "the CA that signs it ended on %s: renew it first", date);
        if (days > 0 && end > last)
            return fault_set(f, FAULT_INPUT,
                             "%d days are too many: the CA that signs it ends on %s, %d days from now", days,
                             date, (int)((last - now) / DAY));
        if (end > last)
            end = last;
        if (begin < first)
            begin = first;
    }
    *ret_not_before = begin;
    *ret_not_after = end;
    return FAULT_OK;
}

gnutls_digest_algorithm_t mint_digest(gnutls_x509_privkey_t key)
{
    gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
    bool p384 = gnutls_x509_privkey_export_ecc_raw(key, &curve, NULL, NULL, NULL) == 0 &&
                curve == GNUTLS_ECC_CURVE_SECP384R1;
    return p384 ? GNUTLS_DIG_SHA384 : GNUTLS_DIG_SHA256;
}

void mint_serial(gnutls_x509_crt_t certificate, char ret_serial[MINT_SERIAL_MAX])
{
    uint8_t serial[20];
    size_t n = sizeof serial;
    ret_serial[0] = '\0';
    if (gnutls_x509_crt_get_serial(certificate, serial, &n) == 0)
        secret_hex(serial, n, ret_serial);
}

enum fault_code mint_export(gnutls_x509_crt_t certificate, struct buf *pem, struct fault *f)
{
    gnutls_datum_t text = { NULL, 0 };
    int rc = gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &text);
    if (rc < 0)
        return fault_set(f, FAULT_TLS, "cannot write a certificate as PEM: %s", gnutls_strerror(rc));
    enum fault_code code = buf_add(pem, text.data, text.size, f);
    gnutls_free(text.data);
    return code;
}

static int add_name(gnutls_x509_crt_t certificate, const char *name)
{
    unsigned char address[16];
    size_t n;
    if (names_is_address(name, address, &n))
        return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, address, (unsigned)n,
                                                    GNUTLS_FSAN_APPEND);
    return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, name, (unsigned)strlen(name),
                                                GNUTLS_FSAN_APPEND);
}

static int set_names(gnutls_x509_crt_t certificate, const struct mint_order *order)
{
    if (order->profile->id != PROFILE_SERVER)
        return 0;
    int rc = add_name(certificate, order->common_name);
    for (size_t i = 0; rc == 0 && order->names != NULL && i < order->names->count; i++)
        if (strcmp(order->names->at[i], order->common_name) != 0)
            rc = add_name(certificate, order->names->at[i]);
    return rc;
}

static const char *purpose_of(const struct profile *profile)
{
    return profile->serves ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT;
}

static int set_usage(gnutls_x509_crt_t certificate, const struct mint_order *order, gnutls_pubkey_t key)
{
    const struct profile *profile = order->profile;
    if (!profile_is_role(profile->id)) {
        bool root = profile->id == PROFILE_ROOT;
        int rc = gnutls_x509_crt_set_basic_constraints(certificate, 1, root ? order->path_length : 0);
        if (rc == 0)
            rc = gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
        /* In a CA's certificate it bounds what may stand below: a handsets' CA cannot make a server's. */
        if (rc == 0 && !root)
            rc = gnutls_x509_crt_set_key_purpose_oid(certificate, purpose_of(order->role), 0);
        return rc;
    }
    unsigned usage = GNUTLS_KEY_DIGITAL_SIGNATURE;
    /* Old handsets know RSA key transport only in their idea of a server's key usage. */
    if (profile->serves && gnutls_pubkey_get_pk_algorithm(key, NULL) == GNUTLS_PK_RSA)
        usage |= GNUTLS_KEY_KEY_ENCIPHERMENT;
    int rc = gnutls_x509_crt_set_basic_constraints(certificate, 0, -1);
    if (rc == 0)
        rc = gnutls_x509_crt_set_key_usage(certificate, usage);
    if (rc == 0)
        rc = gnutls_x509_crt_set_key_purpose_oid(certificate, purpose_of(profile), 0);
    return rc;
}

static int set_identity(gnutls_x509_crt_t certificate, const struct mint_order *order, gnutls_pubkey_t key)
{
    uint8_t serial[16], id[32];
    size_t n = sizeof id;
    do {
        secret_random(serial, sizeof serial);
        serial[0] &= 0x7f;    /* positive */
    } while (serial[0] == 0); /* the shortest form (X.690, 8.3.2) */
    int rc = gnutls_x509_crt_set_version(certificate, 3);
    if (rc == 0)
        rc = gnutls_x509_crt_set_serial(certificate, serial, sizeof serial);
    if (rc == 0)
        rc = gnutls_x509_crt_set_activation_time(certificate, order->not_before);
    if (rc == 0)
        rc = gnutls_x509_crt_set_expiration_time(certificate, order->not_after);
    if (rc == 0)
        rc = gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, order->common_name,
                                           (unsigned)strlen(order->common_name));
    if (rc == 0)
        rc = gnutls_x509_crt_set_pubkey(certificate, key);
    if (rc == 0)
        rc = gnutls_x509_crt_get_key_id(certificate, 0, id, &n);
    if (rc == 0)
        rc = gnutls_x509_crt_set_subject_key_id(certificate, id, n);
    return rc;
}

/* GnuTLS would sign what the CA's own constraints forbid; everybody would then refuse it. */
static enum fault_code check_issuer(const struct mint_order *order, const struct issuer *issuer,
                                    struct fault *f)
{
    char purpose[64];
    size_t n = sizeof purpose;
    unsigned status = 0;
    int path = -1;
    if (gnutls_x509_crt_get_basic_constraints(issuer->certificate, NULL, &status, &path) < 0 || status == 0)
        return fault_set(f, FAULT_CONTENT, "the certificate that should sign is not a CA's");
    if (order->profile->id == PROFILE_INTERMEDIATE && path == 0)
        return fault_set(f, FAULT_CONTENT, "this CA may not sign other CAs: the root does that");
    int rc = gnutls_x509_crt_get_key_purpose_oid(issuer->certificate, 0, purpose, &n, NULL);
    if (rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE || !profile_is_role(order->profile->id))
        return FAULT_OK;
    if (rc < 0 || strcmp(purpose, purpose_of(order->profile)) != 0)
        return fault_set(f, FAULT_CONTENT,
                         "this CA is constrained to another use than that of %s certificates",
                         order->profile->word);
    return FAULT_OK;
}

static int build(gnutls_x509_crt_t certificate, const struct mint_order *order, gnutls_pubkey_t key,
                 const struct issuer *issuer, gnutls_x509_privkey_t self)
{
    uint8_t id[64];
    size_t n = sizeof id;
    int rc = set_identity(certificate, order, key);
    if (rc == 0)
        rc = set_names(certificate, order);
    if (rc == 0)
        rc = set_usage(certificate, order, key);
    if (rc == 0 && issuer != NULL &&
        gnutls_x509_crt_get_subject_key_id(issuer->certificate, id, &n, NULL) == 0)
        rc = gnutls_x509_crt_set_authority_key_id(certificate, id, n);
    if (rc == 0)
        rc = gnutls_x509_crt_sign2(certificate, issuer != NULL ? issuer->certificate : certificate,
                                   issuer != NULL ? issuer->key : self,
                                   mint_digest(issuer != NULL ? issuer->key : self), 0);
    return rc;
}

enum fault_code mint_certificate(const struct mint_order *order, gnutls_pubkey_t key,
                                 const struct issuer *issuer, gnutls_x509_privkey_t self,
                                 gnutls_x509_crt_t *ret_certificate, struct fault *f)
{
    enum fault_code code = profile_check(order->profile, order->common_name, f);
    if (code == FAULT_OK)
        code = key_check(key, f);
    if (code == FAULT_OK && issuer != NULL)
        code = check_issuer(order, issuer, f);
    if (code == FAULT_OK && order->not_after <= order->not_before)
        code = fault_set(f, FAULT_INPUT, "a certificate must end after it begins");
    if (code != FAULT_OK)
        return code;
    gnutls_x509_crt_t certificate = NULL;
    int rc = gnutls_x509_crt_init(&certificate);
    if (rc == 0)
        rc = build(certificate, order, key, issuer, self);
    if (rc == 0) {
        *ret_certificate = certificate;
        return FAULT_OK;
    }
    gnutls_x509_crt_deinit(certificate);
    return fault_set(f, FAULT_TLS, "cannot make the certificate of %s: %s", order->common_name,
                     gnutls_strerror(rc));
}
