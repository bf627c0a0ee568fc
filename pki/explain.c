/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/explain.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/utf.h"
#include "pki/file.h"
#include "pki/mint.h"
#include "pki/names.h"

#include <arpa/inet.h>
#include <gnutls/pkcs12.h>
#include <string.h>

#define EXPLAIN_LIMIT ((size_t)64 << 20)
#define ENTRIES_SHOWN 100
#define NAME_SIZE     256
#define DAY           86400
#define RUN(step)             \
    do {                      \
        if (code == FAULT_OK) \
            code = (step);    \
    } while (0)

/* One line. What comes out of a file goes to a terminal: control characters become '?'. */
static enum fault_code line(struct buf *out, struct fault *f, const char *what, const char *text)
{
    char clean[NAME_SIZE];
    size_t used = 0, n = strlen(text);
    for (size_t i = 0, length; i < n && used + 4 < sizeof clean; i += length) {
        uint32_t point = 0;
        length = utf_next(text + i, n - i, &point);
        /* Bidirectional marks would show another order than there is. */
        bool odd = length == 0 || utf_is_control(point) || (point >= 0x200e && point <= 0x202e) ||
                   (point >= 0x2066 && point <= 0x2069);
        if (odd)
            clean[used++] = '?';
        else
            for (size_t k = 0; k < length; k++)
                clean[used++] = text[i + k];
        length = length == 0 ? 1 : length;
    }
    clean[used] = '\0';
    return buf_printf(out, f, "  %-12s %s\n", what, clean);
}

static enum fault_code period(struct buf *out, int64_t from, int64_t to, int64_t now, struct fault *f)
{
    char begin[25], end[25], days[64] = "";
    clock_rfc3339(from * 1000, begin, sizeof begin);
    clock_rfc3339(to * 1000, end, sizeof end);
    begin[10] = end[10] = '\0';
    long left = (long)((to - now) / DAY);
    if (now < from)
        (void)mem_copy_text(days, sizeof days, "NOT VALID YET");
    else if (now >= to)
        (void)mem_copy_text(days, sizeof days, "EXPIRED");
    else
        snprintf(days, sizeof days, "%ld days left", left);
    return buf_printf(out, f, "  %-12s %s to %s (%s)\n", "valid", begin, end, days);
}

static enum fault_code alternative(struct buf *out, int type, const unsigned char *data, size_t n,
                                   struct fault *f)
{
    char text[NAME_SIZE];
    if (type == GNUTLS_SAN_DNSNAME && mem_copy_bytes(text, sizeof text, data, n))
        return line(out, f, "name", text);
    if (type == GNUTLS_SAN_IPADDRESS && (n == 4 || n == 16) &&
        inet_ntop(n == 4 ? AF_INET : AF_INET6, data, text, sizeof text) != NULL)
        return line(out, f, "address", text);
    return line(out, f, "other name", "of a kind that handsets and browsers do not use");
}

