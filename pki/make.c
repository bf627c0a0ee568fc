/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/make.h"

#include "base/mac.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/utf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CN_LIMIT   64 /* ub-common-name (RFC 5280, A.1) */
#define HOST_LIMIT 253

/* What one certificate is made of; all are freed at the end. */
struct workshop {
    gnutls_x509_privkey_t key, ca_key;
    gnutls_x509_crt_t certificate, ca;
    gnutls_datum_t key_pem, certificate_pem, ca_pem;
};

static void close_workshop(struct workshop *w)
{
    gnutls_x509_privkey_deinit(w->key);
    gnutls_x509_privkey_deinit(w->ca_key);
    gnutls_x509_crt_deinit(w->certificate);
    gnutls_x509_crt_deinit(w->ca);
    mem_wipe(w->key_pem.data, w->key_pem.size);
    gnutls_free(w->key_pem.data);
    gnutls_free(w->certificate_pem.data);
    gnutls_free(w->ca_pem.data);
}

static enum fault_code failed(int rc, const char *what, struct fault *f)
{
    return fault_set(f, FAULT_TLS, "cannot make the certificate (%s): %s", what, gnutls_strerror(rc));
}

/* Host names as RFC 1123 has them, perhaps with "*." before, and numeric addresses. */
static bool is_name(const char *name)
{
    uint8_t address[16];
    if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
        return true;
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    const char *host = strncmp(name, "*.", 2) == 0 ? name + 2 : name;
    size_t n = strlen(host);
    return n > 0 && n <= HOST_LIMIT && strspn(host, legal) == n && strchr("-.", host[0]) == NULL &&
           strchr("-.", host[n - 1]) == NULL && strstr(host, "..") == NULL;
}

static enum fault_code check(const struct make_subject *subject, bool by_ca, struct fault *f)
{
    const char *cn = subject->common_name;
    size_t n = cn ? strlen(cn) : 0;
    struct mac mac;
    if (n == 0 || n > CN_LIMIT)
        return fault_set(f, FAULT_INPUT, "a common name has 1 to %d bytes", CN_LIMIT);
    for (size_t i = 0, length; i < n; i += length) {
        uint32_t point = 0;
        length = utf_next(cn + i, n - i, &point);
        if (length == 0 || utf_is_control(point))
            return fault_set(f, FAULT_INPUT, "a common name is UTF-8 without control characters");
    }
    if (subject->purpose == MAKE_HANDSET && (n != MAC_DIGITS || !mac_parse(cn, n, &mac)))
        return fault_set(f, FAULT_INPUT, "a handset's common name is its MAC, 12 hex digits, not \"%s\"", cn);
    if (subject->purpose == MAKE_SERVER && !is_name(cn))
        return fault_set(f, FAULT_INPUT, "a server's common name is a host name or an address, not \"%s\"",
                         cn);
    for (size_t i = 0; i < MAKE_NAMES_MAX && subject->names[i]; i++)
        if (!is_name(subject->names[i]))
            return fault_set(f, FAULT_INPUT, "\"%s\" is neither a host name nor an address",
                             subject->names[i]);
    if (subject->purpose != MAKE_CA && !by_ca)
        return fault_set(f, FAULT_INPUT, "only a CA signs itself: name the CA that signs this certificate");
    return FAULT_OK;
}

static enum fault_code load(const char *file, gnutls_datum_t *ret_data, struct fault *f)
{
    int rc = gnutls_load_file(file, ret_data);
    return rc == 0 ? FAULT_OK : fault_set(f, FAULT_ABSENT, "cannot read %s: %s", file, gnutls_strerror(rc));
}

/* A wrong key would sign all the same, and every client would refuse the result. */
static bool belong_together(const struct workshop *w)
{
    uint8_t a[20], b[20];
    size_t n_a = sizeof a, n_b = sizeof b;
    return gnutls_x509_crt_get_key_id(w->ca, 0, a, &n_a) == 0 &&
           gnutls_x509_privkey_get_key_id(w->ca_key, 0, b, &n_b) == 0 && n_a == n_b && memcmp(a, b, n_a) == 0;
}

