/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate that a client shows: whatever is in it, its name is one name that can be printed, or none.
 */
#include "base/tls_inner.h"
#include "base/utf.h"
#include "tests/fuzz/fuzz.h"

static void check_text(const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n;) {
        uint32_t point = 0;
        size_t length = utf_next(text + i, n - i, &point);
        HOLDS(length > 0 && !utf_is_control(point));
        i += length;
    }
}

/* As GnuTLS sees the subject: there must be one common name, and no second. */
static void check_alone(const gnutls_datum_t *der)
{
    char name[512];
    size_t n = sizeof name;
    gnutls_x509_crt_t crt;
    HOLDS(gnutls_x509_crt_init(&crt) == 0 && gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) == 0);
    HOLDS(gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 1, name, &n) !=
          GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE);
    n = sizeof name;
    HOLDS(gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 1, 1, name, &n) ==
          GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE);
    gnutls_x509_crt_deinit(crt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tls_peer peer, twice;
    const gnutls_datum_t ders[2] = { { (unsigned char *)(uintptr_t)data, (unsigned)size },
                                     { (unsigned char *)(uintptr_t)data, (unsigned)size } };
    tls_peer_judge(NULL, ders, 1, &peer);
    /* Nobody is trusted here, so nobody is verified; and that has a reason. */
    HOLDS(peer.state == TLS_PEER_UNFIT && peer.bundle == -1 && !peer.expired && peer.reason[0] != '\0');
    HOLDS(strlen(peer.fingerprint) == 64);
    check_text(peer.common_name);
    if (peer.common_name[0] != '\0')
        check_alone(&ders[0]);
    HOLDS(!peer.self_signed || peer.common_name[0] != '\0');
    tls_peer_judge(NULL, ders, 2, &twice);
    HOLDS(twice.state == TLS_PEER_UNFIT && strcmp(twice.common_name, peer.common_name) == 0);
    return 0;
}
