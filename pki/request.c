/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/request.h"
#include "base/mem.h"
#include "pki/file.h"
#include "pki/mint.h"

#include <arpa/inet.h>
#include <string.h>

#define REQUEST_LIMIT (1 << 20)

void request_fini(struct request *request)
{
    if (request->key != NULL)
        gnutls_pubkey_deinit(request->key);
    request->key = NULL;
}

/* A name of the request, or false when it is of a kind that no certificate of ours has. */
static bool take_name(struct request *request, unsigned type, const unsigned char *data, size_t n)
{
    char text[NAMES_HOST_MAX + 1];
    if (type == GNUTLS_SAN_DNSNAME)
        return mem_copy_bytes(text, sizeof text, data, n) &&
               names_add(&request->names, text, NULL) == FAULT_OK;
    if (type == GNUTLS_SAN_IPADDRESS && (n == 4 || n == 16))
        return inet_ntop(n == 4 ? AF_INET : AF_INET6, data, text, sizeof text) != NULL &&
               names_add(&request->names, text, NULL) == FAULT_OK;
    return false;
}

static void read_names(gnutls_x509_crq_t crq, struct request *request)
{
    char cn[NAMES_CN_MAX + 2];
    size_t n = sizeof cn;
    if (gnutls_x509_crq_get_dn_by_oid(crq, GNUTLS_OID_X520_COMMON_NAME, 0, 0, cn, &n) == 0 &&
        names_check_common(cn, NULL) == FAULT_OK)
        (void)mem_copy_text(request->common_name, sizeof request->common_name, cn);
    for (unsigned i = 0; i < 4 * NAMES_MAX; i++) {
        unsigned char data[NAMES_HOST_MAX + 1];
        unsigned type = 0;
        n = sizeof data;
        int rc = gnutls_x509_crq_get_subject_alt_name(crq, i, data, &n, &type, NULL);
        if (rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            break;
        /* A short buffer means a name that is too long for us; the next one may do. */
        if (rc < 0 || !take_name(request, type, data, n))
            request->ignored++;
    }
}

static enum fault_code read_request(gnutls_x509_crq_t crq, const char *file, struct request *request,
                                    struct fault *f)
{
    if (gnutls_x509_crq_verify(crq, 0) < 0)
        return fault_set(
            f, FAULT_CONTENT,
            "the request %s is not signed with the key in it: who made it does not hold that key", file);
    if (gnutls_pubkey_init(&request->key) < 0)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    if (gnutls_pubkey_import_x509_crq(request->key, crq, 0) < 0)
        return fault_set(f, FAULT_CONTENT, "the key in %s cannot be read", file);
    enum fault_code code = key_check(request->key, f);
    if (code != FAULT_OK)
        return fault_prefix(f, "the request %s", file);
    read_names(crq, request);
    return FAULT_OK;
}

enum fault_code request_load(const char *file, struct request *ret_request, struct fault *f)
{
    struct request request = { 0 };
    gnutls_x509_crq_t crq = NULL;
    struct buf text;
    buf_init(&text, REQUEST_LIMIT);
    enum fault_code code = file_read(file, &text, f);
    if (code == FAULT_OK && gnutls_x509_crq_init(&crq) < 0)
        code = fault_set(f, FAULT_MEMORY, "out of memory");
    const gnutls_datum_t data = { (unsigned char *)text.data, (unsigned)text.used };
    if (code == FAULT_OK && (text.used == 0 || (gnutls_x509_crq_import(crq, &data, GNUTLS_X509_FMT_PEM) < 0 &&
                                                gnutls_x509_crq_import(crq, &data, GNUTLS_X509_FMT_DER) < 0)))
        code = fault_set(f, FAULT_INPUT, "%s is no certificate request", file);
    if (code == FAULT_OK)
        code = read_request(crq, file, &request, f);
    if (crq != NULL)
        gnutls_x509_crq_deinit(crq);
    buf_wipe(&text);
    if (code == FAULT_OK)
        *ret_request = request;
    else
        request_fini(&request);
    return code;
}

static int ask_name(gnutls_x509_crq_t crq, const char *name)
{
    unsigned char address[16];
    size_t n;
    if (names_is_address(name, address, &n))
        return gnutls_x509_crq_set_subject_alt_name(crq, GNUTLS_SAN_IPADDRESS, address, (unsigned)n,
                                                    GNUTLS_FSAN_APPEND);
    return gnutls_x509_crq_set_subject_alt_name(crq, GNUTLS_SAN_DNSNAME, name, (unsigned)strlen(name),
                                                GNUTLS_FSAN_APPEND);
}

enum fault_code request_make(gnutls_x509_privkey_t key, const char *common_name, const struct names *names,
                             struct buf *pem, struct fault *f)
{
    gnutls_x509_crq_t crq = NULL;
    gnutls_datum_t text = { NULL, 0 };
    int rc = gnutls_x509_crq_init(&crq);
    if (rc == 0)
        rc = gnutls_x509_crq_set_version(crq, 1);
    if (rc == 0)
        rc = gnutls_x509_crq_set_dn_by_oid(crq, GNUTLS_OID_X520_COMMON_NAME, 0, common_name,
                                           (unsigned)strlen(common_name));
    for (size_t i = 0; rc == 0 && names != NULL && i < names->count; i++)
        rc = ask_name(crq, names->at[i]);
    if (rc == 0)
        rc = gnutls_x509_crq_set_key(crq, key);
    if (rc == 0)
        rc = gnutls_x509_crq_sign2(crq, key, mint_digest(key), 0);
    if (rc == 0)
        rc = gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_PEM, &text);
    if (crq != NULL)
        gnutls_x509_crq_deinit(crq);
    if (rc < 0)
        return fault_set(f, FAULT_TLS, "cannot make the request for %s: %s", common_name,
                         gnutls_strerror(rc));
    enum fault_code code = buf_add(pem, text.data, text.size, f);
    gnutls_free(text.data);
    return code;
}

enum fault_code request_new(enum key_kind kind, const char *common_name, const struct names *names,
                            struct buf *key, struct buf *pem, struct fault *f)
{
    gnutls_x509_privkey_t made = NULL;
    enum fault_code code = key_generate(kind, &made, f);
    if (code == FAULT_OK)
        code = request_make(made, common_name, names, pem, f);
    if (code == FAULT_OK)
        code = key_export(made, NULL, key, f);
    gnutls_x509_privkey_deinit(made);
    return code;
}
