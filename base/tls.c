/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tls.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/tls_file.h"
#include <errno.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct tls_identity {
    atomic_uint references;
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priority;
};

enum fault_code tls_init(struct fault *f)
{
    int rc = gnutls_global_init();
    if (rc != GNUTLS_E_SUCCESS)
        return fault_set(f, FAULT_TLS, "GnuTLS does not start: %s", gnutls_strerror(rc));
    if (gnutls_check_version("3.7.0") == NULL)
        return fault_set(f, FAULT_TLS, "GnuTLS %s is too old: 3.7.0 is needed", gnutls_check_version(NULL));
    return FAULT_OK;
}

/* Identities */

static gnutls_datum_t tls_datum(const struct buf *b)
{
    return (gnutls_datum_t){ .data = (unsigned char *)b->data, .size = (unsigned)b->used };
}

struct tls_pair {
    const char *chain, *key; /* file names */
    struct buf chain_pem, key_pem;
    bool rsa;
};

/* Each file is tried alone first: GnuTLS's call for both does not tell which of them was wrong. */
static enum fault_code tls_check_chain(const struct tls_pair *pair, struct fault *f)
{
    const gnutls_datum_t pem = tls_datum(&pair->chain_pem);
    gnutls_x509_crt_t *crts = NULL;
    unsigned count = 0;
    int rc = gnutls_x509_crt_list_import2(&crts, &count, &pem, GNUTLS_X509_FMT_PEM, 0);
    if (rc < 0)
        return fault_set(f, FAULT_INPUT,
                         "%s holds no usable PEM certificate (%s): give the chain, leaf first", pair->chain,
                         gnutls_strerror(rc));
    for (unsigned i = 0; i < count; i++)
        gnutls_x509_crt_deinit(crts[i]);
    gnutls_free(crts);
    return FAULT_OK;
}