static enum fault_code load_ca(struct workshop *w, const char *certificate, const char *key, struct fault *f)
{
    gnutls_datum_t key_pem = { 0 };
    enum fault_code code = load(certificate, &w->ca_pem, f);
    if (code == FAULT_OK)
        code = load(key, &key_pem, f);
    if (code == FAULT_OK && (gnutls_x509_crt_init(&w->ca) < 0 ||
                             gnutls_x509_crt_import(w->ca, &w->ca_pem, GNUTLS_X509_FMT_PEM) < 0))
        code = fault_set(f, FAULT_INPUT, "%s is no PEM certificate", certificate);
    if (code == FAULT_OK && (gnutls_x509_privkey_init(&w->ca_key) < 0 ||
                             gnutls_x509_privkey_import(w->ca_key, &key_pem, GNUTLS_X509_FMT_PEM) < 0))
        code = fault_set(f, FAULT_INPUT, "%s is no PEM private key", key);
    if (code == FAULT_OK && gnutls_x509_crt_get_ca_status(w->ca, NULL) <= 0)
        code = fault_set(f, FAULT_INPUT, "%s is not the certificate of a CA", certificate);
    if (code == FAULT_OK && !belong_together(w))
        code = fault_set(f, FAULT_INPUT, "the key %s does not belong to the CA %s", key, certificate);
    mem_wipe(key_pem.data, key_pem.size);
    gnutls_free(key_pem.data);
    return code;
}

static enum fault_code make_key(struct workshop *w, enum make_key kind, struct fault *f)
{
    int rc = gnutls_x509_privkey_init(&w->key);
    if (rc == 0)
        rc = kind == MAKE_RSA_2048
                 ? gnutls_x509_privkey_generate(w->key, GNUTLS_PK_RSA, 2048, 0)
                 : gnutls_x509_privkey_generate(w->key, GNUTLS_PK_ECDSA,
                                                GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    if (rc == 0)
        rc = gnutls_x509_privkey_export2(w->key, GNUTLS_X509_FMT_PEM, &w->key_pem);
    return rc == 0 ? FAULT_OK : failed(rc, "key", f);
}

static int add_name(gnutls_x509_crt_t certificate, const char *name)
{
    uint8_t address[16];
    if (inet_pton(AF_INET, name, address) == 1)
        return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, address, 4,
                                                    GNUTLS_FSAN_APPEND);
    if (inet_pton(AF_INET6, name, address) == 1)
        return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, address, 16,
                                                    GNUTLS_FSAN_APPEND);
    return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, name, (unsigned)strlen(name),
                                                GNUTLS_FSAN_APPEND);
}

static int set_names(gnutls_x509_crt_t certificate, const struct make_subject *subject)
{
    int rc = subject->purpose == MAKE_SERVER ? add_name(certificate, subject->common_name) : 0;
    for (size_t i = 0; rc == 0 && i < MAKE_NAMES_MAX && subject->names[i]; i++)
        rc = add_name(certificate, subject->names[i]);
    return rc;
}

