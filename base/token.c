/* SPDX-License-Identifier: Apache-2.0 */
#include "base/token.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/tls_file.h"
#include <gnutls/pkcs11.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TOKEN_SCHEME  "pkcs11:"
#define TOKEN_URI_MAX 1024

bool token_is_uri(const char *text)
{
    return text != NULL && strncmp(text, TOKEN_SCHEME, strlen(TOKEN_SCHEME)) == 0;
}

enum fault_code token_start(const char *module, struct fault *f)
{
    static bool started; /* the module cannot be changed while keys of it are in use */
    if (started || module[0] == '\0')
        return FAULT_OK; /* GnuTLS asks p11-kit by itself */
    started = true;
    int rc = gnutls_pkcs11_init(GNUTLS_PKCS11_FLAG_MANUAL, NULL);
    if (rc >= 0)
        rc = gnutls_pkcs11_add_provider(module, NULL);
    if (rc < 0)
        return fault_set(f, FAULT_INPUT, "the PKCS#11 module %s cannot be loaded: %s", module,
                         gnutls_strerror(rc));
    return FAULT_OK;
}

const char *token_shown(const char *uri, char *out, size_t size)
{
    /* PINs are query attributes (behind '?'); before RFC 7512 pinfile was one of the path. */
    size_t n = strcspn(uri, "?");
    const char *pin = strstr(uri, ";pin");
    const char *first = token_is_uri(uri) ? uri + strlen(TOKEN_SCHEME) : NULL;
    if (first != NULL && strncmp(first, "pin", 3) == 0)
        pin = first;
    if (pin != NULL && (size_t)(pin - uri) < n)
        n = (size_t)(pin - uri);
    snprintf(out, size, "%.*s", (int)n, uri);
    return out;
}

/* Called by GnuTLS whenever a token wants its PIN, also later, when it was taken out and put in again. */
static int token_pin(void *user, int attempt, const char *token_url, const char *token_label, unsigned flags,
                     char *pin, size_t pin_max)
{
    const char *file = user;
    (void)token_url, (void)token_label;
    /* The same PIN again would only use up the attempts that the token allows. */
    if (attempt > 0 || (flags & GNUTLS_PIN_WRONG) != 0)
        return GNUTLS_E_PKCS11_PIN_ERROR;
    struct buf content;
    buf_init(&content, TLS_FILE_LIMIT);
    int rc = GNUTLS_E_PKCS11_PIN_ERROR;
    if (tls_file_read(file, &content, NULL) == FAULT_OK && content.used > 0) {
        size_t n = 0;
        while (n < content.used && content.data[n] != '\n' && content.data[n] != '\r')
            n++;
        if (n > 0 && n < pin_max) {
            memcpy(pin, content.data, n);
            pin[n] = '\0';
            rc = 0;
        }
    }
    buf_wipe(&content);
    return rc;
}

static enum fault_code token_words(const char *uri, int rc, struct fault *f)
{
    char shown[120];
    token_shown(uri, shown, sizeof shown);
    if (rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE || rc == GNUTLS_E_PKCS11_REQUESTED_OBJECT_NOT_AVAILBLE)
        return fault_set(f, FAULT_INPUT,
                         "there is no private key %s in any token: look with 'p11tool --list-keys --login'",
                         shown);
    if (rc == GNUTLS_E_PKCS11_PIN_ERROR || rc == GNUTLS_E_PKCS11_USER_ERROR)
        return fault_set(f, FAULT_INPUT,
                         "the token of %s does not take the PIN: give it by pkcs11_pin_file, or by "
                         "pin-source in the URI (a file without a line end)",
                         shown);
    if (rc == GNUTLS_E_PKCS11_PIN_LOCKED)
        return fault_set(f, FAULT_INPUT, "the token of %s is locked after too many wrong PINs", shown);
    return fault_set(f, FAULT_INPUT, "the private key %s cannot be used: %s", shown, gnutls_strerror(rc));
}

/* RFC 7512 writes pin-source=file:/path; p11-kit knows the bare path only. False: too long. */
static bool token_spell(const char *uri, char *out, size_t size)
{
    static const char wanted[] = "pin-source=file:";
    const char *found = strstr(uri, wanted);
    size_t n = found != NULL ? (size_t)(found - uri) + strlen("pin-source=") : strlen(uri);
    const char *path = found != NULL ? found + strlen(wanted) : "";
    if (strncmp(path, "///", 3) == 0) /* file://<no host>/path */
        path += 2;
    int length = snprintf(out, size, "%.*s%s", (int)n, uri, path);
    return length >= 0 && (size_t)length < size;
}

enum fault_code token_private_key(const char *uri, const char *pin_file, gnutls_privkey_t *ret_key,
                                  struct fault *f)
{
    gnutls_privkey_t key = NULL;
    char spelt[TOKEN_URI_MAX];
    if (!token_spell(uri, spelt, sizeof spelt))
        return fault_set(f, FAULT_INPUT, "the pkcs11: URI of a key is too long");
    int rc = gnutls_privkey_init(&key);
    if (rc < 0)
        return fault_set(f, FAULT_MEMORY, "no memory for a private key");
    if (pin_file[0] != '\0')
        gnutls_privkey_set_pin_function(key, token_pin, (void *)(uintptr_t)pin_file);
    rc = gnutls_privkey_import_url(key, spelt, 0);
    mem_wipe(spelt, sizeof spelt);
    if (rc < 0) {
        gnutls_privkey_deinit(key);
        return token_words(uri, rc, f);
    }
    *ret_key = key;
    return FAULT_OK;
}