static enum fault_code tls_check_key(struct tls_pair *pair, struct fault *f)
{
    const gnutls_datum_t pem = tls_datum(&pair->key_pem);
    gnutls_x509_privkey_t key;
    if (gnutls_x509_privkey_init(&key) < 0)
        return fault_set(f, FAULT_MEMORY, "no memory for a private key");
    int rc = gnutls_x509_privkey_import2(key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    pair->rsa = rc >= 0 && gnutls_x509_privkey_get_pk_algorithm(key) == GNUTLS_PK_RSA;
    gnutls_x509_privkey_deinit(key);
    if (rc == GNUTLS_E_DECRYPTION_FAILED)
        return fault_set(f, FAULT_INPUT,
                         "the key %s is locked with a password: store it without one, mode 0600", pair->key);
    if (rc < 0)
        return fault_set(f, FAULT_INPUT, "%s holds no usable PEM private key: %s", pair->key,
                         gnutls_strerror(rc));
    return FAULT_OK;
}

static enum fault_code tls_read_pair(struct tls_pair *pair, struct fault *f)
{
    if (!tls_file_named(pair->chain) && !tls_file_named(pair->key))
        return FAULT_OK;
    if (!tls_file_named(pair->chain))
        return fault_set(f, FAULT_INPUT,
                         "the private key %s needs its certificate: name the chain's file too", pair->key);
    if (!tls_file_named(pair->key))
        return fault_set(f, FAULT_INPUT, "the certificate %s needs its private key: name the key's file too",
                         pair->chain);
    enum fault_code code = tls_file_read(pair->chain, &pair->chain_pem, f);
    if (code == FAULT_OK)
        code = tls_file_read(pair->key, &pair->key_pem, f);
    if (code == FAULT_OK)
        code = tls_check_chain(pair, f);
    if (code == FAULT_OK)
        code = tls_check_key(pair, f);
    return code;
}

static enum fault_code tls_use_pair(struct tls_identity *identity, const struct tls_pair *pair,
                                    struct fault *f)
{
    if (!tls_file_named(pair->chain))
        return FAULT_OK;
    const gnutls_datum_t chain = tls_datum(&pair->chain_pem), key = tls_datum(&pair->key_pem);
    int rc = gnutls_certificate_set_x509_key_mem2(identity->credentials, &chain, &key, GNUTLS_X509_FMT_PEM,
                                                  NULL, 0);
    if (rc == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
        return fault_set(
            f, FAULT_INPUT,
            "the key %s does not belong to the first certificate in %s: put the server's own certificate "
            "first, and give the key that it was requested with",
            pair->key, pair->chain);
    if (rc < 0)
        return fault_set(f, FAULT_INPUT, "cannot use the certificate %s with the key %s: %s", pair->chain,
                         pair->key, gnutls_strerror(rc));
    return FAULT_OK;
}

static enum fault_code tls_load_pairs(struct tls_identity *identity, const struct tls_identity_files *files,
                                      struct fault *f)
{
    struct tls_pair pairs[2];
    enum fault_code code = FAULT_OK;
    for (int i = 0; i < 2; i++) {
        pairs[i] = (struct tls_pair){ .chain = files->chain[i], .key = files->key[i] };
        buf_init(&pairs[i].chain_pem, TLS_FILE_LIMIT);
        buf_init(&pairs[i].key_pem, TLS_FILE_LIMIT);
    }
    for (int i = 0; code == FAULT_OK && i < 2; i++)
        code = tls_read_pair(&pairs[i], f);
    /* On TLS 1.3 GnuTLS takes the first that the client can use, and ECDSA costs an eighth of RSA here. */
    int first = code == FAULT_OK && pairs[0].rsa && tls_file_named(pairs[1].chain);
    if (code == FAULT_OK)
        code = tls_use_pair(identity, &pairs[first], f);
    if (code == FAULT_OK)
        code = tls_use_pair(identity, &pairs[1 - first], f);
    for (int i = 0; i < 2; i++) {
        buf_fini(&pairs[i].chain_pem);
        buf_wipe(&pairs[i].key_pem);
    }
    return code;
}

static enum fault_code tls_load_all(struct tls_identity *identity, const struct tls_identity_files *files,
                                    struct fault *f)
{
    int rc = gnutls_certificate_allocate_credentials(&identity->credentials);
    if (rc < 0)
        return fault_set(f, FAULT_TLS, "cannot make TLS credentials: %s", gnutls_strerror(rc));
    const char *priority = tls_file_named(files->priority) ? files->priority : TLS_PRIORITY_DEFAULT;
    const char *at = priority;
    rc = gnutls_priority_init(&identity->priority, priority, &at);
    if (rc < 0)
        return fault_set(f, FAULT_INPUT,
                         "GnuTLS does not understand the priority string from \"%.40s\" on: %s", at,
                         gnutls_strerror(rc));
    if (!tls_file_named(files->chain[0]))
        return fault_set(f, FAULT_INPUT, "no server certificate: name its chain and its key");
    return tls_load_pairs(identity, files, f);
}

enum fault_code tls_identity_load(const struct tls_identity_files *files, struct tls_identity **ret_identity,
                                  struct fault *f)
{
    struct tls_identity *identity = calloc(1, sizeof *identity);
    if (identity == NULL)
        return fault_set(f, FAULT_MEMORY, "no memory for the server's certificate");
    atomic_init(&identity->references, 1);
    enum fault_code code = tls_load_all(identity, files, f);
    if (code == FAULT_OK)
        *ret_identity = identity;
    else
        tls_identity_unref(identity);
    return code;
}

struct tls_identity *tls_identity_ref(struct tls_identity *identity)
{
    atomic_fetch_add_explicit(&identity->references, 1, memory_order_relaxed);
    return identity;
}

void tls_identity_unref(struct tls_identity *identity)
{
    if (identity == NULL || atomic_fetch_sub_explicit(&identity->references, 1, memory_order_acq_rel) != 1)
        return;
    if (identity->priority != NULL)
        gnutls_priority_deinit(identity->priority);
    if (identity->credentials != NULL)
        gnutls_certificate_free_credentials(identity->credentials);
    free(identity);
}

/* Sessions */

/* On TLS 1.3 GnuTLS sends its tickets before the client's Finished, and nothing then acknowledges that; a
 * client with Nagle's algorithm on holds its request back until the delayed acknowledgement, 40 ms later. Has
 * no effect on a socket that is not TCP. */
static int tls_acknowledge_now(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                               const gnutls_datum_t *message)
{
    (void)type;
    (void)when;
    (void)incoming;
    (void)message;
    int on = 1;
    (void)setsockopt(gnutls_transport_get_int(session), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    return 0;
}

enum fault_code tls_session_prepare(gnutls_session_t session, const struct tls_session_options *options,
                                    struct fault *f)
{
    int rc = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, options->identity->credentials);
    if (rc >= 0)
        rc = gnutls_priority_set(session, options->identity->priority);
    if (rc >= 0 && options->alpn != NULL) {
        const gnutls_datum_t alpn = { .data = (unsigned char *)options->alpn,
                                      .size = (unsigned)strlen(options->alpn) };
        rc = gnutls_alpn_set_protocols(session, &alpn, 1, GNUTLS_ALPN_MANDATORY);
    }
    if (rc >= 0 && options->ticket_key != NULL)
        rc = gnutls_session_ticket_enable_server(session, options->ticket_key);
    if (rc < 0)
        return fault_set(f, FAULT_TLS, "cannot set a TLS session up: %s", gnutls_strerror(rc));
    gnutls_certificate_server_set_request(session, options->ask_certificate ? GNUTLS_CERT_REQUEST
                                                                            : GNUTLS_CERT_IGNORE);
    if (options->ticket_key != NULL && !options->manual_tickets)
        gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST,
                                           tls_acknowledge_now);
    return FAULT_OK;
}

enum fault_code tls_session_new(int fd, const struct tls_session_options *options,
                                gnutls_session_t *ret_session, struct fault *f)
{
    unsigned flags = GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL;
    if (options->manual_tickets)
        flags |= GNUTLS_NO_AUTO_SEND_TICKET;
    gnutls_session_t session = NULL;
    int rc = gnutls_init(&session, flags);
    if (rc < 0)
        return fault_set(f, FAULT_TLS, "cannot make a TLS session: %s", gnutls_strerror(rc));
    gnutls_session_set_ptr(session, tls_identity_ref(options->identity));
    gnutls_transport_set_int(session, fd);
    enum fault_code code = tls_session_prepare(session, options, f);
    if (code == FAULT_OK)
        *ret_session = session;
    else
        tls_session_free(session);
    return code;
}

void tls_session_free(gnutls_session_t session)
{
    if (session == NULL)
        return;
    struct tls_identity *identity = gnutls_session_get_ptr(session);
    gnutls_deinit(session);
    tls_identity_unref(identity);
}

bool tls_session_continues(gnutls_session_t session, gnutls_session_t original)
{
    gnutls_datum_t a = { NULL, 0 }, b = { NULL, 0 };
    gnutls_protocol_t version = gnutls_protocol_get_version(session);
    if (!gnutls_session_is_resumed(session) || version != gnutls_protocol_get_version(original))
        return false;
    if (version == GNUTLS_TLS1_3) /* tickets are only given out where they are asked for */
        return true;
    /* What a session and its resumptions share (RFC 5246, 8.1 and F.1.4). */
    gnutls_session_get_master_secret(session, &a);
    gnutls_session_get_master_secret(original, &b);
    return a.size > 0 && a.size == b.size && gnutls_memcmp(a.data, b.data, a.size) == 0;
}

enum fault_code tls_ticket_key_new(gnutls_datum_t *ret_key, struct fault *f)
{
    gnutls_datum_t key = { NULL, 0 };
    int rc = gnutls_session_ticket_key_generate(&key);
    if (rc < 0)
        return fault_set(f, FAULT_TLS, "cannot make a key for session tickets: %s", gnutls_strerror(rc));
    *ret_key = key;
    return FAULT_OK;
}

void tls_ticket_key_free(gnutls_datum_t *key)
{
    if (key->data != NULL) {
        mem_wipe(key->data, key->size);
        gnutls_free(key->data);
    }
    key->data = NULL;
    key->size = 0;
}

const char *tls_alert_words(gnutls_session_t session, int rc)
{
    static const struct {
        gnutls_alert_description_t alert;
        const char *words;
    } table[] = {
        { GNUTLS_A_UNKNOWN_CA, "unknown CA: the client does not hold our root" },
        { GNUTLS_A_BAD_CERTIFICATE, "bad certificate: the client rejects ours, often for its name" },
        { GNUTLS_A_CERTIFICATE_EXPIRED, "certificate expired: ours is, or the client's clock is wrong" },
        { GNUTLS_A_CERTIFICATE_REVOKED, "certificate revoked: the client holds ours for revoked" },
        { GNUTLS_A_CERTIFICATE_UNKNOWN, "certificate unknown: the client rejects ours without saying why" },
        { GNUTLS_A_UNSUPPORTED_CERTIFICATE, "unsupported certificate: the client cannot use our key type" },
        { GNUTLS_A_PROTOCOL_VERSION, "protocol version: the client wants another version of TLS" },
        { GNUTLS_A_HANDSHAKE_FAILURE, "handshake failure: no cipher or key type in common" },
        { GNUTLS_A_INSUFFICIENT_SECURITY, "insufficient security: the client wants stronger ciphers" },
        { GNUTLS_A_DECRYPT_ERROR, "decrypt error: the client rejects our signature" },
        { GNUTLS_A_ACCESS_DENIED, "access denied: the client does not want us" },
        { GNUTLS_A_USER_CANCELED, "cancelled by the user" },
    };
    if (rc != GNUTLS_E_FATAL_ALERT_RECEIVED && rc != GNUTLS_E_WARNING_ALERT_RECEIVED)
        return NULL;
    gnutls_alert_description_t alert = gnutls_alert_get(session);
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++)
        if (table[i].alert == alert)
            return table[i].words;
    const char *name = gnutls_alert_get_name(alert);
    return name != NULL ? name : "an alert of an unknown kind";
}

enum fault_code tls_fault(gnutls_session_t session, const char *doing, int rc, struct fault *f)
{
    int error = errno;
    const char *alert = tls_alert_words(session, rc);
    if (alert != NULL)
        return fault_set(f, FAULT_TLS, "%s: the peer refused: %s", doing, alert);
    if (rc == GNUTLS_E_PREMATURE_TERMINATION)
        return fault_set(f, FAULT_CUT, "%s: the peer ended the connection without close_notify", doing);
    if (rc == GNUTLS_E_REHANDSHAKE)
        return fault_set(f, FAULT_TLS, "%s: the peer asked to renegotiate, which is never done", doing);
    if (rc != GNUTLS_E_PULL_ERROR && rc != GNUTLS_E_PUSH_ERROR && rc != GNUTLS_E_SESSION_EOF)
        return fault_set(f, FAULT_TLS, "%s: %s", doing, gnutls_strerror(rc));
    bool gone =
        error == 0 || error == ECONNRESET || error == EPIPE || error == ETIMEDOUT || error == EHOSTUNREACH;
    return fault_set(f, gone ? FAULT_CUT : FAULT_IO, "%s: the connection broke: %s", doing,
                     error == 0 ? gnutls_strerror(rc) : strerror(error));
}