static int set_usage(gnutls_x509_crt_t certificate, const struct make_subject *subject)
{
    if (subject->purpose == MAKE_CA) {
        int rc = gnutls_x509_crt_set_basic_constraints(certificate, 1, -1);
        return rc ? rc
                  : gnutls_x509_crt_set_key_usage(certificate,
                                                  GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
    }
    unsigned usage = GNUTLS_KEY_DIGITAL_SIGNATURE;
    /* Old handsets know RSA key transport only in their idea of a server's key usage. */
    if (subject->purpose == MAKE_SERVER && subject->key == MAKE_RSA_2048)
        usage |= GNUTLS_KEY_KEY_ENCIPHERMENT;
    int rc = gnutls_x509_crt_set_basic_constraints(certificate, 0, -1);
    if (rc == 0)
        rc = gnutls_x509_crt_set_key_usage(certificate, usage);
    if (rc == 0)
        rc = gnutls_x509_crt_set_key_purpose_oid(
            certificate,
            subject->purpose == MAKE_SERVER ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT, 0);
    return rc;
}

static int set_identity(struct workshop *w, const struct make_subject *subject)
{
    uint8_t serial[16], id[20];
    size_t n = sizeof id;
    do {
        secret_random(serial, sizeof serial);
        serial[0] &= 0x7f;    /* positive */
    } while (serial[0] == 0); /* the shortest form (X.690, 8.3.2) */
    int64_t from = subject->not_before ? subject->not_before : time(NULL) - 3600;
    int rc = gnutls_x509_crt_init(&w->certificate);
    if (rc == 0)
        rc = gnutls_x509_crt_set_version(w->certificate, 3);
    if (rc == 0)
        rc = gnutls_x509_crt_set_serial(w->certificate, serial, sizeof serial);
    if (rc == 0)
        rc = gnutls_x509_crt_set_activation_time(w->certificate, from);
    if (rc == 0)
        rc = gnutls_x509_crt_set_expiration_time(w->certificate, subject->not_after);
    if (rc == 0)
        rc = gnutls_x509_crt_set_dn_by_oid(w->certificate, GNUTLS_OID_X520_COMMON_NAME, 0,
                                           subject->common_name, (unsigned)strlen(subject->common_name));
    if (rc == 0)
        rc = gnutls_x509_crt_set_key(w->certificate, w->key);
    if (rc == 0)
        rc = gnutls_x509_crt_get_key_id(w->certificate, 0, id, &n);
    if (rc == 0)
        rc = gnutls_x509_crt_set_subject_key_id(w->certificate, id, n);
    return rc;
}

static enum fault_code make_signed(struct workshop *w, const struct make_subject *subject, struct fault *f)
{
    uint8_t id[64];
    size_t n = sizeof id;
    int rc = set_identity(w, subject);
    if (rc == 0)
        rc = set_names(w->certificate, subject);
    if (rc == 0)
        rc = set_usage(w->certificate, subject);
    if (rc == 0 && w->ca && gnutls_x509_crt_get_subject_key_id(w->ca, id, &n, NULL) == 0)
        rc = gnutls_x509_crt_set_authority_key_id(w->certificate, id, n);
    if (rc == 0)
        rc = gnutls_x509_crt_sign2(w->certificate, w->ca ? w->ca : w->certificate, w->ca ? w->ca_key : w->key,
                                   GNUTLS_DIG_SHA256, 0);
    if (rc == 0)
        rc = gnutls_x509_crt_export2(w->certificate, GNUTLS_X509_FMT_PEM, &w->certificate_pem);
    return rc == 0 ? FAULT_OK : failed(rc, subject->common_name, f);
}

static enum fault_code write_new(const char *file, mode_t mode, const gnutls_datum_t *first,
                                 const gnutls_datum_t *second, struct fault *f)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return fault_set(f, errno == EEXIST ? FAULT_CONFLICT : FAULT_IO, "cannot make %s: %s", file,
                         strerror(errno));
    bool good = write(fd, first->data, first->size) == (ssize_t)first->size &&
                write(fd, second->data, second->size) == (ssize_t)second->size && fsync(fd) == 0;
    int why = errno;
    close(fd);
    if (good)
        return FAULT_OK;
    unlink(file);
    return fault_set(f, FAULT_IO, "cannot write %s: %s", file, strerror(why));
}

enum fault_code make_certificate(const struct make_subject *subject, const char *ca_certificate,
                                 const char *ca_key, const char *certificate, const char *key,
                                 struct fault *f)
{
    struct workshop w = { 0 };
    const gnutls_datum_t nothing = { (unsigned char *)"", 0 };
    enum fault_code code = check(subject, ca_certificate != NULL, f);
    if (code == FAULT_OK && ca_certificate)
        code = load_ca(&w, ca_certificate, ca_key, f);
    if (code == FAULT_OK)
        code = make_key(&w, subject->key, f);
    if (code == FAULT_OK)
        code = make_signed(&w, subject, f);
    if (code == FAULT_OK)
        code = write_new(key, 0600, &w.key_pem, &nothing, f);
    if (code == FAULT_OK) {
        code = write_new(certificate, 0644, &w.certificate_pem, ca_certificate ? &w.ca_pem : &nothing, f);
        if (code)
            unlink(key);
    }
    close_workshop(&w);
    return code;
}