static const char *purpose_words(const char *oid)
{
    static const struct {
        const char *oid, *words;
    } table[] = {
        { GNUTLS_KP_TLS_WWW_SERVER, "servers (serverAuth)" },
        { GNUTLS_KP_TLS_WWW_CLIENT, "clients (clientAuth)" },
        { GNUTLS_KP_EMAIL_PROTECTION, "mail" },
        { GNUTLS_KP_CODE_SIGNING, "signing programs" },
        { GNUTLS_KP_OCSP_SIGNING, "signing OCSP answers" },
        { GNUTLS_KP_ANY, "anything" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++)
        if (strcmp(table[i].oid, oid) == 0)
            return table[i].words;
    return oid;
}

static enum fault_code purposes(struct buf *out, gnutls_x509_crt_t certificate, struct fault *f)
{
    enum fault_code code = FAULT_OK;
    for (unsigned i = 0; code == FAULT_OK; i++) {
        char oid[128];
        size_t n = sizeof oid;
        int rc = gnutls_x509_crt_get_key_purpose_oid(certificate, i, oid, &n, NULL);
        if (rc < 0)
            return i > 0 ? code : line(out, f, "for", "anything (no extended key usage)");
        code = line(out, f, "for", purpose_words(oid));
    }
    return code;
}

static enum fault_code authority(struct buf *out, gnutls_x509_crt_t certificate, struct fault *f)
{
    unsigned ca = 0;
    int path = -1;
    if (gnutls_x509_crt_get_basic_constraints(certificate, NULL, &ca, &path) < 0 || ca == 0)
        return FAULT_OK;
    if (path < 0)
        return line(out, f, "CA", "may sign certificates and other CAs");
    return path == 0 ? line(out, f, "CA", "may sign certificates, but no other CA")
                     : buf_printf(out, f, "  %-12s may sign certificates and CAs, %d below each other\n",
                                  "CA", path);
}

static enum fault_code public_key(struct buf *out, gnutls_pubkey_t key, struct fault *f)
{
    char words[80];
    key_describe(key, words, sizeof words);
    enum fault_code code = line(out, f, "key", words);
    if (code == FAULT_OK && key_check(key, NULL) != FAULT_OK)
        code = line(out, f, "", "which is not what handsets take: RSA of 2048 to 4096 bits, P-256 or P-384");
    return code;
}

static enum fault_code names_of(struct buf *out, gnutls_x509_crt_t certificate, struct fault *f)
{
    enum fault_code code = FAULT_OK;
    for (unsigned i = 0; code == FAULT_OK && i < 4 * NAMES_MAX; i++) {
        unsigned char data[NAME_SIZE];
        size_t n = sizeof data;
        int type = gnutls_x509_crt_get_subject_alt_name(certificate, i, data, &n, NULL);
        if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            break;
        code = alternative(out, type, data, n, f);
    }
    return code;
}

static enum fault_code fingerprint(struct buf *out, gnutls_x509_crt_t certificate, struct fault *f)
{
    unsigned char hash[32];
    char hex[2 * sizeof hash + 1] = "";
    size_t n = sizeof hash;
    if (gnutls_x509_crt_get_fingerprint(certificate, GNUTLS_DIG_SHA256, hash, &n) == 0)
        secret_hex(hash, n, hex);
    return line(out, f, "SHA-256", hex);
}

static enum fault_code explain_certificate(gnutls_x509_crt_t certificate, int64_t now, struct buf *out,
                                           struct fault *f)
{
    char name[NAME_SIZE], serial[MINT_SERIAL_MAX];
    size_t n = sizeof name;
    gnutls_pubkey_t key = NULL;
    bool own = gnutls_x509_crt_check_issuer(certificate, certificate) != 0;
    enum fault_code code = buf_text(out, "Certificate\n", f);
    if (gnutls_x509_crt_get_dn(certificate, name, &n) < 0)
        (void)mem_copy_text(name, sizeof name, "(unusual)");
    RUN(line(out, f, "of", name));
    n = sizeof name;
    if (gnutls_x509_crt_get_issuer_dn(certificate, name, &n) < 0)
        (void)mem_copy_text(name, sizeof name, "(unusual)");
    RUN(line(out, f, "issued by", own ? "itself (self-signed)" : name));
    RUN(period(out, gnutls_x509_crt_get_activation_time(certificate),
               gnutls_x509_crt_get_expiration_time(certificate), now, f));
    RUN(authority(out, certificate, f));
    RUN(purposes(out, certificate, f));
    RUN(names_of(out, certificate, f));
    if (code == FAULT_OK && gnutls_pubkey_init(&key) == 0) {
        if (gnutls_pubkey_import_x509(key, certificate, 0) == 0)
            code = public_key(out, key, f);
        gnutls_pubkey_deinit(key);
    }
    const char *algorithm =
        gnutls_sign_get_name((gnutls_sign_algorithm_t)gnutls_x509_crt_get_signature_algorithm(certificate));
    RUN(line(out, f, "signed with", algorithm != NULL ? algorithm : "an unknown algorithm"));
    mint_serial(certificate, serial);
    RUN(line(out, f, "serial", serial));
    RUN(fingerprint(out, certificate, f));
    return code;
}

static enum fault_code explain_request(gnutls_x509_crq_t crq, struct buf *out, struct fault *f)
{
    char name[NAME_SIZE];
    size_t n = sizeof name;
    gnutls_pubkey_t key = NULL;
    enum fault_code code = buf_text(out, "Certificate request\n", f);
    if (gnutls_x509_crq_get_dn(crq, name, &n) < 0)
        (void)mem_copy_text(name, sizeof name, "(none)");
    RUN(line(out, f, "asks for", name));
    for (unsigned i = 0; code == FAULT_OK && i < 4 * NAMES_MAX; i++) {
        unsigned char data[NAME_SIZE];
        unsigned type = 0;
        n = sizeof data;
        int rc = gnutls_x509_crq_get_subject_alt_name(crq, i, data, &n, &type, NULL);
        if (rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            break;
        code = alternative(out, rc < 0 ? -1 : (int)type, data, n, f);
    }
    if (code == FAULT_OK && gnutls_pubkey_init(&key) == 0) {
        if (gnutls_pubkey_import_x509_crq(key, crq, 0) == 0)
            code = public_key(out, key, f);
        gnutls_pubkey_deinit(key);
    }
    RUN(line(out, f, "signature",
             gnutls_x509_crq_verify(crq, 0) == 0 ? "right: who asks holds the key" : "WRONG"));
    return code;
}

static enum fault_code entries_of(gnutls_x509_crl_t crl, int count, struct buf *out, struct fault *f)
{
    enum fault_code code = FAULT_OK;
    gnutls_x509_crl_iter_t iter = NULL;
    for (int i = 0; code == FAULT_OK && i < count && i < ENTRIES_SHOWN; i++) {
        unsigned char bytes[32];
        char hex[2 * sizeof bytes + 1], date[25];
        size_t n = sizeof bytes;
        time_t when = 0;
        if (gnutls_x509_crl_iter_crt_serial(crl, &iter, bytes, &n, &when) < 0)
            break;
        secret_hex(bytes, n, hex);
        clock_rfc3339((int64_t)when * 1000, date, sizeof date);
        date[10] = '\0';
        code = buf_printf(out, f, "  %-12s %s on %s\n", "revoked", hex, date);
    }
    if (iter != NULL)
        gnutls_x509_crl_iter_deinit(iter);
    if (code == FAULT_OK && count > ENTRIES_SHOWN)
        code = buf_printf(out, f, "  %-12s and %d more\n", "", count - ENTRIES_SHOWN);
    return code;
}

static enum fault_code explain_crl(gnutls_x509_crl_t crl, int64_t now, struct buf *out, struct fault *f)
{
    char name[NAME_SIZE];
    size_t n = sizeof name;
    unsigned char bytes[20];
    char hex[2 * sizeof bytes + 1];
    int count = gnutls_x509_crl_get_crt_count(crl);
    enum fault_code code = buf_text(out, "List of revocations\n", f);
    if (gnutls_x509_crl_get_issuer_dn(crl, name, &n) < 0)
        (void)mem_copy_text(name, sizeof name, "(unusual)");
    RUN(line(out, f, "by", name));
    RUN(period(out, gnutls_x509_crl_get_this_update(crl), gnutls_x509_crl_get_next_update(crl), now, f));
    n = sizeof bytes;
    if (gnutls_x509_crl_get_number(crl, bytes, &n, NULL) == 0) {
        secret_hex(bytes, n, hex);
        RUN(line(out, f, "number", hex));
    }
    RUN(buf_printf(out, f, "  %-12s %d\n", "entries", count));
    RUN(entries_of(crl, count, out, f));
    return code;
}

/* --- PEM and DER --- */

static enum fault_code certificate_in(const gnutls_datum_t *data, gnutls_x509_crt_fmt_t form, int64_t now,
                                      struct buf *out, struct fault *f)
{
    gnutls_x509_crt_t certificate = NULL;
    enum fault_code code = fault_set(f, FAULT_INPUT, "a certificate in it cannot be read");
    if (gnutls_x509_crt_init(&certificate) == 0 && gnutls_x509_crt_import(certificate, data, form) == 0)
        code = explain_certificate(certificate, now, out, f);
    gnutls_x509_crt_deinit(certificate);
    return code;
}

static enum fault_code request_in(const gnutls_datum_t *data, gnutls_x509_crt_fmt_t form, struct buf *out,
                                  struct fault *f)
{
    gnutls_x509_crq_t crq = NULL;
    enum fault_code code = fault_set(f, FAULT_INPUT, "a request in it cannot be read");
    if (gnutls_x509_crq_init(&crq) == 0 && gnutls_x509_crq_import(crq, data, form) == 0)
        code = explain_request(crq, out, f);
    if (crq != NULL)
        gnutls_x509_crq_deinit(crq);
    return code;
}

static enum fault_code crl_in(const gnutls_datum_t *data, gnutls_x509_crt_fmt_t form, int64_t now,
                              struct buf *out, struct fault *f)
{
    gnutls_x509_crl_t crl = NULL;
    enum fault_code code = fault_set(f, FAULT_INPUT, "a list of revocations in it cannot be read");
    if (gnutls_x509_crl_init(&crl) == 0 && gnutls_x509_crl_import(crl, data, form) == 0)
        code = explain_crl(crl, now, out, f);
    if (crl != NULL)
        gnutls_x509_crl_deinit(crl);
    return code;
}

static enum fault_code key_in(const gnutls_datum_t *data, const char *label, struct buf *out, struct fault *f)
{
    gnutls_x509_privkey_t key = NULL;
    gnutls_pubkey_t public = NULL;
    enum fault_code code = buf_text(out, "Private key (not shown)\n", f);
    if (strncmp(label, "ENCRYPTED", 9) == 0)
        return code == FAULT_OK ? line(out, f, "encrypted", "yes, with a passphrase") : code;
    RUN(line(out, f, "encrypted", "no: whoever reads this file has the key"));
    if (gnutls_x509_privkey_init(&key) == 0 &&
        gnutls_x509_privkey_import(key, data, GNUTLS_X509_FMT_PEM) == 0 &&
        key_public(key, &public, NULL) == FAULT_OK) {
        RUN(public_key(out, public, f));
        gnutls_pubkey_deinit(public);
    }
    gnutls_x509_privkey_deinit(key);
    return code;
}

static enum fault_code explain_pem(const struct buf *text, int64_t now, struct buf *out, struct fault *f)
{
    static const char begin[] = "-----BEGIN ";
    enum fault_code code = FAULT_OK;
    for (char *at = text->data; code == FAULT_OK && (at = strstr(at, begin)) != NULL;) {
        const char *label = at + sizeof begin - 1;
        char *end = strstr(label, "-----END ");
        end = end != NULL ? strchr(end, '\n') : NULL;
        const gnutls_datum_t block = { (unsigned char *)at,
                                       (unsigned)((end != NULL ? end + 1 : text->data + text->used) - at) };
        at += block.size;
        if (strncmp(label, "CERTIFICATE REQUEST", 19) == 0 ||
            strncmp(label, "NEW CERTIFICATE REQUEST", 23) == 0)
            code = request_in(&block, GNUTLS_X509_FMT_PEM, out, f);
        else if (strncmp(label, "CERTIFICATE", 11) == 0 || strncmp(label, "X509 CERTIFICATE", 16) == 0 ||
                 strncmp(label, "TRUSTED CERTIFICATE", 19) == 0)
            code = certificate_in(&block, GNUTLS_X509_FMT_PEM, now, out, f);
        else if (strncmp(label, "X509 CRL", 8) == 0)
            code = crl_in(&block, GNUTLS_X509_FMT_PEM, now, out, f);
        else if (strstr(label, "PRIVATE KEY-----") != NULL &&
                 strchr(label, '\n') > strstr(label, "PRIVATE KEY-----"))
            code = key_in(&block, label, out, f);
        else
            code = buf_text(out, "Something else, which is passed over\n", f);
    }
    return code;
}

static enum fault_code bags_of(gnutls_pkcs12_t p12, const struct passphrase *passphrase, int64_t now,
                               struct buf *out, struct fault *f)
{
    gnutls_x509_privkey_t key = NULL;
    gnutls_x509_crt_t *chain = NULL;
    unsigned count = 0;
    enum fault_code code = FAULT_OK;
    if (gnutls_pkcs12_verify_mac(p12, passphrase->text) < 0)
        return fault_set(f, FAULT_INPUT, "the passphrase does not open it");
    int rc = gnutls_pkcs12_simple_parse(p12, passphrase->text, &key, &chain, &count, NULL, NULL, NULL,
                                        GNUTLS_PKCS12_SP_INCLUDE_SELF_SIGNED);
    if (rc < 0)
        return fault_set(f, FAULT_INPUT, "it cannot be read: %s", gnutls_strerror(rc));
    RUN(buf_text(out, key != NULL ? "Private key (not shown)\n" : "No private key\n", f));
    for (unsigned i = 0; i < count; i++) {
        RUN(explain_certificate(chain[i], now, out, f));
        gnutls_x509_crt_deinit(chain[i]);
    }
    gnutls_free(chain);
    gnutls_x509_privkey_deinit(key);
    return code;
}

static enum fault_code p12_in(const gnutls_datum_t *data, const char *file, int64_t now,
                              const struct passphrase_source *source, struct buf *out, struct fault *f)
{
    gnutls_pkcs12_t p12 = NULL;
    struct passphrase passphrase = { "" };
    if (gnutls_pkcs12_init(&p12) < 0)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    enum fault_code code = FAULT_OK;
    if (gnutls_pkcs12_import(p12, data, GNUTLS_X509_FMT_DER, 0) < 0)
        code = fault_set(f, FAULT_INPUT, "it is no certificate, request, list of revocations or PKCS #12");
    RUN(buf_text(out, "PKCS #12\n", f));
    if (code == FAULT_OK && source == NULL)
        code = line(out, f, "closed", "give its passphrase to look inside");
    else if (code == FAULT_OK)
        code = source->get(source->user, file, &passphrase, f);
    if (code == FAULT_OK && source != NULL)
        code = bags_of(p12, &passphrase, now, out, f);
    gnutls_pkcs12_deinit(p12);
    mem_wipe(&passphrase, sizeof passphrase);
    return code;
}

static enum fault_code explain_der(const struct buf *text, const char *file, int64_t now,
                                   const struct passphrase_source *source, struct buf *out, struct fault *f)
{
    const gnutls_datum_t data = { (unsigned char *)text->data, (unsigned)text->used };
    if (certificate_in(&data, GNUTLS_X509_FMT_DER, now, out, f) == FAULT_OK ||
        request_in(&data, GNUTLS_X509_FMT_DER, out, f) == FAULT_OK ||
        crl_in(&data, GNUTLS_X509_FMT_DER, now, out, f) == FAULT_OK)
        return buf_text(out, "(DER: what needs PEM cannot read this file as it is)\n", f);
    return p12_in(&data, file, now, source, out, f);
}

enum fault_code explain_file(const char *file, int64_t now, const struct passphrase_source *source,
                             struct buf *out, struct fault *f)
{
    struct buf text;
    buf_init(&text, EXPLAIN_LIMIT);
    enum fault_code code = file_read(file, &text, f);
    if (code == FAULT_OK && text.used == 0)
        code = fault_set(f, FAULT_INPUT, "%s is empty", file);
    else if (code == FAULT_OK) {
        bool pem = memmem(text.data, text.used, "-----BEGIN ", 11) != NULL &&
                   memchr(text.data, '\0', text.used) == NULL;
        code = pem ? explain_pem(&text, now, out, f) : explain_der(&text, file, now, source, out, f);
        if (code == FAULT_INPUT)
            code = fault_prefix(f, "%s", file);
    }
    buf_wipe(&text);
    return code;
}
